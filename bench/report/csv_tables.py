"""The tables of a report as files: the analysis' own with all digits as CSV, the page's as CSV and LaTeX.

Called by `bench.report.build`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from io import StringIO

import pandas as pd

from bench import escaping
from bench.analysis.summary import Analysis
from bench.report.document import Table

ALWAYS = "ratios"
"""The table that is written without rows too, for programs that read it."""
_SORT_KEYS = (
    "workload",
    "contestant",
    "reference",
    "measure",
    "target",
    "case",
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
    "parity_parts",
    "times",
    "ratios",
    "targets",
    "reached",
    "curves",
    "latency",
    "latency_ratios",
    "limits",
    "scaling",
    "study",
    "study_targets",
    "turns",
    "memory",
    "machines",
)
_RENAMED = {"times": {"median": "seconds"}}
"""What is called a median is one."""


def csv_tables(analysis: Analysis) -> dict[str, pd.DataFrame]:
    """The analysis' tables that have rows, by the name of their files, with all digits, sorted by `_SORT_KEYS`."""
    tables: dict[str, pd.DataFrame] = {}
    for name in _FRAMES:
        frame: pd.DataFrame = getattr(analysis, name).rename(columns=_RENAMED.get(name, {}))
        keys = [key for key in _SORT_KEYS if key in frame.columns and not (name == "times" and key == "seconds")]
        if len(frame) or name == ALWAYS:
            tables[name] = frame.sort_values(keys, kind="stable", ignore_index=True) if keys else frame
    return tables


def frame_as_csv(frame: pd.DataFrame) -> str:
    """A frame as CSV in which no field is a spreadsheet's formula."""
    return str(frame.map(escaping.csv_field).to_csv(index=False, lineterminator="\n"))


def table_as_csv(table: Table) -> str:
    """A table of the page as CSV, its cells as they are read there."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([escaping.csv_field(escaping.terminal(cell)) for cell in row] for row in (table.columns, *table.rows))
    return text.getvalue()


def table_as_latex(table: Table) -> str:
    """A table of the page as a `tabular` for LaTeX's `booktabs`."""
    sides = "l" + ("l" if table.prose else "r") * (len(table.columns) - 1)
    body = [_latex_line(row) for row in table.rows]
    lines = [rf"\begin{{tabular}}{{{sides}}}", r"\toprule", _latex_line(table.columns), r"\midrule", *body, r"\bottomrule"]
    return "\n".join([*lines, r"\end{tabular}", ""])


def _latex_line(cells: Iterable[str]) -> str:
    return " & ".join(escaping.latex(cell) for cell in cells) + r" \\"
