"""Losses of real numbers: squared, absolute and Huber's."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from numpy_nn._engine.arrays import Array, scalar
from numpy_nn._engine.program import Program, into
from numpy_nn.checks import positive
from numpy_nn.losses.base import MeanOverOutputs


class MeanSquaredError(MeanOverOutputs):
    """(a − y)², the mean over the outputs."""

    name = "mean_squared_error"

    def values(self, y: Array, a: Array) -> Array:
        values: Array = np.mean(np.square(a - y), axis=-2)
        return values

    def record_gradient(self, y: Array, a: Array, delta: Array) -> Program:
        return [
            partial(np.subtract, a, y, delta),
            partial(np.multiply, delta, scalar(2 * self._output_weight(a), delta.dtype), delta),
        ]


class MeanAbsoluteError(MeanOverOutputs):
    """|a − y|, the mean over the outputs; its derivative at 0 is 0."""

    name = "mean_absolute_error"

    def values(self, y: Array, a: Array) -> Array:
        values: Array = np.mean(np.absolute(a - y), axis=-2)
        return values

    def record_gradient(self, y: Array, a: Array, delta: Array) -> Program:
        return [
            partial(np.subtract, a, y, delta),
            partial(np.sign, delta, delta),
            partial(np.multiply, delta, scalar(self._output_weight(a), delta.dtype), delta),
        ]


class Huber(MeanOverOutputs):
    """(a − y)² / 2 up to an error of `delta`, linear beyond it, the mean over the outputs (Huber, 1964)."""

    name = "huber"

    def __init__(self, delta: float = 1.0, **keras: Any) -> None:
        super().__init__(**keras)
        self.delta = positive("delta", delta)

    def get_config(self) -> dict[str, Any]:
        return {"delta": self.delta}

    def values(self, y: Array, a: Array) -> Array:
        # With the error cut to ±delta it is cut · (error − cut / 2) on both sides of it.
        error = a - y
        cut = np.clip(error, -self.delta, self.delta)
        values: Array = np.mean(cut * (error - cut / 2), axis=-2)
        return values

    def record_gradient(self, y: Array, a: Array, delta: Array) -> Program:
        return [
            partial(np.subtract, a, y, delta),
            into(np.minimum, delta, scalar(self.delta, delta.dtype), delta),
            into(np.maximum, delta, scalar(-self.delta, delta.dtype), delta),
            partial(np.multiply, delta, scalar(self._output_weight(a), delta.dtype), delta),
        ]
