"""Expected durations of trials, from those that have ended: for the time left on the screen, and for the time budget."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass

from bench.execution.schedule import PlannedTrial, TrialKey

SIMILAR = 2
"""So many of `_keys` name the workload, the contestant and the kind."""
RECOUNTS = 50
"""The time left is counted anew when one in so many trials has ended: of those that were left, and of those that had ended."""


class Durations:
    """Mean wall-clock seconds of the most similar trials: of the same cell, workload, contestant and kind, or of fewer of these.

    Parameters
    ----------
    expected
        Seconds of planned trials, used as long as no trial of their workload, contestant and kind has ended.

    """

    def __init__(self, expected: Mapping[TrialKey, float] | None = None) -> None:
        self._expected = expected or {}
        self._expected_sum = self._measured_sum = 0.0
        self._sums: defaultdict[Hashable, float] = defaultdict(float)
        self._counts: defaultdict[Hashable, int] = defaultdict(int)

    def add(self, planned: PlannedTrial, seconds: float) -> None:
        """Add a trial's seconds, its worker's start included."""
        for key in _keys(planned):
            self._sums[key] += seconds
            self._counts[key] += 1
        if planned.key in self._expected and seconds > 0:
            self._expected_sum += self._expected[planned.key]
            self._measured_sum += seconds

    def of(self, planned: PlannedTrial) -> float | None:
        """Return the expected seconds of a trial; None while no trial has ended."""
        return self.of_alike(planned, 1, self.expected(planned))

    def of_alike(self, planned: PlannedTrial, trials: int, expected: float | None) -> float | None:
        """Return the seconds of so many trials like `planned`; those that were `expected` hold until one of them has ended."""
        keys = _keys(planned)
        if expected is not None and not any(key in self._counts for key in keys[:SIMILAR]):
            return expected * self._pace()
        return next((trials * self._sums[key] / self._counts[key] for key in keys if key in self._counts), None)

    def expected(self, planned: PlannedTrial) -> float | None:
        """Return what the plan expects of a trial, whatever has been measured; None if it isn't planned."""
        return self._expected.get(planned.key)

    def _pace(self) -> float:
        """How much longer than expected trials have taken so far: on a busy machine the others will too."""
        return self._measured_sum / self._expected_sum if self._expected_sum > 0 else 1.0

    def total(self, trials: Iterable[PlannedTrial]) -> float | None:
        """Return the expected seconds of trials one after the other; None while no trial has ended."""
        expected = [self.of(planned) for planned in trials]
        return None if None in expected else sum(seconds for seconds in expected if seconds is not None)


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


class TimeLeft:
    """The expected seconds of the trials that haven't ended, one after the other.

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

    def ended(self, planned: PlannedTrial) -> None:
        """Leave out a trial that has ended."""
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


def _keys(planned: PlannedTrial) -> list[Hashable]:
    workload, contestant, kind = planned.workload.name, planned.spec.name, planned.kind
    cell = tuple(sorted(planned.point.items()))
    return [(workload, contestant, kind, cell), (workload, contestant, kind), (contestant, kind), (contestant,), (kind,), ()]
