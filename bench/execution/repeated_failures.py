"""When a contestant isn't tried any more: a rule that is stated in the record of each trial that it cost. Called by the runner.

Without it, a contestant that can't be built would have its process launched anew for each of its trials, and one that is too slow
at some cell of a grid would run into the time limit at every larger one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.execution.schedule import PlannedTrial
from bench.execution.worker_process import Outcome

FAILURES_TO_GIVE_UP = 2
"""A contestant that failed this often in a row in a workload, at this cell or at smaller ones, isn't tried there again."""


@dataclass
class Strikes:
    """Failures in a row, by workload and contestant, with the cells at which they were."""

    _points: defaultdict[tuple[str, str], list[Mapping[str, int]]] = field(default_factory=lambda: defaultdict(list))
    _errors: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, planned: PlannedTrial, outcome: Outcome) -> None:
        """Take note of how a trial ended: what went well clears the failures at this cell and at smaller ones."""
        key = (planned.workload.name, planned.spec.name)
        if outcome.status == "ok":
            self._points[key] = [point for point in self._points[key] if not _covers(planned.point, point)]
        elif not self._counts(planned):
            self._points[key].append(planned.point)
            self._errors[key] = outcome.error or outcome.status

    def given_up(self, planned: PlannedTrial) -> Outcome | None:
        """The outcome of a trial that isn't worth trying; None where it is."""
        if not self._counts(planned):
            return None
        error = self._errors[(planned.workload.name, planned.spec.name)]
        return Outcome("failed", error=f"given up after {FAILURES_TO_GIVE_UP} failures in a row; the last was {error}")

    def _counts(self, planned: PlannedTrial) -> bool:
        points = self._points[(planned.workload.name, planned.spec.name)]
        return sum(_covers(planned.point, point) for point in points) >= FAILURES_TO_GIVE_UP


def _covers(point: Mapping[str, int], other: Mapping[str, int]) -> bool:
    """Whether the cell `point` is as large as `other` or larger in every direction."""
    return all(point[name] >= other[name] for name in other)
