"""The forward pass: each layer is one matrix product, bias included, and its activation in place.

Called by `minibatches` and `prediction`. With several threads, each computes some of a large kernel's units.
"""

from __future__ import annotations

from numpy_nn import activations
from numpy_nn._engine.arrays import Array
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
        outputs = [outputs[:-1] for outputs in self._hidden]
        self._logits = [buffers.logits.get(number, a) for number, a in enumerate(outputs)]
        self._activate = [
            activation.record_forward(z, a) for activation, z, a in zip(hidden_layers, self._logits, outputs, strict=True)
        ]
        """Of each hidden layer: the same operations, on the same buffers, for every chunk."""

    def record(self, chunk: int, *, logits: bool = False) -> Program:
        """Operations that compute `outputs[chunk]` from `inputs[chunk]`, without the last activation if `logits`."""
        *kernels, last_kernel = self._buffers.parameters.matrices
        a = self._buffers.inputs[chunk]
        program: Program = []
        for number, (kernel, z) in enumerate(zip(kernels, self._logits, strict=True)):
            a, drop = self._dropped(number, a)
            tiles = kernel_tiles(kernel.shape[1], kernel.size, self._buffers.rows, self._threads)
            products = [record_product(kernel.T[units], a[: len(kernel)], z[units]) for units in tiles]
            program += [*drop, *self._team.record(products), *self._activate[number]]
            a = self._hidden[number]
        a, drop = self._dropped(len(kernels), a)
        outputs = self._buffers.outputs[chunk]
        z = outputs if logits else self._buffers.logits.get(len(kernels), outputs)
        program += [*drop, *record_product(last_kernel.T, a[: len(last_kernel)], z)]
        return program if logits else [*program, *self._activate_last(z, outputs)]

    def _dropped(self, number: int, inputs: Array) -> tuple[Array, Program]:
        """What a layer's product reads, and in training the operations that make it from the layer's inputs."""
        dropout = self._buffers.dropouts.get(number)
        return (inputs, []) if dropout is None else (dropout.inputs, dropout.record_forward(inputs))
