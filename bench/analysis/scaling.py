"""Ranks the step times of all contestants in every cell of a grid. Called by `bench.analysis.summary`.

The time of a step is the one of `bench.analysis.steps`, over the epochs of the cell's rounds; rounds that the canary found
disturbed don't count where there are enough others. `docs/statistics.md` compares it with the median.

A cell without a figure keeps its row, with the rule by which it was left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.analysis.selection import FLOOR, on_one_machine
from bench.analysis.statistics import student_half_width
from bench.analysis.steps import QUANTILE, in_quiet_moments, steady_epochs
from bench.records import RunData, Trial
from bench.records.workload_records import is_study

AXES = ("width", "batch", "layers", "threads")
Cell = tuple[int, int, int, int]
"""Values of `AXES`, in their order."""
Rounds = NDArray[np.float64]
"""(rounds, epochs): seconds per step of a contestant in a cell."""
FEWEST_ROUNDS = 3
"""Undisturbed rounds of a contestant in a cell; with fewer, all its rounds count."""
RESAMPLES = 999
"""Of the bootstrap."""


class ScalingRow(NamedTuple):
    """A row of `Analysis.scaling`."""

    width: int
    batch: int
    layers: int
    threads: int
    contestant: str
    step_seconds: float
    rank: float
    ratio_to_best: float
    low: float
    high: float
    left_out: str | None


def scaling_table(data: RunData) -> pd.DataFrame:
    """`Analysis.scaling`, of all grid workloads of the run. Ranks and ratios compare the contestants of one cell.

    The floor doesn't compete: it has a ratio and no rank.
    """
    rows = [row for workload in data.run.workloads if is_timed_grid(workload) for row in _workload_rows(data, workload)]
    return pd.DataFrame(rows, columns=ScalingRow._fields).astype({"left_out": object})


def is_timed_grid(workload: dict[str, Any]) -> bool:
    """Whether a workload is a scaling study."""
    return bool(workload.get("grid")) and not is_study(workload)


def _workload_rows(data: RunData, workload: dict[str, Any]) -> Iterator[ScalingRow]:
    trials: dict[Cell, dict[str, list[Trial]]] = {}
    names: dict[str, None] = {}  # in the order in which they appear
    timed = on_one_machine([trial for trial in data.trials if trial.workload == workload["name"] and trial.kind == "timed"])
    quiet = {id(trial) for trial, is_quiet in zip(timed, in_quiet_moments(timed), strict=True) if is_quiet}
    for trial in timed:
        cell = _cell(workload, trial.point, data.run.threads)
        trials.setdefault(cell, {}).setdefault(trial.contestant, []).append(trial)
        names[trial.contestant] = None
    axes = list(workload["grid"])
    for values in product(*(sorted(workload["grid"][axis]) for axis in axes)):
        cell = _cell(workload, dict(zip(axes, values, strict=True)), data.run.threads)
        yield from _cell_rows(cell, {name: _counted(trials.get(cell, {}).get(name, []), quiet) for name in names})


def _cell_rows(cell: Cell, trials: dict[str, list[Trial]]) -> Iterator[ScalingRow]:
    rounds = {name: _rounds(own) for name, own in trials.items()}
    seconds = {name: float(np.quantile(own, QUANTILE)) for name, own in rounds.items() if own.size}
    ranked = sorted((name for name in seconds if name != FLOOR), key=lambda name: (seconds[name], name))
    nan = float("nan")
    for name, own in trials.items():
        if name not in seconds:
            yield ScalingRow(*cell, name, nan, nan, nan, nan, nan, _why_left_out(own))
            continue
        rank = ranked.index(name) + 1 if name in ranked else nan
        ratio, low, high = nan, nan, nan
        if ranked:
            ratio = seconds[name] / seconds[ranked[0]]
            low, high = (1.0, 1.0) if name == ranked[0] else _interval(rounds[name], rounds[ranked[0]])
        yield ScalingRow(*cell, name, seconds[name], rank, ratio, low, high, None)


def _counted(trials: list[Trial], quiet: set[int]) -> list[Trial]:
    """The trials of a cell without disturbed rounds, where that leaves enough; failures are kept."""
    kept = [trial for trial in trials if trial.status != "ok" or id(trial) in quiet]
    return kept if sum(trial.status == "ok" for trial in kept) >= FEWEST_ROUNDS else trials


def _rounds(trials: list[Trial]) -> Rounds:
    """The time of a step in each epoch but the first of each round."""
    measured = [trial for trial in trials if trial.status == "ok" and trial.steps]
    return np.array([np.multiply(steady_epochs(trial), len(trial.epoch_seconds or []) / trial.steps) for trial in measured])


def _interval(own: Rounds, best: Rounds) -> tuple[float, float]:
    """The ends of the ratio's interval: Student's t, with the standard error of its logarithm from a bootstrap over the rounds.

    Rounds take the place of launches, of which a study has one. With so few rounds, the bootstrap's own percentiles would cover too
    seldom (see `bench.analysis.statistics`), and its standard error needs the correction √(n / (n − 1)).
    """
    count = min(len(own), len(best))
    if count < 2:
        return float("nan"), float("nan")
    drawn = np.random.default_rng(0).integers(count, size=(RESAMPLES, count))
    middle, logarithms = (
        np.log(np.quantile(own[rounds], QUANTILE, axis=(-2, -1)) / np.quantile(best[rounds], QUANTILE, axis=(-2, -1)))
        for rounds in (np.arange(count), drawn)
    )
    error = logarithms.std(ddof=1) * math.sqrt(count / (count - 1))
    half = student_half_width(error, count)
    return math.exp(middle - half), math.exp(middle + half)


def _why_left_out(trials: list[Trial]) -> str:
    """The reason in the last trial, which names the skip rule if one applied."""
    if not trials:
        return "not measured: the run had ended before"
    last = trials[-1]
    if last.status == "ok":
        return "trained for a single epoch, which has no steady state"
    reason = last.error or "no message"
    return reason if last.status == "skipped" else f"{last.status}: {reason}"


def _cell(workload: dict[str, Any], point: Mapping[str, Any], threads: int) -> Cell:
    """The cell of a point. An axis that isn't in the grid has the workload's own value (batch 0 is the full batch)."""
    architecture, batch = workload["architecture"], workload["training"]["batch_size"]
    own = {"width": architecture[0]["output_dim"], "batch": batch or 0, "layers": len(architecture), "threads": threads}
    width, batch_size, layers, thread_count = (int(point.get(axis, own[axis])) for axis in AXES)
    return width, batch_size, layers, thread_count
