"""The penalties of the kernels of several networks: their gradients, and their values for the losses that are reported.

Recorded by `stacked`, with nothing to record where no layer has a regularizer; `penalties` has those of one network.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from numpy_nn._engine.arrays import Array
from numpy_nn._engine.program import Program

if TYPE_CHECKING:
    from numpy_nn._engine.stacked import StackedParameters


class StackedPenalties:
    """Those of minibatches of `rows` samples.

    Parameters
    ----------
    factor
        (networks, 1) or (1, 1): what the gradients of the networks' losses are multiplied by.

    """

    def __init__(self, parameters: StackedParameters, rows: int, factor: Array) -> None:
        self._parameters, self._rows, self._factor = parameters, rows, factor[..., None]
        self._any = any(layer.kernel_regularizer for layer in parameters.layers)
        self.total = np.zeros(len(parameters.vectors))
        """(networks,): the sum over the steps of each one's penalty times its rows."""

    def record_value(self) -> Program:
        """Operations, to be run before the update, that add the penalties of a step to the totals."""
        return [self._add_value] if self._any else []

    def _add_value(self) -> None:
        self.total += self._rows * penalties(self._parameters, self._rows)

    def record_gradient(self, gradients: Sequence[Array]) -> Program:
        """Operations that add the penalties' gradients to those of the kernels, (networks, in, out) a layer."""
        program: Program = []
        for layer, kernel, gradient in zip(self._parameters.layers, self._parameters.kernels, gradients, strict=True):
            if (regularizer := layer.kernel_regularizer) is not None:
                factor = self._factor / self._rows if regularizer.divided_by_rows else self._factor
                program += regularizer.record_gradient(kernel, gradient, factor)
        return program


def penalties(parameters: StackedParameters, rows: int) -> Array:
    """(networks,): the sum of the kernels' penalties, for a minibatch of `rows` rows."""
    total = np.zeros(len(parameters.vectors))
    for layer, kernel in zip(parameters.layers, parameters.kernels, strict=True):
        if (regularizer := layer.kernel_regularizer) is not None:
            absolute = regularizer.l1 * np.abs(kernel).sum(axis=(1, 2), dtype=float) if regularizer.l1 else 0.0
            squared = regularizer.l2 * np.square(kernel).sum(axis=(1, 2), dtype=float) if regularizer.l2 else 0.0
            total += (absolute + squared) / (rows if regularizer.divided_by_rows else 1)
    return total
