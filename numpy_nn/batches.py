"""An epoch's rows, batch by batch: copied into a workspace, stepped through, and summed up.

`Trainer` is what `Sequential.fit` and `train_on_batch` drive. It has a stage for the batches of the full size and one for the
last, smaller one; a stage has the tapes of as many batches as it has room for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import numpy as np

from numpy_nn import activations
from numpy_nn.blas import blas_threads
from numpy_nn.losses import Loss
from numpy_nn.optimizers import FLUSH_EVERY_STEPS, Optimizer
from numpy_nn.parameters import Parameters
from numpy_nn.scoring import Rows, score
from numpy_nn.tape import Array, Operation, Tape, play
from numpy_nn.threads import Crew, Split, split_batch
from numpy_nn.workspace import TrainingWorkspace

MOST_SLOTS = 256
CHUNK_BYTES = 4 << 20
"""As many batches are copied in at once as fit into this, and no more than `MOST_SLOTS`: a data set of any size streams through."""


class Part(NamedTuple):
    """Some rows of every batch of a stage: views of the workspace that they have their slots in."""

    rows: slice
    """Which of a batch's."""
    inputs: Array
    """(batches, features + 1, rows)."""
    targets: Array
    """(batches, outputs, rows)."""
    weights: Array
    """(batches, 1, rows)."""
    outputs: Array
    """(batches, outputs, rows)."""


class Stage:
    """The batches of one size: buffers, tapes, and their sums.

    A large batch is taken in parts of one size, some after another in slots of one workspace, some side by side, on threads, in
    workspaces of their own. Where the size doesn't divide the batch, the last part begins earlier; the rows that it repeats weigh
    nothing.
    """

    def __init__(
        self, parameters: Parameters, optimizer: Optimizer, loss: Loss, *, rows: int, slots: int, split: Split, crew: Crew
    ) -> None:
        self.rows = rows
        self._factor: float | None = None
        parts = -(-rows // split.part_rows)
        in_turn = -(-parts // split.side_by_side)
        self._repeated = parts * split.part_rows - rows
        self._workspaces = [
            TrainingWorkspace(parameters, split.part_rows, loss=loss, slots=slots * in_turn, crew=crew, shares=split.kernel_shares)
            for _ in range(min(split.side_by_side, parts))
        ]
        self._parts = [self._part(number, split.part_rows, in_turn) for number in range(parts)]
        self._further = [Parameters(parameters.layers, parameters.vector.dtype) for _ in self._workspaces if in_turn > 1]
        """Where the gradients of a workspace's further parts are computed, one after the other."""
        if parts == 1:
            self.tapes = self._workspaces[0].updates(optimizer)
        else:
            update = [*optimizer.begin(), *optimizer.tape(parameters.vector, self._workspaces[0].gradient.vector)]
            self.tapes = [[*self._gradient(batch * in_turn, crew), *update] for batch in range(slots)]
        """The whole step of each batch, update and all."""

    def _part(self, number: int, rows: int, in_turn: int) -> Part:
        turn, place = divmod(number, len(self._workspaces))
        workspace = self._workspaces[place]
        start = min(number * rows, self.rows - rows)
        arrays = workspace.inputs, workspace.targets, workspace.weights, workspace.outputs
        return Part(slice(start, start + rows), *(array[turn::in_turn] for array in arrays))

    def _gradient(self, first_slot: int, crew: Crew) -> Tape:
        """Operations that leave the batch's gradient in the first workspace."""
        shares: list[Tape] = [workspace.step(first_slot) for workspace in self._workspaces]
        for number in range(len(shares), len(self._parts)):
            turn, place = divmod(number, len(shares))
            workspace, further = self._workspaces[place], self._further[place]
            shares[place] += workspace.step(first_slot + turn, further)
            shares[place].append(_add(workspace.gradient, further))
        first, *others = self._workspaces
        return [*crew.sharing(shares), *(_add(first.gradient, other.gradient) for other in others)]

    def fill(self, rows: Rows, *, start: int, count: int, order: Array | None) -> None:
        """Copy `count` batches in, from row `start` on, of the rows as they are or in `order`."""
        stop = start + count * self.rows
        chosen: slice | Array = slice(start, stop) if order is None else order[start:stop]
        x, y = (values[chosen].reshape(count, self.rows, -1).transpose(0, 2, 1) for values in (rows.x, rows.y))
        weights = None if rows.weights is None else rows.weights[chosen].reshape(count, 1, self.rows)
        for part in self._parts:
            part.inputs[:count, :-1] = x[..., part.rows]
            part.targets[:count] = y[..., part.rows]
            if weights is not None:
                part.weights[:count] = weights[..., part.rows]
        self._parts[-1].weights[..., : self._repeated] = 0
        self._factor = None

    def rescale(self, factor: float) -> None:
        """Let each sample count its weight over the batch's size, times the optimiser's `factor`."""
        if factor == self._factor:
            return
        self._factor = factor
        for workspace in self._workspaces:
            workspace.rescale(factor / self.rows)

    def collect(self, seen: Array, *, start: int, count: int) -> None:
        """Copy what the network put out for the first `count` batches to their columns of `seen` (outputs, samples)."""
        columns = seen[:, start : start + count * self.rows].reshape(len(seen), count, self.rows)
        for part in self._parts:
            columns[..., part.rows] = part.outputs[:count].transpose(1, 0, 2)


def _add(gradient: Parameters, other: Parameters) -> Operation:
    return partial(np.add, gradient.vector, other.vector, gradient.vector)


class Trainer:
    """Everything that `fit` needs for batches of `batch_size` out of `samples` rows, made once."""

    def __init__(
        self, parameters: Parameters, optimizer: Optimizer, loss: Loss, *, samples: int, batch_size: int, threads: int
    ) -> None:
        self._optimizer = optimizer
        self._loss = loss
        self._activation = activations.get(parameters.layers[-1].activation)
        self._seen = np.empty((parameters.layers[-1].output_dim, samples), parameters.vector.dtype)
        full, rest = divmod(samples, batch_size)
        row_bytes = parameters.vector.itemsize * (parameters.layers[0].input_dim + 5 * parameters.layers[-1].output_dim + 2)
        slots = max(1, min(full, MOST_SLOTS, CHUNK_BYTES // (batch_size * row_bytes)))
        sizes = [(batch_size, slots)] * (full > 0) + [(rest, 1)] * (rest > 0)
        splits = [split_batch(rows, parameters, threads) for rows, _ in sizes]
        self._crew = Crew(max(max(split.side_by_side, split.kernel_shares) for split in splits))
        stages = [
            Stage(parameters, optimizer, loss, rows=rows, slots=slots, split=split, crew=self._crew)
            for (rows, slots), split in zip(sizes, splits, strict=True)
        ]
        self._chunks = [(stages[0], first * batch_size, min(slots, full - first)) for first in range(0, full, slots)]
        if rest:
            self._chunks.append((stages[-1], samples - rest, 1))
        self._stages = stages
        self._filled = False
        self._flush = optimizer.flush()
        self._unflushed = FLUSH_EVERY_STEPS

    @contextmanager
    def ready(self) -> Iterator[None]:
        """The threads as they should be, inside the block."""
        with blas_threads(1), np.errstate(all="ignore"), self._crew:
            yield

    def steps(self, rows: Rows, order: Array | None, *, fresh: bool = False) -> Iterator[Tape]:
        """The tape of each step of an epoch, in turn.

        The rows are copied in as they are needed: not at all where they stand there from the epoch before, in the same order;
        `fresh` says that they are others.
        """
        self._optimizer.refresh()
        stay = self._filled and order is None and not fresh
        for stage, start, count in self._chunks:
            if not stay:
                stage.fill(rows, start=start, count=count, order=order)
            stage.rescale(self._optimizer.gradient_factor)
            tapes = stage.tapes[:count]
            yield from self._flushed(tapes) if self._flush else tapes
            stage.collect(self._seen, start=start, count=count)
        self._filled = order is None and len(self._chunks) == len(self._stages)

    def _flushed(self, tapes: list[Tape]) -> Iterator[Tape]:
        """The tapes of the next steps; every so many steps, the optimiser's state is rid of what has faded."""
        for first in range(0, len(tapes), FLUSH_EVERY_STEPS):
            if self._unflushed >= FLUSH_EVERY_STEPS:
                play(self._flush)
                self._unflushed = 0
            some = tapes[first : first + FLUSH_EVERY_STEPS]
            self._unflushed += len(some)
            yield from some

    def score(self, rows: Rows, order: Array | None) -> tuple[float, float]:
        """The loss and the accuracy of the epoch just ended, each row as it was before its batch's update."""
        return score(self._loss, self._activation, rows if order is None else rows.part(order), self._seen)
