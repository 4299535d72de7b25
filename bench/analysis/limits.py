"""The distance of each contestant to what the hardware allows: the floor of a step, and the machine's peak of matrix products.

Called by `bench.analysis.summary`. The contestant `floor` measures both in the same run.
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
    """`Analysis.limits`, with a row for the floor itself: its `times_floor` is 1, and no step exceeds its share of the peak.

    Contestants with settings of their own are left out, since another batch size or precision has another floor.
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
    """The share of the machine's peak that a step reaches.

    It divides the products of a step with a full batch by the mean time of a step, so it is slightly high where an epoch's last
    batch is smaller.
    """
    for trial in succeeded(data, "timed"):
        if trial.workload == workload and trial.contestant == FLOOR and "peak_flops_per_second" in trial.details:
            speed = float(trial.details["flops_per_step"]) / step_seconds
            return speed / float(trial.details["peak_flops_per_second"])
    return float("nan")
