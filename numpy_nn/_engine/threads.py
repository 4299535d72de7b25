"""Both cores where it pays: threads run chunks of a minibatch side by side, or share the work on each large kernel.

Called by `minibatches`, `forward`, `backward` and `prediction`. NumPy releases Python's lock inside an operation, so two threads do
run at the same time. Meanwhile the BLAS keeps to one thread: two callers would wait for its pool, and its own threads wait for one
another by spinning, for as long as another process has their core. `split_minibatch` decides whether to share the work, and how.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import NamedTuple, Self

import numpy as np

from numpy_nn._engine import tuning
from numpy_nn._engine.blas import has_openblas
from numpy_nn._engine.buffers import Parameters
from numpy_nn._engine.program import Program, run


def available_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_threads(threads: int | None) -> int:
    """`threads` as given, or the number of cores if it is None.

    Raises
    ------
    ValueError
        If it is not a positive integer.

    """
    if threads is None:
        return available_cores()
    if isinstance(threads, bool) or not isinstance(threads, (int, np.integer)) or threads < 1:
        raise ValueError(f"threads was {threads!r}: it must be a positive integer, or None for every core")
    return int(threads)


class ThreadTeam:
    """`threads − 1` threads, alive inside the `with` block, and the caller, who run one program each at the same time."""

    def __init__(self, threads: int) -> None:
        self._size = threads - 1
        self._members: list[_Member] = []

    def __enter__(self) -> Self:
        self._members = [_Member() for _ in range(self._size)]
        return self

    def __exit__(self, *_: object) -> None:
        for member in self._members:
            member.start(None)

    def record(self, programs: Sequence[Program]) -> Program:
        """Operations that run `programs` at the same time; the caller runs a single one alone."""
        return list(programs[0]) if len(programs) == 1 else [partial(self.run, programs)]

    def run(self, programs: Sequence[Program]) -> None:
        """Run `programs`, at most one for each thread; return when all are done, and raise what any of them raised."""
        mine, *others = programs
        busy = self._members[: len(others)]
        for member, program in zip(busy, others, strict=True):
            member.start(program)
        try:
            run(mine)
        finally:
            for member in busy:
                member.join()
        for member in busy:
            if member.error is not None:
                raise member.error


ALONE = ThreadTeam(1)


class _Member:
    """A thread that runs the programs it is given; a pair of locks is the fastest signal between threads in Python."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self._program: Program | None = None
        self._go, self._done = threading.Lock(), threading.Lock()
        self._go.acquire()
        self._done.acquire()
        threading.Thread(target=self._work, name="numpy_nn", daemon=True).start()

    def start(self, program: Program | None) -> None:
        self._program = program
        self._go.release()

    def join(self) -> None:
        self._done.acquire()

    def _work(self) -> None:
        with np.errstate(all="ignore"):
            while True:
                self._go.acquire()
                if self._program is None:
                    return
                try:
                    run(self._program)
                except BaseException as error:  # raised by `ThreadTeam.run` in the thread that waits
                    self.error = error
                self._done.release()


class WorkSplit(NamedTuple):
    """How the work on a minibatch is divided: into chunks of `chunk_rows`, some run in parallel, or each kernel among threads."""

    chunk_rows: int
    parallel_chunks: int
    kernel_threads: int = 1


def split_minibatch(rows: int, parameters: Parameters, threads: int) -> WorkSplit:
    """How a minibatch of `rows` is divided among `threads`.

    Threads run chunks in parallel where each has rows and operations enough (6 operations a row and parameter: 2 for each of a
    layer's three products). A smaller minibatch stays whole, and the threads share the work on each large kernel.

    On a single thread, chunks follow one another and are small enough for the cache. Parallel chunks of a small network are larger,
    since each operation waits for Python's lock.
    """
    if not has_openblas():
        return WorkSplit(rows, 1)
    t = tuning.this_machine()
    count = len(parameters.vector)
    parallel = max(1, min(threads, rows // t.fewest_thread_rows, int(6 * count * rows // t.training_thread_flops)))
    most = t.largest_parallel_chunk_rows if parallel > 1 and count < t.many_weights else _cached_rows(parameters)
    chunks = _ceiling(rows, most * parallel) * parallel
    chunk_rows = rows if chunks == 1 else _ceiling(_ceiling(rows, chunks), t.vector_rows) * t.vector_rows
    largest = max(layer.input_dim * layer.output_dim for layer in parameters.layers)
    return WorkSplit(chunk_rows, parallel, 1 if parallel > 1 else _kernel_threads(largest, chunk_rows, threads))


def kernel_tiles(size: int, weights: int, rows: int, threads: int) -> list[slice]:
    """Slices of an axis of `size` of a kernel, one for each thread that is worth waking for so many weights and rows."""
    return cut(size, _kernel_threads(weights, rows, threads))


def cut(size: int, count: int) -> list[slice]:
    """At most `count` slices that cover `size` items, each but the last a whole number of vectors long."""
    vector = tuning.this_machine().vector_rows
    edges = [size * number // count // vector * vector for number in range(count)]
    return [slice(start, stop) for start, stop in pairwise([*edges, size]) if stop > start]


def _kernel_threads(weights: int, rows: int, threads: int) -> int:
    """How many threads share the work on a kernel."""
    t = tuning.this_machine()
    return max(1, min(threads, int(weights * (rows + t.weight_load_rows) // t.kernel_thread_products)))


def _cached_rows(parameters: Parameters) -> int:
    """Rows of a chunk whose elementwise operations find their operands in the cache.

    The gradients of all chunks are added up, so a chunk also has about as many rows as there are weights to a unit.
    """
    t = tuning.this_machine()
    units = sum(layer.output_dim for layer in parameters.layers)
    cached = t.hidden_chunk_bytes // (units * parameters.vector.itemsize)
    weights_a_unit = len(parameters.vector) // units
    return max(cached, 1 << weights_a_unit.bit_length(), t.smallest_chunk_rows)


def _ceiling(number: int, divisor: int) -> int:
    """The quotient, rounded up."""
    return -(-number // divisor)
