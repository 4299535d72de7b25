"""How far each contestant is from what the hardware allows: the floor of a step, and the machine's peak of matrix products.

Called by `bench.analysis.summary`. Both are measured in the same run, by the contestant `floor`.
"""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from bench.analysis.selection import FLOOR, succeeded, workload_named
from bench.analysis.timing import RatioRow, TimeRow
from bench.records import RunData


class LimitRow(NamedTuple):
    """A row of `Analysis.limits`."""

    workload: str
    contestant: str
    step_seconds: float
    floor_seconds: float
    times_floor: float
    low: float
    high: float
    share_of_peak: float


def limits_table(data: RunData, times: list[TimeRow], ratios: list[RatioRow]) -> pd.DataFrame:
    """`Analysis.limits`, the floor's own row among them: `times_floor` is 1, and its share of the peak is what no step can exceed.

    A contestant with settings of its own is left out: another batch size or precision has another floor.
    """
    steps = {(row.workload, row.contestant): row.median for row in times if row.measure == "step"}
    to_floor = {(row.workload, row.contestant): row for row in ratios if row.measure == "step" and row.reference == FLOOR}
    rows = []
    for (workload, contestant), seconds in steps.items():
        if contestant in workload_named(data, workload).get("settings", {}):
            continue
        ratio = to_floor.get((workload, contestant))
        if contestant == FLOOR:
            interval = (1.0, 1.0, 1.0)
        elif ratio is not None:
            interval = (ratio.ratio, ratio.low, ratio.high)
        else:
            continue
        rows.append(
            LimitRow(workload, contestant, seconds, steps[workload, FLOOR], *interval, _share_of_peak(data, workload, seconds))
        )
    return pd.DataFrame(rows, columns=LimitRow._fields)


def _share_of_peak(data: RunData, workload: str, step_seconds: float) -> float:
    """Of the machine's peak: the products of a full step in the time of the mean one, so high by what the last batch lacks."""
    for trial in succeeded(data, "timed"):
        if trial.workload == workload and trial.contestant == FLOOR and "peak_flops_per_second" in trial.details:
            speed = float(trial.details["flops_per_step"]) / step_seconds
            return speed / float(trial.details["peak_flops_per_second"])
    return float("nan")
