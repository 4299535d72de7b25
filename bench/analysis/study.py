"""A study's cells: accuracy, time to a target in epochs, stuck and diverged trainings, and the paired test of the contestants.

Called by `bench.analysis.summary`. The unit is the seed, which fixes the data, the split and the first weights of all
contestants. The test of a cell is Wilcoxon's signed-rank test of the differences of test accuracy, two-sided; its distribution is
that of permuted signs, since accuracies have few values and many ties, and equal pairs are left out. Over all tests of a study,
Benjamini and Hochberg's procedure (1995) controls the false discovery rate.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from bench.analysis.accuracy import agreement
from bench.analysis.divergence import diverged
from bench.analysis.statistics import CONFIDENCE, Interval, student_interval
from bench.analysis.survival import median_interval
from bench.analysis.targets import first_epoch_at
from bench.records import REFERENCE, RunData, Trial
from bench.records.workload_records import is_study, sorted_values

FALSE_DISCOVERY_RATE = 0.05
STUCK_MARGIN = 1e-3
"""A training whose last loss is less than this below that of a network that ignores its input is stuck."""
PERMUTATIONS = 9_999
"""Of the signs of a cell's differences; all of them where there are fewer."""

Point = tuple[Any, ...]
"""A cell's values, in the order of the grid's axes."""
Trainings = Mapping[int, Trial]
"""By seed: the trainings of a contestant in a cell that ended, diverged ones too."""


class StudyRow(NamedTuple):
    """The columns of `Analysis.study` after the workload, the axes and the contestant."""

    seeds: int
    failed: int
    diverged: int
    accuracy_mean: float
    accuracy_low: float
    accuracy_high: float
    stuck: int
    stuck_share: float
    stuck_low: float
    stuck_high: float
    pairs: int
    difference_mean: float
    difference_low: float
    difference_high: float
    p_value: float
    points: int
    disagree: int


class StudyTargetRow(NamedTuple):
    """The columns of `Analysis.study_targets` after the workload, the axes and the contestant."""

    target: float
    seeds: int
    reached: int
    share: float
    low: float
    high: float
    median_epoch: float
    epoch_low: float
    epoch_high: float


_COLUMNS = {"workload", "contestant", "q_value", "differs", *StudyRow._fields, *StudyTargetRow._fields}
"""No axis of a workload; records that were changed by hand may have any."""


def study_tables(data: RunData) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`Analysis.study` and `Analysis.study_targets`, of all studies of the run."""
    rows: list[dict[str, Any]] = []
    targets: list[dict[str, Any]] = []
    studies = [workload for workload in data.run.workloads if is_study(workload) and not _COLUMNS & set(workload["grid"])]
    for workload in studies:
        own = list(_rows(data, workload))
        adjusted = adjust([row["p_value"] for row in own])
        rows += [row | {"q_value": q, "differs": bool(q <= FALSE_DISCOVERY_RATE)} for row, q in zip(own, adjusted, strict=True)]
        targets += _target_rows(data, workload)
    first = ["workload", *dict.fromkeys(axis for workload in studies for axis in workload["grid"]), "contestant"]
    return (
        pd.DataFrame(rows, columns=[*first, *StudyRow._fields, "q_value", "differs"]).astype({"differs": bool}),
        pd.DataFrame(targets, columns=[*first, *StudyTargetRow._fields]),
    )


def adjust(p_values: Sequence[float]) -> list[float]:
    """Return the p-values adjusted for the false discovery rate; NaN, where nothing was tested, stays and doesn't count."""
    values = np.asarray(p_values, dtype=float)
    tested = ~np.isnan(values)
    if tested.any():
        values[tested] = stats.false_discovery_control(values[tested], method="bh")
    return [float(value) for value in values]


def signed_rank_p(differences: Sequence[float]) -> float:
    """Return the p-value of Wilcoxon's signed-rank test that paired differences are symmetric around 0; NaN without a pair."""
    values = np.round(np.asarray(differences, dtype=float), 12)  # an accuracy is a ratio of two counts
    if not len(values):
        return float("nan")
    unequal = values[values != 0]
    if len(unequal) < 2:  # SciPy takes no sample of one, whose sign is either with the same probability
        return 1.0
    method = stats.PermutationMethod(n_resamples=PERMUTATIONS, rng=np.random.default_rng(0))
    return float(stats.wilcoxon(unequal, method=method).pvalue)


def least_p(pairs: int) -> float:
    """Return the smallest p-value that the test can give for so many pairs: every difference has one sign."""
    return float(max(2.0 ** (1 - pairs), 2 / (PERMUTATIONS + 1))) if pairs else 1.0


def share_interval(count: int, total: int) -> Interval:
    """The share `count / total` with Wilson's interval (1927); NaN of nothing."""
    if not total:
        return Interval(math.nan, math.nan, math.nan)
    ends = stats.binomtest(count, total).proportion_ci(CONFIDENCE, method="wilson")
    return Interval(count / total, float(ends.low), float(ends.high))


def chance_loss(workload: Mapping[str, Any], loss: str) -> float:
    """Return the loss of a network that ignores its input, for classes of one size: ln 2 for two; NaN where it isn't known.

    Of quantities it would be their spread, which the records don't have.
    """
    outputs = int(workload["architecture"][-1]["output_dim"])
    share = 0.5 if outputs == 1 else 1 / outputs
    per_output = -share * math.log(share) - (1 - share) * math.log(1 - share)
    known = {
        "binary_crossentropy": per_output,
        "bce": per_output,
        **dict.fromkeys(("categorical_crossentropy", "sparse_categorical_crossentropy"), math.log(max(outputs, 2))),
    }
    return known.get(loss, math.nan)


def is_stuck(trial: Trial, chance: float) -> bool:
    """Whether a training that ended has learned nothing: its last loss is that of a network that ignores its input, or above."""
    losses = trial.history.get("loss", [])
    return bool(losses and losses[-1] > chance - STUCK_MARGIN)


def _rows(data: RunData, workload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for point, contestants, failed in _cells(data, workload):
        loss = str(dict(zip(workload["grid"], point, strict=True)).get("loss", workload["training"]["loss"]))
        chance = chance_loss(workload, loss)
        for name, trainings in contestants.items():
            reference = contestants.get(REFERENCE, {}) if name != REFERENCE else {}
            row = _row(workload, trainings, reference, chance, failed[name])
            yield _place(workload, point, name) | row._asdict()


def _row(workload: dict[str, Any], trainings: Trainings, reference: Trainings, chance: float, failed: int) -> StudyRow:
    accuracies, others = _accuracies(trainings), _accuracies(reference)
    stuck = sum(is_stuck(trial, chance) for trial in trainings.values() if not diverged(trial))
    shared = sorted(accuracies.keys() & others.keys())
    differences = [accuracies[seed] - others[seed] for seed in shared]
    counts = [found for seed in shared if (found := _agreement(workload, reference[seed], trainings[seed])) is not None]
    return StudyRow(
        len(trainings),
        failed,
        sum(diverged(trial) for trial in trainings.values()),
        *_mean(list(accuracies.values()), 0.0, 1.0),
        stuck,
        *share_interval(stuck, 0 if math.isnan(chance) else len(trainings)),
        len(shared),
        *_mean(differences, -1.0, 1.0),
        signed_rank_p(differences),
        sum(points for points, _ in counts),
        sum(disagree for _, disagree in counts),
    )


def _target_rows(data: RunData, workload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for point, contestants, _ in _cells(data, workload):
        for name, trainings in contestants.items():
            for target in workload.get("targets", []):
                found = {seed: first_epoch_at(trial, target) for seed, trial in trainings.items()}
                last = max((len(trial.history.get("loss", [])) for trial in trainings.values()), default=0)
                epochs = [last if epoch is None else epoch + 1 for epoch in found.values()]
                reached = [epoch is not None for epoch in found.values()]
                median = median_interval(epochs, reached) if any(reached) else Interval(math.nan, math.nan, math.nan)
                row = StudyTargetRow(target, len(found), sum(reached), *share_interval(sum(reached), len(found)), *median)
                yield _place(workload, point, name) | row._asdict()


def _cells(data: RunData, workload: dict[str, Any]) -> Iterator[tuple[Point, dict[str, Trainings], dict[str, int]]]:
    """Each cell, with the trainings of each contestant, and how many of them have no result."""
    axes = list(workload["grid"])
    found: dict[tuple[Point, str], dict[int, Trial]] = {}
    failed: dict[tuple[Point, str], int] = {}
    names: dict[str, None] = {}
    for trial in data.trials:
        if trial.workload != workload["name"] or trial.kind != "scored" or set(trial.point) != set(axes):
            continue
        names[trial.contestant] = None
        key = tuple(trial.point[axis] for axis in axes), trial.contestant
        if trial.status in ("ok", "diverged"):
            found.setdefault(key, {})[trial.seed] = trial
        else:
            failed[key] = failed.get(key, 0) + 1
    for point in product(*(sorted_values(workload["grid"][axis]) for axis in axes)):
        here: dict[str, Trainings] = {name: found.get((point, name), {}) for name in names}
        yield point, here, {name: failed.get((point, name), 0) for name in names}


def _place(workload: dict[str, Any], point: Point, contestant: str) -> dict[str, Any]:
    return {"workload": workload["name"], **dict(zip(workload["grid"], point, strict=True)), "contestant": contestant}


def _accuracies(trainings: Trainings) -> dict[int, float]:
    return {
        seed: float(trial.test_accuracy)
        for seed, trial in trainings.items()
        if trial.test_accuracy is not None and not diverged(trial) and not math.isnan(trial.test_accuracy)
    }


def _mean(values: Sequence[float], least: float, most: float) -> Interval:
    if not values:
        return Interval(math.nan, math.nan, math.nan)
    return Interval(*(float(np.clip(end, least, most)) for end in student_interval(values)))


def _agreement(workload: dict[str, Any], reference: Trial, trial: Trial) -> tuple[int, int] | None:
    """The test points of a seed, and those of another class; points near the threshold don't count among these."""
    outputs = int(workload["architecture"][-1]["output_dim"])
    arrays = [np.asarray(each.test_predictions or [], dtype=float).reshape(-1, outputs) for each in (reference, trial)]
    if not len(arrays[0]) or arrays[0].shape != arrays[1].shape:
        return None
    points, _, disagree, _ = agreement(*arrays)
    return points, disagree
