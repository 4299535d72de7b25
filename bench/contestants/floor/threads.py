"""Programs, which are lists of calls, run one after the other or at the same time by a team of threads.

Called by `plans`. NumPy releases Python's lock inside a matrix product, so that the threads' products do run in parallel.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, Self

Program = list[Callable[[], Any]]
"""Matrix products as calls without arguments: the arrays are bound to them."""


def run(program: Program) -> None:
    """Make the calls in their order."""
    for call in program:
        call()


class ThreadTeam:
    """The calling thread and `size` − 1 workers, which wait for programs inside the `with` block."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._workers: list[_Worker] = []

    def __enter__(self) -> Self:
        self._workers = [_Worker() for _ in range(self._size - 1)]
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.start(None)

    def run(self, programs: Sequence[Program]) -> None:
        """Run a program on each thread, at the same time. Returns when all have ended, and raises what one of them raised."""
        own, *others = programs
        for worker, program in zip(self._workers, others, strict=True):
            worker.start(program)
        try:
            run(own)
        finally:
            errors = [worker.wait() for worker in self._workers]
        for error in errors:
            if error is not None:
                raise error


class _Worker:
    """A thread that runs the programs it is given. Two locks start it and wait for it: nothing in Python is faster."""

    def __init__(self) -> None:
        self._program: Program | None = None
        self._error: BaseException | None = None
        self._start, self._end = threading.Lock(), threading.Lock()
        self._start.acquire()
        self._end.acquire()
        threading.Thread(target=self._work, name="floor", daemon=True).start()

    def start(self, program: Program | None) -> None:
        """Start `program`; None ends the thread."""
        self._program, self._error = program, None
        self._start.release()

    def wait(self) -> BaseException | None:
        """Wait until the program has ended; return what it raised."""
        self._end.acquire()
        return self._error

    def _work(self) -> None:
        while True:
            self._start.acquire()
            if self._program is None:
                return
            try:
                run(self._program)
            except BaseException as error:  # raised again by `ThreadTeam.run`
                self._error = error
            self._end.release()
