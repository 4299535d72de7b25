"""What the output layer computes and is trained for: scikit-learn's losses in terms of those of `numpy_nn.losses`.

A loss of scikit-learn is a loss here times a factor, which is not always the same for the value and for the gradient.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from numpy_nn._engine.arrays import Array, scalar
from numpy_nn._engine.program import Program
from numpy_nn.losses import Loss

ACTIVATIONS = {"identity": "linear", "logistic": "sigmoid", "exp": "exponential"}
"""scikit-learn's name of an activation, and ours where it is another."""


class Poisson(Loss):
    """Half the Poisson deviance, y log(y / a) − y + a, the sum over the outputs; its labels are not negative."""

    name = "half_poisson_deviance"
    pairs_with = "exponential"

    def values(self, y: Array, a: Array) -> Array:
        return self.from_logit_values(y, np.log(a))

    def from_logit_values(self, y: Array, z: Array) -> Array:
        values: Array = np.sum(y * (np.log(np.where(y > 0, y, 1)) - z) - y + np.exp(z), axis=-2)
        return values

    def record_gradient(self, y: Array, a: Array, delta: Array) -> Program:
        return [partial(np.divide, y, a, delta), partial(np.subtract, scalar(1, delta.dtype), delta, delta)]


@dataclass(frozen=True)
class Task:
    """An output layer and its loss."""

    out_activation: str
    """scikit-learn's name."""
    loss: str | Loss
    gradient_factor: float = 1.0
    """What the gradient of `loss` is multiplied by to be scikit-learn's."""
    value_factor: float = 1.0
    """What the value of `loss` is multiplied by to be scikit-learn's."""


def binary() -> Task:
    """Two classes: one output."""
    return Task("logistic", "binary_crossentropy")


def multiclass() -> Task:
    """Three classes or more: an output each."""
    return Task("softmax", "sparse_categorical_crossentropy")


def multilabel(labels: int) -> Task:
    """The sum over the labels, where binary cross-entropy is the mean."""
    return Task("logistic", "binary_crossentropy", gradient_factor=labels, value_factor=labels)


def squared_error(targets: int) -> Task:
    """Half the squared error: the value is the mean over the targets, and the gradient that of their sum, as in scikit-learn."""
    return Task("identity", "mean_squared_error", gradient_factor=targets / 2, value_factor=0.5)


def poisson() -> Task:
    """Counts: half the deviance after an exponential."""
    return Task("exp", Poisson())
