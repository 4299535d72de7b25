"""Selects the trials that a figure is computed from. Called by every module of the analysis that reads trials."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from bench.records import RunData, Trial, TrialKind

FLOOR = "floor"
"""The contestant that computes the matrix products of a step and nothing else."""
STATUSES = ("ok", "failed", "diverged")
"""How a trial that was tried to its end has ended."""


def succeeded(data: RunData, kind: TrialKind) -> list[Trial]:
    """The successful trials of one kind, in the order in which they ended, without those of grid workloads.

    Turns are epochs of the same fit that a timed trial checks as a whole: without one that succeeded, where any failed, they don't
    count.
    """
    found = [trial for trial in data.trials if trial.kind == kind and trial.status == "ok" and not trial.point]
    if kind != "turns":
        return found
    fits = [trial for trial in data.trials if trial.kind == "timed" and not trial.point]
    ended = {status: {(trial.workload, trial.contestant) for trial in fits if trial.status == status} for status in STATUSES}
    doubtful = (ended["failed"] | ended["diverged"]) - ended["ok"]
    return [trial for trial in found if (trial.workload, trial.contestant) not in doubtful]


def on_one_machine(trials: Sequence[Trial]) -> list[Trial]:
    """The trials of the machine that has most of them: figures that are compared must come from one."""
    counts = Counter(trial.machine for trial in trials)
    most = max(counts, key=lambda machine: counts[machine], default=None)
    return [trial for trial in trials if trial.machine == most]


def workload_named(data: RunData, name: str) -> dict[str, Any]:
    """The workload `name` of the run, as a dict of `bench.workloads.models.Workload`'s fields; empty if there is none."""
    return next((workload for workload in data.run.workloads if workload["name"] == name), {})


def by_name(trials: Iterable[Trial]) -> dict[tuple[str, str], list[Trial]]:
    """Trials grouped by workload and contestant, in the order of their first trials."""
    groups: dict[tuple[str, str], list[Trial]] = {}
    for trial in trials:
        groups.setdefault((trial.workload, trial.contestant), []).append(trial)
    return groups
