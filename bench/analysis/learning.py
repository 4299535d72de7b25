"""Trainings that learned nothing: their accuracy is that of the most frequent class. Called by the report.

Such a training has a time, and its accuracy equals any other's that learned nothing.
"""

from __future__ import annotations

from typing import NamedTuple

from bench.analysis.selection import FLOOR
from bench.records import RunData, Trial


class NothingLearnedRow(NamedTuple):
    """The trainings of a contestant that learned nothing, of all that ended, and the accuracy of the most frequent class."""

    workload: str
    contestant: str
    nothing: int
    trials: int
    majority: float


def learned_nothing(trial: Trial) -> bool:
    """Whether a trial's test accuracy is no better than the answer that is the most frequent class for every row."""
    if trial.majority_accuracy is None or trial.test_accuracy is None or trial.status != "ok":
        return False
    return trial.test_accuracy <= trial.majority_accuracy


def nothing_learned(data: RunData) -> list[NothingLearnedRow]:
    """A row per workload and contestant of which a training learned nothing, without grids and without the floor."""
    groups: dict[tuple[str, str], list[Trial]] = {}
    for trial in data.trials:
        judged = trial.status == "ok" and trial.majority_accuracy is not None and trial.test_accuracy is not None
        if judged and not trial.point and trial.contestant != FLOOR and trial.kind in ("timed", "scored", "parity"):
            groups.setdefault((trial.workload, trial.contestant), []).append(trial)
    rows = []
    for key, trials in groups.items():
        nothing = [trial for trial in trials if learned_nothing(trial)]
        if nothing:
            rows.append(
                NothingLearnedRow(*key, len(nothing), len(trials), max(trial.majority_accuracy or 0.0 for trial in nothing))
            )
    return rows
