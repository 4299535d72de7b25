"""The progress that `fit`, `evaluate` and `predict` print, in Keras' form: a bar, the time left or taken, the logs."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from numpy_nn.checks import shown

BAR_WIDTH = 20
REFRESH_SECONDS = 0.1


def verbosity(verbose: object) -> int:
    """0 (silent), 1 (a bar) or 2 (a line without a bar), from the argument `verbose`; "auto" is 1.

    Raises
    ------
    ValueError
        If it is something else.

    """
    if isinstance(verbose, str) and verbose == "auto":
        return 1
    if not isinstance(verbose, (int, float, np.number, np.bool_)) or verbose not in (0, 1, 2):
        raise ValueError(f"verbose was {shown(verbose)}: it may be 0, 1, 2 or 'auto'")
    return int(verbose)


class Progress:
    """The progress of `steps` steps on standard output.

    On a terminal the line is drawn again every tenth of a second; elsewhere only the last state is written. Where there is no
    output, as in a program of Windows without a console, nothing is.

    Parameters
    ----------
    clock
        Gives the seconds from which times are computed.

    """

    def __init__(self, steps: int, verbose: int, *, clock: Callable[[], float] = time.perf_counter) -> None:
        self._steps, self._clock = steps, clock
        self.verbose = 0 if sys.stdout is None else verbose
        self.redraws = self.verbose == 1 and hasattr(sys.stdout, "isatty") and sys.stdout.isatty()
        """Whether there is anything to draw before the end."""
        self._width = 0
        self._start = self._drawn = clock()

    @property
    def params(self) -> dict[str, int]:
        """What callbacks are told of an evaluation or a prediction."""
        return {"epochs": 1, "steps": self._steps, "verbose": self.verbose}

    def title(self, text: str) -> None:
        """Begin anew, below a line of its own."""
        print(text)
        self._width = 0
        self._start = self._drawn = self._clock()

    def is_due(self) -> bool:
        """Whether the line is to be drawn again now."""
        return self.redraws and self._clock() - self._drawn >= REFRESH_SECONDS

    def draw(self, done: int, logs: Mapping[str, Any]) -> None:
        """Draw the line after `done` steps, with the time that is left."""
        self._drawn = self._clock()
        a_step = (self._drawn - self._start) / max(done, 1)
        self._write(self._line(done, a_step * (self._steps - done), a_step, logs), "")

    def finish(self, logs: Mapping[str, Any], done: int | None = None) -> None:
        """Write the line for good, with the time that it took."""
        if not self.verbose:
            return
        taken = self._clock() - self._start
        done = self._steps if done is None else done
        self._write(self._line(done, taken, taken / max(done, 1), logs), "\n")

    def _line(self, done: int, seconds: float, a_step: float, logs: Mapping[str, Any]) -> str:
        count = f"{done:>{len(str(self._steps))}}/{self._steps}"
        values = [f"{name}: {_number(value)}" for name, value in logs.items()]
        if self.verbose == 2:
            return " - ".join([count, f"{seconds:.0f}s", f"{_duration(a_step)}/step", *values])
        filled = BAR_WIDTH * done // self._steps
        full, empty = _strokes()
        bar = full * filled + empty * (BAR_WIDTH - filled)
        return " - ".join([f"{count} {bar} {_clock_time(seconds)} {_duration(a_step)}/step", *values])

    def _write(self, line: str, end: str) -> None:
        back = "\r" if self.redraws else ""
        print(back + line.ljust(self._width), end=end, flush=hasattr(sys.stdout, "flush"))
        self._width = len(line)


def _strokes() -> tuple[str, str]:
    """What the bar is made of: done, and left; in a terminal without these letters, ASCII."""
    strokes = ("━", "─")
    try:
        "".join(strokes).encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return "=", "."
    return strokes


def _number(value: Any) -> str:
    if not isinstance(value, (int, float)):
        return str(value)
    return f"{value:.4f}" if abs(value) > 1e-3 or value != value else f"{value:.4e}"


def _duration(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.0f}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"


def _clock_time(seconds: float) -> str:
    whole = int(seconds)
    if whole >= 3600:
        return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"
    return f"{whole // 60}:{whole % 60:02d}" if whole > 60 else f"{whole}s"
