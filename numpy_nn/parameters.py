"""Every weight of a network in one flat vector, with a view a layer.

An optimiser updates the vector in one call; the products read the views. A layer's kernel and bias stand together as one
(in + 1, out) matrix, the bias its last row: with a row of ones under the layer's inputs, one product gives `x @ kernel + bias`, and
one gives both gradients. The gradient is a vector of the same layout.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from numpy_nn import checks
from numpy_nn.architecture import LayerSpec
from numpy_nn.tape import Array, full


class Parameters:
    """A flat vector (count,) laid out for `layers`."""

    def __init__(self, layers: Sequence[LayerSpec], dtype: np.dtype[Any]) -> None:
        self.layers = tuple(layers)
        self.vector = full(sum(layer.parameter_count for layer in layers), 0, dtype)
        self._starts = [0, *accumulate(layer.parameter_count for layer in layers)]
        self.matrices: list[Array] = [
            self.vector[self.place(number, slice(0, layer.input_dim + 1))].reshape(-1, layer.output_dim)
            for number, layer in enumerate(self.layers)
        ]
        """A layer's [kernel; bias], (in + 1, out): a view."""

    def __repr__(self) -> str:
        return f"Parameters({len(self.vector):,} in {len(self.layers)} layers, {self.vector.dtype})"

    def place(self, number: int, rows: slice) -> slice:
        """Where those rows of a layer's matrix stand in the vector."""
        start, units = self._starts[number], self.layers[number].output_dim
        return slice(start + rows.start * units, start + rows.stop * units)

    def get_weights(self) -> list[Array]:
        """Copies: kernel (in, out), bias (out,), layer by layer."""
        return [part.copy() for matrix in self.matrices for part in (matrix[:-1], matrix[-1])]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Take the values of `weights`, in the order of `get_weights`.

        Raises
        ------
        ValueError
            If the count or a shape differs, or a value is not finite; nothing is changed then.

        """
        views = [part for matrix in self.matrices for part in (matrix[:-1], matrix[-1])]
        if len(weights) != len(views):
            raise ValueError(f"weights had {len(weights)} arrays: there must be {len(views)}, a kernel and a bias a layer")
        arrays = [checks.numbers(f"weights[{number}]", value) for number, value in enumerate(weights)]
        for number, (array, view) in enumerate(zip(arrays, views, strict=True)):
            if array.shape != view.shape:
                raise ValueError(f"weights[{number}] had the shape {array.shape}: it must be {view.shape}")
            arrays[number] = checks.cast(f"weights[{number}]", array, self.vector.dtype)
        for array, view in zip(arrays, views, strict=True):
            view[...] = array
