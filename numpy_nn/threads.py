"""Both cores where it pays: each thread has parts of the batch, or shares of the work on each large kernel.

NumPy lets go of Python's lock inside a product, so two threads do run side by side, elementwise operations and all. Meanwhile the
BLAS keeps to one thread: two callers would only wait for its pool, and its own threads wait for one another by spinning, for as
long as another process has their core (products were seen to take 200 times as long). Whether to share, and what, is decided by
`split_batch`; the rule and its figures stand there.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import NamedTuple, Self

import numpy as np

from numpy_nn.blas import has_openblas
from numpy_nn.parameters import Parameters
from numpy_nn.tape import Tape, play

SMALLEST_SHARE_ROWS = 128
SMALLEST_SHARE_FLOPS = 1e8
"""A thread's share of a batch: with less to do (a millisecond), waking the thread, and waiting for Python's lock between two short
operations, costs what it saves."""
SMALLEST_KERNEL_SHARE = 5e6
"""Rows times weights, of what a thread has of a kernel that is shared out."""
ROWS_A_LOAD = 8
"""Rows that count for the way of a weight from memory and back."""
VECTOR_ROWS = 16
"""Numbers in the widest vector there is: parts of a whole number of vectors spare each product its edge."""
CACHED_BYTES = 400_000
"""Of a part's hidden outputs: a fifth of a core's second-level cache, which their slopes and deltas share."""
SMALLEST_PART_ROWS = 128
LARGEST_SHARED_ROWS, MANY_WEIGHTS = 1024, 100_000
"""Of a part, where parts of a network with fewer weights are side by side: with many, each operation takes long anyway."""


class Split(NamedTuple):
    """How a step is shared out: a batch in parts of `part_rows`, `side_by_side` of them at a time, a kernel in `kernel_shares`."""

    part_rows: int
    side_by_side: int
    kernel_shares: int = 1


def available_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_threads(threads: int | None) -> int:
    """`threads` as given, or all cores where it is None.

    Raises
    ------
    ValueError
        If it is no positive integer.

    """
    if threads is None:
        return available_cores()
    if isinstance(threads, bool) or not isinstance(threads, (int, np.integer)) or threads < 1:
        raise ValueError(f"threads was {threads!r}: it must be a positive integer, or None for every core")
    return int(threads)


class Crew:
    """`threads − 1` helpers, alive inside the `with` block, and the caller, who each play a tape at the same time."""

    def __init__(self, threads: int) -> None:
        self._size = threads - 1
        self._helpers: list[_Helper] = []

    def __enter__(self) -> Self:
        self._helpers = [_Helper() for _ in range(self._size)]
        return self

    def __exit__(self, *_: object) -> None:
        for helper in self._helpers:
            helper.start(None)

    def sharing(self, tapes: Sequence[Tape]) -> Tape:
        """Operations that play `tapes` at the same time; those of a single one, by the caller alone."""
        return list(tapes[0]) if len(tapes) == 1 else [partial(self.play, tapes)]

    def play(self, tapes: Sequence[Tape]) -> None:
        """Play `tapes`, one for each of the crew; return when all are done, and raise what any of them raised."""
        mine, *others = tapes
        busy = self._helpers[: len(others)]
        for helper, tape in zip(busy, others, strict=True):
            helper.start(tape)
        try:
            play(mine)
        finally:
            for helper in busy:
                helper.join()
        for helper in busy:
            if helper.error is not None:
                raise helper.error


ALONE = Crew(1)


class _Helper:
    """A thread that plays what it is handed; two locks pass the turn, the cheapest way there is in Python."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self._tape: Tape | None = None
        self._go, self._done = threading.Lock(), threading.Lock()
        self._go.acquire()
        self._done.acquire()
        threading.Thread(target=self._work, name="numpy_nn", daemon=True).start()

    def start(self, tape: Tape | None) -> None:
        self._tape = tape
        self._go.release()

    def join(self) -> None:
        self._done.acquire()

    def _work(self) -> None:
        with np.errstate(all="ignore"):
            while True:
                self._go.acquire()
                if self._tape is None:
                    return
                try:
                    play(self._tape)
                except BaseException as error:  # handed to whoever waits in `Crew.play`
                    self.error = error
                self._done.release()


def split_batch(rows: int, parameters: Parameters, threads: int) -> Split:
    """How a batch of `rows` is shared out over `threads`.

    In parts side by side where each has rows and products enough (6 operations a row and parameter: 2 for each of a layer's three
    products). Two threads, on two cores that nobody else wants, take 0.52 of the time of one for 1,024 rows with layers of 1,024
    units, 0.53 with 512, 0.66 with 128; for 8,192 rows of the article's network, 0.8. Its 900 rows would take 1.0 to 1.2: of 60
    operations of 5 µs, too many wait for Python's lock, and so they do where the second thread has a part's gradients alone.

    A smaller batch is taken whole, and the work on each large kernel is shared out. With 1,024 units, two threads take 0.72 of the
    time of one for 8 rows, 0.79 for 32, 0.55 for 128; with 512 units, 0.84 for 32, while for 16 they would take 1.1.
    With more threads there are as many as have enough to do; that was measured on two cores alone.

    On a single thread, parts follow one another, small enough for the cache (`_cached_rows`). Side by side they are larger, since
    each operation is a wait for Python's lock.
    """
    if not has_openblas():
        return Split(rows, 1)
    count = len(parameters.vector)
    side_by_side = max(1, min(threads, rows // SMALLEST_SHARE_ROWS, int(6 * count * rows // SMALLEST_SHARE_FLOPS)))
    most = LARGEST_SHARED_ROWS if side_by_side > 1 and count < MANY_WEIGHTS else _cached_rows(parameters)
    parts = _up(rows, most * side_by_side) * side_by_side
    part_rows = rows if parts == 1 else _up(_up(rows, parts), VECTOR_ROWS) * VECTOR_ROWS
    largest = max(layer.input_dim * layer.output_dim for layer in parameters.layers)
    return Split(part_rows, side_by_side, 1 if side_by_side > 1 else kernel_shares(largest, part_rows, threads))


def kernel_shares(weights: int, rows: int, threads: int) -> int:
    """Into how many shares the work on a kernel of so many weights is cut, with so many rows; 1: it isn't worth waking a thread."""
    return max(1, min(threads, int(weights * (rows + ROWS_A_LOAD) // SMALLEST_KERNEL_SHARE)))


def cuts(size: int, count: int) -> list[slice]:
    """Slices that cut `size` things into `count` shares at the most, each but the last a whole number of vectors."""
    edges = [size * number // count // VECTOR_ROWS * VECTOR_ROWS for number in range(count)]
    return [slice(start, stop) for start, stop in pairwise([*edges, size]) if stop > start]


def _cached_rows(parameters: Parameters) -> int:
    """Rows of a part whose elementwise operations find their operands in the cache.

    Each part's gradient has to be added to the others', so it should have about as many rows as there are weights to a unit. Of
    the whole batch's time, a step of 4,096 rows takes 0.78 in parts of 256 with three hidden layers of 128, 0.64 in parts of 683
    for the article's network, 0.95 in parts of 512 with 512 units, 0.37 in parts of 256 with a single layer of 256.
    """
    units = sum(layer.output_dim for layer in parameters.layers)
    cached = CACHED_BYTES // (units * parameters.vector.itemsize)
    weights_a_unit = len(parameters.vector) // units
    return max(cached, 1 << weights_a_unit.bit_length(), SMALLEST_PART_ROWS)


def _up(number: int, divisor: int) -> int:
    """The quotient, rounded up."""
    return -(-number // divisor)
