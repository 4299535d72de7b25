"""Times, ratios, time to a target, where the time goes, distance to the floor and memory, as tables."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from bench import escaping
from bench.analysis.selection import FLOOR
from bench.analysis.summary import MEASURES, Analysis
from bench.records import OURS, REFERENCE
from bench.report import units
from bench.report.derived import breakdown, of_workload
from bench.report.document import Table
from bench.report.style import in_order
from bench.report.tables.cells import contestant_table, interval_cells, plain_cells, records

_MEASURE_TITLES = {"fit": "whole fit"}


def measure_title(measure: str) -> str:
    """The heading of a measure: "to 95 %" for "to 0.95", "training to 95 %" for "fit to 0.95"."""
    head, to, target = measure.rpartition("to ")
    if not to:
        return _MEASURE_TITLES.get(measure, measure)
    return f"{'training ' if head.strip() == 'fit' else ''}to {100 * float(target):g} %"


def measures_of(analysis: Analysis, workload: str) -> list[str]:
    """The measures of a workload: those of `MEASURES`, then targets from process start, then targets of the training alone."""
    taken = set(of_workload(analysis.times, workload)["measure"])
    fixed = [measure for measure in MEASURES if measure in taken]
    return fixed + sorted((taken - set(MEASURES)), key=lambda measure: (measure.startswith("fit"), measure))


def times(analysis: Analysis, workload: str, caption: str) -> Table | None:
    """Each measure with its interval."""
    rows = of_workload(analysis.times, workload)
    columns = {
        measure_title(measure): interval_cells(rows[rows["measure"] == measure], units.seconds_interval, "median")
        for measure in measures_of(analysis, workload)
    }
    return contestant_table(caption, columns, in_order(rows["contestant"]), name=f"all-times-{workload}")


def ratios(analysis: Analysis, workload: str, reference: str, caption: str) -> Table | None:
    """Each measure as a ratio to `reference`, with its interval."""
    rows = of_workload(analysis.ratios, workload)
    rows = rows[(rows["reference"] == reference) & (rows["contestant"] != reference)]
    return _ratio_table(rows, measures_of(analysis, workload), caption, "contestant", f"against-{reference}-{workload}")


def ours(analysis: Analysis, workload: str, caption: str) -> Table | None:
    """The measures of `numpy_nn` as ratios to those of each other contestant, a row per contestant that it is compared with."""
    rows = of_workload(analysis.ratios, workload)
    rows = rows[(rows["contestant"] == OURS) & (rows["reference"] != FLOOR)].drop(columns="contestant")
    return _ratio_table(
        rows.rename(columns={"reference": "contestant"}),
        measures_of(analysis, workload),
        caption,
        "compared with",
        f"ours-{workload}",
    )


def of_machine(analysis: Analysis, machine: str, caption: str) -> Table | None:
    """The ratios of `numpy_nn`'s step on one machine, a row per workload and contestant that it is compared with."""
    rows = analysis.machines[(analysis.machines["machine"] == machine) & (analysis.machines["reference"] != FLOOR)]
    cells = tuple(
        (
            escaping.code(str(row["workload"])),
            escaping.code(str(row["reference"])),
            units.comparison(row["ratio"], row["low"], row["high"]),
            units.count(row["launches"]),
        )
        for row in records(rows)
    )
    return Table(caption, ("workload", "compared with", "step", "launches"), cells, name=f"machine-{machine}") if cells else None


def targets(analysis: Analysis, workload: str, caption: str) -> Table | None:
    """The number of seeds that reached each target, and the median epoch in which they did."""
    rows = of_workload(analysis.targets, workload)
    columns: dict[str, dict[str, str]] = {}
    for target in sorted(set(rows["target"])):
        part = rows[rows["target"] == target]
        seeds = {str(row["contestant"]): f"{row['reached']} of {row['seeds']}" for row in records(part)}
        columns[f"reached {100 * target:g} %"] = seeds
        columns[f"epoch of {100 * target:g} %"] = plain_cells(part, "median_epoch", units.number)
    return contestant_table(caption, columns, in_order(rows["contestant"]))


def where_time_goes(analysis: Analysis, workload: str, caption: str) -> Table | None:
    """Cold start, the floor of all steps and all else, in seconds and as shares of the total."""
    rows = breakdown(analysis, workload)

    def cells(part: str) -> dict[str, str]:
        return {
            str(row["contestant"]): units.seconds(row[part])
            + ("" if units.is_absent(row[part]) else f" ({units.percent(row[part] / row['total'], 0)})")
            for row in records(rows)
        }

    columns = {"cold start": cells("cold_start"), "NumPy's products (the floor)": cells("products"), "all else": cells("rest")}
    columns["from process start to the last update"] = plain_cells(rows, "total", units.seconds)
    return contestant_table(caption, columns, in_order(rows["contestant"]))


def limits(analysis: Analysis, workload: str, caption: str) -> Table | None:
    """The time of a step, its floor, their ratio, and the share of the machine's peak."""
    rows = of_workload(analysis.limits, workload)
    columns = {
        "step": plain_cells(rows, "step_seconds", units.seconds),
        "floor": plain_cells(rows, "floor_seconds", units.seconds),
        "times the floor": interval_cells(rows, units.multiple, "times_floor"),
        "share of the machine's peak": plain_cells(rows, "share_of_peak", units.percent),
    }
    return contestant_table(caption, columns, in_order(rows["contestant"]))


def memory(analysis: Analysis, workload: str, caption: str) -> Table | None:
    """The peak memory of the worker, and its ratio to the reference's."""
    rows = of_workload(analysis.memory, workload)
    peaks = {str(row["contestant"]): float(row["peak_memory_bytes"]) for row in records(rows)}
    columns = {"peak memory": plain_cells(rows, "peak_memory_bytes", units.size)}
    if REFERENCE in peaks:
        columns[f"to `{REFERENCE}`"] = {name: units.multiple(peak / peaks[REFERENCE]) for name, peak in peaks.items()}
    return contestant_table(caption, columns, in_order(peaks), name=f"memory-{workload}")


def _ratio_table(rows: pd.DataFrame, measures: Iterable[str], caption: str, first: str, name: str) -> Table | None:
    columns = {
        measure_title(measure): interval_cells(rows[rows["measure"] == measure], units.comparison, "ratio") for measure in measures
    }
    return contestant_table(caption, columns, in_order(rows["contestant"]), first, name)
