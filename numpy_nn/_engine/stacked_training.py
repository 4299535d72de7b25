"""An epoch of several networks at once, minibatch by minibatch, each network with rows and an order of its own.

Called by `Ensemble.fit`, which has a `StackedTrainer` for each group of networks that fit in the cache.
"""

from __future__ import annotations

from copy import copy
from typing import NamedTuple

import numpy as np

from numpy_nn._engine import tuning
from numpy_nn._engine.arrays import Array, full, scalar
from numpy_nn._engine.program import Program, run
from numpy_nn._engine.stacked import StackedParameters, StackedStep
from numpy_nn.losses import Loss
from numpy_nn.metrics import Report
from numpy_nn.optimizers import FLUSH_EVERY_STEPS, Optimizer

StackedTotals = dict[str, Array]
"""For each name of the logs, (networks,) sums over samples."""


class StackedRows(NamedTuple):
    """Checked samples that several networks share, or each one's."""

    x: Array
    """(samples, features), or (networks · samples, features): those of one network after those of another."""
    y: Array
    samples: int
    """Those of one network."""
    shared: bool

    def of(self, networks: slice) -> StackedRows:
        """The rows of some networks."""
        if self.shared:
            return self
        part = slice(networks.start * self.samples, networks.stop * self.samples)
        return self._replace(x=self.x[part], y=self.y[part])

    def stacked(self, values: Array, networks: int, rows: slice) -> Array:
        """Some rows of `x` or `y` of every network, (networks, rows, numbers)."""
        whole = (values[None] if self.shared else values.reshape(networks, self.samples, -1))[:, rows]
        return np.broadcast_to(whole, (networks, *whole.shape[1:]))


class StackedMinibatches:
    """The step for minibatches of one size, and the rows of up to `count` of them, which are copied in at once."""

    def __init__(self, step: StackedStep, loss: Loss, count: int) -> None:
        self.step, self.count, self._loss = step, count, loss
        forward, dtype = step.forward, step.scale.dtype
        self.rows = forward.rows
        self._inputs = full((count, *forward.inputs.shape), 1, dtype)
        shape = count, forward.networks, forward.rows
        self._targets = full((len(step.targets), *shape), 0, dtype)
        self._outputs = full((len(forward.outputs), *shape), 0, dtype)
        self._constants = [(step.targets, self._targets)]
        if step.from_logits:
            self._shift, self._factor = (full(self._outputs.shape, 0, dtype) for _ in range(2))
            self._constants = [(step.shift, self._shift), (step.factor, self._factor)]

    def load(self, rows: StackedRows, order: Array | None, start: int, count: int) -> None:
        """Copy in `count` minibatches of every network, from its row `start` on, as the rows are or in `order`."""
        part, networks = slice(start, start + count * self.rows), self.step.forward.networks
        if order is None:
            x, y = (rows.stacked(values, networks, part) for values in (rows.x, rows.y))
        else:
            x, y = (values.take(order[:, part], axis=0) for values in (rows.x, rows.y))
        self._inputs[:count, :, :-1] = x.reshape(networks, count, self.rows, -1).transpose(1, 0, 3, 2)
        self._targets[:, :count] = y.reshape(networks, count, self.rows, -1).transpose(3, 1, 0, 2)
        if self.step.from_logits:
            scale = np.broadcast_to(self.step.scale[:, None], self._shift.shape)
            flat = (values.reshape(len(values), -1) for values in (self._targets, scale, self._shift, self._factor))
            self._loss.prepare_gradient(*flat)

    def train(self, optimizer: Optimizer, count: int, flush: Program) -> None:
        """Train on the first `count` minibatches that were copied in."""
        inputs, outputs, program = self.step.forward.inputs, self.step.forward.outputs, self.step.program
        constants = [(buffer.reshape(-1, *values.shape[2:]), values) for buffer, values in self._constants]
        for batch in range(count):
            if flush and optimizer.iterations % FLUSH_EVERY_STEPS == 0:
                run(flush)
            inputs[...] = self._inputs[batch]
            for buffer, values in constants:
                buffer[...] = values[:, batch]
            for operation in program:
                operation()
            self._outputs[:, batch] = outputs
            optimizer.iterations += 1

    def totals(self, report: Report, count: int) -> StackedTotals:
        """Sums over the samples of the first `count` minibatches, each as it was before its minibatch's update."""
        return totals(report, self._targets[:, :count], self._outputs[:, :count])


class StackedTrainer:
    """Trains several networks on `rows`, an epoch at a time."""

    def __init__(
        self, parameters: StackedParameters, optimizer: Optimizer, report: Report, rows: StackedRows, batch_size: int
    ) -> None:
        self.optimizer, self._report, self._rows = optimizer, report, rows
        loss = report.loss.for_targets(rows.y)
        size = min(batch_size, rows.samples)
        full_batches, rest = divmod(rows.samples, size)
        layers, (networks, _), itemsize = parameters.layers, parameters.vectors.shape, parameters.vectors.itemsize
        row_bytes = networks * itemsize * (layers[0].input_dim + 5 * layers[-1].output_dim + 2)
        most = max(1, min(full_batches, tuning.this_machine().loaded_bytes // (size * row_bytes)))
        full_size = StackedMinibatches(StackedStep(parameters, optimizer, loss, size), loss, most)
        self._loads = [(full_size, start * size, min(most, full_batches - start)) for start in range(0, full_batches, most)]
        self._programs = [full_size]
        if rest:
            self._programs.append(StackedMinibatches(StackedStep(parameters, optimizer, loss, rest), loss, 1))
            self._loads.append((self._programs[1], rows.samples - rest, 1))
        self._stays_loaded = len(self._loads) == len(self._programs)
        self._loaded_in_order = False
        self._flush = optimizer.record_flush()
        self._offsets = np.arange(networks)[:, None] * (0 if rows.shared else rows.samples)

    def epoch(self, order: Array | None) -> dict[str, Array]:
        """Train on all rows, as they are or in `order` (networks, samples): the logs, (networks,) each."""
        for program in self._programs:
            program.step.penalties.total[:] = 0
        found: StackedTotals = {}
        places = None if order is None else order + self._offsets
        for program, start, count in self._loads:
            if order is not None or not self._loaded_in_order:
                program.load(self._rows, places, start, count)
            program.train(self.optimizer, count, self._flush)
            for name, total in program.totals(self._report, count).items():
                found[name] = found.get(name, 0.0) + total
        self._loaded_in_order = order is None and self._stays_loaded
        found["loss"] = found["loss"] + sum(program.step.penalties.total for program in self._programs)
        return {name: total / self._rows.samples for name, total in found.items()}


def part_of(optimizer: Optimizer, networks: slice) -> Optimizer:
    """An optimizer of some networks, whose state is a view of that of all."""
    part = copy(optimizer)
    if optimizer.learning_rates is not None:
        part.learning_rates = optimizer.learning_rates[networks]
    part.arrays = {name: array[networks] for name, array in optimizer.arrays.items()}
    dtype = next(iter(optimizer.numbers.values())).dtype
    part.numbers = {name: scalar(value, dtype) for name, value in part.constants().items()}
    part.gradient_factor = part.factor()
    part.changed = False
    return part


def alone(optimizer: Optimizer, network: int) -> Optimizer:
    """The optimizer of one network, with a copy of its state."""
    own = copy(optimizer)
    own.settings = dict(optimizer.settings)
    if own.learning_rates is not None:
        rate, own.learning_rates = float(own.learning_rates[network, 0]), None
        own.learning_rate = rate
    first = next(iter(optimizer.numbers.values()))
    arrays = {name: array[network].copy() for name, array in optimizer.arrays.items()}
    own.arrays, own.numbers = arrays, {name: scalar(value, first.dtype) for name, value in own.constants().items()}
    own.gradient_factor, own.changed = own.factor(), False
    return own


def totals(report: Report, y: Array, given: Array) -> StackedTotals:
    """Sums over the samples of each network, from targets and outputs or logits (numbers, minibatches, networks, rows)."""
    shape = given.shape[1:]
    y, given = (values.reshape(len(values), -1) for values in (y, given))

    def by_network(values: Array) -> Array:
        found: Array = values.reshape(shape).sum(axis=(0, 2), dtype=np.float64)
        return found

    loss = report.loss
    found = {"loss": by_network(loss.from_logit_values(y, given) if report.takes_logits else loss.values(y, given))}
    if not report.metrics:
        return found
    outputs = np.empty_like(given) if report.takes_logits else given
    run(report.record_activation(given, outputs))
    nan = by_network(np.asarray(np.isnan(outputs).any(axis=0))) > 0
    for name, metric in report.metrics.items():
        found[name] = np.where(nan, np.nan, by_network(metric.values(y, outputs)))
    return found
