"""Skips a contestant in a workload after repeated failures.

Without this rule, a contestant that can't be built would start a process for each of its trials, and one that is too slow in a cell
of a grid would run into the time limit in every larger cell.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.execution.schedule import PlannedTrial
from bench.execution.skip_rules.base import SkipRule
from bench.records import Trial

FAILURES_TO_GIVE_UP = 2
"""Failures in a row in a workload, in the planned cell or in smaller ones, after which a contestant is skipped there."""


@dataclass(frozen=True)
class _Failure:
    point: Mapping[str, Any]
    error: str


class RepeatedFailures(SkipRule):
    """Counts failures in a row for each workload and contestant."""

    def __init__(self) -> None:
        self._failures: defaultdict[tuple[str, str], list[_Failure]] = defaultdict(list)

    def observe(self, trial: Trial) -> None:
        """Count a failure; a success clears the failures in its cell and in smaller ones."""
        key = (trial.workload, trial.contestant)
        if trial.status == "ok":
            self._failures[key] = [failure for failure in self._failures[key] if not _covers(trial.point, failure.point)]
        elif trial.status == "diverged" and trial.point and trial.kind == "scored":
            return  # a result of a study
        elif trial.status != "skipped" and len(self._counted(key, trial.point)) < FAILURES_TO_GIVE_UP:
            self._failures[key].append(_Failure(trial.point, trial.error or trial.status))

    def reason(self, planned: PlannedTrial) -> str | None:
        counted = self._counted((planned.workload.name, planned.spec.name), planned.point)
        if len(counted) < FAILURES_TO_GIVE_UP:
            return None
        return f"given up after {FAILURES_TO_GIVE_UP} failures in a row; the last was {counted[-1].error}"

    def _counted(self, key: tuple[str, str], point: Mapping[str, Any]) -> list[_Failure]:
        """The failures that count at a point."""
        return [failure for failure in self._failures[key] if _covers(point, failure.point)]


def _covers(point: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether the cell `point` is as large as `other` or larger on every axis; a word is as large as itself."""
    return all(
        point[name] == other[name] if isinstance(point[name], str) or isinstance(other[name], str) else point[name] >= other[name]
        for name in other
    )
