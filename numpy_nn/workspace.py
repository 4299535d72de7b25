"""The buffers of one batch size, and the forward and the backward pass over them.

Samples stand in columns: then a layer's row of ones, which carries the bias into the product, is contiguous. A workspace has room
for several batches (`slots`), so that an epoch's rows are copied in at once, and its outputs are kept until its loss is computed,
once; all that lies between is shared by the slots. The passes are tapes: made once, played every step.

Of a layer's three products, one has both operands lying across its sum, whatever the layout: here it is the kernel's gradient,
inputs · deltaᵀ. OpenBLAS has a kernel for small products that needs no packing, but not for this kind of more than 1,200 numbers;
there a copy of delta, turned, pays (`turning_pays`), or with many rows, tiles of that size (`products`).

Where a crew shares out the work on a large kernel, each thread has some of the layer's units in the forward pass, and in the
backward pass some of its inputs: their deltas, and their rows of the gradient. What lies between is too little to be shared.
"""

from __future__ import annotations

from functools import cached_property, partial
from itertools import groupby, pairwise
from typing import NamedTuple

import numpy as np

from numpy_nn import activations
from numpy_nn.activations import Elementwise
from numpy_nn.blas import turning_pays
from numpy_nn.losses import Loss
from numpy_nn.optimizers import Optimizer
from numpy_nn.parameters import Parameters
from numpy_nn.products import multiply
from numpy_nn.tape import Array, Tape, empty, full
from numpy_nn.threads import ALONE, Crew, cuts, kernel_shares

LARGEST_KEPT_BYTES = 1 << 20
"""Of a gradient that is kept whole: half of a core's second-level cache."""
BLOCK_BYTES, SHARED_BLOCK_BYTES = 1 << 18, 1 << 20
"""Of a gradient's block, where it isn't: larger for threads side by side, since each operation is a wait for Python's lock."""
MOST_BLOCK_ROWS = 32
"""Of a batch; with more, a block's product would have to be larger to be fast, and a block is all that a thread has of a layer."""
MOST_KEPT_SLOPE_BYTES = 1 << 19
"""Of the hidden outputs: with more, their slopes aren't all computed at once and kept, but block by block where they are needed."""
SLOPE_BLOCK_BYTES = 1 << 17
"""Of such a block: 1,024 rows with 1,024 units take 0.97 of the time, 1,024 rows with 512 take 0.96."""


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
    crew, shares
        Who plays the shares of the work on a large kernel, and how many there are.

    """

    def __init__(self, parameters: Parameters, rows: int, *, slots: int = 1, crew: Crew = ALONE, shares: int = 1) -> None:
        layers, dtype = parameters.layers, parameters.vector.dtype
        self._crew, self._shares = crew, shares
        self.parameters = parameters
        self.rows = rows
        self.activations = [activations.get(layer.activation) for layer in layers]
        self.inputs = full((slots, layers[0].input_dim + 1, rows), 1, dtype)
        """(slots, features + 1, rows), the last row ones."""
        self.outputs = empty((slots, layers[-1].output_dim, rows), dtype)
        """(slots, outputs, rows), of each batch as it was when its turn came."""
        self._edges = np.cumsum([0, *((layer.output_dim + 1) * rows for layer in layers[:-1])])
        self._hidden = full(int(self._edges[-1]), 1, dtype)
        sums = [above[:-1] for above in self._by_layer(self._hidden)]
        self._activate = [activation.forward(z, z) for activation, z in zip(self.activations, sums, strict=False)]
        """Of each hidden layer: the same operations, on the same buffers, for every slot."""

    def forward(self, slot: int, *, logits: bool = False) -> Tape:
        """Operations that fill `outputs[slot]` from `inputs[slot]`, the last activation left out if `logits`."""
        *kernels, last = self.parameters.matrices
        a = self.inputs[slot]
        tape: Tape = []
        for kernel, activate, above in zip(kernels, self._activate, self._by_layer(self._hidden), strict=True):
            shares = [multiply(kernel.T[units], a, above[units]) for units in self._cuts(kernel, kernel.shape[1])]
            tape += [*self._crew.sharing(shares), *activate]
            a = above
        z = self.outputs[slot]
        tape += multiply(last.T, a, z)
        return tape if logits else [*tape, *self.activations[-1].forward(z, z)]

    def _cuts(self, kernel: Array, size: int) -> list[slice]:
        """How the work on a kernel is shared out, by the one of its axes that has this size."""
        return cuts(size, kernel_shares(kernel.size, self.rows, self._shares))

    def _by_layer(self, buffer: Array) -> list[Array]:
        """A view (features + 1, rows) of a flat buffer for each hidden layer."""
        return [buffer[start:stop].reshape(-1, self.rows) for start, stop in pairwise(self._edges)]


class TrainingWorkspace(Workspace):
    """Buffers for both passes; after a step's tape was played, `gradient` holds its gradient, and `outputs` what it saw.

    Parameters
    ----------
    loss
        What the gradient is of: each sample's loss, times its weight and the factor of `rescale`, added up.

    """

    def __init__(
        self, parameters: Parameters, rows: int, *, loss: Loss, slots: int = 1, crew: Crew = ALONE, shares: int = 1
    ) -> None:
        super().__init__(parameters, rows, slots=slots, crew=crew, shares=shares)
        layers, dtype = parameters.layers, parameters.vector.dtype
        self.loss = loss
        self.logits = loss.takes_logits(layers[-1].activation)
        """Whether `outputs` are logits, and the gradient is taken from them."""
        self.targets = full(self.outputs.shape, 0, dtype)
        self.weights = full((slots, 1, rows), 1, dtype)
        """(slots, 1, rows): what a sample counts in the loss."""
        self._scale, self._shift, self._factor = (full(self.outputs.shape, 1, dtype) for _ in range(3))
        self._keeps_slopes = self._hidden.nbytes <= MOST_KEPT_SLOPE_BYTES
        self._slope = full(self._hidden.shape if self._keeps_slopes else self._largest_slope_block(), 1, dtype)
        self._delta = empty(self._hidden.shape, dtype)
        self._deltas = [*(delta[:-1] for delta in self._by_layer(self._delta)), empty(self.outputs.shape[1:], dtype)]
        """(units, rows) of each layer."""
        self._copy = empty(rows * max(layer.output_dim for layer in layers), dtype)
        self._slopes = self._record_slopes() if self._keeps_slopes else []

    @cached_property
    def gradient(self) -> Parameters:
        """The gradient of the step that was last played; made when it is first asked for, since not every step keeps one."""
        return Parameters(self.parameters.layers, self.parameters.vector.dtype)

    def rescale(self, factor: float) -> None:
        """Let each sample's loss count its weight times `factor`, from now on; to be called after a change of `targets` too."""
        np.multiply(self.weights, factor, self._scale)
        if self.logits:
            self.loss.fold(self.targets, self._scale, self._shift, self._factor)

    def step(self, slot: int, gradient: Parameters | None = None) -> Tape:
        """Operations that fill `gradient` (the workspace's own if none is given) and `outputs[slot]` from the slot's rows."""
        return self._step(slot, _Kept(gradient or self.gradient))

    def updates(self, optimizer: Optimizer) -> list[Tape]:
        """For each slot, operations that take the whole step: the same, and the update by `optimizer`.

        Where there are many weights, much of the time is the way from memory and back. So they are updated as soon as their
        gradient is there, with few rows block by block, and the gradient is kept nowhere.
        """
        slots, weights = range(len(self.inputs)), self.parameters.vector
        if weights.nbytes > LARGEST_KEPT_BYTES:
            spent = _Spent(self.parameters, optimizer, self._largest_block(), self._shares)
            return [[*optimizer.begin(), *self._step(slot, spent)] for slot in slots]
        update = [*optimizer.begin(), *optimizer.tape(weights, self.gradient.vector)]
        return [[*self.step(slot), *update] for slot in slots]

    def _largest_block(self) -> int:
        """Numbers of a gradient that are spent at a time: of a layer's row at least, of its share at the most."""
        matrices = self.parameters.matrices
        share = max(int(matrix[rows].size) for matrix in matrices for rows in self._cuts(matrix, len(matrix)))
        if self.rows > MOST_BLOCK_ROWS:
            return share
        block = (SHARED_BLOCK_BYTES if self._shares > 1 else BLOCK_BYTES) // self.parameters.vector.itemsize
        return max(min(share, block), *(layer.output_dim for layer in self.parameters.layers))

    def _step(self, slot: int, gradients: _Kept | _Spent) -> Tape:
        return [
            *self.forward(slot, logits=self.logits),
            *self._slopes,
            *self._loss_gradient(slot),
            *self._backward(slot, gradients),
        ]

    def _record_slopes(self) -> Tape:
        """The derivatives of the hidden layers: neighbours of one activation in one call, their rows of ones along with them."""
        tape: Tape = []
        hidden = range(len(self.activations) - 1)
        for activation, run in groupby(hidden, key=self.activations.__getitem__):
            numbers = list(run)
            part = slice(self._edges[numbers[0]], self._edges[numbers[-1] + 1])
            tape += activation.slope(self._hidden[part], self._slope[part])
        return tape

    def _loss_gradient(self, slot: int) -> Tape:
        """The scaled gradient by the last layer's logits, in its delta."""
        outputs, delta = self.outputs[slot], self._deltas[-1]
        if self.logits:
            return self.loss.from_logit_gradient(outputs, self._shift[slot], self._factor[slot], delta)
        activation, slope = self.activations[-1], np.empty_like(delta)
        return [
            *self.loss.gradient(self.targets[slot], outputs, delta),
            partial(np.multiply, delta, self._scale[slot], delta),
            *activation.slope(outputs, slope),
            *activation.backward(outputs, slope, delta),
        ]

    def _backward(self, slot: int, gradients: _Kept | _Spent) -> Tape:
        """From the last layer to the first: a layer's gradient is inputs · deltaᵀ, the inputs' delta is kernel · delta."""
        inputs = [self.inputs[slot], *self._by_layer(self._hidden)]
        tape: Tape = []
        for number in range(len(inputs) - 1, -1, -1):
            matrix, delta = self.parameters.matrices[number], self._deltas[number]
            below = self._deltas[number - 1] if number else delta[:0]  # the network's inputs have none
            turned, turn = self._turned(number)
            layer = _Layer(number, matrix, inputs[number], delta, turned, below)
            shares = [gradients.fill(layer, rows, share) for share, rows in enumerate(self._cuts(matrix, len(matrix)))]
            tape += [*turn, *self._crew.sharing(shares)]
            if number:
                tape += self._through(number - 1, inputs[number][:-1], below)
        return tape

    def _through(self, number: int, a: Array, delta: Array) -> Tape:
        """Operations that turn `delta` from the gradient by a hidden layer's activations `a` into that by its sums."""
        activation = self.activations[number]
        if self._keeps_slopes:
            return activation.backward(a, self._by_layer(self._slope)[number][:-1], delta)
        block = self._slope_rows(number)
        tape: Tape = []
        for start in range(0, len(a), block):
            units = slice(start, start + block)
            slope = self._slope[: a[units].size].reshape(-1, self.rows)
            tape += [*activation.slope(a[units], slope), *activation.backward(a[units], slope, delta[units])]
        return tape

    def _slope_rows(self, number: int) -> int:
        """Units of a hidden layer whose slopes are computed at a time: all of them, where they depend on one another."""
        if not isinstance(self.activations[number], Elementwise):
            return self.parameters.layers[number].output_dim
        return max(SLOPE_BLOCK_BYTES // (self.rows * self._hidden.itemsize), 1)

    def _largest_slope_block(self) -> int:
        return max(self._slope_rows(number) for number in range(len(self.activations) - 1)) * self.rows

    def _turned(self, number: int) -> tuple[Array, Tape]:
        """A layer's delta, (rows, units): a view, or where that pays, a copy, and the operations that fill it."""
        layer, delta = self.parameters.layers[number], self._deltas[number]
        if not turning_pays(layer.input_dim + 1, layer.output_dim, self.rows):
            return delta.T, []
        copy = self._copy[: delta.size].reshape(self.rows, -1)
        return copy, [partial(copy.__setitem__, ..., delta.T)]


class _Layer(NamedTuple):
    """A layer on the way back: what its products read, and the deltas that they fill."""

    number: int
    matrix: Array
    """[kernel; bias], (in + 1, out)."""
    inputs: Array
    """(in + 1, rows), the last row ones."""
    delta: Array
    """(out, rows)."""
    turned: Array
    """(rows, out)."""
    below: Array
    """(in, rows), the deltas of the layer below, or (0, rows) where there is none."""

    def down(self, inputs: slice) -> Tape:
        """Operations that fill the deltas of some inputs, to be played before their weights are updated."""
        below = self.below[inputs]
        return multiply(self.matrix[inputs][: len(below)], self.delta, below) if below.size else []


class _Kept:
    """Gradients that are kept, for others to be added, or for an update of all weights in one call."""

    def __init__(self, gradient: Parameters) -> None:
        self._gradient = gradient

    def fill(self, layer: _Layer, inputs: slice, _: int) -> Tape:
        """Operations that fill the deltas of some inputs, and the gradient of their weights."""
        gradient = self._gradient.matrices[layer.number][inputs]
        return [*layer.down(inputs), *multiply(layer.inputs[inputs], layer.turned, gradient)]


class _Spent:
    """Gradients that are spent at once, block by block of a layer's inputs: each share has one buffer, whatever slot it is for."""

    def __init__(self, parameters: Parameters, optimizer: Optimizer, largest_block: int, shares: int) -> None:
        self._parameters, self._optimizer = parameters, optimizer
        self._gradients = [empty(largest_block, parameters.vector.dtype) for _ in range(shares)]
        self._updates: dict[int, Tape] = {}

    def fill(self, layer: _Layer, inputs: slice, share: int) -> Tape:
        """Operations that fill the deltas of some inputs, and update their weights."""
        units = len(layer.delta)
        block = len(self._gradients[share]) // units
        tape: Tape = []
        for start in range(inputs.start, inputs.stop, block):
            some = slice(start, min(start + block, inputs.stop))
            place = self._parameters.place(layer.number, some)
            gradient = self._gradients[share][: place.stop - place.start]
            product = multiply(layer.inputs[some], layer.turned, gradient.reshape(-1, units))
            tape += [*layer.down(some), *product, *self._update(gradient, place)]
        return tape

    def _update(self, gradient: Array, place: slice) -> Tape:
        if place.start not in self._updates:
            self._updates[place.start] = self._optimizer.tape(self._parameters.vector[place], gradient, place)
        return self._updates[place.start]
