"""The penalties of a network's kernels: their gradients, and their values for the loss that is reported.

Recorded by `minibatches` and `fused_update`, with nothing to record where no layer has a regularizer.
"""

from __future__ import annotations

from numpy_nn._engine.arrays import Array, scalar
from numpy_nn._engine.buffers import Parameters
from numpy_nn._engine.program import Program


class Penalties:
    """Those of minibatches of `rows` rows."""

    def __init__(self, parameters: Parameters, rows: int) -> None:
        self._parameters, self._rows = parameters, rows
        self._regularizers = [layer.kernel_regularizer for layer in parameters.layers]
        self._any = any(self._regularizers)
        self._factors = [scalar(1, parameters.vector.dtype) for _ in parameters.layers]
        self.total = 0.0
        """The sum over the steps of each one's penalty times its rows."""

    def rescale(self, scale: float) -> None:
        """Multiply the gradients by `scale` from now on."""
        if not self._any:
            return
        for regularizer, factor in zip(self._regularizers, self._factors, strict=True):
            if regularizer is not None:
                factor[()] = scale / self._rows if regularizer.divided_by_rows else scale

    def record_value(self) -> Program:
        """Operations, to be run before the update, that add the penalty of a step to the total."""
        return [self._add_value] if self._any else []

    def _add_value(self) -> None:
        self.total += self._rows * self._parameters.penalty(self._rows)

    def record_gradient(self, gradient: Parameters) -> Program:
        """Operations that add the penalties' gradient to that of all weights."""
        whole = [self.record_tile(number, slice(0, len(m)), m) for number, m in enumerate(gradient.matrices)]
        return [operation for program in whole for operation in program]

    def record_tile(self, number: int, inputs: slice, gradient: Array) -> Program:
        """The same for some inputs of a layer, whose part of the gradient is `gradient` (inputs, units)."""
        regularizer = self._regularizers[number]
        if regularizer is None:
            return []
        kernel = self._parameters.matrices[number][: self._parameters.layers[number].input_dim][inputs]
        return regularizer.record_gradient(kernel, gradient[: len(kernel)], self._factors[number])
