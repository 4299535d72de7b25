"""The analysis' tables as they are shown, each figure with its unit and interval; and as CSV files, with every digit.

Called by `bench.report.sections` and `bench.report.build`. A display table is of one workload, a row a contestant, in the order of
`bench.report.style`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from bench.analysis.latency import LATENCY_MEASURES, LATENCY_REFERENCES
from bench.analysis.precision import HEADLINE_REFERENCES
from bench.analysis.selection import FLOOR, OURS
from bench.analysis.summary import MEASURES, Analysis
from bench.analysis.verdict import CLOSE, Claim
from bench.records import REFERENCE
from bench.report import units
from bench.report.derived import breakdown, of_workload
from bench.report.document import Table
from bench.report.style import in_order

_KEYS = (
    "workload",
    "contestant",
    "reference",
    "measure",
    "target",
    "rows",
    "seed",
    "epoch",
    "seconds",
    "width",
    "batch",
    "layers",
    "threads",
)
_FRAMES = (
    "accuracy",
    "agreement",
    "parity",
    "parity_curves",
    "times",
    "ratios",
    "targets",
    "reached",
    "curves",
    "latency",
    "latency_ratios",
    "limits",
    "scaling",
    "memory",
)
_AGREEMENT_HEADS = ("test points", "within 1e-4 of 0.5", "other class, not so near", "largest difference of outputs")
_MOST_UNFOLDED_ROWS = 12
_WAY = "contestant, rows a call"
_LATENCY_MEASURES = {"median": "median", "p99": "99th percentile"}
_HEADLINE = ("step", "fit", "cold start")
_MEASURE_TITLES = {"fit": "whole fit"}


def csv_tables(analysis: Analysis) -> dict[str, pd.DataFrame]:
    """Every table by the name of its file, rows sorted by what they are about."""
    tables: dict[str, pd.DataFrame] = {}
    for name in _FRAMES:
        frame: pd.DataFrame = getattr(analysis, name)
        keys = [key for key in _KEYS if key in frame.columns]
        tables[name] = frame.sort_values(keys, kind="stable", ignore_index=True) if keys else frame
    return tables


def measure_title(measure: str) -> str:
    """A measure as a column's head: "to 0.95" is "to 95 %", "fit to 0.95" is "training to 95 %"."""
    head, to, target = measure.rpartition("to ")
    if not to:
        return _MEASURE_TITLES.get(measure, measure)
    return f"{'training ' if head.strip() == 'fit' else ''}to {100 * float(target):g} %"


def measures_of(analysis: Analysis, workload: str) -> list[str]:
    """The measures that were taken of a workload: the five, then the targets from process start, then those of training alone."""
    taken = set(of_workload(analysis.times, workload)["measure"])
    fixed = [measure for measure in MEASURES if measure in taken]
    return fixed + sorted((taken - set(MEASURES)), key=lambda measure: (measure.startswith("fit"), measure))


def claims(found: Sequence[Claim]) -> Table | None:
    """The article's claims, one by one."""
    rows = tuple((claim.claim, claim.article, claim.measured, claim.judgement) for claim in found)
    return Table("", ("claim", "the article", "measured here", "judgement"), rows, prose=True) if rows else None


def headline(analysis: Analysis, workload: str, caption: str) -> Table | None:
    """One line a contestant, the fastest step first: accuracy, step, fit, cold start, targets, and the step's ratio to Keras."""
    taken = measures_of(analysis, workload)
    measures = [
        *(measure for measure in _HEADLINE if measure in taken),
        *(measure for measure in taken if measure.startswith("to ")),
    ]
    times = _cells(of_workload(analysis.times, workload), "measure", "median", units.seconds)
    scores = _cells(of_workload(analysis.accuracy, workload), None, "accuracy_mean", units.percent)
    ratios = of_workload(analysis.ratios, workload)
    columns: dict[str, dict[str, str]] = {"test accuracy": scores.get("", {})}
    columns |= {measure_title(measure): times.get(measure, {}) for measure in measures}
    for reference in HEADLINE_REFERENCES:
        steps = ratios[(ratios["reference"] == reference) & (ratios["measure"] == "step")]
        if steps.empty:
            continue
        columns[f"step to `{reference}`"] = _interval_cells(steps, "ratio", units.ratio_interval) | {reference: units.ratio(1.0)}
    order = _by_step(analysis, workload)
    return _table(caption, columns, [*order, *(name for name in in_order(scores.get("", {})) if name not in order)])


def accuracy(analysis: Analysis, workload: str, caption: str) -> Table | None:
    """Test accuracy and final loss over the seeds, and the difference to the reference paired by seed."""
    rows = of_workload(analysis.accuracy, workload)
    columns = {
        "seeds": _plain_cells(rows, "seeds", units.count),
        "test accuracy": _interval_cells(rows, "accuracy", units.percent_interval, "_mean", "_low", "_high"),
        "final training loss": _interval_cells(rows, "loss", units.number_interval, "_mean", "_low", "_high"),
        f"accuracy less `{REFERENCE}`'s": _interval_cells(rows, "difference", units.points_interval, "_mean", "_low", "_high"),
        "equal within ±0.5 pp": _plain_cells(rows, "equivalent", _yes_or_no),
    }
    return _table(caption, columns, in_order(rows["contestant"]))


def parity(analysis: Analysis, workload: str, caption: str) -> Table | None:
    """The largest differences to the reference over all epochs."""
    rows = of_workload(analysis.parity, workload)
    columns = {
        "compared with": _plain_cells(rows, "reference", str),
        "epochs": _plain_cells(rows, "epochs", units.count),
        "steps": _plain_cells(rows, "steps", units.count),
    }
    columns |= {name: _plain_cells(rows, name, units.tiny) for name in ("loss", "accuracy", "weights", "predictions")}
    return _table(caption, columns, in_order(rows["contestant"]))


def agreement(analysis: Analysis, workload: str, caption: str) -> Table | None:
    """On how many test points a contestant's class isn't the reference's, over all seeds."""
    rows = of_workload(analysis.agreement, workload)
    sums = rows.groupby("contestant", as_index=False).agg(
        seeds=("seed", "nunique"),
        points=("points", "sum"),
        near=("near", "sum"),
        disagree=("disagree", "sum"),
        largest=("largest_difference", "max"),
    )
    columns = {"seeds": _plain_cells(sums, "seeds", units.count)}
    for name, head in zip(("points", "near", "disagree"), _AGREEMENT_HEADS, strict=False):
        columns[head] = _plain_cells(sums, name, units.count)
    columns[_AGREEMENT_HEADS[-1]] = _plain_cells(sums, "largest", units.tiny)
    return _table(caption, columns, in_order(rows["contestant"]))


def agreement_by_seed(analysis: Analysis, workload: str, caption: str) -> Table | None:
    """The same, a row a contestant and seed."""
    frame = of_workload(analysis.agreement, workload)
    rows = tuple(
        (
            name,
            units.count(row["seed"]),
            units.count(row["points"]),
            units.count(row["near"]),
            units.count(row["disagree"]),
            units.tiny(row["largest_difference"]),
        )
        for name in in_order(frame["contestant"])
        for row in records(frame[frame["contestant"] == name].sort_values("seed"))
    )
    return Table(caption, ("contestant", "seed", *_AGREEMENT_HEADS), rows, folded=True) if rows else None


def times(analysis: Analysis, workload: str, caption: str) -> Table | None:
    """Each measure's median with its interval."""
    rows = of_workload(analysis.times, workload)
    columns = {
        measure_title(measure): _interval_cells(rows[rows["measure"] == measure], "median", units.seconds_interval)
        for measure in measures_of(analysis, workload)
    }
    return _table(caption, columns, in_order(rows["contestant"]))


def ratios(analysis: Analysis, workload: str, reference: str, caption: str) -> Table | None:
    """Each measure as a ratio to `reference`, with its interval."""
    rows = of_workload(analysis.ratios, workload)
    rows = rows[(rows["reference"] == reference) & (rows["contestant"] != reference)]
    return _ratio_table(rows, measures_of(analysis, workload), caption, "contestant")


def ours(analysis: Analysis, workload: str, caption: str) -> Table | None:
    """`numpy_nn`'s measures as ratios to each other contestant's: a row a contestant that it is compared with."""
    rows = of_workload(analysis.ratios, workload)
    rows = rows[(rows["contestant"] == OURS) & (rows["reference"] != FLOOR)].drop(columns="contestant")
    return _ratio_table(rows.rename(columns={"reference": "contestant"}), measures_of(analysis, workload), caption, "compared with")


def targets(analysis: Analysis, workload: str, caption: str) -> Table | None:
    """How many of the seeds reached each target, and after how many epochs."""
    rows = of_workload(analysis.targets, workload)
    columns: dict[str, dict[str, str]] = {}
    for target in sorted(set(rows["target"])):
        part = rows[rows["target"] == target]
        seeds = {str(row["contestant"]): f"{row['reached']} of {row['seeds']}" for row in records(part)}
        columns[f"reached {100 * target:g} %"] = seeds
        columns[f"epoch of {100 * target:g} %"] = _plain_cells(part, "median_epoch", units.number)
    return _table(caption, columns, in_order(rows["contestant"]))


def where_time_goes(analysis: Analysis, workload: str, caption: str) -> Table | None:
    """Cold start, matrix products and all else, in seconds and as shares of the whole."""
    rows = breakdown(analysis, workload)

    def cells(part: str) -> dict[str, str]:
        return {
            str(row["contestant"]): units.seconds(row[part])
            + ("" if units.is_absent(row[part]) else f" ({units.percent(row[part] / row['total'], 0)})")
            for row in records(rows)
        }

    columns = {"cold start": cells("cold_start"), "matrix products": cells("products"), "all else": cells("rest")}
    columns["from process start to the last update"] = _plain_cells(rows, "total", units.seconds)
    return _table(caption, columns, in_order(rows["contestant"]))


def limits(analysis: Analysis, workload: str, caption: str) -> Table | None:
    """A step, the floor under it, and how many times the floor it takes."""
    rows = of_workload(analysis.limits, workload)
    columns = {
        "step": _plain_cells(rows, "step_seconds", units.seconds),
        "floor": _plain_cells(rows, "floor_seconds", units.seconds),
        "times the floor": _interval_cells(rows, "times_floor", units.ratio_interval),
        "share of the machine's peak": _plain_cells(rows, "share_of_peak", units.percent),
    }
    return _table(caption, columns, in_order(rows["contestant"]))


def latency(analysis: Analysis, workload: str, caption: str) -> Table | None:
    """A call's seconds: a line a contestant, number of rows and kind of call."""
    frame = of_workload(analysis.latency, workload)
    rows = tuple(
        (
            _way(row),
            units.seconds_interval(row["median_seconds"], row["median_low"], row["median_high"]),
            units.seconds_interval(row["p99_seconds"], row["p99_low"], row["p99_high"]),
            units.seconds(row["minimum_seconds"]),
            units.count(row["calls"]),
            f"`{row['call']}`" if isinstance(row["call"], str) else units.ABSENT,
        )
        for row in _ways(frame)
    )
    return Table(caption, (_WAY, "median", "99th percentile", "fastest", "calls", "the way chosen"), rows) if rows else None


def latency_ratios(analysis: Analysis, workload: str, caption: str) -> Table | None:
    """The same as ratios to Keras' fastest call, to what is compiled from Keras by hand, and to ONNX Runtime."""
    frame = of_workload(analysis.latency_ratios, workload)
    columns = [
        (reference, measure)
        for reference in LATENCY_REFERENCES
        for measure in LATENCY_MEASURES
        if ((frame["reference"] == reference) & (frame["measure"] == measure)).any()
    ]
    cells = {
        (_way(row), row["reference"], row["measure"]): units.ratio_interval(row["ratio"], row["low"], row["high"])
        for row in records(frame)
    }
    rows = tuple(
        (way, *(cells.get((way, *column), units.ABSENT) for column in columns))
        for way in dict.fromkeys(_way(row) for row in _ways(frame))
    )
    names = (_WAY, *(f"{_LATENCY_MEASURES[measure]} to {reference}" for reference, measure in columns))
    return Table(caption, names, rows) if rows else None


def _ways(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table of latencies in the order in which they are shown."""
    return [
        row
        for count in sorted(set(frame["rows"]))
        for name in in_order(frame["contestant"])
        for row in records(frame[(frame["contestant"] == name) & (frame["rows"] == count)].sort_values("compiled_by_hand"))
    ]


def _way(row: Mapping[str, Any]) -> str:
    rows = f"{units.count(row['rows'])} row{'s' if row['rows'] > 1 else ''}"
    return f"{row['contestant']}, {rows}{', compiled by hand' if row['compiled_by_hand'] else ''}"


def memory(analysis: Analysis, workload: str, caption: str) -> Table | None:
    """The worker's peak, and as a ratio to the reference's."""
    rows = of_workload(analysis.memory, workload)
    peaks = {str(row["contestant"]): float(row["peak_memory_bytes"]) for row in records(rows)}
    columns = {"peak memory": _plain_cells(rows, "peak_memory_bytes", units.size)}
    if REFERENCE in peaks:
        columns[f"to `{REFERENCE}`"] = {name: units.ratio(peak / peaks[REFERENCE]) for name, peak in peaks.items()}
    return _table(caption, columns, in_order(peaks))


def lost_cells(cells: pd.DataFrame, caption: str) -> Table | None:
    """The cells of the scaling map in which we aren't within `CLOSE` of the first; `cells` is a table of `winners`."""
    rows = tuple(
        (
            *(units.count(row[name]) for name in ("width", "batch", "layers", "threads")),
            row["winner"],
            units.seconds(row["winner_seconds"]),
            units.seconds(row["ours_seconds"]),
            units.ratio_interval(row["ours_ratio"], row["ours_low"], row["ours_high"]),
            _why_lost(row),
        )
        for row in records(cells[~(cells["ours_ratio"] <= CLOSE)])
    )
    names = ("width", "batch", "layers", "threads", "first", "its step", f"step of `{OURS}`", "ratio", "why")
    return Table(caption, names, rows, folded=len(rows) > _MOST_UNFOLDED_ROWS, prose=True) if rows else None


def _why_lost(row: Mapping[str, Any]) -> str:
    """What stands in the way, by the floor: the same products through the same BLAS, or what our step does beside them."""
    floor = row["floor_seconds"]
    if units.is_absent(floor):
        return units.ABSENT
    products = units.ratio(floor / row["winner_seconds"])
    if floor > row["winner_seconds"]:
        return f"NumPy's BLAS: the products alone take {products} the first's whole step"
    share = units.percent(1 - floor / row["ours_seconds"], 0)
    return f"NumPy's calls: {share} of the step is beside its products, which alone take {products} the first's step"


def left_out(scaling: pd.DataFrame, caption: str) -> Table | None:
    """How many points of the scaling study nobody measured, and why."""
    out = scaling[scaling["left_out"].notna()]
    counts = out.groupby(["contestant", "left_out"], as_index=False).agg(points=("width", "size"))
    rows = tuple((row["contestant"], units.count(row["points"]), row["left_out"]) for row in records(counts))
    return Table(caption, ("contestant", "points", "rule"), rows, prose=True) if rows else None


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows, each as a dict by column."""
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def _ratio_table(rows: pd.DataFrame, measures: Iterable[str], caption: str, first: str) -> Table | None:
    columns = {
        measure_title(measure): _interval_cells(rows[rows["measure"] == measure], "ratio", units.ratio_interval)
        for measure in measures
    }
    return _table(caption, columns, in_order(rows["contestant"]), first)


def _table(
    caption: str, columns: Mapping[str, Mapping[str, str]], contestants: Iterable[str], first: str = "contestant"
) -> Table | None:
    """A row a contestant; None where there is nobody to show. A column in which nobody has a figure is left out."""
    names = list(contestants)
    shown = {
        title: cells for title, cells in columns.items() if any(cells.get(name, units.ABSENT) != units.ABSENT for name in names)
    }
    rows = tuple((name, *(cells.get(name, units.ABSENT) for cells in shown.values())) for name in names)
    return Table(caption, (first, *shown), rows) if rows and shown else None


def _cells(rows: pd.DataFrame, key: str | None, column: str, show: Any) -> dict[str, dict[str, str]]:
    """Shown figures by `key`'s value ("" where there is no key), then by contestant."""
    cells: dict[str, dict[str, str]] = {}
    for row in records(rows):
        cells.setdefault("" if key is None else str(row[key]), {})[str(row["contestant"])] = show(row[column])
    return cells


def _plain_cells(rows: pd.DataFrame, column: str, show: Any) -> dict[str, str]:
    return {str(row["contestant"]): show(row[column]) for row in records(rows)}


def _interval_cells(
    rows: pd.DataFrame, stem: str, show: Any, middle: str = "", low: str | None = None, high: str | None = None
) -> dict[str, str]:
    """Figures with their intervals: `stem` + `middle`, and `low` and `high`, which follow `stem` where they are given."""
    ends = (stem + low if low else "low", stem + high if high else "high")
    return {str(row["contestant"]): show(row[stem + middle], row[ends[0]], row[ends[1]]) for row in records(rows)}


def _by_step(analysis: Analysis, workload: str) -> list[str]:
    rows = of_workload(analysis.times, workload)
    steps = rows[rows["measure"] == "step"].sort_values(["median", "contestant"])
    return [str(name) for name in steps["contestant"]] or in_order(rows["contestant"])


def _yes_or_no(value: Any) -> str:
    return units.ABSENT if value is None or value != value else ("yes" if value else "no")
