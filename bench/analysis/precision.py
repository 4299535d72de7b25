"""The precision of the run's headline ratios. Called by the command line, which adds rounds until it suffices."""

from __future__ import annotations

import math

from bench.analysis.selection import OURS
from bench.analysis.timing import RatioRow, measurements, ratio_rows
from bench.records import RunData

HEADLINE_WORKLOAD = "moons"
HEADLINE_REFERENCES = ("keras", "keras-tuned")
HEADLINE_MEASURE = "step"
ENOUGH = 0.03
"""A headline ratio is precise enough if the relative half-width of its interval is at most this."""


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
        if ENOUGH < half_width(row) < math.inf
    ]
