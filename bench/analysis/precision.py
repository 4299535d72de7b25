"""The precision of the run's ratios of steps. Called by the command line, which adds launches until it suffices."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from bench.analysis.selection import succeeded
from bench.analysis.statistics import student_half_width
from bench.analysis.timing import RatioRow, measurements, ratio_rows
from bench.records import HEADLINE_REFERENCES, HEADLINE_WORKLOAD, OURS, Run, RunData

HEADLINE_MEASURE = "step"
ENOUGH, OTHERS_ENOUGH = 0.03, 0.10
"""A ratio is precise enough if the relative half-width of its interval is at most this: a headline ratio; any other to `OURS`, and
a headline ratio of a quick run."""
FEWEST_LAUNCHES, OTHERS_FEWEST_LAUNCHES = 4, 3
"""Before a ratio may count as precise: the spread of fewer launches says too little."""
MOST_LAUNCHES = 200
"""That a ratio is said to need."""


class LeastKnown(NamedTuple):
    """A workload with the contestants whose ratios of steps aren't precise enough, and the one that they are relative to."""

    workload: str
    contestants: list[str]
    launches: dict[str, int]
    """How many more launches each is likely to need."""


def headline_precision(data: RunData) -> float | None:
    """The largest relative half-width of the headline ratios' intervals.

    None if no headline ratio was measured; infinite if one was measured in a single round, and has no interval yet.
    """
    return max((half_width(row) for row in headline_ratios(data)), default=None)


def headline_ratios(data: RunData) -> list[RatioRow]:
    """The rows of `Analysis.ratios` that the report leads with: `numpy_nn`'s step to each of `HEADLINE_REFERENCES`, in `moons`."""
    measured = [
        one
        for one in measurements(data)
        if one.workload == HEADLINE_WORKLOAD and one.measure == HEADLINE_MEASURE and one.contestant in (OURS, *HEADLINE_REFERENCES)
    ]
    return [row for row in ratio_rows(measured) if row.contestant == OURS]


def least_known(data: RunData) -> LeastKnown | None:
    """The contestants that another launch would serve most; None if every ratio is precise enough.

    Only workloads whose contestants take turns count. The headline goes first; then the ratio that is least precise for what it is
    to be decides among the workloads.
    """
    in_turns = _in_turns(data)
    with_turns = {trial.workload for trial in succeeded(data, "turns")}
    for workload, names in in_turns.items():
        if workload not in with_turns and OURS in names:
            return LeastKnown(workload, names, {})
    steps = [one for one in measurements(data) if one.workload in in_turns and one.measure == HEADLINE_MEASURE]
    missing: dict[str, dict[str, RatioRow]] = {}
    for row in ratio_rows(steps):
        if row.contestant == OURS and _excess(row, data) > 1:
            missing.setdefault(row.workload, {})[row.reference] = row
    if not missing:
        return None
    headline = {name: row for name, row in missing.get(HEADLINE_WORKLOAD, {}).items() if name in HEADLINE_REFERENCES}
    if headline:
        return _least_known(HEADLINE_WORKLOAD, headline, data)
    workload = max(missing, key=lambda name: max(_excess(row, data) for row in missing[name].values()))
    return _least_known(workload, missing[workload], data)


def _least_known(workload: str, rows: dict[str, RatioRow], data: RunData) -> LeastKnown:
    more = {name: _launches_needed(row, data) - row.launches for name, row in rows.items()}
    return LeastKnown(workload, [OURS, *rows], {OURS: max(more.values()), **more})


def _launches_needed(row: RatioRow, data: RunData) -> int:
    """How many launches make a ratio precise enough if they differ as those that there are."""
    goal = _goal(row, data)
    if row.launches < 2:
        return goal.launches
    spread = math.log(row.high / row.low) / 2 / student_half_width(1 / math.sqrt(row.launches), row.launches)
    fewest = max(goal.launches, row.launches + 1)
    enough = (n for n in range(fewest, MOST_LAUNCHES) if student_half_width(spread / math.sqrt(n), n) <= goal.half_width)
    return next(enough, MOST_LAUNCHES)


def _in_turns(data: RunData) -> dict[str, list[str]]:
    """The workloads whose contestants take turns, the headline's first, each with its contestants."""
    asked = [workload for workload in data.run.workloads if _takes_turns(workload)]
    asked.sort(key=lambda workload: workload["name"] != HEADLINE_WORKLOAD)
    return {workload["name"]: list(workload.get("contestants") or []) for workload in asked}


def _takes_turns(workload: dict[str, Any]) -> bool:
    return workload.get("rounds", 0) > 0 and not workload.get("settings") and not workload.get("grid")


class _Goal(NamedTuple):
    half_width: float
    launches: int


def _goal(row: RatioRow, data: RunData) -> _Goal:
    headline = row.workload == HEADLINE_WORKLOAD and row.reference in HEADLINE_REFERENCES
    if headline and not data.run.quick:
        return _Goal(ENOUGH, FEWEST_LAUNCHES)
    return _Goal(OTHERS_ENOUGH, OTHERS_FEWEST_LAUNCHES)


def headline_goal(run: Run) -> float:
    """The relative half-width of a headline ratio's interval that is precise enough for a run."""
    return OTHERS_ENOUGH if run.quick else ENOUGH


def _excess(row: RatioRow, data: RunData) -> float:
    """The half-width of a ratio, relative to what is enough; infinite before there are enough launches."""
    goal = _goal(row, data)
    return math.inf if row.launches < goal.launches else half_width(row) / goal.half_width


def half_width(row: RatioRow) -> float:
    """Half the width of the interval, divided by the ratio."""
    width = (row.high - row.low) / (2 * row.ratio)
    return math.inf if math.isnan(width) else float(width)


def precision_warnings(data: RunData) -> list[str]:
    """A sentence per headline ratio that isn't precise enough."""
    return [
        f"The ratio of `{row.contestant}`'s step to `{row.reference}`'s is known to ±{100 * half_width(row):.1f} % only, from "
        f"{row.launches} launches. A longer `--time-budget` adds launches, which narrow the interval; so does a quieter machine."
        for row in headline_ratios(data)
        if headline_goal(data.run) < half_width(row) < math.inf
    ]
