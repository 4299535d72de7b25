"""Test accuracy over the seeds, learning curves, and the agreement of test predictions with the reference's.

Called by `bench.analysis.summary`. A seed determines the sample, the split and the first weights. Seeds are independent, so
launches don't matter here.
"""

from __future__ import annotations

from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.analysis.selection import by_name, succeeded, workload_named
from bench.analysis.statistics import Interval, equivalent, student_interval
from bench.records import REFERENCE, RunData, Trial

MARGIN = 0.005
"""The margin of equivalence: a mean difference of accuracy within it counts as none."""
THRESHOLD = 0.5
"""A probability strictly above it is class 1."""
NEAR_THRESHOLD = 1e-4
"""Rounding alone can move a prediction that is nearer to the threshold than this to the other class."""

Array = NDArray[Any]


class AccuracyRow(NamedTuple):
    """A row of `Analysis.accuracy`."""

    workload: str
    contestant: str
    seeds: int
    accuracy_mean: float
    accuracy_low: float
    accuracy_high: float
    loss_mean: float
    loss_low: float
    loss_high: float
    difference_mean: float
    difference_low: float
    difference_high: float
    equivalent: bool | None


class AgreementRow(NamedTuple):
    """A row of `Analysis.agreement`."""

    workload: str
    contestant: str
    seed: int
    points: int
    near: int
    disagree: int
    largest_difference: float


class CurveRow(NamedTuple):
    """A row of `Analysis.curves`."""

    workload: str
    contestant: str
    seed: int
    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float


def accuracy_table(data: RunData) -> pd.DataFrame:
    """`Analysis.accuracy`, from scored trials, or from timed ones in a workload without scored ones."""
    groups = by_name(final_trials(data))
    rows = [_accuracy_row(key, trials, groups.get((key[0], REFERENCE), [])) for key, trials in groups.items()]
    return pd.DataFrame(rows, columns=AccuracyRow._fields).astype({"equivalent": object})


def agreement_table(data: RunData) -> pd.DataFrame:
    """`Analysis.agreement`, from scored trials of the same seed."""
    trials = [trial for trial in succeeded(data, "scored") if trial.test_predictions]
    references = {(trial.workload, trial.seed): trial for trial in trials if trial.contestant == REFERENCE}
    rows = []
    for trial in trials:
        reference = references.get((trial.workload, trial.seed))
        if reference is None or len(reference.test_predictions or ()) != len(trial.test_predictions or ()):
            continue  # of other data, which only a record that was changed by hand can have
        if trial.contestant != REFERENCE:
            outputs = _outputs(data, trial.workload)
            rows.append(
                AgreementRow(
                    trial.workload,
                    trial.contestant,
                    trial.seed,
                    *agreement(_rows(reference, outputs), _rows(trial, outputs)),
                )
            )
    return pd.DataFrame(rows, columns=AgreementRow._fields)


def agreement(reference: Array, predictions: Array) -> tuple[int, int, int, float]:
    """Counts of points, of points near the threshold, of other points whose class differs, and the largest difference.

    Both arguments are (points, outputs): one probability, class 1 strictly above `THRESHOLD`, or one output per class, where the
    first largest decides. The reference decides which points are near: their probability lies within `NEAR_THRESHOLD` of the
    threshold, or with several classes, their two largest outputs lie within it of one another.
    """
    near = _margin(reference) < NEAR_THRESHOLD
    differ = _classes(reference) != _classes(predictions)
    return len(reference), int(near.sum()), int((differ & ~near).sum()), float(np.abs(predictions - reference).max())


def curves_table(data: RunData) -> pd.DataFrame:
    """`Analysis.curves`."""
    scored = succeeded(data, "scored")
    with_scores = {trial.workload for trial in scored}
    timed = by_name(trial for trial in final_trials(data) if trial.workload not in with_scores)
    trials = [*scored, *(found[0] for found in timed.values())]
    epochs = [len(trial.history.get("loss", [])) for trial in trials]
    columns: dict[str, Any] = {  # a tuple a row would take several times the memory
        name: np.repeat(np.array([getattr(trial, name) for trial in trials], dtype=kind), epochs)
        for name, kind in (("workload", object), ("contestant", object), ("seed", np.int64))
    }
    columns["epoch"] = np.concatenate([np.arange(count) for count in epochs] or [np.arange(0)])
    for place, name in enumerate(CurveRow._fields[-4:]):
        columns[name] = np.fromiter(chain.from_iterable(_histories(trial)[place] for trial in trials), float, sum(epochs))
    return pd.DataFrame(columns, columns=CurveRow._fields)


def final_trials(data: RunData) -> list[Trial]:
    """One trial with a test accuracy per workload, contestant and seed: a scored one, or in a workload without, a timed one."""
    chosen: dict[tuple[str, str, int], Trial] = {}
    scored = [trial for trial in succeeded(data, "scored") if trial.test_accuracy is not None]
    with_scores = {trial.workload for trial in scored}
    timed = [trial for trial in succeeded(data, "timed") if trial.test_accuracy is not None and trial.workload not in with_scores]
    for trial in scored + timed:
        if trial.history.get("loss"):
            chosen.setdefault((trial.workload, trial.contestant, trial.seed), trial)
    return list(chosen.values())


def _accuracy_row(key: tuple[str, str], trials: list[Trial], references: list[Trial]) -> AccuracyRow:
    accuracies = {trial.seed: float(trial.test_accuracy or 0.0) for trial in trials}
    reference = {trial.seed: float(trial.test_accuracy or 0.0) for trial in references}
    shared = sorted(accuracies.keys() & reference.keys()) if key[1] != REFERENCE else []
    differences = np.array([accuracies[seed] - reference[seed] for seed in shared])
    paired = student_interval(differences) if shared else Interval(np.nan, np.nan, np.nan)
    mean, low, high = (float(np.clip(end, 0.0, 1.0)) for end in student_interval(list(accuracies.values())))
    loss = student_interval([trial.history["loss"][-1] for trial in trials])
    return AccuracyRow(*key, len(accuracies), mean, low, high, *loss, *paired, equivalent(differences, MARGIN))


def _histories(trial: Trial) -> list[list[float]]:
    """The four curves of a trial; a curve that wasn't recorded is all NaN."""
    missing = [float("nan")] * len(trial.history.get("loss", []))
    return [trial.history.get(name, missing) for name in CurveRow._fields[-4:]]


def _outputs(data: RunData, workload: str) -> int:
    """The number of the network's outputs."""
    return int(workload_named(data, workload)["architecture"][-1]["output_dim"])


def _rows(trial: Trial, outputs: int) -> Array:
    return np.asarray(trial.test_predictions, dtype=float).reshape(-1, outputs)


def _classes(predictions: Array) -> Array:
    if predictions.shape[1] == 1:
        return np.asarray(predictions[:, 0] > THRESHOLD)
    return np.asarray(predictions.argmax(axis=1))


def _margin(predictions: Array) -> Array:
    if predictions.shape[1] == 1:
        return np.asarray(np.abs(predictions[:, 0] - THRESHOLD))
    ordered = np.sort(predictions, axis=1)
    return np.asarray(ordered[:, -1] - ordered[:, -2])
