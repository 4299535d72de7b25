"""What is told of a run's progress: the base class of those that show it. Called by the runner."""

from __future__ import annotations

from bench.execution.schedule import PlannedTrial
from bench.records import Trial


class Observer:
    """Is told of a run's progress; this one ignores it."""

    def started(self, planned: PlannedTrial, done: int, total: int, seconds_left: float | None) -> None:
        """A trial begins; `done` of `total` have ended."""

    def ended(self, trial: Trial, done: int, total: int) -> None:
        """A trial has ended, and its record is on the disk."""

    def launch_ended(self, workload: str) -> None:
        """A launch of a workload's turns has ended, and its records are on the disk: the ratios are other ones now."""

    def note(self, text: str) -> None:
        """Something else happened, described by `text`."""
