"""Activations: the value and the derivative.

Called directly, an activation takes samples in rows, as everywhere. The `record_` methods are for the engine: they return
operations on its buffers, with features in rows and samples in columns. The derivative is computed from the activation's *output*,
since the input has been overwritten when the backward pass needs it. It is a factor for elementwise activations, and a product with
the Jacobian for softmax, whose outputs depend on one another.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from numpy_nn._engine import tuning
from numpy_nn._engine.arrays import Array, empty, scalar, zeros
from numpy_nn._engine.program import Program, into, run
from numpy_nn.name_lookup import find


class Activation(ABC):
    """`activation(z) -> a`, samples in rows."""

    name: str
    of_number: Callable[[float], float] | None = None
    """The activation of a single number in Python's own arithmetic, where NumPy needs several calls."""

    def __call__(self, z: Any) -> Array:
        """The activation of `z`, (samples, outputs) or any shape where it is elementwise."""
        z = _as_floats(z)
        a = np.array(z.T, order="C")
        with np.errstate(over="ignore", under="ignore"):
            run(self.record_forward(a, a))
        return a.T.copy()

    def __repr__(self) -> str:
        return f"<activation {self.name}>"

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
        """Operations that write the derivative at the input whose output is `a` into `derivative`, of `a`'s shape."""
        return []


class Elementwise(Activation):
    """An activation of each number by itself: its derivative is a factor."""

    def derivative(self, z: Any) -> Array:
        a = self(z)
        derivative = np.ones_like(a)
        with np.errstate(over="ignore", under="ignore"):
            run(self.record_derivative(a, derivative))
        return derivative

    def record_backward(self, a: Array, derivative: Array, delta: Array) -> Program:
        return [partial(np.multiply, delta, derivative, delta)]


class Linear(Elementwise):
    """a = z."""

    name = "linear"

    def record_forward(self, z: Array, a: Array) -> Program:
        return [] if a is z else [partial(a.__setitem__, ..., z)]

    def record_backward(self, a: Array, derivative: Array, delta: Array) -> Program:
        return []


class Relu(Elementwise):
    """a = max(z, 0); its derivative at 0 is 0, as Keras has it."""

    name = "relu"

    def record_forward(self, z: Array, a: Array) -> Program:
        # `np.maximum` is vectorized for two arrays, not for an array and a scalar. Parts of a large array share a few zeros, in the
        # cache.
        most = tuning.this_machine().largest_relu_zeros
        shape: tuple[int, ...] = z.shape
        if z.size > most and z.flags.c_contiguous and a.flags.c_contiguous:
            parts = math.gcd(len(z), 1 << (z.size // most).bit_length())
            z, a = z.reshape(parts, -1), a.reshape(parts, -1)
            shape = 1, z.shape[1]
        return [into(np.maximum, z, zeros(shape, z.dtype), a)]

    def record_derivative(self, a: Array, derivative: Array) -> Program:
        # A comparison writes bools fast, and a copy casts them fast; a product of floats and bools would cast through a buffer.
        if a.size <= tuning.this_machine().largest_sign:
            return [partial(np.sign, a, derivative)]
        positive = empty(a.shape, bool)
        return [partial(np.greater, a, scalar(0, a.dtype), positive), partial(derivative.__setitem__, ..., positive)]


class LeakyRelu(Elementwise):
    """a = z where z > 0, else z · 0.2 (Keras' default)."""

    name = "leaky_relu"
    negative_slope = 0.2

    def record_forward(self, z: Array, a: Array) -> Program:
        leaked = np.empty_like(z)
        return [partial(np.multiply, z, scalar(self.negative_slope, z.dtype), leaked), into(np.maximum, z, leaked, a)]

    def record_derivative(self, a: Array, derivative: Array) -> Program:
        positive = empty(a.shape, bool)
        return [
            partial(np.greater, a, scalar(0, a.dtype), positive),
            partial(derivative.__setitem__, ..., positive),
            into(np.maximum, derivative, scalar(self.negative_slope, a.dtype), derivative),
        ]


class Elu(Elementwise):
    """a = z where z > 0, else exp(z) − 1 (Clevert et al., 2015)."""

    name = "elu"

    def record_forward(self, z: Array, a: Array) -> Program:
        zero = scalar(0, z.dtype)
        below = np.empty_like(z)
        return [
            into(np.minimum, z, zero, below),
            partial(np.expm1, below, below),
            into(np.maximum, z, zero, a),
            partial(np.add, a, below, a),
        ]

    def record_derivative(self, a: Array, derivative: Array) -> Program:
        # Below zero the derivative is exp(z) = a + 1, above it is 1.
        return [into(np.minimum, a, scalar(0, a.dtype), derivative), partial(np.add, derivative, scalar(1, a.dtype), derivative)]


class Sigmoid(Elementwise):
    """a = 1 / (1 + exp(−z)); exp may overflow to infinity, whose reciprocal is 0."""

    name = "sigmoid"

    def record_forward(self, z: Array, a: Array) -> Program:
        other = np.empty_like(z)  # two buffers: NumPy takes longer to write in place
        return [
            partial(np.negative, z, other),
            partial(np.exp, other, a),
            partial(np.add, a, scalar(1, a.dtype), other),
            partial(np.reciprocal, other, a),
        ]

    def record_derivative(self, a: Array, derivative: Array) -> Program:
        return [partial(np.subtract, scalar(1, a.dtype), a, derivative), partial(np.multiply, derivative, a, derivative)]

    @staticmethod
    def of_number(z: float) -> float:
        try:
            return 1 / (1 + math.exp(-z))
        except OverflowError:
            return 0.0


class Tanh(Elementwise):
    """a = tanh(z)."""

    name = "tanh"

    def record_forward(self, z: Array, a: Array) -> Program:
        return [partial(np.tanh, z, a)]

    def record_derivative(self, a: Array, derivative: Array) -> Program:
        return [partial(np.multiply, a, a, derivative), partial(np.subtract, scalar(1, a.dtype), derivative, derivative)]


class Softplus(Elementwise):
    """a = log(1 + exp(z)), as max(z, 0) + log1p(exp(−|z|)), which can't overflow."""

    name = "softplus"

    def record_forward(self, z: Array, a: Array) -> Program:
        tail = np.empty_like(z)
        return [
            partial(np.absolute, z, tail),
            partial(np.negative, tail, tail),
            partial(np.exp, tail, tail),
            partial(np.log1p, tail, tail),
            into(np.maximum, z, scalar(0, z.dtype), a),
            partial(np.add, a, tail, a),
        ]

    def record_derivative(self, a: Array, derivative: Array) -> Program:
        # exp(a) = 1 + exp(z), so that sigmoid(z) = 1 − exp(−a).
        return [
            partial(np.negative, a, derivative),
            partial(np.expm1, derivative, derivative),
            partial(np.negative, derivative, derivative),
        ]


class Softmax(Activation):
    """a_i = exp(z_i) / Σ_j exp(z_j) over a sample's outputs, the largest z taken off first."""

    name = "softmax"

    def derivative(self, z: Any) -> Array:
        """The Jacobian, (samples, outputs, outputs): da_i/dz_j = a_i (δ_ij − a_j)."""
        a = self(z)
        jacobian: Array = a[..., :, None] * (np.eye(a.shape[-1], dtype=a.dtype) - a[..., None, :])
        return jacobian

    def record_forward(self, z: Array, a: Array) -> Program:
        # A copy spreads the row over the outputs: a ufunc whose operands differ in shape makes a buffer, and takes longer.
        row, spread = np.empty((1, *z.shape[1:]), z.dtype), np.empty_like(z)
        return [
            partial(np.maximum.reduce, z, axis=0, out=row, keepdims=True),
            partial(spread.__setitem__, ..., row),
            partial(np.subtract, z, spread, a),
            partial(np.exp, a, a),
            partial(np.add.reduce, a, axis=0, out=row, keepdims=True),
            partial(spread.__setitem__, ..., row),
            partial(np.divide, a, spread, a),
        ]

    def record_backward(self, a: Array, derivative: Array, delta: Array) -> Program:
        # The Jacobian times delta: a · (delta − Σ a · delta); `derivative` serves as a buffer.
        row = np.empty((1, a.shape[1]), a.dtype)
        return [
            partial(np.multiply, a, delta, derivative),
            partial(np.add.reduce, derivative, axis=0, out=row, keepdims=True),
            partial(derivative.__setitem__, ..., row),
            partial(np.subtract, delta, derivative, delta),
            partial(np.multiply, delta, a, delta),
        ]


ACTIVATIONS: dict[str, Activation] = {
    activation.name: activation for activation in (Linear(), Relu(), Sigmoid(), Tanh(), Softmax(), Softplus(), Elu(), LeakyRelu())
}


def get(identifier: str | Activation) -> Activation:
    """The activation of that name, or the activation itself.

    Raises
    ------
    ValueError
        If there is none of that name.

    """
    return identifier if isinstance(identifier, Activation) else find("activation", identifier, ACTIVATIONS)


def _as_floats(z: Any) -> Array:
    z = np.asarray(z)
    floats: Array = z if np.issubdtype(z.dtype, np.floating) else z.astype(np.float64)
    return floats
