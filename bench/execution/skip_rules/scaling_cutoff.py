"""Skips the trials of a scaling study that can't change which contestant is the fastest in a cell.

Most of a study's time would otherwise go to contestants that are tens of times slower than the fastest; a limit in seconds would
make the cut depend on the machine. The time that is left goes to disturbed cells: another process makes rounds of a cell slower,
never faster, so a cell is timed until several rounds of each contestant are about as quick as its quickest. This part of the rule
compares a contestant only with itself, so it favours none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from bench.execution.schedule import PlannedTrial
from bench.execution.skip_rules.base import SkipRule
from bench.records import Trial

HOPELESS = 5.0
"""Times the fastest step of a cell. Steps don't get shorter in a larger cell, so a contestant that took longer than that in a
smaller cell can't be near the fastest in this one."""
AGAIN_WITHIN = 2.0
"""Times the fastest step in a cell's first round: a slower contestant isn't timed there again, since no interval is needed to tell
that it isn't the fastest."""

FEWEST_ROUNDS = 4
QUICK_ROUNDS = 3
QUICK_WITHIN = 1.05
"""Times a contestant's quickest step: a cell is steady where QUICK_ROUNDS rounds of each contestant are within that."""

Cell = tuple[tuple[str, int], ...]


class ScalingCutoff(SkipRule):
    """Compares the steps of a grid's cells: each round counts by its quickest epoch, since disturbances only make epochs slower.

    Parameters
    ----------
    contestants
        Names of the contestants that may be the fastest: all that learn.

    """

    def __init__(self, contestants: Collection[str]) -> None:
        self._contestants = contestants
        self._first_steps: defaultdict[tuple[str, Cell], dict[str, float]] = defaultdict(dict)
        """Seconds of a step by workload and cell, then by contestant, in the cell's first round."""
        self._rounds: defaultdict[tuple[str, Cell], list[tuple[int, str, float]]] = defaultdict(list)
        """Round, contestant and seconds of a step, by workload and cell."""

    def observe(self, trial: Trial) -> None:
        """Add the step of a timed trial in a cell; its first epoch isn't steady and doesn't count."""
        epochs = trial.epoch_seconds or []
        if not trial.point or trial.kind != "timed" or trial.status != "ok" or len(epochs) < 2 or not trial.steps:
            return
        place, step_seconds = (trial.workload, _cell(trial.point)), min(epochs[1:]) * len(epochs) / trial.steps
        if trial.round == 0:
            self._first_steps[place][trial.contestant] = step_seconds
        self._rounds[place].append((trial.round, trial.contestant, step_seconds))

    def reason(self, planned: PlannedTrial) -> str | None:
        if not planned.point or planned.kind != "timed":
            return None
        here = self._first_steps.get((planned.workload.name, _cell(planned.point)), {})
        fastest = min((seconds for name, seconds in here.items() if name in self._contestants), default=None)
        if fastest is None:
            return None
        if here.get(planned.spec.name, 0.0) > AGAIN_WITHIN * fastest:
            return f"not timed again: over {AGAIN_WITHIN:g} times the fastest step of the cell's first round"
        if self._is_steady(planned, slowest=AGAIN_WITHIN * fastest):
            return f"not timed again: {QUICK_ROUNDS} rounds of each contestant are within {QUICK_WITHIN - 1:.0%} of its quickest"
        if self._is_hopeless(planned, slowest=HOPELESS * fastest):
            return f"in a smaller cell its step took over {HOPELESS:g} times this cell's fastest"
        return None

    def _is_steady(self, planned: PlannedTrial, *, slowest: float) -> bool:
        """Whether a cell's earlier rounds agree, for each contestant that is timed again there (a step of at most `slowest`)."""
        if planned.round < FEWEST_ROUNDS:
            return False
        place = planned.workload.name, _cell(planned.point)
        rounds = defaultdict[str, list[float]](list)
        for number, name, seconds in self._rounds[place]:
            if number < planned.round and name in self._contestants and self._first_steps[place].get(name, slowest) <= slowest:
                rounds[name].append(seconds)
        return all(sorted(steps)[:QUICK_ROUNDS][-1] <= QUICK_WITHIN * min(steps) for steps in rounds.values())

    def _is_hopeless(self, planned: PlannedTrial, *, slowest: float) -> bool:
        """Whether a contestant's step took longer than `slowest` in a smaller cell."""
        return any(
            workload == planned.workload.name
            and steps.get(planned.spec.name, 0.0) > slowest
            and _is_smaller(dict(cell), planned.point)
            for (workload, cell), steps in self._first_steps.items()
        )


def _is_smaller(cell: Mapping[str, int], other: Mapping[str, int]) -> bool:
    """Whether `cell` is less work than `other` on as many threads."""
    return cell != other and all(
        value == other[axis] if axis == "threads" else value <= other[axis] for axis, value in cell.items()
    )


def _cell(point: Mapping[str, Any]) -> Cell:
    return tuple(sorted(point.items()))
