"""Training steps of many networks of one architecture at once: one call computes a product, an activation or an update of all.

Called by `stacked_training` and `stacked_prediction`. What belongs to a layer is (networks, units, samples), so that one
`np.matmul` makes the products of all networks. Activations and losses get (units, networks · samples) where outputs depend on one
another: they take the samples of several networks for those of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import accumulate, pairwise

import numpy as np

from numpy_nn import activations
from numpy_nn._engine import tuning
from numpy_nn._engine.arrays import Array, empty, full
from numpy_nn._engine.gemm import record_product, transposing_pays
from numpy_nn._engine.program import Program
from numpy_nn._engine.stacked_penalties import StackedPenalties
from numpy_nn.activations import Activation, Elementwise
from numpy_nn.architecture import LayerSpec
from numpy_nn.losses import Loss
from numpy_nn.optimizers import Optimizer


class StackedParameters:
    """The weights, or their gradient, of several networks: views of `vectors` (networks, count), laid out as `Parameters`."""

    def __init__(self, layers: Sequence[LayerSpec], vectors: Array) -> None:
        self.layers, self.vectors = tuple(layers), vectors
        edges = pairwise([0, *accumulate(layer.parameter_count for layer in layers)])
        self.matrices: list[Array] = [
            vectors[:, start:stop].reshape(len(vectors), -1, layer.output_dim)
            for layer, (start, stop) in zip(self.layers, edges, strict=True)
        ]
        """[kernel; bias] of each layer, (networks, in + 1, out), or the kernels alone."""
        self.kernels = [matrix[:, : layer.input_dim] for matrix, layer in zip(self.matrices, self.layers, strict=True)]

    def network_views(self, network: int) -> list[Array]:
        """The kernels and biases of one network, each flat."""
        views: list[Array] = []
        for layer, matrix in zip(self.layers, self.matrices, strict=True):
            views += [matrix[network, : layer.input_dim].reshape(-1), *matrix[network, layer.input_dim :]]
        return views


class StackedForward:
    """The forward pass of several networks over `rows` samples each: its buffers, and its `program`.

    Parameters
    ----------
    logits
        Whether the last activation is left out.
    keeps_logits
        Whether the logits are kept from which a derivative is computed.

    """

    def __init__(self, parameters: StackedParameters, rows: int, *, logits: bool, keeps_logits: bool = False) -> None:
        layers, (networks, _), dtype = parameters.layers, parameters.vectors.shape, parameters.vectors.dtype
        self.networks, self.rows = networks, rows
        self.activations = [activations.get(layer.activation) for layer in layers]
        self.inputs = full((networks, layers[0].input_dim + 1, rows), 1, dtype)
        """(networks, features + 1, rows), the last row ones."""
        self.outputs = empty((layers[-1].output_dim, networks, rows), dtype)
        self.hidden = [full((layer.output_dim + 1) * networks * rows, 1, dtype) for layer in layers[:-1]]
        """The outputs of each hidden layer with its rows of ones, flat, since NumPy takes twice as long for parts of an array."""
        self.logits = {
            number: full(self.hidden[number].shape if number < len(self.hidden) else self.outputs.size, 0, dtype)
            for number in range(len(layers))
            if keeps_logits and self.activations[number].derivative_of_input
        }
        """Flat, of the layers that keep them."""
        self.program = self._record(parameters, logits)

    def stacked(self, values: Array, number: int) -> Array:
        """A flat buffer of a layer as (networks, units, rows), of a hidden one with its rows of ones."""
        if number < len(self.hidden) and isinstance(self.activations[number], Elementwise):
            return values.reshape(self.networks, -1, self.rows)
        return values.reshape(-1, self.networks, self.rows).transpose(1, 0, 2)

    def samples(self, values: Array, number: int) -> Array:
        """A flat buffer of a hidden layer as its activation takes it: whole, or as (units, networks · rows) without the ones."""
        if isinstance(self.activations[number], Elementwise):
            return values
        return values.reshape(-1, self.networks * self.rows)[:-1]

    def _record(self, parameters: StackedParameters, logits: bool) -> Program:
        *matrices, last = (matrix.transpose(0, 2, 1) for matrix in parameters.matrices)
        program: Program = []
        below = self.inputs
        for number, matrix in enumerate(matrices):
            z = self.logits.get(number, self.hidden[number])
            outputs = self.stacked(self.hidden[number], number)
            program += record_products(matrix, below[:, : matrix.shape[2]], self.stacked(z, number)[:, :-1])
            a = self.samples(self.hidden[number], number)
            program += self.activations[number].record_forward(a if z is self.hidden[number] else z, a)
            if isinstance(self.activations[number], Elementwise) and not _keeps_ones(self.activations[number]):
                program.append(partial(outputs.__setitem__, (slice(None), -1), 1))
            below = outputs
        number = len(matrices)
        outputs = self.outputs.reshape(-1)
        z = outputs if logits else self.logits.get(number, outputs)
        program += record_products(last, below[:, : last.shape[2]], self.stacked(z, number))
        if logits:
            return program
        a = self.outputs.reshape(len(self.outputs), -1)
        return [*program, *self.activations[number].record_forward(a if z is outputs else z.reshape(a.shape), a)]


class StackedStep:
    """A training step of several networks, over `rows` samples each: forward, loss, backward and update.

    Parameters
    ----------
    optimizer
        Has state for `parameters.vectors`.
    loss
        What `Loss.for_targets` gave.

    """

    def __init__(self, parameters: StackedParameters, optimizer: Optimizer, loss: Loss, rows: int) -> None:
        self._parameters, self._loss = parameters, loss
        layers, (networks, _), dtype = parameters.layers, parameters.vectors.shape, parameters.vectors.dtype
        self.from_logits = loss.takes_logits(layers[-1].activation)
        self.forward = forward = StackedForward(parameters, rows, logits=self.from_logits, keeps_logits=True)
        outputs, samples = layers[-1].output_dim, networks * rows
        factor = np.asarray(optimizer.gradient_factor, dtype).reshape(-1, 1)
        self.penalties = StackedPenalties(parameters, rows, factor)
        self.scale = full((outputs, networks, rows), 1, dtype)
        """(outputs, networks, rows): what the gradient of each sample's loss is multiplied by."""
        self.scale *= factor / rows
        self.targets = full((loss.target_count(outputs), samples), 0, dtype)
        self.shift, self.factor = full((outputs, samples), 0, dtype), full((outputs, samples), 0, dtype)
        self._gradient = StackedParameters(layers, full(parameters.vectors.shape, 0, dtype))
        self._deltas = [full(hidden.shape, 0, dtype) for hidden in forward.hidden] + [empty(outputs * samples, dtype)]
        """The gradient of the loss by each layer's logits, flat; that of the ones stays 0."""
        largest = samples * (1 + max(layer.output_dim for layer in layers))
        self._derivative, self._transposed = full(largest, 1, dtype), empty(largest, dtype)
        """Space for one layer's derivatives, and for its transposed deltas."""
        self.program = [*forward.program, *self._record_backward(), *self._record_update(optimizer)]

    def _record_backward(self) -> Program:
        forward, parameters, deltas = self.forward, self._parameters, self._deltas
        program = self._record_loss_gradient()
        for number in range(len(deltas) - 1, -1, -1):
            layer, gradient = parameters.layers[number], self._gradient.matrices[number]
            delta = forward.stacked(deltas[number], number)[:, : layer.output_dim]
            inputs = forward.stacked(forward.hidden[number - 1], number - 1) if number else forward.inputs
            transposed, transpose = self._transpose(number, delta)
            program += [*transpose, *record_products(inputs[:, : layer.matrix_rows], transposed, gradient)]
            if number:
                below = forward.stacked(deltas[number - 1], number - 1)[:, :-1]
                program += [*record_products(parameters.kernels[number], delta, below), *self._record_activation(number - 1)]
        return program

    def _record_activation(self, number: int) -> Program:
        """Operations that turn a hidden layer's deltas from the gradient by its outputs into that by its logits."""
        forward = self.forward
        activation, hidden = forward.activations[number], forward.hidden[number]
        values = hidden, self._derivative[: hidden.size], self._deltas[number]
        a, derivative, delta = (forward.samples(value, number) for value in values)
        return [
            *activation.record_derivative(forward.logits.get(number, a), derivative),
            *activation.record_backward(a, derivative, delta),
        ]

    def _record_loss_gradient(self) -> Program:
        """The scaled gradient of the loss by the last layer's logits."""
        number, shape = len(self._deltas) - 1, self.shift.shape
        outputs, delta = self.forward.outputs.reshape(shape), self._deltas[-1].reshape(shape)
        if self.from_logits:
            return self._loss.record_logit_gradient(outputs, self.shift, self.factor, delta)
        activation, derivative = self.forward.activations[number], np.empty_like(delta)
        z = self.forward.logits[number].reshape(shape) if number in self.forward.logits else outputs
        return [
            *self._loss.record_gradient(self.targets, outputs, delta),
            partial(np.multiply, delta, self.scale.reshape(shape), delta),
            *activation.record_derivative(z, derivative),
            *activation.record_backward(outputs, derivative, delta),
        ]

    def _transpose(self, number: int, delta: Array) -> tuple[Array, Program]:
        """A layer's deltas transposed, (networks, rows, units): a view, or where that pays a copy and the operation for it."""
        layer, transposed = self._parameters.layers[number], delta.transpose(0, 2, 1)
        if not transposing_pays(layer.matrix_rows, layer.output_dim, self.forward.rows):
            return transposed, []
        copy = self._transposed[: transposed.size].reshape(transposed.shape)
        return copy, [partial(copy.__setitem__, ..., transposed)]

    def _record_update(self, optimizer: Optimizer) -> Program:
        parameters, gradient = self._parameters, self._gradient
        networks = range(len(parameters.vectors))
        clipping = [operation for i in networks for operation in optimizer.record_clipping(gradient.network_views(i))]
        return [
            *self.penalties.record_value(),
            *self.penalties.record_gradient(gradient.kernels),
            *optimizer.record_begin(),
            *clipping,
            *optimizer.record_update(parameters.vectors, gradient.vectors),
        ]


def record_products(left: Array, right: Array, out: Array) -> Program:
    """Operations that write `left` (networks, m, k) · `right` (networks, k, n) into `out` (networks, m, n).

    One call for all, unless each product is so large that it is cut into tiles.
    """
    (_, m, k), n = left.shape, right.shape[2]
    most = tuning.this_machine().small_product
    if most and m * k * n > most:
        products = (record_product(*matrices) for matrices in zip(left, right, out, strict=True))
        return [operation for product in products for operation in product]
    if k == 1:  # `np.matmul` calls no BLAS for it
        return [partial(np.multiply, left, right, out)]
    return [partial(np.matmul, left, right, out)]


def largest_group(layers: Sequence[LayerSpec], rows: int, itemsize: int) -> int:
    """How many networks to compute at once, so that what a step reads and writes stays in the cache."""
    units = 1 + sum(layer.output_dim + 1 for layer in layers)
    network = itemsize * (2 * sum(layer.parameter_count for layer in layers) + rows * (layers[0].input_dim + 3 * units))
    return max(1, tuning.this_machine().stacked_bytes // network)


def _keeps_ones(activation: Activation) -> bool:
    """Whether an elementwise activation of a number at a time leaves the ones of a bias as they are."""
    return isinstance(activation, Elementwise) and bool(activation(np.ones((1, 1), np.float32))[0, 0] == 1)
