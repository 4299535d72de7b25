"""Metrics: the loss and the accuracy of outputs, of an epoch that was trained or of rows that are only evaluated."""

from __future__ import annotations

import numpy as np

from numpy_nn._engine.arrays import Array
from numpy_nn._engine.program import run
from numpy_nn.activations import Activation
from numpy_nn.losses import Loss
from numpy_nn.validation import Rows

METRICS = ("accuracy",)
"""What `Sequential.compile` takes as metrics."""


def accuracy(y: Array, outputs: Array) -> float:
    """The share of samples classified right, from targets and outputs (outputs, samples).

    One output is cut strictly above 0.5; of several the largest counts, the first of equals.
    """
    if len(y) < len(outputs):  # the numbers of the classes
        return float(np.count_nonzero(outputs.argmax(axis=0) == y[0]) / outputs.shape[1])
    # Of one kind before they are compared: NumPy takes eight times as long to compare bools with floats.
    right = (outputs > 0.5).astype(y.dtype) == y if len(outputs) == 1 else outputs.argmax(axis=0) == y.argmax(axis=0)
    return float(np.count_nonzero(right) / outputs.shape[1])


def score(loss: Loss, activation: Activation, rows: Rows, given: Array) -> tuple[float, float]:
    """The mean loss and the accuracy of the network's outputs for `rows`.

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
        run(activation.record_forward(given, outputs))
    return float(total) / len(values), accuracy(y, outputs)
