"""The latency of predictions, as tables with a row per contestant, number of rows and kind of call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from bench import escaping
from bench.analysis.latency import LATENCY_MEASURES, LATENCY_REFERENCES
from bench.analysis.summary import Analysis
from bench.report import units
from bench.report.derived import of_workload
from bench.report.document import Table
from bench.report.style import in_order
from bench.report.tables.cells import records

_CASE = "contestant, rows a call"
_LATENCY_MEASURES = {"median": "median", "p99": "99th percentile"}


def latency(analysis: Analysis, workload: str, caption: str) -> Table | None:
    """The seconds of a call."""
    frame = of_workload(analysis.latency, workload)
    rows = tuple(
        (
            _case(row),
            units.seconds_interval(row["median_seconds"], row["median_low"], row["median_high"]),
            units.seconds_interval(row["p99_seconds"], row["p99_low"], row["p99_high"]),
            units.seconds(row["minimum_seconds"]),
            units.count(row["calls"]),
            escaping.code(row["call"]) if isinstance(row["call"], str) else units.ABSENT,
        )
        for row in _cases(frame)
    )
    return (
        Table(
            caption,
            (_CASE, "median", "99th percentile", "fastest", "calls", "function called"),
            rows,
            name=f"prediction-{workload}",
        )
        if rows
        else None
    )


def latency_ratios(analysis: Analysis, workload: str, caption: str) -> Table | None:
    """Ratios to Keras' fastest call, to the fastest function compiled from a Keras model by hand, and to ONNX Runtime."""
    frame = of_workload(analysis.latency_ratios, workload)
    columns = [
        (reference, measure)
        for reference in LATENCY_REFERENCES
        for measure in LATENCY_MEASURES
        if ((frame["reference"] == reference) & (frame["measure"] == measure)).any()
    ]
    cells = {(_case(row), row["reference"], row["measure"]): _compared(row) for row in records(frame)}
    rows = tuple(
        (case, *(cells.get((case, *column), units.ABSENT) for column in columns))
        for case in dict.fromkeys(_case(row) for row in _cases(frame))
    )
    names = (_CASE, *(f"{_LATENCY_MEASURES[measure]} against {reference}" for reference, measure in columns))
    return Table(caption, names, rows, name=f"prediction-against-{workload}") if rows else None


def _compared(row: Mapping[str, Any]) -> str:
    """The ratio in words; the reference itself, whose ratio is 1 in every turn, is the baseline."""
    if row["ratio"] == row["low"] == row["high"] == 1:
        return "baseline"
    return units.comparison(row["ratio"], row["low"], row["high"])


def _cases(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of `Analysis.latency` or `Analysis.latency_ratios` in the order of the table."""
    return [
        row
        for count in sorted(set(frame["rows"]))
        for name in in_order(frame["contestant"])
        for row in records(frame[(frame["contestant"] == name) & (frame["rows"] == count)].sort_values("compiled_by_hand"))
    ]


def _case(row: Mapping[str, Any]) -> str:
    return f"{row['contestant']}, {units.counted(row['rows'], 'row')}{', compiled by hand' if row['compiled_by_hand'] else ''}"
