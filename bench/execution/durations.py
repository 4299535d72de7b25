"""Expected durations of trials, and of what is left of a run: the plan's seconds, at the pace of the trials that have ended."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.execution.schedule import PlannedTrial, TrialKey
from bench.execution.time_plan import TimePlan

RECOUNTS = 50
"""The seconds of what waits are counted anew when one in so many of the trials that waited has ended."""
TRUST_SECONDS = 30.0
"""So many planned seconds must have gone by before the pace of all trials weighs as much as the plan."""
ALIKE_TRUST_SECONDS = 3.0
"""The same of trials that are alike, beside the pace of those that are less so: the trials of a cell are few and short."""


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
        self._expected = dict(expected or {})
        self._counts: defaultdict[Hashable, int] = defaultdict(int)
        self._sums: defaultdict[Hashable, float] = defaultdict(float)
        self._planned_sums: defaultdict[Hashable, float] = defaultdict(float)
        self._measured_sums: defaultdict[Hashable, float] = defaultdict(float)

    def add(self, planned: PlannedTrial, seconds: float) -> None:
        """Add a trial's seconds, its worker's start included."""
        for key in _keys(planned):
            self._counts[key] += 1
            self._sums[key] += seconds
            if planned.key in self._expected:
                self._planned_sums[key] += self._expected[planned.key]
                self._measured_sums[key] += seconds

    def expect(self, planned: PlannedTrial, seconds: float) -> None:
        """Add a trial to the plan."""
        self._expected[planned.key] = seconds

    def shares(self, together: Sequence[PlannedTrial]) -> list[float]:
        """Return how the seconds of trials that ran as one are shared among them: as the plan has it."""
        expected = [self._expected.get(planned.key, 0.0) for planned in together]
        whole = sum(expected)
        return [seconds / whole for seconds in expected] if all(expected) else [1 / len(together)] * len(together)

    def of(self, planned: PlannedTrial) -> float | None:
        """Return the expected seconds of a trial; None for one that isn't planned, while no trial has ended."""
        return self.of_alike(planned, 1, self.expected(planned))

    def of_alike(self, planned: PlannedTrial, trials: int, expected: float | None) -> float | None:
        """Return the seconds of so many trials like `planned`, for which the plan has `expected` together."""
        keys = _keys(planned)
        if expected is not None:
            return expected * self._pace(keys)
        return next((trials * self._sums[key] / self._counts[key] for key in keys if key in self._counts), None)

    def expected(self, planned: PlannedTrial) -> float | None:
        """Return what the plan expects of a trial, whatever has been measured; None if it isn't planned."""
        return self._expected.get(planned.key)

    def total(self, trials: Iterable[PlannedTrial]) -> float | None:
        """Return the expected seconds of trials together; None where those of one aren't known."""
        expected = [self.of(planned) for planned in trials]
        return None if None in expected else sum(seconds for seconds in expected if seconds is not None)

    def _pace(self, keys: Sequence[Hashable]) -> float:
        """Return how much longer than planned such trials take: near that of less similar ones while few like them have ended."""
        pace = 1.0
        for key in reversed(keys):
            trust = ALIKE_TRUST_SECONDS if key else TRUST_SECONDS
            pace = (self._measured_sums[key] + trust * pace) / (self._planned_sums[key] + trust)
        return pace


@dataclass
class _Group:
    """Trials of one cell, workload, contestant and kind that haven't ended."""

    example: PlannedTrial
    trials: int = 0
    expected: float | None = 0.0
    """By the plan; None if one of them isn't planned."""

    def change(self, sign: int, expected: float | None) -> None:
        """Add a trial, or leave one out."""
        self.trials += sign
        self.expected = None if self.expected is None or expected is None else self.expected + sign * expected


class WaitingTrials:
    """The trials of a run that haven't ended, and their expected seconds together.

    A count goes through groups of similar trials, and holds until a share of the trials has ended; in between, what ends is
    subtracted. The work for all trials of a run grows no faster than their number.

    Parameters
    ----------
    durations
        What trials are expected to take.
    trials
        Those that haven't ended.

    """

    def __init__(self, durations: Durations, trials: Iterable[PlannedTrial]) -> None:
        self._durations = durations
        self._groups: dict[Hashable, _Group] = {}
        self._trials = self._ended = self._held = 0
        self._seconds: float | None = None
        self.add(trials)

    def add(self, trials: Iterable[PlannedTrial]) -> None:
        """Add trials to those that haven't ended."""
        for planned in trials:
            self._groups.setdefault(_keys(planned)[0], _Group(planned)).change(1, self._durations.expected(planned))
            self._trials += 1
        self._seconds = None

    def remove(self, planned: PlannedTrial) -> None:
        """Leave out a trial that has ended, or for which there is no time."""
        key = _keys(planned)[0]
        self._groups[key].change(-1, self._durations.expected(planned))
        if not self._groups[key].trials:
            del self._groups[key]
        self._trials -= 1
        self._ended += 1
        self._held -= 1
        if self._seconds is not None:
            self._seconds -= self._durations.of(planned) or 0.0

    def seconds(self) -> float | None:
        """Return the expected seconds; None while no trial has ended and none has an expectation."""
        if self._seconds is None or self._held <= 0:
            self._held = 1 + min(self._trials, self._ended) // RECOUNTS
            found = [self._durations.of_alike(group.example, group.trials, group.expected) for group in self._groups.values()]
            self._seconds = None if None in found else sum(seconds for seconds in found if seconds is not None)
        return self._seconds


@dataclass(frozen=True)
class TimeLeft:
    """How long a run goes on.

    Parameters
    ----------
    waiting, plan
        Of the run's trials.
    elapsed
        Seconds since the run's start.
    budget_seconds
        After which no launch is added, and, if `cuts_plan`, no planned trial begins.

    """

    waiting: WaitingTrials
    plan: TimePlan
    elapsed: Callable[[], float]
    budget_seconds: float = math.inf
    cuts_plan: bool = False

    def seconds(self, launches: Iterable[float] = ()) -> float | None:
        """Return the seconds left; None while they aren't known.

        `launches` are those of each launch that is likely to be added to what waits, as long as there is time for it.
        """
        left = self.waiting.seconds()
        if left is None:
            return None
        left += self.plan.report_seconds
        until_budget = max(self.budget_seconds - self.elapsed(), 0.0)
        if self.cuts_plan:
            left = min(left, until_budget)
        for seconds in launches:
            if left + seconds > until_budget:
                break
            left += seconds
        return left


def _keys(planned: PlannedTrial) -> list[Hashable]:
    """What trials have in common, the most first; the last is common to all."""
    workload, contestant, kind = planned.workload.name, planned.spec.name, planned.kind
    cell = tuple(sorted(planned.point.items()))
    return [(workload, contestant, kind, cell), (workload, contestant, kind), (contestant, kind), (contestant,), (kind,), ()]
