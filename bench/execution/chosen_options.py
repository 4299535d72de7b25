"""The settings that contestants chose when they were tuned, by workload and cell. Called by the runner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.execution.schedule import PlannedTrial, TrialKey, key_of
from bench.records import Trial

Place = tuple[str, str, tuple[tuple[str, int], ...]]
"""Where settings apply: the workload, the contestant, the cell."""


class ChosenOptions:
    """Remembers the settings that trials of tuning found."""

    def __init__(self) -> None:
        self._options: dict[Place, Mapping[str, Any]] = {}
        self._last: dict[str, Mapping[str, Any]] = {}

    def observe(self, trial: Trial) -> None:
        """Remember what a trial of tuning chose."""
        if trial.kind == "tune":
            self._options[_place(key_of(trial))] = self._last[trial.contestant] = trial.details.get("options", {})

    def of(self, planned: PlannedTrial) -> Mapping[str, Any]:
        """Return what the contestant chose for this cell; in a workload without timed rounds, what it chose last elsewhere."""
        if planned.workload.rounds > 0:
            return self._options.get(_place(planned.key), {})
        return self._last.get(planned.spec.name, {})


def _place(key: TrialKey) -> Place:
    workload, contestant, _kind, _seed, _round, point = key
    return workload, contestant, point
