"""Exports a run's records: CSV and Parquet for other programs, Markdown for a page, LaTeX for a paper.

Called by `python -m bench export DIR`. There are two tables: `trials` has a row per trial with everything that was recorded,
`summary` a row per workload and contestant. Tables with intervals and ratios are left to the report.
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic_core import to_json

from bench import escaping
from bench.analysis.accuracy import accuracy_table
from bench.analysis.frame import trials_frame
from bench.analysis.selection import by_name
from bench.analysis.timing import measurements, memory_table, time_rows
from bench.error_messages import may_be, one_line
from bench.files import write_whole
from bench.records import RunData, read_run
from bench.records.run_files import check_result
from bench.report.markdown_table import markdown_table

Table = Literal["trials", "summary"]
NAN = float("nan")
SUMMARY_COLUMNS = [
    "workload",
    "contestant",
    "trials",
    "failed",
    "cold start [s]",
    "fit [s]",
    "step [µs]",
    "test accuracy",
    "last loss",
    "peak memory [MB]",
]


class ExportError(ValueError):
    """An export that can't be made, with a message of one line."""


def export(
    directory: str | Path,
    format: str,
    path: str | Path,
    table: Table | None = None,
    read: Callable[[str | Path], RunData] = read_run,
) -> Path:
    """Write a table of the run in `directory` to `path`, whole or not at all, and return the path.

    Reads `run.json` and `trials.jsonl` of the run, and executes nothing in them. Text that a spreadsheet would take for a formula
    begins with an apostrophe in CSV.

    Parameters
    ----------
    directory
        The folder with `run.json` and `trials.jsonl`.
    format
        One of FORMATS.
    path
        The file to write; an existing regular file is replaced, unless it is one of the run's own.
    table
        One of TABLES. If None, `trials` for CSV and Parquet, `summary` for Markdown and LaTeX.
    read
        Reads the run, once everything else has been checked.

    Raises
    ------
    bench.records.RecordError
        If `directory` holds no run.
    ExportError
        If the format or table is unknown, its library isn't installed, or `path` is a link, a pipe, a device or a folder, or can't
        be written.

    """
    if format not in FORMATS:
        raise ExportError(f"format was {format!r}: {may_be(format, FORMATS)}")
    write, usual = FORMATS[format]
    wanted = usual if table is None else table
    if wanted not in TABLES:
        raise ExportError(f"table was {wanted!r}: {may_be(wanted, TABLES)}")
    path = Path(path)
    try:
        check_result(path)
    except ValueError as error:
        raise ExportError(str(error)) from None
    frame = TABLES[wanted](read(directory))
    try:
        write_whole(path, write(frame))
    except ImportError:
        raise ExportError('Parquet needs pyarrow to be written: python -m pip install -e ".[parquet]"') from None
    except OSError as error:
        raise ExportError(f"{path} can't be written: {one_line(error.strerror or error)}") from error
    return path


def summary_table(data: RunData) -> pd.DataFrame:
    """A row per workload and contestant, in the order of their first trials, with the report's own estimates.

    Times are those of `bench.analysis.timing`, accuracy and last training loss those of `bench.analysis.accuracy`. A figure that
    wasn't measured, and each time of a grid, whose cells the report compares, is NaN.
    """
    tried = by_name(trial for trial in data.trials if trial.status != "skipped")
    seconds = {(row.workload, row.contestant, row.measure): row.median for row in time_rows(measurements(data))}
    scores = {(row.workload, row.contestant): (row.accuracy_mean, row.loss_mean) for row in accuracy_table(data).itertuples()}
    peaks: dict[Any, Any] = {(row.workload, row.contestant): row.peak_memory_bytes for row in memory_table(data).itertuples()}
    rows = []
    for key, trials in tried.items():
        cold_start, fit, step = (seconds.get((*key, measure), NAN) for measure in ("cold start", "fit", "step"))
        failed = sum(trial.status != "ok" for trial in trials)
        figures = (cold_start, fit, 1e6 * step, *scores.get(key, (NAN, NAN)), float(peaks.get(key, NAN)) / 1e6)
        rows.append((*key, len(trials), failed, *figures))
    return pd.DataFrame(rows, columns=SUMMARY_COLUMNS)


def markdown(frame: pd.DataFrame) -> str:
    """The frame as a Markdown table: numbers right-aligned, fractions with four significant digits, a dash for a missing value."""
    align = "".join(">" if pd.api.types.is_numeric_dtype(frame[name]) else "-" for name in frame.columns)
    rows = [[escaping.markdown(_cell(value)) for value in row] for row in frame.itertuples(index=False)]
    return markdown_table([str(name) for name in frame.columns], rows, align) + "\n"


def latex(frame: pd.DataFrame) -> str:
    """The frame as a `tabular` for LaTeX's `booktabs`, with special characters escaped and numbers as in Markdown."""
    sides = "".join("r" if pd.api.types.is_numeric_dtype(frame[name]) else "l" for name in frame.columns)
    escaped = frame.map(lambda value: escaping.latex(_cell(value))).rename(columns=escaping.latex)
    return str(escaped.to_latex(index=False, escape=False, column_format=sides))


def _cell(value: object) -> str:
    """A value as text on one line."""
    if isinstance(value, (list, dict)):
        return _json(value)
    if pd.isna(value):  # type: ignore[call-overload]  # a scalar of any kind
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else one_line(value)


def _json(value: object) -> str:
    """Strict JSON, with "NaN" and "Infinity" as strings, as in the records."""
    return to_json(value, inf_nan_mode="strings").decode()


def _as_csv(frame: pd.DataFrame) -> bytes:
    flat = frame.map(lambda value: _json(value) if isinstance(value, (list, dict)) else value)
    return flat.map(escaping.csv_field).to_csv(index=False).encode()


def _as_parquet(frame: pd.DataFrame) -> bytes:
    # Parquet stores lists, but no dicts whose keys differ between rows.
    flat = frame.map(lambda value: _json(value) if isinstance(value, dict) else value)
    buffer = BytesIO()
    flat.to_parquet(buffer, engine="pyarrow", index=False)
    return buffer.getvalue()


TABLES: dict[str, Callable[[RunData], pd.DataFrame]] = {
    "trials": lambda data: trials_frame(data.trials),
    "summary": summary_table,
}
FORMATS: dict[str, tuple[Callable[[pd.DataFrame], str | bytes], Table]] = {
    "csv": (_as_csv, "trials"),
    "parquet": (_as_parquet, "trials"),
    "markdown": (markdown, "summary"),
    "latex": (latex, "summary"),
}
"""By format: the function that renders it, and its default table."""
