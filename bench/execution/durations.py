"""Expected durations of trials, and of what is left of a run: the plan's seconds, at the pace of the trials that have ended."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.execution.schedule import PlannedTrial, TrialKey
from bench.execution.time_plan import ADDED_LAUNCHES, TimePlan

TRUST_SECONDS = 30.0
"""So many planned seconds must have gone by before the pace of all trials weighs as much as the plan."""


class Durations:
    """The seconds by which trials make a run longer.

    That is a trial's duration, divided by the number of those that run at once: the plan's, times the pace of the most similar
    trials (of the same cell, or else of the same workload, contestant and kind, or of fewer of these). A trial that isn't in the
    plan is expected to take as long as the most similar ones did on average.

    Parameters
    ----------
    expected
        Seconds of planned trials.

    """

    def __init__(self, expected: Mapping[TrialKey, float] | None = None) -> None:
        self._expected = expected or {}
        self._counts: defaultdict[Hashable, int] = defaultdict(int)
        self._sums: defaultdict[Hashable, float] = defaultdict(float)
        self._planned_sums: defaultdict[Hashable, float] = defaultdict(float)
        self._measured_sums: defaultdict[Hashable, float] = defaultdict(float)

    def add(self, planned: PlannedTrial, seconds: float) -> None:
        """Add a trial's seconds, its worker's start included."""
        for key in _keys(planned):
            self._counts[key] += 1
            self._sums[key] += seconds
            if planned.key in self._expected and seconds > 0:
                self._planned_sums[key] += self._expected[planned.key]
                self._measured_sums[key] += seconds

    def of(self, planned: PlannedTrial) -> float | None:
        """Return the expected seconds of a trial; None for one that isn't planned, while no trial has ended."""
        keys = _keys(planned)
        if planned.key in self._expected:
            return self._expected[planned.key] * self._pace(keys)
        return next((self._sums[key] / self._counts[key] for key in keys if key in self._counts), None)

    def total(self, trials: Iterable[PlannedTrial]) -> float | None:
        """Return the expected seconds of trials together; None where those of one aren't known."""
        expected = [self.of(planned) for planned in trials]
        return None if None in expected else sum(seconds for seconds in expected if seconds is not None)

    def _pace(self, keys: Sequence[Hashable]) -> float:
        """Return how much longer than planned such trials take; where none like them has ended, near 1 while little has."""
        for key in keys[:-1]:
            if self._planned_sums[key] > 0:
                return self._measured_sums[key] / self._planned_sums[key]
        everything = keys[-1]
        return (self._measured_sums[everything] + TRUST_SECONDS) / (self._planned_sums[everything] + TRUST_SECONDS)


@dataclass(frozen=True)
class TimeLeft:
    """How long a run goes on.

    Parameters
    ----------
    durations, plan
        Of the run's trials.
    elapsed
        Seconds since the run's start.
    budget_seconds
        After which no launch is added, and, if `cuts_plan`, no planned trial begins.
    adds_launches
        Whether launches are added after the planned trials.

    """

    durations: Durations
    plan: TimePlan
    elapsed: Callable[[], float]
    budget_seconds: float = math.inf
    adds_launches: bool = False
    cuts_plan: bool = False

    def seconds(self, waiting: Sequence[PlannedTrial], added: int) -> float | None:
        """Return the seconds left with the trials `waiting`, after `added` launches; None while they aren't known."""
        planned = self.durations.total(waiting)
        if planned is None:
            return None
        planned += self.plan.report_seconds
        launch_seconds = self.plan.added_seconds / ADDED_LAUNCHES
        more = launch_seconds * max(ADDED_LAUNCHES - added, 0) if self.adds_launches else 0.0
        until_budget = max(self.budget_seconds - self.elapsed(), 0.0)
        within = min(planned + more, until_budget)
        return within if self.cuts_plan else max(within, planned)


def _keys(planned: PlannedTrial) -> list[Hashable]:
    """What trials have in common, the most first; the last is common to all."""
    workload, contestant, kind = planned.workload.name, planned.spec.name, planned.kind
    cell = tuple(sorted(planned.point.items()))
    return [(workload, contestant, kind, cell), (workload, contestant, kind), (contestant, kind), (contestant,), (kind,), ()]
