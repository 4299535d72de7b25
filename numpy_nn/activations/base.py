"""What every activation is: a value and a derivative, for callers and for the engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from numpy_nn._engine.arrays import Array
from numpy_nn._engine.program import Program, run
from numpy_nn.name_lookup import Part


class Activation(Part, ABC):
    """`activation(z) -> a`, samples in rows."""

    name: str
    of_number: Callable[[float], float] | None = None
    """The activation of a single number in Python's own arithmetic, where NumPy needs several calls."""
    derivative_of_input = False
    """Whether the derivative is computed from the input `z` instead of the output."""

    def __call__(self, z: Any) -> Array:
        """The activation of `z`, (samples, outputs) or any shape where it is elementwise."""
        z = _as_floats(z)
        a = np.array(z.T, order="C")
        with np.errstate(all="ignore"):
            run(self.record_forward(a, a))
        return a.T.copy()

    def __repr__(self) -> str:
        arguments = ", ".join(f"{key}={value!r}" for key, value in self.get_config().items())
        return f"<activation {self.name}{f'({arguments})' if arguments else ''}>"

    def __format__(self, spec: str) -> str:
        return format(self.name, spec)

    @abstractmethod
    def derivative(self, z: Any) -> Array:
        """da/dz at `z`: of `z`'s shape where the activation is elementwise, else (samples, outputs, outputs)."""

    @abstractmethod
    def record_forward(self, z: Array, a: Array) -> Program:
        """Operations that write the activation of `z` (features, samples) into `a`, which may be `z` itself."""

    @abstractmethod
    def record_backward(self, a: Array, derivative: Array, delta: Array) -> Program:
        """Operations that turn `delta` from the loss's gradient by `a` into that by `z`, given what `record_derivative` wrote."""

    def record_derivative(self, a: Array, derivative: Array) -> Program:
        """Operations that write the derivative at the input whose output is `a` into `derivative`, of `a`'s shape.

        With `derivative_of_input`, `a` is that input itself.
        """
        return []


class Elementwise(Activation):
    """An activation of each number by itself: its derivative is a factor."""

    def derivative(self, z: Any) -> Array:
        a = _as_floats(z).copy() if self.derivative_of_input else self(z)
        derivative = np.ones_like(a)
        with np.errstate(all="ignore"):
            run(self.record_derivative(a, derivative))
        return derivative

    def record_backward(self, a: Array, derivative: Array, delta: Array) -> Program:
        return [partial(np.multiply, delta, derivative, delta)]


def _as_floats(z: Any) -> Array:
    z = np.asarray(z)
    floats: Array = z if np.issubdtype(z.dtype, np.floating) else z.astype(np.float64)
    return floats
