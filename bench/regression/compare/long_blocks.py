"""Ends a block that takes too long, by a timer of the system. Called by `timing` and by the check in `comparison_worker`."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SAMPLE_SECONDS = 0.02
FIRST_SAMPLE_SECONDS = 1.0
"""A call that takes less is not looked at: it ends by itself."""
FEWEST_NEW_STATES = 3
_STANDARD_LIBRARY = os.path.dirname(os.__file__) + os.sep  # noqa: PTH120  # a prefix of file names
_VALUES = (int, str, bool, bytes, float, type(None))
HAS_TIMER = hasattr(signal, "setitimer")


class BlockEnd(BaseException):
    """Ends a block that takes too long."""


@contextmanager
def ended_after(seconds: float | None) -> Iterator[None]:
    """Raise `BlockEnd` in the block after so many seconds; not on a system without timers, or within a call of a C function."""

    def end(*_: object) -> None:
        raise BlockEnd

    if seconds is None or not HAS_TIMER:
        yield
        return
    with _timer(seconds, 0.0, end):
        yield


@contextmanager
def ended_where_it_gets_on(seconds: float) -> Iterator[None]:
    """Raise `BlockEnd` in the block after so many seconds, or later, if it gets on by then: one that hangs is left to hang.

    Does nothing where the program has a handler of its own for the signal of the timer.
    """
    progress, start = Progress(), time.perf_counter()

    def look(_: int, frame: FrameType | None) -> None:
        progress.sample(frame)
        if time.perf_counter() - start > seconds and progress.is_made():
            raise BlockEnd

    if not HAS_TIMER or signal.getsignal(signal.SIGALRM) not in (signal.SIG_DFL, None):
        yield
        return
    with _timer(FIRST_SAMPLE_SECONDS, SAMPLE_SECONDS, look):
        yield


class Progress:
    """Whether a program gets on, from samples of its stack: it hangs if it is only ever where it was before, with the same values.

    A loop over work gets on, since its counter is another one each time; an endless loop, or a wait, comes back to where it was. A
    single wait or empty loop that would end much later can't be told from these. What the standard library does is left aside, as
    it looks at the clock while it waits.
    """

    def __init__(self) -> None:
        self._count = 0
        self._first_and_last: dict[int, tuple[int, int]] = {}
        """Of each state the numbers of the samples in which it was seen."""

    def sample(self, frame: FrameType | None) -> None:
        """Take note of the state of the stack whose innermost frame is `frame`."""
        state = []
        while frame is not None:
            if not _is_of_standard_library(frame.f_code.co_filename):
                state.append((id(frame.f_code), frame.f_lasti, *map(_identity, list(frame.f_locals.values()))))
            frame = frame.f_back
        key = hash(tuple(state))
        first, _ = self._first_and_last.get(key, (self._count, 0))
        self._first_and_last[key] = first, self._count
        self._count += 1

    def is_made(self) -> bool:
        """Whether most states of the later half of the samples are new in it, and more than a few."""
        half = self._count / 2
        late = [first for first, last in self._first_and_last.values() if last >= half]
        new = sum(first >= half for first in late)
        return new >= FEWEST_NEW_STATES and 2 * new > len(late)


def _identity(value: object) -> object:
    """What tells a value from others, without a call of its methods, which may be of any class."""
    if type(value) in _VALUES:
        return value
    return (id(value), len(value)) if type(value) in (list, dict, set) else id(value)  # type: ignore[arg-type]


def _is_of_standard_library(file: str) -> bool:
    return file.startswith("<frozen") or (file.startswith(_STANDARD_LIBRARY) and "site-packages" not in file)


@contextmanager
def _timer(first: float, every: float, handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, first, every)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        if signal.getsignal(signal.SIGALRM) is handler:  # otherwise the program has set one of its own, for its own alarms
            signal.signal(signal.SIGALRM, signal.SIG_DFL if before is None else before)  # None: a handler that C has set
