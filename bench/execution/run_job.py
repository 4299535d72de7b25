"""What a run is made from: the job, what to measure with, when to end, and who watches. Callers of the runner make these."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.execution.executors.work import Executor
from bench.execution.schedule import Entries, PlannedTrial
from bench.execution.turn_rounds import TurnRounds
from bench.execution.worker_process import Launch
from bench.records import REFERENCE, Run, RunData, Trial


class Observer:
    """Is told of a run's progress; this one ignores it."""

    def started(self, planned: PlannedTrial, done: int, total: int, seconds_left: float | None) -> None:
        """A trial begins; `done` of `total` have ended."""

    def ended(self, trial: Trial, done: int, total: int) -> None:
        """A trial has ended, and its record is on the disk."""

    def note(self, text: str) -> None:
        """Something else happened, described by `text`."""


@dataclass(frozen=True)
class Job:
    """A run to be made or resumed."""

    directory: Path
    run: Run
    entries: Entries
    reference: str = REFERENCE
    ended: Sequence[Trial] = ()
    """The trials on disk, if the run is resumed."""
    executor: Executor | None = None
    """Where trials run; None: on this machine."""


@dataclass(frozen=True)
class Wanted:
    """Contestants of a workload whose ratios aren't known well enough yet."""

    workload: str
    contestants: Sequence[str]


@dataclass(frozen=True)
class Limits:
    """When a run ends."""

    wanted: Callable[[RunData], Wanted | str] | None = None
    """Returns who needs another launch, or why none is needed; None: only what is planned is run."""
    time_budget_seconds: float = math.inf
    """Of the whole run, the report included: a launch that would take longer isn't begun."""
    cuts_plan: bool = False
    """Whether planned trials are left out, too, where their part of the run has used up its share of the budget."""


@dataclass(frozen=True)
class Machine:
    """What a run measures with; a test has its own."""

    launch: Launch
    rounds: TurnRounds
    places: int
    """Trials without a clock that run at once."""
    slowness: float = 1.0
    """Of the machine, as `TimePlan` has it."""
    clock: Callable[[], float] = time.perf_counter
