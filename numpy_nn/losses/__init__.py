"""Losses: the value and the gradient, from logits where the output layer allows it.

A sample's loss is Keras': for binary cross-entropy and squared error the mean over its outputs, for categorical cross-entropy the
sum over the classes. The loss of a minibatch is the mean over its samples, each times its weight if there are weights. After a
sigmoid or a softmax, whichever of the two, a cross-entropy's value and gradient are computed from the logits, as in Keras, so that
neither a saturated sigmoid nor a tiny probability loses digits. After other activations, probabilities are clipped to
[1e-7, 1 − 1e-7]. One more loss is a class with `values` and `record_gradient` and its name in `LOSSES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy_nn.keras_names import finder
from numpy_nn.losses.base import EPSILON, Loss
from numpy_nn.losses.crossentropy import BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy
from numpy_nn.losses.regression import Huber, MeanAbsoluteError, MeanSquaredError
from numpy_nn.name_lookup import make

__all__ = [
    "ALIASES",
    "EPSILON",
    "LOSSES",
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "Huber",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "SparseCategoricalCrossentropy",
    "get",
]

LOSSES: dict[str, type[Loss]] = {
    loss.name: loss
    for loss in (
        *(BinaryCrossentropy, MeanSquaredError, CategoricalCrossentropy, SparseCategoricalCrossentropy),
        *(MeanAbsoluteError, Huber),
    )
}
ALIASES = {"mse": "mean_squared_error", "mae": "mean_absolute_error", "bce": "binary_crossentropy"}


def get(identifier: str | Mapping[str, Any] | Loss) -> Loss:
    """The loss of that name, of that dict of a class name and its arguments, or itself.

    Raises
    ------
    ValueError
        If there is none of that name.

    """
    return identifier if isinstance(identifier, Loss) else make("loss", identifier, LOSSES, ALIASES)


__getattr__ = finder("numpy_nn.losses", [part.__name__ for part in LOSSES.values()])
