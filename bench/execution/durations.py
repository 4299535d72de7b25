"""Expected durations of trials, from those that have ended: for the time left on the screen, and for the time budget."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable

from bench.execution.schedule import PlannedTrial


class Durations:
    """Mean wall-clock seconds of the most similar trials: of the same cell, workload, contestant and kind, or of fewer of these."""

    def __init__(self) -> None:
        self._sums: defaultdict[Hashable, float] = defaultdict(float)
        self._counts: defaultdict[Hashable, int] = defaultdict(int)

    def add(self, planned: PlannedTrial, seconds: float) -> None:
        """Add a trial's seconds, its worker's start included."""
        for key in _keys(planned):
            self._sums[key] += seconds
            self._counts[key] += 1

    def of(self, planned: PlannedTrial) -> float | None:
        """Return the expected seconds of a trial; None while no trial has ended."""
        return next((self._sums[key] / self._counts[key] for key in _keys(planned) if key in self._counts), None)

    def total(self, trials: Iterable[PlannedTrial]) -> float | None:
        """Return the expected seconds of trials one after the other; None while no trial has ended."""
        expected = [self.of(planned) for planned in trials]
        return None if None in expected else sum(seconds for seconds in expected if seconds is not None)


def _keys(planned: PlannedTrial) -> list[Hashable]:
    workload, contestant, kind = planned.workload.name, planned.spec.name, planned.kind
    cell = tuple(sorted(planned.point.items()))
    return [(workload, contestant, kind, cell), (workload, contestant, kind), (contestant, kind), (contestant,), (kind,), ()]
