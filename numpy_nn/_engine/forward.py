"""The forward pass: each layer is one matrix product, bias included, and its activation in place.

Called by `minibatches` and `prediction`. With several threads, each computes some of a large kernel's units.
"""

from __future__ import annotations

from numpy_nn import activations
from numpy_nn._engine.buffers import ForwardBuffers
from numpy_nn._engine.gemm import record_product
from numpy_nn._engine.program import Program
from numpy_nn._engine.threads import ALONE, ThreadTeam, kernel_tiles


class Forward:
    """Records the forward pass over `buffers`.

    Parameters
    ----------
    team, threads
        The threads that share the work on a large kernel, and how many of them do.

    """

    def __init__(self, buffers: ForwardBuffers, *, team: ThreadTeam = ALONE, threads: int = 1) -> None:
        self._buffers, self._team, self._threads = buffers, team, threads
        self._hidden = buffers.by_layer(buffers.hidden)
        *hidden_layers, last = (activations.get(layer.activation) for layer in buffers.parameters.layers)
        self._activate_last = last.record_forward
        logits = [outputs[:-1] for outputs in self._hidden]
        self._activate = [activation.record_forward(z, z) for activation, z in zip(hidden_layers, logits, strict=True)]
        """Of each hidden layer: the same operations, on the same buffers, for every chunk."""

    def record(self, chunk: int, *, logits: bool = False) -> Program:
        """Operations that compute `outputs[chunk]` from `inputs[chunk]`, without the last activation if `logits`."""
        *kernels, last_kernel = self._buffers.parameters.matrices
        a = self._buffers.inputs[chunk]
        program: Program = []
        for kernel, activate, outputs in zip(kernels, self._activate, self._hidden, strict=True):
            tiles = kernel_tiles(kernel.shape[1], kernel.size, self._buffers.rows, self._threads)
            products = [record_product(kernel.T[units], a, outputs[units]) for units in tiles]
            program += [*self._team.record(products), *activate]
            a = outputs
        z = self._buffers.outputs[chunk]
        program += record_product(last_kernel.T, a, z)
        return program if logits else [*program, *self._activate_last(z, z)]
