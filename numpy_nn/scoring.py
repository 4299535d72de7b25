"""How well outputs fit their targets: loss and accuracy, of an epoch that was trained and of rows that are only scored."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from numpy_nn.activations import Activation
from numpy_nn.losses import Loss
from numpy_nn.tape import Array, play


class Rows(NamedTuple):
    """Checked samples: `x` (n, features), `y` (n, outputs), `weights` (n,) or None, of the network's dtype."""

    x: Array
    y: Array
    weights: Array | None = None

    def part(self, rows: slice | Array) -> Rows:
        return Rows(self.x[rows], self.y[rows], None if self.weights is None else self.weights[rows])


def accuracy(y: Array, outputs: Array) -> float:
    """The share of samples classified right, from targets and outputs (outputs, samples).

    One output is cut strictly above 0.5; of several the largest counts, the first of equals.
    """
    # Of one kind before they are compared: NumPy takes eight times as long to compare bools with floats.
    right = (outputs > 0.5).astype(y.dtype) == y if len(outputs) == 1 else outputs.argmax(axis=0) == y.argmax(axis=0)
    return float(np.count_nonzero(right) / outputs.shape[1])


def score(loss: Loss, activation: Activation, rows: Rows, given: Array) -> tuple[float, float]:
    """The mean loss and the accuracy of what the network put out for `rows`.

    Parameters
    ----------
    activation
        The last layer's.
    given
        (outputs, samples): the outputs, or the logits where the loss takes those after that activation.

    """
    y = rows.y.T
    logits = loss.takes_logits(activation.name)
    values = loss.from_logit_values(y, given) if logits else loss.values(y, given)
    total = values.sum() if rows.weights is None else np.vdot(values, rows.weights)
    outputs = given
    if logits:
        outputs = np.empty_like(given)
        play(activation.forward(given, outputs))
    return float(total) / len(values), accuracy(y, outputs)
