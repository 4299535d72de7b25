"""The harness' own loss of a prediction, so that no contestant scores itself on the test set. Called by `measurement`.

It is computed from probabilities, clipped as Keras clips them; the accuracy is in `bench.contestants.base`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.contestants.base import Array

EPSILON = 1e-7
"""Keras' epsilon: probabilities are clipped to [EPSILON, 1 - EPSILON]."""


def loss(name: str, y_true: Array, y_pred: Array) -> float:
    """Return the mean loss over the rows of `y_true` and `y_pred`, both (samples, outputs).

    Raises
    ------
    ValueError
        If there is no loss of that name.

    """
    if name not in _LOSSES:
        raise ValueError(f"loss was {name!r}: it may be one of {', '.join(_LOSSES)}")
    return float(np.mean(_LOSSES[name](y_true.astype(np.float64), y_pred.astype(np.float64))))


def _binary_crossentropy(y: Array, p: Array) -> Array:
    clipped = np.clip(p, EPSILON, 1 - EPSILON)
    losses: Array = -(y * np.log(clipped) + (1 - y) * np.log1p(-clipped))
    return losses


def _categorical_crossentropy(y: Array, p: Array) -> Array:
    shares = p / p.sum(axis=1, keepdims=True)
    losses: Array = -np.sum(y * np.log(np.clip(shares, EPSILON, 1 - EPSILON)), axis=1)
    return losses


def _mean_squared_error(y: Array, p: Array) -> Array:
    losses: Array = np.square(p - y)
    return losses


_LOSSES: dict[str, Callable[[Array, Array], Array]] = {
    "binary_crossentropy": _binary_crossentropy,
    "bce": _binary_crossentropy,
    "categorical_crossentropy": _categorical_crossentropy,
    "mean_squared_error": _mean_squared_error,
    "mse": _mean_squared_error,
}
