"""Both cores where it pays: the BLAS's own threads, or the parts of a batch on threads of ours.

NumPy lets go of Python's lock inside a product, so two threads with a part of the batch each do run side by side, elementwise
operations and all. Meanwhile the BLAS must keep to one thread, since two callers would only wait for its pool. Whether to split is
decided by `split_batch`; the rule and its figures stand there.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np

from numpy_nn.blas import fastest_rows, has_openblas, threads_pay
from numpy_nn.parameters import Parameters
from numpy_nn.tape import Tape, play

SMALLEST_SHARE_ROWS = 128
SMALLEST_SHARE_FLOPS = 4e7
"""A thread's share of a batch: with less to do (half a millisecond), waking the thread, and waiting for Python's lock between
two short operations, costs what it saves."""
VECTOR_ROWS = 16
"""Numbers in the widest vector there is: parts of a whole number of vectors spare each product its edge."""
CACHED_BYTES = 400_000
"""Of a part's hidden outputs: a fifth of a core's second-level cache, which their slopes and deltas share."""
SMALLEST_PART_ROWS = 128
LARGEST_SHARED_ROWS = 1024


class Split(NamedTuple):
    """How a batch is shared out: into parts of `part_rows`, `side_by_side` of them at a time, each product on `blas_threads`."""

    part_rows: int
    side_by_side: int
    blas_threads: int


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
    products), else by the BLAS where the products are large, else not at all. Two threads of ours, on two cores that nobody else
    wants, take 0.72 of the time of one for 4,096 rows of the article's network, and 0.5 to 0.6 with layers 128 or 512 wide.

    On a single thread, parts follow one another: small enough for the BLAS' kernel for small products (`fastest_rows`), and for
    the cache (`_cached_rows`). Side by side they are larger, since each operation is a wait for Python's lock.
    """
    if not has_openblas():
        return Split(rows, 1, threads)
    count, layers = len(parameters.vector), parameters.layers
    pays = rows >= threads * SMALLEST_SHARE_ROWS and 6 * count * rows >= threads * SMALLEST_SHARE_FLOPS
    side_by_side = threads if pays else 1
    most = LARGEST_SHARED_ROWS if side_by_side > 1 else min(fastest_rows(layers, rows), _cached_rows(parameters))
    parts = _up(rows, most * side_by_side) * side_by_side
    part_rows = rows if parts == 1 else _up(_up(rows, parts), VECTOR_ROWS) * VECTOR_ROWS
    large = side_by_side == 1 and threads_pay(layers, part_rows, parameters.vector.itemsize)
    return Split(part_rows, side_by_side, threads if large else 1)


def _cached_rows(parameters: Parameters) -> int:
    """Rows of a part whose elementwise operations find their operands in the cache.

    Each part's gradient has to be added to the others', so it should have about as many rows as there are weights to a unit. Of
    the whole batch's time, a step of 4,096 rows takes 0.78 in parts of 256 with three hidden layers of 128, 0.95 in parts of 512
    with 512, 0.37 in parts of 256 with a single layer of 256; with 1,024, parts of 1,024 take 1.02.
    """
    units = sum(layer.output_dim for layer in parameters.layers)
    cached = CACHED_BYTES // (units * parameters.vector.itemsize)
    weights_a_unit = len(parameters.vector) // units
    return max(cached, 1 << weights_a_unit.bit_length(), SMALLEST_PART_ROWS)


def _up(number: int, divisor: int) -> int:
    """The quotient, rounded up."""
    return -(-number // divisor)
