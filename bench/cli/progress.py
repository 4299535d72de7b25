"""What runs now, how much is done and how long it will take: on a terminal as a bar, elsewhere as a line a trial, or a line for all
trials that are skipped in a cell for one reason.

Handed to the runner by the command line; each is a `bench.execution.observer.Observer`.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.text import Text

from bench.escaping import terminal
from bench.execution.observer import Observer
from bench.execution.schedule import PlannedTrial
from bench.records import Trial

Standing = Callable[[], str]
"""Returns the headline ratio as it stands in one line; empty before there is one."""
BAR_WIDTH = 12


@contextmanager
def watching(
    console: Console,
    standing: Standing = str,
    *,
    clock: Callable[[], float] = time.monotonic,
    now: Callable[[], datetime] = datetime.now,
) -> Iterator[Observer]:
    """An observer that suits the console; `standing` is asked after each launch of turns."""
    if not console.is_terminal:
        lines = Lines(console, standing, clock, now)
        try:
            yield lines
        finally:
            lines.tell_skipped()
        return
    columns = [BarColumn(BAR_WIDTH), MofNCompleteColumn(), _TimeLeft(clock), TextColumn("{task.description}", markup=False)]
    with _Screen(*columns, console=console, transient=True) as progress:
        yield Bar(progress, progress.add_task("", total=None, end=None), standing, clock)


class Lines(Observer):
    """A line for each trial that has ended, with the time of day; those that are skipped in a cell are told of when it ends."""

    def __init__(self, console: Console, standing: Standing, clock: Callable[[], float], now: Callable[[], datetime]) -> None:
        self._console = console
        self._standing = standing
        self._clock = clock
        self._now = now
        self._end: float | None = None
        self._cell = ""
        self._skipped: dict[str, Counter[str]] = {}
        """Of the cell, by reason, how many trials of each contestant."""
        self._count = ""

    def started(self, planned: PlannedTrial, done: int, total: int, seconds_left: float | None) -> None:
        self._end = None if seconds_left is None else self._clock() + seconds_left

    def ended(self, trial: Trial, done: int, total: int) -> None:
        cell = " ".join([trial.workload, trial.kind, _point_text(trial.point)]).rstrip()
        if cell != self._cell:
            self.tell_skipped()
            self._cell = cell
        self._count = f"{done}/{total}"
        if trial.status == "skipped":
            self._skipped.setdefault(trial.error or "", Counter())[trial.contestant] += 1
        else:
            self._counted_line(ended_text(trial))

    def tell_skipped(self) -> None:
        """Write a line for each reason for which trials of the cell were skipped."""
        skipped, self._skipped = self._skipped, {}
        for reason, trials in skipped.items():
            number = "1 trial" if trials.total() == 1 else f"{trials.total():,} trials"
            self._counted_line(f"{self._cell}: {number} of {', '.join(sorted(trials))} skipped: {reason}")

    def launch_ended(self, workload: str) -> None:
        self.tell_skipped()
        if text := self._standing():
            self._line(text)

    def note(self, text: str) -> None:
        self.tell_skipped()
        _print(self._console, text)

    def _counted_line(self, text: str) -> None:
        left = time_left(None if self._end is None else self._end - self._clock())
        self._line(f"[{self._count}{left and f', {left}'}] {text}")

    def _line(self, text: str) -> None:
        _print(self._console, f"{self._now():%H:%M:%S} {text}")


class Bar(Observer):
    """One bar for the run, with what runs now, and the headline ratio under it; failures stay on the screen above it."""

    def __init__(self, progress: _Screen, task: TaskID, standing: Standing, clock: Callable[[], float]) -> None:
        self._progress = progress
        self._task = task
        self._standing = standing
        self._clock = clock

    def started(self, planned: PlannedTrial, done: int, total: int, seconds_left: float | None) -> None:
        description = " ".join([planned.workload.name, planned.spec.name, planned.kind, _point_text(dict(planned.point))]).rstrip()
        end = None if seconds_left is None else self._clock() + seconds_left
        self._progress.update(self._task, completed=done, total=total, description=terminal(description), end=end)

    def ended(self, trial: Trial, done: int, total: int) -> None:
        self._progress.update(self._task, completed=done, total=total)
        if trial.status in ("failed", "diverged", "timeout"):
            _print(self._progress.console, ended_text(trial))

    def launch_ended(self, workload: str) -> None:
        self._progress.standing = self._standing()

    def note(self, text: str) -> None:
        _print(self._progress.console, text)


class _Screen(Progress):
    """The bar, and a line under it."""

    standing = ""

    def get_renderables(self) -> Iterator[RenderableType]:
        yield self.make_tasks_table(self.tasks)
        if self.standing:
            yield Text(terminal(self.standing), overflow="ellipsis", no_wrap=True)


class _TimeLeft(ProgressColumn):
    """Counts down to the end that the task's field `end` names, while a trial runs, too."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock

    def render(self, task: Task) -> Text:
        end = task.fields["end"]
        return Text(time_left(None if end is None else end - self._clock()))


def time_left(seconds: float | None) -> str:
    """The time left in words, empty while it isn't known."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(max(seconds, 0.0)), 60)
    return f"about {minutes} min {rest:02d} s left" if minutes else f"about {rest} s left"


def ended_text(trial: Trial) -> str:
    """One line on a trial that has ended."""
    place = " ".join([trial.workload, trial.contestant, trial.kind, _point_text(trial.point)]).rstrip()
    text = f"{place}, seed {trial.seed}"
    if trial.status != "ok":
        return f"{text}: {trial.status}: {trial.error}"
    return text if trial.fit_seconds is None else f"{text}: {trial.fit_seconds:.3g} s"


def _point_text(point: Mapping[str, object]) -> str:
    return " ".join(f"{name} {value}" for name, value in point.items())


def _print(console: Console, text: str) -> None:
    console.print(terminal(text), markup=False, highlight=False, soft_wrap=True)
