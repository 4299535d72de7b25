"""For which sizes who wins: the step of every contestant in every cell of a grid, ranked. Called by `bench.analysis.summary`.

A cell without a figure keeps its row, with the rule by which it was left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

import pandas as pd

from bench.analysis.selection import FLOOR
from bench.analysis.statistics import time_interval
from bench.analysis.timing import Measurement, figures, ratio_row
from bench.records import RunData, Trial

AXES = ("width", "batch", "layers", "threads")
Cell = tuple[int, int, int, int]
"""Values of `AXES`, in their order."""


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
    """`Analysis.scaling`, of all grid workloads of the run: the rank and ratio are among the contestants of one cell.

    The floor is no contestant: it has a ratio and no rank.
    """
    rows = [row for workload in data.run.workloads if workload["grid"] for row in _workload_rows(data, workload)]
    return pd.DataFrame(rows, columns=ScalingRow._fields).astype({"left_out": object})


def _workload_rows(data: RunData, workload: dict[str, Any]) -> Iterator[ScalingRow]:
    trials: dict[Cell, dict[str, list[Trial]]] = {}
    names: dict[str, None] = {}  # in the order in which they appear
    for trial in data.trials:
        if trial.workload == workload["name"] and trial.kind == "timed":
            cell = _cell(workload, trial.point, data.run.threads)
            trials.setdefault(cell, {}).setdefault(trial.contestant, []).append(trial)
            names[trial.contestant] = None
    axes = list(workload["grid"])
    for values in product(*(sorted(workload["grid"][axis]) for axis in axes)):
        cell = _cell(workload, dict(zip(axes, values, strict=True)), data.run.threads)
        yield from _cell_rows(cell, {name: trials.get(cell, {}).get(name, []) for name in names})


def _cell_rows(cell: Cell, trials: dict[str, list[Trial]]) -> Iterator[ScalingRow]:
    steps = {name: _steps(own) for name, own in trials.items()}
    seconds = {name: _median(own) for name, own in steps.items() if own}
    ranked = sorted((name for name in seconds if name != FLOOR), key=lambda name: (seconds[name], name))
    nan = float("nan")
    for name, own in trials.items():
        if name not in seconds:
            yield ScalingRow(*cell, name, nan, nan, nan, nan, nan, _why_left_out(own))
            continue
        rank = ranked.index(name) + 1 if name in ranked else nan
        ratio = _ratio(steps[name], steps[ranked[0]]) if ranked else (nan, nan, nan)
        yield ScalingRow(*cell, name, seconds[name], rank, *ratio, None)


def _steps(trials: list[Trial]) -> dict[int, Measurement]:
    """The steady step of each round."""
    return {
        trial.round: Measurement(trial.workload, trial.contestant, "step", trial.round, trial.launch, seconds)
        for trial in trials
        if trial.status == "ok"
        for measure, seconds in figures(trial)
        if measure == "step"
    }


def _median(steps: dict[int, Measurement]) -> float:
    measured = list(steps.values())
    return float(time_interval([one.seconds for one in measured], [one.launch for one in measured]).middle)


def _ratio(own: dict[int, Measurement], best: dict[int, Measurement]) -> tuple[float, float, float]:
    """By round, as every ratio; 1 exactly for the best itself."""
    if own is best:
        return (1.0, 1.0, 1.0)
    pairs = [(own[number], best[number]) for number in sorted(own.keys() & best.keys())]
    if not pairs:
        return (float("nan"),) * 3
    first, second = pairs[0]
    row = ratio_row(first.workload, first.contestant, second.contestant, "step", pairs)
    return row.ratio, row.low, row.high


def _why_left_out(trials: list[Trial]) -> str:
    """The reason that the last trial gave; it names the runner's rule where there was one."""
    if not trials:
        return "not measured: the run had ended before"
    last = trials[-1]
    if last.status == "ok":
        return "trained for a single epoch, which has no steady state"
    reason = last.error or "no message"
    return reason if last.status == "skipped" else f"{last.status}: {reason}"


def _cell(workload: dict[str, Any], point: dict[str, int], threads: int) -> Cell:
    """The cell of a point; an axis that the grid hasn't is what the workload has of it (0: the full batch)."""
    architecture, batch = workload["architecture"], workload["training"]["batch_size"]
    own = {"width": architecture[0]["output_dim"], "batch": batch or 0, "layers": len(architecture), "threads": threads}
    width, batch_size, layers, thread_count = (int(point.get(axis, own[axis])) for axis in AXES)
    return width, batch_size, layers, thread_count
