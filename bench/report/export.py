"""Exports a run's records: CSV and Parquet for other programs, Markdown for a page, LaTeX for a paper.

Called by `python -m bench export DIR`. There are two tables: `trials` has a row per trial with everything that was recorded,
`summary` a row per workload and contestant. Tables with intervals and ratios are left to the report.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Literal

import pandas as pd
from pydantic_core import to_json

from bench import escaping
from bench.analysis.frame import trials_frame
from bench.analysis.timing import measurements, time_rows
from bench.error_messages import may_be, one_line
from bench.files import check_output, write_whole
from bench.records import RUN_FILE, TRIALS_FILE, RunData, read_run
from bench.records.run_files import KNOWN_BESIDE
from bench.report.markdown_table import markdown_table

Table = Literal["trials", "summary"]
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


def export(directory: str | Path, format: str, path: str | Path, table: Table | None = None) -> Path:
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
        check_output(path, [Path(directory) / name for name in (RUN_FILE, TRIALS_FILE, *KNOWN_BESIDE)])
    except ValueError as error:
        raise ExportError(str(error)) from None
    frame = TABLES[wanted](read_run(directory))
    try:
        write_whole(path, write(frame))
    except ImportError:
        raise ExportError('Parquet needs pyarrow to be written: python -m pip install -e ".[parquet]"') from None
    except OSError as error:
        raise ExportError(f"{path} can't be written: {one_line(error.strerror or error)}") from error
    return path


def summary_table(trials: pd.DataFrame, step_seconds: Mapping[tuple[str, str], float]) -> pd.DataFrame:
    """A row per workload and contestant, in the order of their first trials, from the trials that succeeded.

    A step's time is that of the report, `step_seconds`; other times are medians over the timed trials. Accuracy and last training
    loss are means over the scored trials, or over the timed ones where there are no scored ones. A figure that wasn't measured is
    NaN.
    """
    rows = []
    tried = trials[trials["status"] != "skipped"]
    for (workload, contestant), group in tried.groupby(["workload", "contestant"], sort=False):
        good = group[group["status"] == "ok"]
        timed = good[good["kind"] == "timed"]
        scored = good[good["kind"] == "scored"]
        judged = timed if scored.empty else scored
        rows.append(
            {
                "workload": workload,
                "contestant": contestant,
                "trials": len(group),
                "failed": len(group) - len(good),
                "cold start [s]": good["cold_start_seconds"].median(),
                "fit [s]": timed["fit_seconds"].median(),
                "step [µs]": 1e6 * step_seconds.get((str(workload), str(contestant)), math.nan),
                "test accuracy": judged["test_accuracy"].mean(),
                "last loss": judged["history.loss"].map(_last, na_action="ignore").astype("float64").mean(),
                "peak memory [MB]": good["peak_memory_bytes"].astype("float64").max() / 1e6,
            }
        )
    return pd.DataFrame(rows, columns=SUMMARY_COLUMNS)


def steps_of(data: RunData) -> dict[tuple[str, str], float]:
    """The seconds of a step by workload and contestant, as the report has them."""
    rows = time_rows(one for one in measurements(data) if one.measure == "step")
    return {(row.workload, row.contestant): row.median for row in rows}


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


def _last(values: list[float]) -> float:
    return values[-1] if values else float("nan")


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
    "summary": lambda data: summary_table(trials_frame(data.trials), steps_of(data)),
}
FORMATS: dict[str, tuple[Callable[[pd.DataFrame], str | bytes], Table]] = {
    "csv": (_as_csv, "trials"),
    "parquet": (_as_parquet, "trials"),
    "markdown": (markdown, "summary"),
    "latex": (latex, "summary"),
}
"""By format: the function that renders it, and its default table."""
