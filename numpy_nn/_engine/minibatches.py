"""An epoch, minibatch by minibatch: rows copied into buffers, steps run, outputs collected.

`Trainer` is what `Sequential.fit` and `train_on_batch` use. It has a `MinibatchProgram` for the minibatches of the full size and
one for the last, smaller one; each holds the recorded steps of as many minibatches as its buffers have room for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import numpy as np

from numpy_nn._engine import tuning
from numpy_nn._engine.arrays import Array
from numpy_nn._engine.backward import Backward, Gradients
from numpy_nn._engine.blas import blas_threads
from numpy_nn._engine.buffers import Parameters, TrainingBuffers
from numpy_nn._engine.forward import Forward
from numpy_nn._engine.fused_update import FusedUpdate, StoredGradient, fusing_pays
from numpy_nn._engine.program import Operation, Program, run
from numpy_nn._engine.threads import Split, ThreadTeam, split_minibatch
from numpy_nn.losses import Loss
from numpy_nn.optimizers import FLUSH_EVERY_STEPS, Optimizer
from numpy_nn.validation import Rows


class StepRecorder:
    """Records training steps: forward, loss, backward, update; with buffers for `chunks` chunks of `rows` rows."""

    def __init__(
        self, parameters: Parameters, loss: Loss, rows: int, *, chunks: int, team: ThreadTeam, kernel_threads: int = 1
    ) -> None:
        self.buffers = TrainingBuffers(parameters, rows, chunks=chunks)
        self._threads = kernel_threads
        self._forward = Forward(self.buffers, team=team, threads=kernel_threads)
        self._backward = Backward(self.buffers, loss, team=team, threads=kernel_threads)
        self.rescale = self._backward.rescale

    def record_gradient(self, chunk: int, gradient: Parameters) -> Program:
        """Operations that compute `outputs[chunk]` and write the gradient into `gradient`."""
        return self._record(chunk, StoredGradient(gradient))

    def record_steps(self, optimizer: Optimizer) -> list[Program]:
        """For each chunk, the operations of a whole step, the update by `optimizer` included."""
        parameters, chunks = self.buffers.parameters, range(len(self.buffers.inputs))
        if fusing_pays(parameters):
            fused = FusedUpdate(parameters, optimizer, rows=self.buffers.rows, threads=self._threads)
            return [[*optimizer.record_begin(), *self._record(chunk, fused)] for chunk in chunks]
        gradient = self.buffers.gradient
        update = [*optimizer.record_begin(), *optimizer.record_update(parameters.vector, gradient.vector)]
        return [[*self.record_gradient(chunk, gradient), *update] for chunk in chunks]

    def _record(self, chunk: int, gradients: Gradients) -> Program:
        forward = self._forward.record(chunk, logits=self._backward.from_logits)
        backward = self._backward.record(chunk, gradients)  # the gradient of the loss comes first
        return [*forward, *backward]


class _Chunk(NamedTuple):
    """Some rows of every minibatch: views of the buffers that they are copied into."""

    rows: slice
    """Which rows of a minibatch."""
    inputs: Array
    """(minibatches, features + 1, rows)."""
    targets: Array
    """(minibatches, outputs, rows)."""
    weights: Array
    """(minibatches, 1, rows)."""
    outputs: Array
    """(minibatches, outputs, rows)."""


class MinibatchProgram:
    """The recorded steps of minibatches of one size, and the copying of rows to and from their buffers.

    A large minibatch is divided into chunks of one size: some follow one another in the same buffers, some run in parallel, on
    threads, in buffers of their own. If the size doesn't divide the minibatch, the last chunk begins earlier, and the rows that it
    repeats have no weight.
    """

    def __init__(
        self, parameters: Parameters, optimizer: Optimizer, loss: Loss, *, rows: int, count: int, split: Split, team: ThreadTeam
    ) -> None:
        self.rows = rows
        self._scale: float | None = None
        chunks = -(-rows // split.chunk_rows)
        in_turn = -(-chunks // split.parallel_chunks)
        self._repeated = chunks * split.chunk_rows - rows
        self._recorders = [
            StepRecorder(parameters, loss, split.chunk_rows, chunks=count * in_turn, team=team, kernel_threads=split.kernel_threads)
            for _ in range(min(split.parallel_chunks, chunks))
        ]
        self._chunks = [self._chunk(number, split.chunk_rows, in_turn) for number in range(chunks)]
        self._further = [Parameters(parameters.layers, parameters.vector.dtype) for _ in self._recorders if in_turn > 1]
        """The gradients of the chunks that follow the first in the same buffers, one after the other."""
        if chunks == 1:
            self.steps = self._recorders[0].record_steps(optimizer)
        else:
            gradient = self._recorders[0].buffers.gradient
            update = [*optimizer.record_begin(), *optimizer.record_update(parameters.vector, gradient.vector)]
            self.steps = [[*self._record_gradient(batch * in_turn, team), *update] for batch in range(count)]
        """The whole step of each minibatch: forward, loss, backward, update."""

    def _chunk(self, number: int, rows: int, in_turn: int) -> _Chunk:
        turn, place = divmod(number, len(self._recorders))
        b = self._recorders[place].buffers
        start = min(number * rows, self.rows - rows)
        arrays = (array[turn::in_turn] for array in (b.inputs, b.targets, b.weights, b.outputs))
        return _Chunk(slice(start, start + rows), *arrays)

    def _record_gradient(self, first_chunk: int, team: ThreadTeam) -> Program:
        """Operations that leave the minibatch's gradient in the first buffers."""
        gradients = [recorder.buffers.gradient for recorder in self._recorders]
        programs = [r.record_gradient(first_chunk, gradient) for r, gradient in zip(self._recorders, gradients, strict=True)]
        for number in range(len(programs), len(self._chunks)):
            turn, place = divmod(number, len(programs))
            programs[place] += self._recorders[place].record_gradient(first_chunk + turn, self._further[place])
            programs[place].append(_add(gradients[place], self._further[place]))
        return [*team.record(programs), *(_add(gradients[0], other) for other in gradients[1:])]

    def load(self, rows: Rows, *, start: int, count: int, order: Array | None) -> None:
        """Copy `count` minibatches in, from row `start` on, of the rows as they are or in `order`."""
        stop = start + count * self.rows
        chosen: slice | Array = slice(start, stop) if order is None else order[start:stop]
        x, y = (values[chosen].reshape(count, self.rows, -1).transpose(0, 2, 1) for values in (rows.x, rows.y))
        weights = None if rows.weights is None else rows.weights[chosen].reshape(count, 1, self.rows)
        for chunk in self._chunks:
            chunk.inputs[:count, :-1] = x[..., chunk.rows]
            chunk.targets[:count] = y[..., chunk.rows]
            if weights is not None:
                chunk.weights[:count] = weights[..., chunk.rows]
        self._chunks[-1].weights[..., : self._repeated] = 0
        self._scale = None

    def rescale(self, scale: float) -> None:
        """Multiply each sample's loss by its weight and `scale`, divided by the size of the minibatch."""
        if scale != self._scale:
            self._scale = scale
            for recorder in self._recorders:
                recorder.rescale(scale / self.rows)

    def collect(self, outputs: Array, *, start: int, count: int, first: int = 0) -> None:
        """Copy the outputs of `count` minibatches, from `first` on, to columns of `outputs` (outputs, samples) from `start` on."""
        columns = outputs[:, start : start + count * self.rows].reshape(len(outputs), count, self.rows)
        for chunk in self._chunks:
            columns[..., chunk.rows] = chunk.outputs[first : first + count].transpose(1, 0, 2)


def _add(gradient: Parameters, other: Parameters) -> Operation:
    return partial(np.add, gradient.vector, other.vector, gradient.vector)


class _Load(NamedTuple):
    """Minibatches of one size that are copied in at once."""

    program: MinibatchProgram
    first: int
    """The number of its first minibatch in the epoch."""
    start: int
    """The first row of that minibatch."""
    batches: int


class Trainer:
    """Trains on minibatches of `batch_size` rows out of `samples`: `start_epoch`, `step` for each minibatch, `end_epoch`."""

    def __init__(
        self, parameters: Parameters, optimizer: Optimizer, loss: Loss, *, samples: int, batch_size: int, threads: int
    ) -> None:
        self._optimizer, self._batch_rows = optimizer, batch_size
        self._outputs = np.empty((parameters.layers[-1].output_dim, samples), parameters.vector.dtype)
        t = tuning.this_machine()
        full, rest = divmod(samples, batch_size)
        row_bytes = parameters.vector.itemsize * (parameters.layers[0].input_dim + 5 * parameters.layers[-1].output_dim + 2)
        count = max(1, min(full, t.most_loaded_minibatches, t.loaded_bytes // (batch_size * row_bytes)))
        sizes = [(batch_size, count)] * (full > 0) + [(rest, 1)] * (rest > 0)
        splits = [split_minibatch(rows, parameters, threads) for rows, _ in sizes]
        self._team = ThreadTeam(max(max(split.parallel_chunks, split.kernel_threads) for split in splits))
        programs = [
            MinibatchProgram(parameters, optimizer, loss, rows=rows, count=count, split=split, team=self._team)
            for (rows, count), split in zip(sizes, splits, strict=True)
        ]
        loads = [_Load(programs[0], first, first * batch_size, min(count, full - first)) for first in range(0, full, count)]
        self._loads = [*loads, *([_Load(programs[-1], full, samples - rest, 1)] if rest else [])]
        self._stays_loaded = len(self._loads) == len(programs)
        """Whether the buffers have room for the whole epoch."""
        self._loaded_in_order = False
        self._flush = optimizer.record_flush()
        self._unflushed = FLUSH_EVERY_STEPS
        self.batches = full + (rest > 0)
        """Minibatches of an epoch."""

    @contextmanager
    def threads(self) -> Iterator[None]:
        """The threads of the engine and of the BLAS as training needs them, inside the block."""
        with blas_threads(1), np.errstate(all="ignore"), self._team:
            yield

    def start_epoch(self, rows: Rows, order: Array | None, *, same_rows: bool = True) -> None:
        """Begin an epoch over `rows` in `order`, or as they are.

        Parameters
        ----------
        same_rows
            Whether these are the rows of the epoch before; in the same order, they are not copied again.

        """
        self._rows, self._order = rows, order
        self._optimizer.refresh()
        self._keep = self._loaded_in_order and order is None and same_rows
        self._loaded = -1
        self._load_end = self._prepare_at = 0

    def step(self, batch: int) -> None:
        """Train on the minibatch number `batch`; within an epoch they come in order.

        1. The rows are in the buffers: `_prepare` copies those of many minibatches at once.
        2. Forward: each layer's product and activation, up to the outputs.
        3. Loss: its gradient by the outputs; its value is computed from `end_epoch`, or `results` on the way.
        4. Backward: each layer's gradient, from the last to the first.
        5. Update: the optimizer's operations on the weights.

        Steps 2 to 5 are one recorded program: see `StepRecorder`, and `numpy_nn.textbook` for the same in plain lines.
        """
        if batch == self._prepare_at:
            self._prepare(batch)
        for operation in self._steps[batch - self._first]:
            operation()

    def batch_results(self, batch: int) -> tuple[Rows, Array]:
        """The rows of the minibatch that was trained on last, and its outputs or logits (outputs, rows) before the update."""
        program, first, start, _ = self._loads[self._loaded]
        start += (batch - first) * program.rows
        outputs = np.empty((len(self._outputs), program.rows), self._outputs.dtype)
        program.collect(outputs, start=0, count=1, first=batch - first)
        return self._rows.take(self._chosen(start, start + program.rows)), outputs

    def results(self, batches: int) -> tuple[Rows, Array]:
        """The rows of the epoch's first minibatches in their order, and the outputs or logits of each before its update."""
        self._collect()
        stop = min(batches * self._batch_rows, self._outputs.shape[1])
        if stop == self._outputs.shape[1]:
            return self._rows if self._order is None else self._rows.take(self._order), self._outputs
        return self._rows.take(self._chosen(0, stop)), self._outputs[:, :stop]

    def end_epoch(self, batches: int) -> tuple[Rows, Array]:
        """`results`, after which the rows are let go: a trainer may outlive them by far."""
        found = self.results(batches)
        self._loaded_in_order = self._order is None and self._stays_loaded and batches == self.batches
        del self._rows, self._order
        return found

    def _chosen(self, start: int, stop: int) -> slice | Array:
        return slice(start, stop) if self._order is None else self._order[start:stop]

    def _prepare(self, batch: int) -> None:
        """What comes before some minibatches: copying the next ones in, and flushing the optimizer's state now and then."""
        if batch == self._load_end:
            if batch:
                self._collect()
            self._loaded += 1
            program, self._first, start, batches = self._loads[self._loaded]
            if not self._keep:
                program.load(self._rows, start=start, count=batches, order=self._order)
            program.rescale(self._optimizer.gradient_factor)
            self._steps = program.steps
            self._load_end = batch + batches
        self._prepare_at = self._load_end
        if self._flush:
            if self._unflushed >= FLUSH_EVERY_STEPS:
                run(self._flush)
                self._unflushed = 0
            self._prepare_at = min(self._load_end, batch + FLUSH_EVERY_STEPS)
            self._unflushed += self._prepare_at - batch

    def _collect(self) -> None:
        """Copy the outputs of the minibatches that were copied in last."""
        program, _, start, batches = self._loads[self._loaded]
        program.collect(self._outputs, start=start, count=batches)
