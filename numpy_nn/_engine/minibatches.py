"""An epoch, minibatch by minibatch: rows copied into buffers, steps run, outputs collected.

`Trainer` is what `Sequential.fit` and `train_on_batch` use. It has a `MinibatchProgram` for the minibatches of the full size and
one for the last, smaller one; each holds the recorded steps of as many minibatches as its buffers have room for.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from numpy_nn import activations
from numpy_nn._engine import tuning
from numpy_nn._engine.arrays import Array
from numpy_nn._engine.backward import Backward, Gradients
from numpy_nn._engine.blas import blas_threads
from numpy_nn._engine.buffers import Parameters, TrainingBuffers
from numpy_nn._engine.forward import Forward
from numpy_nn._engine.fused_update import FusedUpdate, StoredGradient, fusing_pays
from numpy_nn._engine.penalties import Penalties
from numpy_nn._engine.program import Operation, Program, run
from numpy_nn._engine.threads import ThreadTeam, WorkSplit, split_minibatch
from numpy_nn.losses import Loss
from numpy_nn.metrics import Report, RunningMeans
from numpy_nn.optimizers import FLUSH_EVERY_STEPS, Optimizer
from numpy_nn.validation import Rows


class StepRecorder:
    """Records training steps: forward, loss, backward, update; with buffers for `chunks` chunks of `rows` rows."""

    def __init__(
        self,
        parameters: Parameters,
        loss: Loss,
        rows: int,
        *,
        chunks: int,
        team: ThreadTeam,
        kernel_threads: int = 1,
        generator: np.random.Generator | None = None,
    ) -> None:
        targets = loss.target_count(parameters.layers[-1].output_dim)
        self.buffers = TrainingBuffers(parameters, rows, chunks=chunks, targets=targets, generator=generator)
        self._threads = kernel_threads
        self._forward = Forward(self.buffers, team=team, threads=kernel_threads)
        self._backward = Backward(self.buffers, loss, team=team, threads=kernel_threads)
        self.rescale = self._backward.rescale

    def record_gradient(self, chunk: int, gradient: Parameters) -> Program:
        """Operations that compute `outputs[chunk]` and write the gradient into `gradient`."""
        return self._record(chunk, StoredGradient(gradient))

    def record_steps(self, optimizer: Optimizer, penalties: Penalties) -> list[Program]:
        """For each chunk, the operations of a whole step, the update by `optimizer` included."""
        parameters, chunks = self.buffers.parameters, range(len(self.buffers.inputs))
        if fusing_pays(parameters, optimizer):
            fused = FusedUpdate(parameters, optimizer, penalties, rows=self.buffers.rows, threads=self._threads)
            begin = [*penalties.record_value(), *optimizer.record_begin()]
            return [[*begin, *self._record(chunk, fused)] for chunk in chunks]
        gradient = self.buffers.gradient
        update = record_update(optimizer, penalties, gradient, parameters)
        return [[*self.record_gradient(chunk, gradient), *update] for chunk in chunks]

    def _record(self, chunk: int, gradients: Gradients) -> Program:
        forward = self._forward.record(chunk, logits=self._backward.from_logits)
        backward = self._backward.record(chunk, gradients)  # the gradient of the loss comes first
        return [*forward, *backward]


def record_update(optimizer: Optimizer, penalties: Penalties, gradient: Parameters, parameters: Parameters) -> Program:
    """Operations that update the parameters from the whole gradient of the loss."""
    return [
        *penalties.record_value(),
        *penalties.record_gradient(gradient),
        *optimizer.record_begin(),
        *optimizer.record_clipping([view.reshape(-1) for view in gradient.views()]),
        *optimizer.record_update(parameters.vector, gradient.vector),
    ]


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
        self,
        parameters: Parameters,
        optimizer: Optimizer,
        loss: Loss,
        *,
        rows: int,
        count: int,
        split: WorkSplit,
        team: ThreadTeam,
        generator: np.random.Generator | None = None,
    ) -> None:
        self.rows = rows
        self.scale: float | None = None
        """The scale of all minibatches; None if they differ, or new rows have none yet."""
        self.penalties = Penalties(parameters, rows)
        chunks = -(-rows // split.chunk_rows)
        self._in_turn = in_turn = -(-chunks // split.parallel_chunks)
        self._repeated = chunks * split.chunk_rows - rows
        options = {"chunks": count * in_turn, "kernel_threads": split.kernel_threads}
        self._recorders = [
            StepRecorder(parameters, loss, split.chunk_rows, **options, team=team, generator=generator)
            for _ in range(min(split.parallel_chunks, chunks))
        ]
        self._chunks = [self._chunk(number, split.chunk_rows, in_turn) for number in range(chunks)]
        self._further = [Parameters(parameters.layers, parameters.vector.dtype) for _ in self._recorders if in_turn > 1]
        """The gradients of the chunks that follow the first in the same buffers, one after the other."""
        if chunks == 1:
            self.steps = self._recorders[0].record_steps(optimizer, self.penalties)
        else:
            update = record_update(optimizer, self.penalties, self._recorders[0].buffers.gradient, parameters)
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
        self.scale = None

    def rescale(self, scale: float) -> None:
        """Multiply each sample's loss by its weight and `scale`, divided by the size of the minibatch."""
        self.penalties.rescale(scale)
        if scale != self.scale:
            self.scale = scale
            for recorder in self._recorders:
                recorder.rescale(scale / self.rows)

    def rescale_one(self, scale: float, minibatch: int) -> None:
        """The same for one minibatch; the others keep what they have."""
        self.penalties.rescale(scale)
        if scale != self.scale:
            self.scale = None
            for recorder in self._recorders:
                recorder.rescale(scale / self.rows, slice(minibatch * self._in_turn, (minibatch + 1) * self._in_turn))

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
    """Trains on minibatches of `batch_size` rows out of `samples`: `start_epoch`, `step` for each minibatch, `end_epoch`.

    Dropout draws from `generator`, and `report` computes the logs, of the loss alone if it is left out.
    """

    def __init__(
        self,
        parameters: Parameters,
        optimizer: Optimizer,
        loss: Loss,
        *,
        samples: int,
        batch_size: int,
        threads: int,
        generator: np.random.Generator | None = None,
        report: Report | None = None,
    ) -> None:
        self._parameters, self._optimizer, self._loss, self._generator = parameters, optimizer, loss, generator
        self._report = report or Report(loss, activations.get(parameters.layers[-1].activation), {})
        self._samples, self._batch_size = samples, batch_size
        self._penalized = any(layer.kernel_regularizer for layer in parameters.layers)
        self._full, self._rest = divmod(samples, batch_size)
        self.batches = self._full + (self._rest > 0)
        """Minibatches of an epoch."""
        t = tuning.this_machine()
        row_bytes = parameters.vector.itemsize * (parameters.layers[0].input_dim + 5 * parameters.layers[-1].output_dim + 2)
        self._most_loaded = max(1, min(self._full, t.most_loaded_minibatches, t.loaded_bytes // (batch_size * row_bytes)))
        sizes = [batch_size] * (self._full > 0) + [self._rest] * (self._rest > 0)
        if any(layer.dropout for layer in parameters.layers):
            threads = 1  # the masks come from one stream, in one order
        self._splits = {rows: split_minibatch(rows, parameters, threads) for rows in sizes}
        self._team = ThreadTeam(max(max(split.parallel_chunks, split.kernel_threads) for split in self._splits.values()))
        self._flush = optimizer.record_flush()
        self._recorded: type[Loss] | None = None
        self._targets: weakref.ref[Array] | None = None
        self._record(loss)

    def _record(self, loss: Loss) -> None:
        """Record the steps, with the gradient of `loss`."""
        counts = {rows: self._most_loaded if rows == self._batch_size else 1 for rows in self._splits}
        options: dict[str, Any] = {"team": self._team, "generator": self._generator}
        programs = [
            MinibatchProgram(self._parameters, self._optimizer, loss, rows=rows, count=counts[rows], split=split, **options)
            for rows, split in self._splits.items()
        ]
        full, count, rest = self._full, self._most_loaded, self._rest
        loads = [_Load(programs[0], first, first * self._batch_size, min(count, full - first)) for first in range(0, full, count)]
        self._loads = [*loads, *([_Load(programs[-1], full, self._samples - rest, 1)] if rest else [])]
        self._stays_loaded = len(self._loads) == len(programs)
        """Whether the buffers have room for the whole epoch."""
        self._loaded_in_order = False
        self._recorded = type(loss)
        columns = self._samples
        parameters = self._parameters
        if columns * parameters.layers[-1].output_dim * parameters.vector.itemsize > tuning.this_machine().most_scored_bytes:
            columns = max(load.batches * load.program.rows for load in self._loads)
        self._keeps_all = columns == self._samples
        self._outputs = np.empty((parameters.layers[-1].output_dim, columns), parameters.vector.dtype)
        """The outputs of the epoch, or of the minibatches that were copied in last where those of an epoch are too large."""
        self._activated = np.empty_like(self._outputs) if self._report.takes_logits and self._keeps_all else self._outputs
        self._activate = self._report.record_activation(self._outputs, self._activated)

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
        if self._targets is None or self._targets() is not rows.y:
            self._targets = weakref.ref(rows.y)
            loss = self._loss.for_targets(rows.y)
            if type(loss) is not self._recorded:
                self._record(loss)
        if self._penalized:
            for load in self._loads:
                load.program.penalties.total = 0.0
        self._running: RunningMeans | None = None
        if not self._keeps_all:
            self._scored = RunningMeans(self._report)
        self._keep = self._loaded_in_order and order is None and same_rows
        self._loaded = -1
        self._load_end = self._prepare_at = 0

    def step(self, batch: int) -> None:
        """Train on the minibatch number `batch`; within an epoch they come in order.

        1. The rows are in the buffers: `_prepare` copies those of many minibatches at once.
        2. Forward: each layer's product and activation, up to the outputs.
        3. Loss: its gradient by the outputs; its value is computed once an epoch, by `end_epoch`.
        4. Backward: each layer's gradient, from the last to the first.
        5. Update: the optimizer's operations on the weights.

        Steps 2 to 5 are one recorded program: see `StepRecorder`, and `numpy_nn.textbook` for the same in plain lines.
        """
        optimizer = self._optimizer
        if batch == self._prepare_at or optimizer.changed:
            self._prepare(batch)
        for operation in self._steps[batch - self._first]:
            operation()
        optimizer.iterations += 1

    def running_logs(self, batch: int) -> dict[str, float]:
        """The logs of the epoch so far, after the step on the minibatch `batch`; to be called after each."""
        self._running = self._running or RunningMeans(self._report)
        program, first, start, _ = self._loads[self._loaded]
        start += (batch - first) * program.rows
        outputs = np.empty((len(self._outputs), program.rows), self._outputs.dtype)
        program.collect(outputs, start=0, count=1, first=batch - first)
        return self._with_penalty(self._running.add(self._take(start, start + program.rows), outputs), start + program.rows)

    def logs(self, batches: int) -> dict[str, float]:
        """The logs of the epoch's first minibatches, each row as it was before its minibatch's update, penalties included."""
        stop = min(batches * self._batch_size, self._samples)
        if self._keeps_all:
            self._collect()
            if stop < self._samples:
                return self._with_penalty(self._report.means(self._take(0, stop), self._outputs[:, :stop]), stop)
            run(self._activate)
            return self._with_penalty(self._report.means(self._take(0, stop), self._outputs, self._activated), stop)
        program, first, start, _ = self._loads[self._loaded]
        program.collect(self._outputs, start=0, count=batches - first)
        return self._with_penalty(self._scored.copy().add(self._take(start, stop), self._outputs[:, : stop - start]), stop)

    def end_epoch(self, batches: int) -> dict[str, float]:
        """`logs`, after which the rows are let go: a trainer may outlive them by far."""
        logs = self.logs(batches)
        self._loaded_in_order = self._order is None and self._stays_loaded and batches == self.batches
        del self._rows, self._order
        return logs

    def _with_penalty(self, logs: dict[str, float], rows: int) -> dict[str, float]:
        if self._penalized:
            logs["loss"] += sum({id(load.program): load.program.penalties.total for load in self._loads}.values()) / rows
        return logs

    def _take(self, start: int, stop: int) -> Rows:
        """Rows of the epoch in their order."""
        if self._order is None:
            return self._rows if stop - start == self._samples else self._rows.take(slice(start, stop))
        return self._rows.take(self._order if stop - start == self._samples else self._order[start:stop])

    def _prepare(self, batch: int) -> None:
        """What comes before some minibatches.

        Copying the next ones in, letting a changed setting of the optimizer count, and flushing its state now and then.
        """
        optimizer = self._optimizer
        if optimizer.changed:
            optimizer.refresh()
        if batch == self._load_end:
            if batch:
                self._collect()
            self._loaded += 1
            program, self._first, start, batches = self._loads[self._loaded]
            if not self._keep:
                program.load(self._rows, start=start, count=batches, order=self._order)
            program.rescale(optimizer.gradient_factor)
            self._steps = program.steps
            self._load_end = batch + batches
        else:
            program = self._loads[self._loaded].program
            program.rescale_one(optimizer.gradient_factor, batch - self._first)
        self._prepare_at = self._load_end if program.scale is not None else batch + 1
        if self._flush:
            # By the count of updates, so that a training that is continued flushes when one that never stopped does.
            since = optimizer.iterations % FLUSH_EVERY_STEPS
            if since == 0:
                run(self._flush)
            self._prepare_at = min(self._prepare_at, batch + FLUSH_EVERY_STEPS - since)

    def _collect(self) -> None:
        """Copy the outputs of the minibatches that were copied in last; score them where there is no room for those of an epoch."""
        program, _, start, batches = self._loads[self._loaded]
        program.collect(self._outputs, start=start if self._keeps_all else 0, count=batches)
        if not self._keeps_all:
            self._scored.add(self._take(start, start + batches * program.rows), self._outputs[:, : batches * program.rows])
