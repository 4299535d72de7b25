"""Builds tables with a row per contestant from columns of text. Called by the other modules of this package."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pandas as pd

from bench.report import units
from bench.report.document import Table


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of the frame as dicts."""
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def contestant_table(
    caption: str,
    columns: Mapping[str, Mapping[str, str]],
    contestants: Iterable[str],
    first: str = "contestant",
    name: str = "",
) -> Table | None:
    """A row per contestant, from cells by column and contestant. Columns without a single figure are left out.

    `first` is the heading of the contestants, `name` the stem of the table's file. None if there are no contestants or no columns.
    """
    names = list(contestants)
    shown = {
        title: cells for title, cells in columns.items() if any(cells.get(each, units.ABSENT) != units.ABSENT for each in names)
    }
    rows = tuple((each, *(cells.get(each, units.ABSENT) for cells in shown.values())) for each in names)
    return Table(caption, (first, *shown), rows, name=name) if rows and shown else None


def plain_cells(rows: pd.DataFrame, column: str, show: Callable[[Any], str]) -> dict[str, str]:
    """The formatted values of `column`, by contestant."""
    return {str(row["contestant"]): show(row[column]) for row in records(rows)}


def interval_cells(
    rows: pd.DataFrame, show: Callable[[Any, Any, Any], str], middle: str, low: str = "low", high: str = "high"
) -> dict[str, str]:
    """The formatted intervals from the columns `middle`, `low` and `high`, by contestant."""
    return {str(row["contestant"]): show(row[middle], row[low], row[high]) for row in records(rows)}
