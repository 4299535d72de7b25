"""The buffers of one batch size, and the forward and the backward pass over them.

Samples stand in columns: then a layer's row of ones, which carries the bias into the product, is contiguous. A workspace has room
for several batches (`slots`), so that an epoch's rows are copied in at once, and its outputs are kept until its loss is computed,
once; all that lies between is shared by the slots. The passes are tapes: made once, played every step.
"""

from __future__ import annotations

from functools import partial
from itertools import groupby, pairwise

import numpy as np

from numpy_nn import activations
from numpy_nn.losses import Loss
from numpy_nn.parameters import Parameters
from numpy_nn.tape import Array, Tape


class Workspace:
    """Buffers for the forward pass over batches of `rows` rows.

    Parameters
    ----------
    parameters
        The weights, read in place.
    rows
        Samples a batch.
    slots
        How many batches there is room for.

    """

    def __init__(self, parameters: Parameters, rows: int, *, slots: int = 1) -> None:
        layers, dtype = parameters.layers, parameters.vector.dtype
        self.parameters = parameters
        self.rows = rows
        self.activations = [activations.get(layer.activation) for layer in layers]
        self.inputs = np.ones((slots, layers[0].input_dim + 1, rows), dtype)
        """(slots, features + 1, rows), the last row ones."""
        self.outputs = np.empty((slots, layers[-1].output_dim, rows), dtype)
        """(slots, outputs, rows), of each batch as it was when its turn came."""
        self._edges = np.cumsum([0, *((layer.output_dim + 1) * rows for layer in layers[:-1])])
        self._hidden = np.ones(self._edges[-1], dtype)

    def forward(self, slot: int, *, logits: bool = False) -> Tape:
        """Operations that fill `outputs[slot]` from `inputs[slot]`, the last activation left out if `logits`."""
        *kernels, last = self.parameters.matrices
        a = self.inputs[slot]
        tape: Tape = []
        for kernel, activation, above in zip(kernels, self.activations, self._by_layer(self._hidden), strict=False):
            z = above[:-1]
            tape += [partial(kernel.T.dot, a, z), *activation.forward(z, z)]
            a = above
        z = self.outputs[slot]
        tape.append(partial(last.T.dot, a, z))
        return tape if logits else [*tape, *self.activations[-1].forward(z, z)]

    def _by_layer(self, buffer: Array) -> list[Array]:
        """A view (features + 1, rows) of a flat buffer for each hidden layer."""
        return [buffer[start:stop].reshape(-1, self.rows) for start, stop in pairwise(self._edges)]


class TrainingWorkspace(Workspace):
    """Buffers for both passes; after a step's tape was played, `gradient` holds its gradient, and `outputs` what it saw.

    Parameters
    ----------
    loss
        What the gradient is of: each sample's loss times the sample's `scale`, added up.

    """

    def __init__(self, parameters: Parameters, rows: int, *, loss: Loss, slots: int = 1) -> None:
        super().__init__(parameters, rows, slots=slots)
        layers, dtype = parameters.layers, parameters.vector.dtype
        self.loss = loss
        self.logits = loss.takes_logits(layers[-1].activation)
        """Whether `outputs` are logits, and the gradient is taken from them."""
        self.targets = np.zeros_like(self.outputs)
        self.weights = np.ones((slots, 1, rows), dtype)
        """(slots, 1, rows): what a sample counts in the loss."""
        self.scale = np.ones_like(self.targets)
        """(slots, outputs, rows): the weights, over the batch's size, times the optimiser's factor; for every output, since a ufunc
        makes a buffer where its operands' shapes differ."""
        self.gradient = Parameters(layers, dtype)
        self._slope = np.ones_like(self._hidden)
        self._delta = np.empty_like(self._hidden)
        self._delta_out = np.empty_like(self.outputs[0])

    def step(self, slot: int) -> Tape:
        """Operations that fill `gradient` and `outputs[slot]` from `inputs[slot]`, `targets[slot]` and `scale[slot]`."""
        return [*self.forward(slot, logits=self.logits), *self._slopes(), *self._loss_gradient(slot), *self._backward(slot)]

    def _slopes(self) -> Tape:
        """The derivatives of the hidden layers: neighbours of one activation in one call, their rows of ones along with them."""
        tape: Tape = []
        hidden = range(len(self.activations) - 1)
        for activation, run in groupby(hidden, key=self.activations.__getitem__):
            numbers = list(run)
            part = slice(self._edges[numbers[0]], self._edges[numbers[-1] + 1])
            tape += activation.slope(self._hidden[part], self._slope[part])
        return tape

    def _loss_gradient(self, slot: int) -> Tape:
        """The scaled gradient by the last layer's logits, in `_delta_out`."""
        y, outputs, delta = self.targets[slot], self.outputs[slot], self._delta_out
        scaling = partial(np.multiply, delta, self.scale[slot], delta)
        if self.logits:
            return [*self.loss.from_logit_gradient(y, outputs, delta), scaling]
        activation, slope = self.activations[-1], np.empty_like(delta)
        return [
            *self.loss.gradient(y, outputs, delta),
            scaling,
            *activation.slope(outputs, slope),
            *activation.backward(outputs, slope, delta),
        ]

    def _backward(self, slot: int) -> Tape:
        """From the last layer to the first: a layer's gradient is inputs · deltaᵀ, the inputs' delta is kernel · delta."""
        hidden, slopes, deltas = (self._by_layer(buffer) for buffer in (self._hidden, self._slope, self._delta))
        inputs = [self.inputs[slot], *hidden]
        delta = self._delta_out
        tape: Tape = []
        for number in range(len(inputs) - 1, 0, -1):
            below = deltas[number - 1][:-1]
            tape += [
                partial(inputs[number].dot, delta.T, self.gradient.matrices[number]),
                partial(self.parameters.matrices[number][:-1].dot, delta, below),
                *self.activations[number - 1].backward(hidden[number - 1][:-1], slopes[number - 1][:-1], below),
            ]
            delta = below
        return [*tape, partial(inputs[0].dot, delta.T, self.gradient.matrices[0])]
