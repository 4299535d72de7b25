"""Activations that aren't monotonic: their derivative is computed from their input, which the engine keeps."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from numpy_nn._engine.arrays import Array, scalar
from numpy_nn._engine.erf import record_normal_cdf
from numpy_nn._engine.program import Program, into
from numpy_nn.activations.base import Elementwise
from numpy_nn.activations.of_output import Sigmoid


class Silu(Elementwise):
    """a = z σ(z), also called swish."""

    name = "silu"
    derivative_of_input = True

    def record_forward(self, z: Array, a: Array) -> Program:
        s = np.empty_like(z)
        return [*Sigmoid().record_forward(z, s), partial(np.multiply, z, s, a)]

    def record_derivative(self, a: Array, derivative: Array) -> Program:
        # σ (1 + z (1 − σ)), where z may be so large that the sum is never taken with an infinity.
        s, one = np.empty_like(a), scalar(1, a.dtype)
        return [
            *Sigmoid().record_forward(a, s),
            partial(np.subtract, one, s, derivative),
            partial(np.multiply, derivative, a, derivative),
            partial(np.add, derivative, one, derivative),
            partial(np.multiply, derivative, s, derivative),
        ]


class Mish(Elementwise):
    """a = z tanh(softplus(z)) (Misra, 2019), as z n / (n + 2) with e = exp(z) and n = e (e + 2)."""

    name = "mish"
    derivative_of_input = True
    most = 40.0
    """From here on n / (n + 2) is 1 in either precision, and n² doesn't overflow."""

    def record_forward(self, z: Array, a: Array) -> Program:
        e, n = np.empty_like(z), np.empty_like(z)
        return [*self._record_n(z, e, n), *self._record_ratio(n, e), partial(np.multiply, z, e, a)]

    def record_derivative(self, a: Array, derivative: Array) -> Program:
        # With w = n / (n + 2): w + z σ(z) (1 − w) (1 + w), where 1 − w = 2 / (n + 2).
        e, n, z, w = (np.empty_like(a) for _ in range(4))
        one, two = scalar(1, a.dtype), scalar(2, a.dtype)
        return [
            *self._record_n(a, e, n),
            *self._record_ratio(n, w),
            into(np.minimum, a, scalar(self.most, a.dtype), z),
            partial(np.multiply, z, e, z),
            partial(np.add, e, one, e),
            partial(np.divide, z, e, z),
            partial(np.add, n, two, n),
            partial(np.divide, z, n, z),
            partial(np.multiply, z, two, z),
            partial(np.add, w, one, derivative),
            partial(np.multiply, derivative, z, derivative),
            partial(np.add, derivative, w, derivative),
        ]

    def _record_n(self, z: Array, e: Array, n: Array) -> Program:
        return [
            into(np.minimum, z, scalar(self.most, z.dtype), e),
            partial(np.exp, e, e),
            partial(np.add, e, scalar(2, z.dtype), n),
            partial(np.multiply, n, e, n),
        ]

    def _record_ratio(self, n: Array, w: Array) -> Program:
        return [partial(np.add, n, scalar(2, n.dtype), w), partial(np.divide, n, w, w)]


class Gelu(Elementwise):
    """a = z Φ(z), Φ the normal distribution's (Hendrycks and Gimpel, 2016); `approximate` takes (1 + tanh(u)) / 2 for Φ.

    There u = √(2/π) (z + 0.044715 z³).
    """

    name = "gelu"
    derivative_of_input = True
    cubic = 0.044715
    most = 30.0
    """Beyond it Φ is 0 or 1 in either precision; z³ overflows."""

    def __init__(self, approximate: bool = False) -> None:
        if not isinstance(approximate, bool):
            raise ValueError(f"approximate was {approximate!r}: it must be True or False")
        self.approximate = approximate

    def get_config(self) -> dict[str, Any]:
        return {"approximate": self.approximate}

    def record_forward(self, z: Array, a: Array) -> Program:
        phi = np.empty_like(z)
        return [*self._record_phi(z, phi), partial(np.multiply, z, phi, a)]

    def record_derivative(self, a: Array, derivative: Array) -> Program:
        phi, z, slope = np.empty_like(a), np.empty_like(a), np.empty_like(a)
        limit = scalar(self.most, a.dtype)
        return [
            into(np.minimum, a, limit, z),
            into(np.maximum, z, scalar(-self.most, a.dtype), z),
            *self._record_phi(z, phi),
            *self._record_density(z, phi, slope),
            partial(np.multiply, slope, z, slope),
            partial(np.add, slope, phi, derivative),
        ]

    def _record_phi(self, z: Array, phi: Array) -> Program:
        if not self.approximate:
            return record_normal_cdf(z, phi)
        return [*self._record_u(z, phi), partial(np.tanh, phi, phi), *_record_scaled(phi, 0.5, 0.5)]

    def _record_u(self, z: Array, u: Array) -> Program:
        factor = math.sqrt(2 / math.pi)
        return [
            partial(np.multiply, z, z, u),
            *_record_scaled(u, factor * self.cubic, factor),
            partial(np.multiply, u, z, u),
        ]

    def _record_density(self, z: Array, phi: Array, slope: Array) -> Program:
        """dΦ/dz: of the approximation 2 Φ (1 − Φ) du/dz, which is exp(−z²/2) / √(2π) without it."""
        square = partial(np.multiply, z, z, slope)
        if not self.approximate:
            return [
                square,
                *_record_scaled(slope, -0.5, 0),
                partial(np.exp, slope, slope),
                *_record_scaled(slope, 1 / math.sqrt(2 * math.pi), 0),
            ]
        rest, factor = np.empty_like(z), 2 * math.sqrt(2 / math.pi)
        return [
            square,
            *_record_scaled(slope, 3 * factor * self.cubic, factor),
            partial(np.subtract, scalar(1, z.dtype), phi, rest),
            partial(np.multiply, slope, rest, slope),
            partial(np.multiply, slope, phi, slope),
        ]


def _record_scaled(values: Array, factor: float, shift: float) -> Program:
    """Operations that turn `values` into `values * factor + shift`."""
    program: Program = [partial(np.multiply, values, scalar(factor, values.dtype), values)]
    return [*program, partial(np.add, values, scalar(shift, values.dtype), values)] if shift else program
