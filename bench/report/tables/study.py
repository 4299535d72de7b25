"""The tables of a study: its largest differences, and its figures by each axis' value."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bench.records import REFERENCE
from bench.records.workload_records import sorted_values
from bench.report import units
from bench.report.document import Table
from bench.report.tables.cells import records

_MOST_DIFFERENCES = 8


def differences(tested: pd.DataFrame, axes: Sequence[str], caption: str) -> Table:
    """The cells of the smallest p-values and the largest mean differences. `tested` has the columns of `Analysis.study`."""
    order = tested.assign(size=tested["difference_mean"].abs()).sort_values(
        ["q_value", "size"], ascending=[True, False], kind="stable"
    )
    rows = tuple(
        (
            row["contestant"],
            *(str(row[axis]) for axis in axes),
            units.percent(row["accuracy_mean"]),
            units.points_interval(row["difference_mean"], row["difference_low"], row["difference_high"]),
            units.number(row["p_value"], 2),
            units.number(row["q_value"], 2),
            "yes" if row["differs"] else "no",
        )
        for row in records(order.head(_MOST_DIFFERENCES))
    )
    names = ("contestant", *axes, "accuracy", f"less `{REFERENCE}`'s", "p", "q", "differs")
    return Table(caption, names, rows, name="study-differences")


def by_value(own: pd.DataFrame, targets: pd.DataFrame, axes: Sequence[str], caption: str) -> Table:
    """A row for each value of each axis: the trainings of all its cells together."""
    rows = []
    for axis in axes:
        for value in sorted_values(own[axis].unique().tolist()):
            cells = own[own[axis] == value]
            reached = targets[targets[axis] == value] if len(targets) else targets
            seeds = max(int(cells["seeds"].sum()), 1)
            rows.append(
                (
                    f"{axis} {value}",
                    units.count(int(cells["seeds"].sum())),
                    units.percent(reached["reached"].sum() / max(reached["seeds"].sum(), 1)) if len(reached) else units.ABSENT,
                    units.percent(cells["stuck"].sum() / seeds),
                    units.percent(cells["diverged"].sum() / seeds),
                    units.percent(cells["accuracy_mean"].mean()),
                )
            )
    target = f"reach {units.percent(targets['target'].iloc[0], 0)}" if len(targets) else "reach the target"
    return Table(caption, ("value", "trainings", target, "stuck", "diverged", "mean accuracy"), tuple(rows), name="study-by-value")
