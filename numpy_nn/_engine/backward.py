"""The backward pass: the loss's gradient, and from the last layer to the first the gradients of the kernels and of the activations.

Called by `minibatches`, after the forward pass over the same buffers. A layer has two products: its kernel's gradient, inputs ·
deltaᵀ, and the delta of the layer below, kernel · delta. The first is an NT product, slow in BLAS unless it is small; there a
transposed copy of delta pays (`gemm.transposing_pays`). With several threads, each computes these for some of a large kernel's
inputs.
"""

from __future__ import annotations

from functools import partial
from itertools import groupby
from typing import NamedTuple, Protocol

import numpy as np

from numpy_nn import activations
from numpy_nn._engine.arrays import Array
from numpy_nn._engine.buffers import TrainingBuffers
from numpy_nn._engine.gemm import record_product, transposing_pays
from numpy_nn._engine.program import Program
from numpy_nn._engine.threads import ALONE, ThreadTeam, kernel_tiles
from numpy_nn.losses import Loss


class BackwardLayer(NamedTuple):
    """A layer in the backward pass: what its products read, and the delta that they compute."""

    number: int
    matrix: Array
    """[kernel; bias], (in + 1, out), or the kernel alone."""
    inputs: Array
    """(in + 1, rows), the last row ones, or (in, rows)."""
    delta: Array
    """(out, rows)."""
    transposed_delta: Array
    """(rows, out)."""
    delta_below: Array
    """(in, rows), or (0, rows) for the first layer."""

    def record_delta_below(self, inputs: slice) -> Program:
        """Operations that compute the delta of some inputs; they must run before the weights of these are updated."""
        below = self.delta_below[inputs]
        return record_product(self.matrix[inputs][: len(below)], self.delta, below) if below.size else []


class Gradients(Protocol):
    """What happens to the gradient of a layer's weights: `fused_update` has both ways."""

    def record(self, layer: BackwardLayer, inputs: slice, thread: int) -> Program:
        """Operations that compute the delta below for some inputs, and take care of the gradient of their weights."""


class Backward:
    """Records the backward pass over `buffers`, for the sum of each sample's `loss` times its weight times the scale."""

    def __init__(self, buffers: TrainingBuffers, loss: Loss, *, team: ThreadTeam = ALONE, threads: int = 1) -> None:
        self._buffers, self._loss, self._team, self._threads = buffers, loss, team, threads
        self._activations = [activations.get(layer.activation) for layer in buffers.parameters.layers]
        self.from_logits = loss.takes_logits(self._activations[-1].name)
        """Whether the gradient is taken from the logits, so that the forward pass is to leave out the last activation."""
        self._derivatives = self._record_derivatives() if buffers.stores_derivatives else []

    def rescale(self, scale: float, chunks: slice = slice(None)) -> None:
        """Multiply each sample's loss by its weight and `scale` from now on; to be called after a change of targets, too."""
        b = self._buffers
        np.multiply(b.weights[chunks], scale, b.scale[chunks])
        if self.from_logits:
            self._loss.prepare_gradient(b.targets[chunks], b.scale[chunks], b.shift[chunks], b.factor[chunks])

    def record(self, chunk: int, gradients: Gradients) -> Program:
        """Operations from the outputs of a chunk to the gradients of all weights."""
        b = self._buffers
        outputs = [outputs[:-1] for outputs in b.by_layer(b.hidden)]
        inputs = [b.inputs[chunk], *b.by_layer(b.hidden)]
        for number, dropout in b.dropouts.items():
            inputs[number] = dropout.inputs
        program = [*self._derivatives, *self._record_loss_gradient(chunk)]
        for number in range(len(inputs) - 1, -1, -1):
            matrix, delta = b.parameters.matrices[number], b.deltas[number]
            delta_below = b.deltas[number - 1] if number else delta[:0]
            transposed, transpose = self._transposed(number)
            layer = BackwardLayer(number, matrix, inputs[number][: len(matrix)], delta, transposed, delta_below)
            tiles = kernel_tiles(len(matrix), matrix.size, b.rows, self._threads)
            program += transpose
            program += self._team.record([gradients.record(layer, tile, thread) for thread, tile in enumerate(tiles)])
            if number:
                program += b.dropouts[number].record_backward(delta_below) if number in b.dropouts else []
                program += self._record_activation(number - 1, outputs[number - 1], delta_below)
        return program

    def _record_derivatives(self) -> Program:
        """The derivatives of all hidden layers: neighbours with the same activation in one call, rows of ones included."""
        b = self._buffers
        program: Program = []
        by_layer = b.by_layer(b.derivatives)
        for activation, run in groupby(range(len(self._activations) - 1), key=self._activations.__getitem__):
            numbers = list(run)
            if activation.derivative_of_input:
                for number in numbers:
                    program += activation.record_derivative(b.logits[number], by_layer[number][:-1])
                continue
            part = slice(b.edges[numbers[0]], b.edges[numbers[-1] + 1])
            program += activation.record_derivative(b.hidden[part], b.derivatives[part])
        return program

    def _record_loss_gradient(self, chunk: int) -> Program:
        """The scaled gradient of the loss by the last layer's logits."""
        b = self._buffers
        outputs, delta = b.outputs[chunk], b.deltas[-1]
        if self.from_logits:
            return self._loss.record_logit_gradient(outputs, b.shift[chunk], b.factor[chunk], delta)
        activation, derivative = self._activations[-1], np.empty_like(delta)
        return [
            *self._loss.record_gradient(b.targets[chunk], outputs, delta),
            partial(np.multiply, delta, b.scale[chunk], delta),
            *activation.record_derivative(b.logits.get(len(self._activations) - 1, outputs), derivative),
            *activation.record_backward(outputs, derivative, delta),
        ]

    def _record_activation(self, number: int, a: Array, delta: Array) -> Program:
        """Operations that turn `delta` from the gradient by a hidden layer's outputs `a` into that by its logits."""
        activation, b = self._activations[number], self._buffers
        if b.stores_derivatives:
            return activation.record_backward(a, b.by_layer(b.derivatives)[number][:-1], delta)
        program: Program = []
        for start in range(0, len(a), b.derivative_tiles[number]):
            units = slice(start, start + b.derivative_tiles[number])
            derivative = b.derivatives[: a[units].size].reshape(-1, b.rows)
            program += activation.record_derivative(b.logits.get(number, a)[units], derivative)
            program += activation.record_backward(a[units], derivative, delta[units])
        return program

    def _transposed(self, number: int) -> tuple[Array, Program]:
        """A layer's delta transposed, (rows, units): a view, or where that pays a copy and the operation that makes it."""
        b = self._buffers
        layer, delta = b.parameters.layers[number], b.deltas[number]
        if not transposing_pays(layer.matrix_rows, layer.output_dim, b.rows):
            return delta.T, []
        copy = b.transposed[: delta.size].reshape(b.rows, -1)
        return copy, [partial(copy.__setitem__, ..., delta.T)]
