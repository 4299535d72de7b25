"""Regularizers: penalties on a layer's kernel, added to the loss as in Keras.

A layer's `kernel_regularizer` is a name or an object of this module. The engine adds the penalty to the loss that it reports, and
its gradient to the kernel's; the `record_` method returns operations on its buffers.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from numpy_nn._engine.arrays import Array, scalar
from numpy_nn._engine.program import Program
from numpy_nn.checks import not_negative
from numpy_nn.name_lookup import Part, make


class Regularizer(Part):
    """l1 · Σ|w| + l2 · Σw², `regularizer(kernel) -> float`; there is no ½ before the squares."""

    l1: float = 0.0
    l2: float = 0.0
    divided_by_rows = False
    """Whether the penalty is divided by the rows of the minibatch, as scikit-learn's `alpha` is; Keras' aren't."""

    def __call__(self, kernel: Any) -> float:
        """The penalty of `kernel`, of any shape."""
        values = np.ravel(np.asarray(kernel))
        with np.errstate(all="ignore"):
            penalty = self.l1 * float(np.abs(values).sum()) if self.l1 else 0.0
            return penalty + self.l2 * float(np.dot(values, values)) if self.l2 else penalty

    def record_gradient(self, kernel: Array, gradient: Array, factor: Array) -> Program:
        """Operations that add the penalty's gradient by `kernel`, times `factor` (), to `gradient`."""
        spare = np.empty_like(kernel)
        directions: Program = [partial(np.sign, kernel, spare), partial(spare.__setitem__, ..., kernel)]
        program: Program = []
        for strength, record in zip((self.l1, 2 * self.l2), directions, strict=True):
            if strength:
                program += [
                    record,
                    partial(np.multiply, spare, scalar(strength, kernel.dtype), spare),
                    partial(np.multiply, spare, factor, spare),
                    partial(np.add, gradient, spare, gradient),
                ]
        return program


class L1(Regularizer):
    """l1 · Σ|w|."""

    name = "l1"

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = not_negative("l1", l1)

    def get_config(self) -> dict[str, Any]:
        return {"l1": self.l1}


class L2(Regularizer):
    """l2 · Σw²."""

    name = "l2"

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = not_negative("l2", l2)

    def get_config(self) -> dict[str, Any]:
        return {"l2": self.l2}


class L1L2(Regularizer):
    """l1 · Σ|w| + l2 · Σw²."""

    name = "l1l2"

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1, self.l2 = not_negative("l1", l1), not_negative("l2", l2)

    def get_config(self) -> dict[str, Any]:
        return {"l1": self.l1, "l2": self.l2}


REGULARIZERS: dict[str, type[Regularizer]] = {regularizer.name: regularizer for regularizer in (L1, L2, L1L2)}
ALIASES = {"l1_l2": "l1l2"}


def get(identifier: str | Mapping[str, Any] | Regularizer | None, kind: str = "regularizer") -> Regularizer | None:
    """The regularizer of that name, of that dict of a class name and its arguments, or itself; None is none.

    Raises
    ------
    ValueError
        If there is none of that name; the message begins with `kind`.

    """
    if identifier is None or isinstance(identifier, Regularizer):
        return identifier
    return make(kind, identifier, REGULARIZERS, ALIASES)
