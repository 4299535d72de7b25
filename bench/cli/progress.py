"""What runs now, how much is done and how long it will take: on a terminal as a bar, elsewhere as a line a trial.

Handed to the runner by the command line; each is a `bench.execution.runner.Observer`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from bench.escaping import terminal
from bench.execution.runner import Observer
from bench.execution.schedule import PlannedTrial
from bench.records import Trial


@contextmanager
def watching(console: Console) -> Iterator[Observer]:
    """An observer that suits the console."""
    if not console.is_terminal:
        yield Lines(console)
        return
    columns = [
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[left]}"),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    ]
    with Progress(*columns, console=console, transient=True) as progress:
        yield Bar(progress, progress.add_task("", total=None, left=""))


class Lines(Observer):
    """A line for each trial that has ended."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._left = ""

    def started(self, planned: PlannedTrial, done: int, total: int, seconds_left: float | None) -> None:
        self._left = time_left(seconds_left)

    def ended(self, trial: Trial, done: int, total: int) -> None:
        left = f", {self._left}" if self._left else ""
        _print(self._console, f"[{done}/{total}{left}] {ended_text(trial)}")

    def note(self, text: str) -> None:
        _print(self._console, text)


class Bar(Observer):
    """One bar for the run, with what runs now; failures stay on the screen above it."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def started(self, planned: PlannedTrial, done: int, total: int, seconds_left: float | None) -> None:
        description = " ".join([planned.workload.name, planned.spec.name, planned.kind, _point_text(dict(planned.point))]).rstrip()
        self._progress.update(self._task, completed=done, total=total, description=description, left=time_left(seconds_left))

    def ended(self, trial: Trial, done: int, total: int) -> None:
        self._progress.update(self._task, completed=done, total=total)
        if trial.status in ("failed", "diverged", "timeout"):
            _print(self._progress.console, ended_text(trial))

    def note(self, text: str) -> None:
        _print(self._progress.console, text)


def time_left(seconds: float | None) -> str:
    """The time left in words, empty while it isn't known."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
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
