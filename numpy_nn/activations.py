"""Activations: the value, and the derivative, each written into buffers that it is handed.

A derivative is taken from the activation's *output*, which is at hand in the backward pass when its input has been overwritten.
Elementwise activations give it as a factor (`slope`), and softmax, whose outputs depend on one another, as a product with its
Jacobian. Inside, features are rows and samples are columns; called from outside, samples are rows, as everywhere.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from numpy_nn.lookup import find
from numpy_nn.tape import Array, Tape, empty, into, play, scalar, zeros

MOST_ZEROS = 1 << 16
"""Numbers up to which `np.maximum` has as many zeros to compare with; beyond, a part of as many serves for all, from the cache."""
MOST_SIGNS = 512
"""Numbers of which `np.sign` takes less time than a comparison and a copy; it isn't vectorised."""


class Activation(ABC):
    """`activation(z) -> a`, samples in rows; the methods record operations, samples in columns."""

    name: str
    of_number: Callable[[float], float] | None = None
    """The activation of a single number by Python's own arithmetic, where NumPy takes several calls for it."""

    def __call__(self, z: Any) -> Array:
        """The activation of `z`, (samples, outputs) or any shape where it is elementwise."""
        z = _as_floats(z)
        a = np.array(z.T, order="C")
        with np.errstate(over="ignore", under="ignore"):
            play(self.forward(a, a))
        return a.T.copy()

    def __repr__(self) -> str:
        return f"<activation {self.name}>"

    @abstractmethod
    def derivative(self, z: Any) -> Array:
        """da/dz at `z`: of `z`'s shape where the activation is elementwise, else (samples, outputs, outputs)."""

    @abstractmethod
    def forward(self, z: Array, a: Array) -> Tape:
        """Operations that write the activation of `z` (features, samples) into `a`, which may be `z` itself."""

    @abstractmethod
    def backward(self, a: Array, slope: Array, delta: Array) -> Tape:
        """Operations that turn `delta` from the loss's gradient by `a` into that by `z`; `slope` is as `self.slope` filled it."""

    def slope(self, a: Array, slope: Array) -> Tape:
        """Operations that fill `slope`, of `a`'s shape, with the derivative at the input of which `a` is the output."""
        return []


class Elementwise(Activation):
    """An activation of each number by itself: its derivative is a factor."""

    def derivative(self, z: Any) -> Array:
        a = self(z)
        slope = np.ones_like(a)
        with np.errstate(over="ignore", under="ignore"):
            play(self.slope(a, slope))
        return slope

    def backward(self, a: Array, slope: Array, delta: Array) -> Tape:
        return [partial(np.multiply, delta, slope, delta)]


class Linear(Elementwise):
    """a = z."""

    name = "linear"

    def forward(self, z: Array, a: Array) -> Tape:
        return [] if a is z else [partial(a.__setitem__, ..., z)]

    def backward(self, a: Array, slope: Array, delta: Array) -> Tape:
        return []


class Relu(Elementwise):
    """a = max(z, 0); its derivative at 0 is 0, as Keras has it."""

    name = "relu"

    def forward(self, z: Array, a: Array) -> Tape:
        # `np.maximum` of two arrays is vectorised; with a scalar it takes twice as long.
        shape: tuple[int, ...] = z.shape
        if z.size > MOST_ZEROS and z.flags.c_contiguous and a.flags.c_contiguous:
            parts = math.gcd(len(z), 1 << (z.size // MOST_ZEROS).bit_length())
            z, a = z.reshape(parts, -1), a.reshape(parts, -1)
            shape = 1, z.shape[1]
        return [into(np.maximum, z, zeros(shape, z.dtype), a)]

    def slope(self, a: Array, slope: Array) -> Tape:
        # A comparison writes bools fast, and a copy casts them fast; a product of floats and bools would cast through a buffer.
        if a.size <= MOST_SIGNS:
            return [partial(np.sign, a, slope)]
        positive = empty(a.shape, bool)
        return [partial(np.greater, a, scalar(0, a.dtype), positive), partial(slope.__setitem__, ..., positive)]


class LeakyRelu(Elementwise):
    """a = z where z > 0, else z · 0.2 (Keras' default)."""

    name = "leaky_relu"
    negative_slope = 0.2

    def forward(self, z: Array, a: Array) -> Tape:
        leaked = np.empty_like(z)
        return [partial(np.multiply, z, scalar(self.negative_slope, z.dtype), leaked), into(np.maximum, z, leaked, a)]

    def slope(self, a: Array, slope: Array) -> Tape:
        positive = empty(a.shape, bool)
        return [
            partial(np.greater, a, scalar(0, a.dtype), positive),
            partial(slope.__setitem__, ..., positive),
            into(np.maximum, slope, scalar(self.negative_slope, a.dtype), slope),
        ]


class Elu(Elementwise):
    """a = z where z > 0, else exp(z) − 1 (Clevert et al., 2015)."""

    name = "elu"

    def forward(self, z: Array, a: Array) -> Tape:
        zero = scalar(0, z.dtype)
        below = np.empty_like(z)
        return [
            into(np.minimum, z, zero, below),
            partial(np.expm1, below, below),
            into(np.maximum, z, zero, a),
            partial(np.add, a, below, a),
        ]

    def slope(self, a: Array, slope: Array) -> Tape:
        # Below zero the derivative is exp(z) = a + 1, above it is 1.
        return [into(np.minimum, a, scalar(0, a.dtype), slope), partial(np.add, slope, scalar(1, a.dtype), slope)]


class Sigmoid(Elementwise):
    """a = 1 / (1 + exp(−z)); exp may overflow to infinity, whose reciprocal is the 0 that is meant."""

    name = "sigmoid"

    def forward(self, z: Array, a: Array) -> Tape:
        other = np.empty_like(z)  # to and fro: for a single number, NumPy takes 0.5 µs longer to write in place
        return [
            partial(np.negative, z, other),
            partial(np.exp, other, a),
            partial(np.add, a, scalar(1, a.dtype), other),
            partial(np.reciprocal, other, a),
        ]

    def slope(self, a: Array, slope: Array) -> Tape:
        return [partial(np.subtract, scalar(1, a.dtype), a, slope), partial(np.multiply, slope, a, slope)]

    @staticmethod
    def of_number(z: float) -> float:
        try:
            return 1 / (1 + math.exp(-z))
        except OverflowError:
            return 0.0


class Tanh(Elementwise):
    """a = tanh(z)."""

    name = "tanh"

    def forward(self, z: Array, a: Array) -> Tape:
        return [partial(np.tanh, z, a)]

    def slope(self, a: Array, slope: Array) -> Tape:
        return [partial(np.multiply, a, a, slope), partial(np.subtract, scalar(1, a.dtype), slope, slope)]


class Softplus(Elementwise):
    """a = log(1 + exp(z)), as max(z, 0) + log1p(exp(−|z|)), which can't overflow."""

    name = "softplus"

    def forward(self, z: Array, a: Array) -> Tape:
        tail = np.empty_like(z)
        return [
            partial(np.absolute, z, tail),
            partial(np.negative, tail, tail),
            partial(np.exp, tail, tail),
            partial(np.log1p, tail, tail),
            into(np.maximum, z, scalar(0, z.dtype), a),
            partial(np.add, a, tail, a),
        ]

    def slope(self, a: Array, slope: Array) -> Tape:
        # exp(a) = 1 + exp(z), so that sigmoid(z) = 1 − exp(−a).
        return [partial(np.negative, a, slope), partial(np.expm1, slope, slope), partial(np.negative, slope, slope)]


class Softmax(Activation):
    """a_i = exp(z_i) / Σ_j exp(z_j) over a sample's outputs, the largest z taken off first."""

    name = "softmax"

    def derivative(self, z: Any) -> Array:
        """The Jacobian, (samples, outputs, outputs): da_i/dz_j = a_i (δ_ij − a_j)."""
        a = self(z)
        jacobian: Array = a[..., :, None] * (np.eye(a.shape[-1], dtype=a.dtype) - a[..., None, :])
        return jacobian

    def forward(self, z: Array, a: Array) -> Tape:
        # A row is spread over the outputs by a copy: where its operands' shapes differ, a ufunc makes a buffer, and takes longer.
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

    def backward(self, a: Array, slope: Array, delta: Array) -> Tape:
        # The Jacobian times delta: a · (delta − Σ a · delta); `slope` serves as a buffer.
        row = np.empty((1, a.shape[1]), a.dtype)
        return [
            partial(np.multiply, a, delta, slope),
            partial(np.add.reduce, slope, axis=0, out=row, keepdims=True),
            partial(slope.__setitem__, ..., row),
            partial(np.subtract, delta, slope, delta),
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
