"""How long trials will take, from those that have ended: for the time left on the screen, and for what still fits into a budget."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable

from bench.execution.schedule import PlannedTrial


class Durations:
    """Mean wall-clock seconds of trials, from the most alike to the least: same workload, same contestant, same kind, any."""

    def __init__(self) -> None:
        self._sums: defaultdict[Hashable, float] = defaultdict(float)
        self._counts: defaultdict[Hashable, int] = defaultdict(int)

    def add(self, planned: PlannedTrial, seconds: float) -> None:
        """Remember that a trial has taken `seconds`, its worker's start included."""
        for key in _keys(planned):
            self._sums[key] += seconds
            self._counts[key] += 1

    def of(self, planned: PlannedTrial) -> float | None:
        """What a trial is expected to take; None while nothing has ended."""
        return next((self._sums[key] / self._counts[key] for key in _keys(planned) if key in self._counts), None)

    def total(self, trials: Iterable[PlannedTrial]) -> float | None:
        """What trials are expected to take one after the other; None while nothing has ended."""
        expected = [self.of(planned) for planned in trials]
        return None if None in expected else sum(seconds for seconds in expected if seconds is not None)


def _keys(planned: PlannedTrial) -> list[Hashable]:
    workload, contestant, kind = planned.workload.name, planned.spec.name, planned.kind
    cell = tuple(sorted(planned.point.items()))
    return [(workload, contestant, kind, cell), (workload, contestant, kind), (contestant, kind), (contestant,), (kind,), ()]
