"""The scaling study, as tables with a row per cell or per skip rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from bench.records import OURS
from bench.report import units
from bench.report.document import Table
from bench.report.tables.cells import records
from bench.report.verdict import CLOSE

_MOST_UNFOLDED_ROWS = 12


def lost_cells(cells: pd.DataFrame, caption: str) -> Table | None:
    """The cells in which `numpy_nn` isn't within `CLOSE` of the fastest. `cells` is a table of `derived.winners`."""
    rows = tuple(
        (
            *(units.count(row[name]) for name in ("width", "batch", "layers", "threads")),
            row["winner"],
            units.seconds(row["winner_seconds"]),
            units.seconds(row["ours_seconds"]),
            units.comparison(row["ours_ratio"], row["ours_low"], row["ours_high"]),
            _why_lost(row),
        )
        for row in records(cells[~(cells["ours_ratio"] <= CLOSE)])
    )
    names = ("width", "batch", "layers", "threads", "first", "its step", f"step of `{OURS}`", "against the first", "why")
    return Table(caption, names, rows, folded=len(rows) > _MOST_UNFOLDED_ROWS, prose=True, name="lost-cells") if rows else None


def _why_lost(row: Mapping[str, Any]) -> str:
    """What limits `numpy_nn` in a cell: its BLAS, if the floor is above the fastest step, else the rest of its own step."""
    floor = row["floor_seconds"]
    if units.is_absent(floor):
        return units.ABSENT
    products = units.multiple(floor / row["winner_seconds"])
    if floor > row["winner_seconds"]:
        return f"NumPy's BLAS: the products alone take {products} the first's whole step"
    share = units.percent(1 - floor / row["ours_seconds"], 0)
    return f"NumPy's calls: {share} of the step is beside its products, which alone take {products} the first's step"


def left_out(scaling: pd.DataFrame, caption: str) -> Table | None:
    """The number of points of the scaling study without a measurement, and the rule that left them out."""
    out = scaling[scaling["left_out"].notna()]
    counts = out.groupby(["contestant", "left_out"], as_index=False).agg(points=("width", "size"))
    rows = tuple((row["contestant"], units.count(row["points"]), row["left_out"]) for row in records(counts))
    return Table(caption, ("contestant", "points", "rule"), rows, prose=True) if rows else None
