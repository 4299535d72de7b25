"""The arrays of the engine, made once: parameters in one flat vector, and what the passes over a minibatch read and write.

Buffers are passive: `forward`, `backward` and `fused_update` record the operations on them, and `minibatches` copies the rows in.
Samples stand in columns, so that a layer's row of ones is contiguous. Buffers hold several chunks: an epoch's rows are copied in
at once, and their outputs stay until the epoch's loss is computed; everything between is shared by the chunks.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from numpy_nn import activations, validation
from numpy_nn._engine import tuning
from numpy_nn._engine.arrays import Array, empty, full
from numpy_nn._engine.dropout import Dropout
from numpy_nn.activations import Elementwise
from numpy_nn.architecture import LayerSpec


class Parameters:
    """All weights and biases of `layers`, or their gradient, in one flat vector (count,) with a view for each layer.

    An optimizer updates the vector in one call; the products read the views. A layer's kernel and bias are one (in + 1, out)
    matrix, the bias its last row: with a row of ones below the layer's inputs, one product computes `x @ kernel + bias`, and one
    computes both gradients. A layer without a bias has no such row.
    """

    def __init__(self, layers: Sequence[LayerSpec], dtype: np.dtype[Any]) -> None:
        self.layers = tuple(layers)
        self.vector = full(sum(layer.parameter_count for layer in layers), 0, dtype)
        self._starts = [0, *accumulate(layer.parameter_count for layer in layers)]
        self.matrices: list[Array] = [
            self.vector[self.place(number, slice(0, layer.matrix_rows))].reshape(-1, layer.output_dim)
            for number, layer in enumerate(self.layers)
        ]
        """[kernel; bias] of each layer, (in + 1, out), or the kernel alone: views."""

    def __repr__(self) -> str:
        return f"Parameters({len(self.vector):,} in {len(self.layers)} layers, {self.vector.dtype})"

    def place(self, number: int, rows: slice) -> slice:
        """The position in the vector of those rows of a layer's matrix."""
        start, units = self._starts[number], self.layers[number].output_dim
        return slice(start + rows.start * units, start + rows.stop * units)

    def get_weights(self) -> list[Array]:
        """Copies: kernel (in, out), bias (out,) if there is one, layer by layer."""
        return [view.copy() for view in self.views()]

    def views(self) -> list[Array]:
        """The parts of the vector that `get_weights` copies."""
        views: list[Array] = []
        for layer, matrix in zip(self.layers, self.matrices, strict=True):
            views += [matrix[: layer.input_dim], *matrix[layer.input_dim :]]
        return views

    def penalty(self, rows: int) -> float:
        """The sum of the kernels' penalties, for a minibatch of `rows` rows."""
        total = 0.0
        for layer, matrix in zip(self.layers, self.matrices, strict=True):
            if (regularizer := layer.kernel_regularizer) is not None:
                total += regularizer(matrix[: layer.input_dim]) / (rows if regularizer.divided_by_rows else 1)
        return total

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Copy the values of `weights`, in the order of `get_weights`.

        Raises
        ------
        ValueError
            If the count or a shape differs, or a value is not finite; nothing is changed then.

        """
        views = self.views()
        if isinstance(weights, (str, bytes)) or not hasattr(weights, "__len__"):
            raise ValueError(f"weights was {weights!r:.80}: it must be a list of {len(views)} arrays, a kernel and a bias a layer")
        if len(weights) != len(views):
            raise ValueError(f"weights had {len(weights)} arrays: there must be {len(views)}, a kernel and a bias a layer")
        arrays = [validation.numbers(f"weights[{number}]", value) for number, value in enumerate(weights)]
        for number, (array, view) in enumerate(zip(arrays, views, strict=True)):
            if array.shape != view.shape:
                raise ValueError(f"weights[{number}] had the shape {array.shape}: it must be {view.shape}")
            arrays[number] = validation.cast(f"weights[{number}]", array, self.vector.dtype)
        for array, view in zip(arrays, views, strict=True):
            view[...] = array


class ForwardBuffers:
    """Buffers of the forward pass over chunks of `rows` rows; there is room for `chunks` of them."""

    def __init__(self, parameters: Parameters, rows: int, *, chunks: int = 1) -> None:
        layers, dtype = parameters.layers, parameters.vector.dtype
        self.parameters = parameters
        self.rows = rows
        self.inputs = full((chunks, layers[0].input_dim + 1, rows), 1, dtype)
        """(chunks, features + 1, rows), the last row ones."""
        self.outputs = empty((chunks, layers[-1].output_dim, rows), dtype)
        """(chunks, outputs, rows): of each chunk as it was before its update."""
        self.edges = np.cumsum([0, *((layer.output_dim + 1) * rows for layer in layers[:-1])])
        """Where each hidden layer begins in `hidden`."""
        self.hidden = full(int(self.edges[-1]), 1, dtype)
        """The outputs of all hidden layers, one after the other, each with its row of ones; flat."""
        self.logits: dict[int, Array] = {}
        """The logits of the layers whose activation's derivative is computed from them, (units, rows); others are overwritten."""
        self.dropouts: dict[int, Dropout] = {}
        """Of the layers that have one; none but in training."""

    def by_layer(self, flat: Array) -> list[Array]:
        """A view (units + 1, rows) of a flat buffer for each hidden layer."""
        return [flat[start:stop].reshape(-1, self.rows) for start, stop in pairwise(self.edges)]


class TrainingBuffers(ForwardBuffers):
    """Buffers of both passes.

    Parameters
    ----------
    targets
        Numbers in a sample's targets; None: one for each output.
    generator
        What dropout draws from.

    """

    def __init__(
        self,
        parameters: Parameters,
        rows: int,
        *,
        chunks: int = 1,
        targets: int | None = None,
        generator: np.random.Generator | None = None,
    ) -> None:
        super().__init__(parameters, rows, chunks=chunks)
        layers, dtype = parameters.layers, parameters.vector.dtype
        self.logits = {
            number: empty((layer.output_dim, rows), dtype)
            for number, layer in enumerate(layers)
            if activations.get(layer.activation).derivative_of_input
        }
        generator = generator or np.random.default_rng()
        self.dropouts = {
            number: Dropout(layer.input_dim, rows, dtype, rate=layer.dropout, generator=generator)
            for number, layer in enumerate(layers)
            if layer.dropout
        }
        self.targets = full((chunks, targets or layers[-1].output_dim, rows), 0, dtype)
        self.weights = full((chunks, 1, rows), 1, dtype)
        """(chunks, 1, rows): the weight of each sample in the loss."""
        self.scale, self.shift, self.factor = (full(self.outputs.shape, 1, dtype) for _ in range(3))
        """What the loss's gradient is multiplied by, and the constants of its formula from logits (`Loss.prepare_gradient`)."""
        self.stores_derivatives = self.hidden.nbytes <= tuning.this_machine().largest_stored_derivatives_bytes
        """Whether the derivatives of all hidden layers are computed at once, and stored."""
        self.derivative_tiles = [self._derivative_tile(number) for number in range(len(layers) - 1)]
        """Units of each hidden layer whose derivatives are computed at once, where they are not stored."""
        size = len(self.hidden) if self.stores_derivatives else max(self.derivative_tiles) * rows
        self.derivatives = full(size, 1, dtype)
        """Laid out as `hidden`, or the space for one tile of it."""
        self.deltas = [
            *(delta[:-1] for delta in self.by_layer(empty(len(self.hidden), dtype))),
            empty(self.outputs.shape[1:], dtype),
        ]
        """The gradient of the loss by each layer's logits, (units, rows)."""
        self.transposed = empty(rows * max(layer.output_dim for layer in layers), dtype)
        """Space for a transposed copy of any delta."""

    def _derivative_tile(self, number: int) -> int:
        layer = self.parameters.layers[number]
        if not isinstance(activations.get(layer.activation), Elementwise):
            return layer.output_dim
        return max(tuning.this_machine().derivative_tile_bytes // (self.rows * self.hidden.itemsize), 1)

    @cached_property
    def gradient(self) -> Parameters:
        """The gradient of the last step; made when it is first asked for, since not every step stores one."""
        return Parameters(self.parameters.layers, self.parameters.vector.dtype)
