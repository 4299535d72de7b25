"""Which trials a figure is made from. Called by every module of the analysis that reads trials."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bench.records import RunData, Trial, TrialKind

FLOOR = "floor"
"""The contestant that is no network: the matrix products of a step alone."""
OURS = "numpy_nn"
"""The contestant that this project is about."""


def succeeded(data: RunData, kind: TrialKind) -> list[Trial]:
    """The trials of one kind that came to a result, in the order in which they ended; the cells of grids are left out."""
    return [trial for trial in data.trials if trial.kind == kind and trial.status == "ok" and not trial.point]


def workload_named(data: RunData, name: str) -> dict[str, Any]:
    """A workload of the run, as `bench.workloads.models.Workload` dumped itself; empty where the run has none of that name."""
    return next((workload for workload in data.run.workloads if workload["name"] == name), {})


def by_name(trials: Iterable[Trial]) -> dict[tuple[str, str], list[Trial]]:
    """Trials by workload and contestant, in the order in which these appear."""
    groups: dict[tuple[str, str], list[Trial]] = {}
    for trial in trials:
        groups.setdefault((trial.workload, trial.contestant), []).append(trial)
    return groups
