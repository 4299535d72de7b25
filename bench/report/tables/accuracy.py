"""Accuracy, parity and agreement with the reference, as tables."""

from __future__ import annotations

from typing import Any

from bench.analysis.accuracy import MARGIN, NEAR_THRESHOLD, THRESHOLD
from bench.analysis.summary import Analysis
from bench.records import REFERENCE
from bench.report import units
from bench.report.derived import of_workload
from bench.report.document import Table
from bench.report.style import in_order
from bench.report.tables.cells import contestant_table, interval_cells, plain_cells, records

_AGREEMENT_COLUMNS = (
    "test points",
    f"within {units.exponent(NEAR_THRESHOLD)} of {THRESHOLD:g}",
    "other class, not so near",
    "largest difference of outputs",
)

_PARTS_COLUMNS = ("training", "weights differ", "losses differ", "verdict", "rounding explains", "loss", "optimiser", "activations")


def accuracy(analysis: Analysis, workload: str, caption: str) -> Table | None:
    """Test accuracy and final loss over the seeds, and the difference to the reference paired by seed."""
    rows = of_workload(analysis.accuracy, workload)
    columns = {
        "seeds": plain_cells(rows, "seeds", units.count),
        "test accuracy": interval_cells(rows, units.percent_interval, "accuracy_mean", "accuracy_low", "accuracy_high"),
        "final training loss": interval_cells(rows, units.number_interval, "loss_mean", "loss_low", "loss_high"),
        f"accuracy less `{REFERENCE}`'s": interval_cells(
            rows, units.points_interval, "difference_mean", "difference_low", "difference_high"
        ),
        f"equal within ±{100 * MARGIN:g} pp": plain_cells(rows, "equivalent", _yes_or_no),
    }
    return contestant_table(caption, columns, in_order(rows["contestant"]), name=f"accuracy-{workload}")


def parity(analysis: Analysis, workload: str, caption: str) -> Table | None:
    """The largest differences to the reference over all epochs."""
    rows = of_workload(analysis.parity, workload)
    columns = {
        "compared with": plain_cells(rows, "reference", str),
        "epochs": plain_cells(rows, "epochs", units.count),
        "steps": plain_cells(rows, "steps", units.count),
    }
    columns |= {name: plain_cells(rows, name, units.tiny) for name in ("loss", "accuracy", "weights", "predictions")}
    return contestant_table(caption, columns, in_order(rows["contestant"]), name=f"parity-{workload}")


def parts(analysis: Analysis, caption: str) -> Table | None:
    """The largest differences of each short training, with what was trained."""
    rows = tuple(
        (
            f"{units.count(row['case'])}: {row['task']}",
            units.tiny(row["weights_difference"]),
            units.tiny(row["loss_difference"]),
            row["verdict"],
            units.exponent(row["tolerance"]),
            row["loss"],
            row["optimizer"],
            row["activations"],
        )
        for row in records(analysis.parity_parts)
    )
    return Table(caption, _PARTS_COLUMNS, rows, folded=True, name="parity-parts") if rows else None


def agreement(analysis: Analysis, workload: str, caption: str) -> Table | None:
    """The number of test points whose class differs from the reference's, over all seeds."""
    rows = of_workload(analysis.agreement, workload)
    sums = rows.groupby("contestant", as_index=False).agg(
        seeds=("seed", "nunique"),
        points=("points", "sum"),
        near=("near", "sum"),
        disagree=("disagree", "sum"),
        largest=("largest_difference", "max"),
    )
    columns = {"seeds": plain_cells(sums, "seeds", units.count)}
    for name, head in zip(("points", "near", "disagree"), _AGREEMENT_COLUMNS[:-1], strict=True):
        columns[head] = plain_cells(sums, name, units.count)
    columns[_AGREEMENT_COLUMNS[-1]] = plain_cells(sums, "largest", units.tiny)
    return contestant_table(caption, columns, in_order(rows["contestant"]))


def _yes_or_no(value: Any) -> str:
    return units.ABSENT if value is None or value != value else ("yes" if value else "no")
