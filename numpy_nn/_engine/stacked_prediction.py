"""The outputs of several networks, for samples that they share or for each one's.

Called by `Ensemble.predict`, `evaluate` and `fit`, from any number of threads: each has a `StackedPrediction` of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from numpy_nn._engine import tuning
from numpy_nn._engine.arrays import Array
from numpy_nn._engine.program import run
from numpy_nn._engine.stacked import StackedForward, StackedParameters, largest_group
from numpy_nn._engine.stacked_training import StackedRows
from numpy_nn.architecture import LayerSpec


class StackedPrediction:
    """The forward pass of all networks over chunks of rows; what it records and its buffers are kept from call to call."""

    def __init__(self, layers: Sequence[LayerSpec], vectors: Array, *, logits: bool) -> None:
        self._layers, self._vectors, self._logits = layers, vectors, logits
        self._recorded: dict[tuple[int, int, int], StackedForward] = {}

    def __call__(self, rows: StackedRows) -> Array:
        """The outputs, or logits, (outputs, networks, samples)."""
        chunk_rows = min(rows.samples, tuning.this_machine().smallest_prediction_chunk_rows)
        size = largest_group(self._layers, chunk_rows, self._vectors.itemsize)
        out = np.empty((self._layers[-1].output_dim, len(self._vectors), rows.samples), self._vectors.dtype)
        for first in range(0, len(self._vectors), size):
            group = slice(first, min(first + size, len(self._vectors)))
            own = rows.of(group)
            for start in range(0, rows.samples, chunk_rows):
                chunk = slice(start, min(start + chunk_rows, rows.samples))
                forward = self._forward(group, chunk.stop - chunk.start)
                forward.inputs[:, :-1] = own.stacked(own.x, group.stop - group.start, chunk).transpose(0, 2, 1)
                run(forward.program)
                out[:, group, chunk] = forward.outputs
        return out

    def _forward(self, group: slice, rows: int) -> StackedForward:
        key = group.start, group.stop, rows
        if key not in self._recorded:
            parameters = StackedParameters(self._layers, self._vectors[group])
            self._recorded[key] = StackedForward(parameters, rows, logits=self._logits)
        return self._recorded[key]
