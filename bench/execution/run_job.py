"""What a run is made from: the job, what to measure with, and when to end. Callers of the runner make these."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.execution.executors.work import Executor
from bench.execution.schedule import Entries
from bench.execution.turn_rounds import TurnRounds
from bench.execution.worker_process import Launch
from bench.records import REFERENCE, Run, RunData, RunReader, Trial


@dataclass(frozen=True)
class Job:
    """A run to be made or resumed."""

    directory: Path
    run: Run
    entries: Entries
    reference: str = REFERENCE
    ended: Sequence[Trial] = ()
    """The trials on disk, if the run is resumed."""
    records: RunReader | None = None
    """What has read them, and goes on from there."""
    executor: Executor | None = None
    """Where trials run; None: on this machine."""


@dataclass(frozen=True)
class Wanted:
    """Contestants of a workload whose ratios aren't known well enough yet."""

    workload: str
    contestants: Sequence[str]
    launches: Mapping[str, int] = field(default_factory=dict)
    """How many launches each is likely to need, this one included."""


@dataclass(frozen=True)
class Limits:
    """When a run ends."""

    wanted: Callable[[RunData], Wanted | str] | None = None
    """Returns who needs another launch, or why none is needed; None: only what is planned is run."""
    time_budget_seconds: float = math.inf
    """Of the whole run, the report included: a launch that would take longer isn't begun."""
    spent_seconds: float = 0.0
    """Of that, before the run began: for imports, and to look at the machine."""
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
