"""What a step does with the gradient of a layer's weights: store it, or update the weights with it at once.

Called by `minibatches`, which hands one of the two to the backward pass. With many weights, much of a step's time is their way from
memory and back. A fused update computes a tile of a kernel's gradient and updates those weights while they are in the cache; the
gradient is stored nowhere.
"""

from __future__ import annotations

from numpy_nn._engine import tuning
from numpy_nn._engine.arrays import empty
from numpy_nn._engine.backward import BackwardLayer
from numpy_nn._engine.buffers import Parameters
from numpy_nn._engine.gemm import record_product
from numpy_nn._engine.penalties import Penalties
from numpy_nn._engine.program import Program
from numpy_nn._engine.threads import kernel_tiles
from numpy_nn.optimizers import Optimizer


def fusing_pays(parameters: Parameters, optimizer: Optimizer) -> bool:
    """Whether there are so many weights that fused updates are faster, and none needs the whole gradient."""
    return parameters.vector.nbytes > tuning.this_machine().largest_stored_gradient_bytes and not optimizer.needs_whole_gradient


class StoredGradient:
    """Writes the gradients of all weights into `gradient`, for one update of the whole vector."""

    def __init__(self, gradient: Parameters) -> None:
        self._gradient = gradient

    def record(self, layer: BackwardLayer, inputs: slice, _: int) -> Program:
        """Operations that compute the delta below for some inputs, and the gradient of their weights."""
        gradient = self._gradient.matrices[layer.number][inputs]
        return [*layer.record_delta_below(inputs), *record_product(layer.inputs[inputs], layer.transposed_delta, gradient)]


class FusedUpdate:
    """Updates the weights tile by tile; each thread has one buffer for the gradient of a tile, which all chunks share."""

    def __init__(self, parameters: Parameters, optimizer: Optimizer, penalties: Penalties, *, rows: int, threads: int) -> None:
        self._parameters, self._optimizer, self._penalties = parameters, optimizer, penalties
        size = _tile_size(parameters, rows, threads)
        self._gradients = [empty(size, parameters.vector.dtype) for _ in range(threads)]
        self._updates: dict[int, Program] = {}

    def record(self, layer: BackwardLayer, inputs: slice, thread: int) -> Program:
        """Operations that compute the delta below for some inputs, and update their weights."""
        units = len(layer.delta)
        tile_inputs = len(self._gradients[thread]) // units
        program: Program = []
        for start in range(inputs.start, inputs.stop, tile_inputs):
            tile = slice(start, min(start + tile_inputs, inputs.stop))
            place = self._parameters.place(layer.number, tile)
            gradient = self._gradients[thread][: place.stop - place.start]
            program += layer.record_delta_below(tile)
            program += record_product(layer.inputs[tile], layer.transposed_delta, gradient.reshape(-1, units))
            program += self._penalties.record_tile(layer.number, tile, gradient.reshape(-1, units))
            if place.start not in self._updates:
                self._updates[place.start] = self._optimizer.record_update(self._parameters.vector[place], gradient, place)
            program += self._updates[place.start]
        return program


def _tile_size(parameters: Parameters, rows: int, threads: int) -> int:
    """Size of a tile of the gradient: a row of a kernel at least, a thread's part of a kernel at most."""
    t = tuning.this_machine()
    matrices = parameters.matrices
    largest = max(int(m[tile].size) for m in matrices for tile in kernel_tiles(len(m), m.size, rows, threads))
    if rows > t.most_tiled_gradient_rows:
        return largest
    tile = (t.threaded_gradient_tile_bytes if threads > 1 else t.gradient_tile_bytes) // parameters.vector.itemsize
    return max(min(largest, tile), *(layer.output_dim for layer in parameters.layers))
