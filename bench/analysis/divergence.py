"""Trainings that diverged: a loss, an accuracy or an output that isn't finite. Called by the report.

A diverged training has a time, and no accuracy worth the name.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from bench.analysis.selection import FLOOR
from bench.records import RunData, Trial


class DivergedRow(NamedTuple):
    """The trainings of a contestant that diverged, of all that ended."""

    workload: str
    contestant: str
    diverged: int
    trials: int


def diverged(trial: Trial) -> bool:
    """Whether a trial's losses, test loss or test outputs have a value that isn't finite."""
    values = [*trial.history.get("loss", []), *(trial.test_predictions or [])]
    if trial.test_loss is not None:
        values.append(trial.test_loss)
    return str(trial.status) == "diverged" or (trial.status == "ok" and not all(map(math.isfinite, values)))


def divergence(data: RunData) -> list[DivergedRow]:
    """A row per workload and contestant of which a training diverged, without grids and without the floor, which learns nothing."""
    counts: dict[tuple[str, str], list[bool]] = {}
    for trial in data.trials:
        if trial.point or trial.contestant == FLOOR or trial.kind not in ("timed", "scored", "parity"):
            continue
        if trial.status not in ("failed", "timeout", "skipped"):
            counts.setdefault((trial.workload, trial.contestant), []).append(diverged(trial))
    return [DivergedRow(*key, sum(found), len(found)) for key, found in counts.items() if any(found)]
