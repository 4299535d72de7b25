"""Activations whose derivative is computed from their output: the engine overwrites their input."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from numpy_nn._engine import tuning
from numpy_nn._engine.arrays import Array, empty, scalar, zeros
from numpy_nn._engine.program import Program, into
from numpy_nn.activations.base import Activation, Elementwise
from numpy_nn.checks import share


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
    """a = z where z > 0, else z · `negative_slope`."""

    name = "leaky_relu"

    def __init__(self, negative_slope: float = 0.2) -> None:
        self.negative_slope = share("negative_slope", negative_slope)

    def get_config(self) -> dict[str, Any]:
        return {"negative_slope": self.negative_slope}

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


class Selu(Elementwise):
    """a = λ z where z > 0, else λ α (exp(z) − 1), with the λ and α of Klambauer et al. (2017)."""

    name = "selu"
    alpha = 1.6732632423543772848170429916717
    scale = 1.0507009873554804934193349852946

    def record_forward(self, z: Array, a: Array) -> Program:
        zero, below = scalar(0, z.dtype), np.empty_like(z)
        return [
            into(np.minimum, z, zero, below),
            partial(np.expm1, below, below),
            partial(np.multiply, below, scalar(self.scale * self.alpha, z.dtype), below),
            into(np.maximum, z, zero, a),
            partial(np.multiply, a, scalar(self.scale, z.dtype), a),
            partial(np.add, a, below, a),
        ]

    def record_derivative(self, a: Array, derivative: Array) -> Program:
        # Below zero the derivative is λ α exp(z) = a + λ α, above it and at zero, as Keras has it, λ.
        positive = empty(a.shape, bool)
        return [
            into(np.minimum, a, scalar(0, a.dtype), derivative),
            partial(np.add, derivative, scalar(self.scale * self.alpha, a.dtype), derivative),
            partial(np.greater_equal, a, scalar(0, a.dtype), positive),
            partial(np.copyto, derivative, scalar(self.scale, a.dtype), where=positive),
        ]


class Exponential(Elementwise):
    """a = exp(z), infinite where that overflows."""

    name = "exponential"

    def record_forward(self, z: Array, a: Array) -> Program:
        return [partial(np.exp, z, a)]

    def record_derivative(self, a: Array, derivative: Array) -> Program:
        return [partial(derivative.__setitem__, ..., a)]


class HardSigmoid(Elementwise):
    """a = z / 6 + 1/2, cut to [0, 1]; its derivative is 0 at the ends, as Keras has it."""

    name = "hard_sigmoid"

    def record_forward(self, z: Array, a: Array) -> Program:
        dtype = z.dtype
        return [
            partial(np.divide, z, scalar(6, dtype), a),
            partial(np.add, a, scalar(0.5, dtype), a),
            into(np.maximum, a, scalar(0, dtype), a),
            into(np.minimum, a, scalar(1, dtype), a),
        ]

    def record_derivative(self, a: Array, derivative: Array) -> Program:
        inside, below = empty(a.shape, bool), empty(a.shape, bool)
        return [
            partial(np.greater, a, scalar(0, a.dtype), inside),
            partial(np.less, a, scalar(1, a.dtype), below),
            partial(np.logical_and, inside, below, inside),
            partial(derivative.__setitem__, ..., inside),
            partial(np.divide, derivative, scalar(6, a.dtype), derivative),
        ]


class Softsign(Elementwise):
    """a = z / (1 + |z|)."""

    name = "softsign"

    def record_forward(self, z: Array, a: Array) -> Program:
        size = np.empty_like(z)
        return [
            partial(np.absolute, z, size),
            partial(np.add, size, scalar(1, z.dtype), size),
            partial(np.divide, z, size, a),
        ]

    def record_derivative(self, a: Array, derivative: Array) -> Program:
        # 1 / (1 + |z|) = 1 − |a|, whose square is the derivative.
        return [
            partial(np.absolute, a, derivative),
            partial(np.subtract, scalar(1, a.dtype), derivative, derivative),
            partial(np.multiply, derivative, derivative, derivative),
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
