"""A run's records for other tools: CSV and Parquet, and tables for a page (Markdown) or a paper (LaTeX).

Called by `python -m bench export DIR`. Two tables are to be had: `trials`, a row each with everything that was recorded, and
`summary`, a row for each contestant of each workload. The tables with intervals and ratios are the report's.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pandas as pd
from pydantic_core import to_json

from bench.analysis.frame import trials_frame
from bench.error_messages import may_be, one_line
from bench.records import read_run

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
    """An export that can't be made; one line."""


def export(directory: str | Path, format: str, path: str | Path, table: Table | None = None) -> Path:
    """Write a table of the run in `directory` to `path`, whole or not at all; returns the path.

    Parameters
    ----------
    directory
        Holds `run.json` and `trials.jsonl`.
    format
        One of FORMATS.
    path
        The file to be written; what stands there is replaced.
    table
        None: `trials` for CSV and Parquet, which programs read, and `summary` for Markdown and LaTeX, which people do.

    Raises
    ------
    bench.records.RecordError
        If `directory` holds no run.
    ExportError
        If there is no such format or table, its library isn't installed, or the file can't be written.

    """
    if format not in FORMATS:
        raise ExportError(f"format was {format!r}: {may_be(format, FORMATS)}")
    write, usual = FORMATS[format]
    wanted = usual if table is None else table
    if wanted not in TABLES:
        raise ExportError(f"table was {wanted!r}: {may_be(wanted, TABLES)}")
    frame = TABLES[wanted](trials_frame(read_run(directory).trials))
    path = Path(path)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        write(frame, temporary)
        temporary.replace(path)
    except ImportError:
        raise ExportError('Parquet needs pyarrow to be written: python -m pip install -e ".[parquet]"') from None
    except OSError as error:
        raise ExportError(f"{path} can't be written: {one_line(error.strerror or error)}") from error
    finally:
        temporary.unlink(missing_ok=True)
    return path


def summary_table(trials: pd.DataFrame) -> pd.DataFrame:
    """A row for each workload and contestant, in the order in which they first ended; of trials that ended well.

    Medians of the time, over timed trials; mean accuracy and last training loss, over scored trials, or timed ones where there is
    none; a figure that wasn't measured is NaN.
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
                "step [µs]": (1e6 * timed["fit_seconds"] / timed["steps"]).median(),
                "test accuracy": judged["test_accuracy"].mean(),
                "last loss": judged["history.loss"].map(_last, na_action="ignore").astype("float64").mean(),
                "peak memory [MB]": good["peak_memory_bytes"].astype("float64").max() / 1e6,
            }
        )
    return pd.DataFrame(rows, columns=SUMMARY_COLUMNS)


def markdown(frame: pd.DataFrame) -> str:
    """A GitHub table: numbers to the right, with four significant digits where they have a fraction; what is missing, a dash."""
    rule = ["---:" if pd.api.types.is_numeric_dtype(frame[name]) else "---" for name in frame.columns]
    rows = [[_cell(value) for value in row] for row in frame.itertuples(index=False)]
    lines = [[str(name) for name in frame.columns], *rows]
    header, *body = [[text.replace("|", "\\|") for text in line] for line in lines]
    return "".join(f"| {' | '.join(line)} |\n" for line in (header, rule, *body))


def latex(frame: pd.DataFrame) -> str:
    """A `tabular` for LaTeX's `booktabs`, its words escaped, its numbers as in Markdown."""
    sides = "".join("r" if pd.api.types.is_numeric_dtype(frame[name]) else "l" for name in frame.columns)
    return frame.map(_cell).to_latex(index=False, escape=True, column_format=sides)


def _last(values: list[float]) -> float:
    return values[-1] if values else float("nan")


def _cell(value: object) -> str:
    """A value as people read it, on one line."""
    if isinstance(value, (list, dict)):
        return _json(value)
    if pd.isna(value):  # type: ignore[call-overload]  # a scalar of any kind
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else one_line(value)


def _json(value: object) -> str:
    """Strict JSON, with "NaN" and "Infinity" as words, as in the records."""
    return to_json(value, inf_nan_mode="strings").decode()


def _write_csv(frame: pd.DataFrame, path: Path) -> None:
    flat = frame.map(lambda value: _json(value) if isinstance(value, (list, dict)) else value)
    flat.to_csv(path, index=False)


def _write_parquet(frame: pd.DataFrame, path: Path) -> None:
    # Parquet has lists, but no dict whose keys differ from row to row.
    flat = frame.map(lambda value: _json(value) if isinstance(value, dict) else value)
    flat.to_parquet(path, engine="pyarrow", index=False)


def _write_markdown(frame: pd.DataFrame, path: Path) -> None:
    path.write_text(markdown(frame), encoding="utf-8")


def _write_latex(frame: pd.DataFrame, path: Path) -> None:
    path.write_text(latex(frame), encoding="utf-8")


TABLES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {"trials": lambda frame: frame, "summary": summary_table}
FORMATS: dict[str, tuple[Callable[[pd.DataFrame, Path], None], Table]] = {
    "csv": (_write_csv, "trials"),
    "parquet": (_write_parquet, "trials"),
    "markdown": (_write_markdown, "summary"),
    "latex": (_write_latex, "summary"),
}
"""How each format is written, and which table is usual in it."""
