"""Expected durations of trials, from those that have ended: for the time left on the screen, and for the time budget."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping

from bench.execution.schedule import PlannedTrial, TrialKey

SIMILAR = 2
"""So many of `_keys` name the workload, the contestant and the kind."""


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
        keys = _keys(planned)
        if planned.key in self._expected and not any(key in self._counts for key in keys[:SIMILAR]):
            return self._expected[planned.key] * self._pace()
        return next((self._sums[key] / self._counts[key] for key in keys if key in self._counts), None)

    def _pace(self) -> float:
        """How much longer than expected trials have taken so far: on a busy machine the others will too."""
        return self._measured_sum / self._expected_sum if self._expected_sum > 0 else 1.0

    def total(self, trials: Iterable[PlannedTrial]) -> float | None:
        """Return the expected seconds of trials one after the other; None while no trial has ended."""
        expected = [self.of(planned) for planned in trials]
        return None if None in expected else sum(seconds for seconds in expected if seconds is not None)


def _keys(planned: PlannedTrial) -> list[Hashable]:
    workload, contestant, kind = planned.workload.name, planned.spec.name, planned.kind
    cell = tuple(sorted(planned.point.items()))
    return [(workload, contestant, kind, cell), (workload, contestant, kind), (contestant, kind), (contestant,), (kind,), ()]
