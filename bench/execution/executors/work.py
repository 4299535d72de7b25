"""What the runner hands to an executor, and what it gets back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Protocol

from bench.execution.messages import Request
from bench.execution.schedule import UNTIMED, PlannedTrial
from bench.execution.worker_process import Outcome


@dataclass(frozen=True)
class Assignment:
    """A trial with its request."""

    planned: PlannedTrial
    request: Request
    anew: bool = False
    """Whether it needs a new worker process, since the last answer of its contestant wasn't believed."""


@dataclass(frozen=True)
class Work:
    """What runs as one on one machine: a trial, or all turns of a launch."""

    assignments: Sequence[Assignment]
    seed: str = ""
    """Of the order of the turns."""
    starts_alone: bool = True
    """Whether the contestants of turns are made ready one after another, as where cold starts count; else on all cores."""

    @property
    def first(self) -> PlannedTrial:
        """The first trial; all of them are of one kind and launch."""
        return self.assignments[0].planned

    @property
    def is_timed(self) -> bool:
        """Whether a clock runs, so that the work needs a machine for itself."""
        return self.first.kind not in UNTIMED


@dataclass(frozen=True)
class Answer:
    """How a piece of work ended."""

    outcomes: Sequence[Outcome]
    """One for each assignment."""
    load: Mapping[str, float] = field(default_factory=dict)
    """Of the machine meanwhile, as a trial's record has it."""
    machine: str | None = None
    """Where it ran; None is the machine of the run."""


class Executor(Protocol):
    """Runs work, as a `concurrent.futures.Executor` runs functions."""

    @property
    def places(self) -> int:
        """How many trials without a clock may run at once."""

    def submit(self, work: Work) -> Future[Answer]:
        """Begin a piece of work. The runner hands over timed work only when nothing else runs.

        The future raises ExecutorLostError if no work can be done any more.
        """

    def rest(self) -> None:
        """End the processes of trials without a clock, also those that still run."""

    def close(self) -> None:
        """End all processes."""


class ExecutorLostError(OSError):
    """The executor is gone, with what it was doing; the run must end, and can be resumed."""
