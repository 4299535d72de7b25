"""The turns of one launch, from the runner's side: rounds in random order, with canary and meters before and after each turn.

Called by the runner with workers that are ready; `bench.execution.turns` is the worker's side. Turns go on until each contestant
has enough that are undisturbed, or the launch's time is over.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import ValidationError

from bench.execution import turn_meter
from bench.execution.schedule import PlannedTrial
from bench.execution.worker_process import Outcome, Worker
from bench.records import Turn
from bench.records.disturbance import QuietSoFar, reasons
from bench.records.validation_errors import first_mistake

TURN_SECONDS = 0.05
"""The least time of a turn's counted epochs: long enough for a step's figure, short enough for quiet moments of a busy machine."""
ENOUGH_TURNS = 8
"""Undisturbed turns of a contestant in a launch: more tell little, see `docs/statistics.md`."""
QUICK_ENOUGH_TURNS = 5
"""The same in a quick run, whose time is better spent on launches: they differ by far more than turns of one of them."""
SECONDS_A_CONTESTANT = 2.5
"""Of a launch, while too few turns are undisturbed. On a quiet machine a contestant needs half a second to three seconds."""
ENDING_SECONDS = 5.0
"""How long a contestant may take to leave its fit; then its process is closed."""


class CanaryClock(Protocol):
    """Something that tells how fast the machine is now: `bench.execution.canary.Canary`, or a test's own."""

    def seconds(self) -> float: ...


@dataclass
class Participant:
    """A contestant's part in a launch: its worker, and what has been measured."""

    planned: PlannedTrial
    worker: Worker
    ready: Outcome
    """The answer to the request: with `steps_an_epoch`, or how it failed."""
    turns: list[Turn] = field(default_factory=list)
    starts_alone: bool = True
    """Whether nothing else ran while it became ready, so that its cold start counts."""
    stays_in_fit: bool = False
    """Whether the contestant can't be interrupted: its process must be closed."""

    def outcome(self) -> Outcome:
        """End the trial, and return its figures."""
        if self.ready.status != "ok":
            return self.ready
        last = self.worker.turn(None, ENDING_SECONDS)
        self.stays_in_fit = last.status != "ok"
        epochs = sum(len(turn.epoch_seconds) for turn in self.turns)
        steps = epochs * int(self.ready.figures.get("steps_an_epoch", 0))
        figures = {**last.figures, "turns": self.turns, "steps": steps}
        if not self.starts_alone:
            figures.pop("cold_start_seconds", None)
        return Outcome("ok", figures)


class TurnRounds:
    """Has turns taken, launch after launch.

    Parameters
    ----------
    canary, clock, read
        How fast the machine is; seconds; the system's meters of a process.
    cores
        Of the machine, of whose time disturbances take shares.
    enough, turn_seconds
        Undisturbed turns of a contestant in a launch; the least time of each.

    """

    def __init__(
        self,
        canary: CanaryClock,
        *,
        cores: int,
        clock: Callable[[], float] = time.perf_counter,
        read: Callable[[int | None], turn_meter.Reading] = turn_meter.read,
        enough: int = ENOUGH_TURNS,
        turn_seconds: float = TURN_SECONDS,
    ) -> None:
        self.canary = canary
        self._quiet = QuietSoFar(cores)
        self._clock = clock
        self._read = read
        self._enough = enough
        self._turn_seconds = turn_seconds

    def add_earlier(self, turns: Sequence[Turn]) -> None:
        """Add turns of the run that were taken before it was resumed."""
        self._quiet.add(turns)

    def take(self, participants: Sequence[Participant], rng: random.Random) -> None:
        """Have the participants of a launch take turns; each has one at least."""
        able = [one for one in participants if one.ready.status == "ok"]
        end = self._clock() + SECONDS_A_CONTESTANT * len(able)
        while waiting := [one for one in able if one.ready.status == "ok" and not self._has_enough(one)]:
            canary_seconds = self.canary.seconds()
            for one in rng.sample(waiting, len(waiting)):
                canary_seconds = self._take_turn(one, canary_seconds)
            if self._clock() >= end:
                break

    def _take_turn(self, one: Participant, canary_before_seconds: float) -> float:
        """Have a turn taken; return the canary's seconds after it."""
        before = self._read(one.worker.pid)
        outcome = one.worker.turn(self._turn_seconds, one.planned.workload.time_limit_seconds)
        after = self._read(one.worker.pid)
        canary_after_seconds = self.canary.seconds()
        if outcome.status == "ok":
            seen = {
                "canary_before_seconds": canary_before_seconds,
                "canary_after_seconds": canary_after_seconds,
                "pause": outcome.doubt,
                **turn_meter.between(before, after),
            }
            outcome = self._recorded(one, outcome, seen)
        if outcome.status != "ok":
            one.ready = outcome
        return canary_after_seconds

    def _recorded(self, one: Participant, outcome: Outcome, seen: Mapping[str, Any]) -> Outcome:
        """Record a turn with what was seen of it; return its outcome, a failed one if the figures can't be a turn's."""
        try:
            turn = Turn.model_validate({**outcome.figures, **seen})
        except ValidationError as error:
            return Outcome("failed", error=f"the figures of a turn are none: {first_mistake(error, Turn)}")
        if not turn.epoch_seconds:
            return Outcome("failed", error="the figures of a turn are none: it has no epoch")
        rounded = [max(round(seconds, 9), 1e-9) for seconds in turn.epoch_seconds]
        one.turns.append(turn.model_copy(update={"epoch_seconds": rounded}))
        self._quiet.add(one.turns[-1:])
        return outcome

    def _has_enough(self, one: Participant) -> bool:
        if len(one.turns) < self._enough:
            return False
        known = self._quiet.figures()
        return known is not None and reasons(one.turns, known).count(None) >= self._enough
