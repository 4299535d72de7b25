"""Reads the records of a run, analyses them, and writes all files of the report. Called by `bench.report.write_report`."""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO
from pathlib import Path

import pandas as pd

from bench.analysis.summary import analyse
from bench.records import read_run
from bench.report import html, markdown, sections, style
from bench.report.csv_tables import csv_tables
from bench.report.document import Document
from bench.report.plot_data import read_plot_data
from bench.report.verdict import claims, verdict

TABLES_FOLDER = "tables"
_DOTS_PER_INCH = 150


def build_report(directory: Path) -> str:
    """See `bench.report.write_report`."""
    data = read_run(directory)
    analysis = analyse(data)
    sentences = verdict(analysis)
    with style.drawing():
        document = sections.build(analysis, sentences, claims(analysis), read_plot_data(data))
        svgs = write_plots(document, directory / markdown.PLOTS_FOLDER)
    write_tables(csv_tables(analysis), directory / TABLES_FOLDER)
    _write(directory / "report.md", markdown.render(document))
    _write(directory / "index.html", html.render(document, svgs))
    return "\n".join(sentences)


def write_plots(document: Document, folder: Path) -> dict[str, str]:
    """Write each plot of the document as PNG and SVG, delete all earlier plots, and return the SVGs by name.

    The files contain no date or version, so that equal figures give equal files.
    """
    _empty(folder, "*.png", "*.svg")
    svgs: dict[str, str] = {}
    for plot in document.plots():
        text = StringIO()
        plot.figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
        plot.figure.set_layout_engine("none")  # the layout is done, and takes most of the time
        svgs[plot.name] = style.compact(text.getvalue())
        _write(folder / f"{plot.name}.svg", svgs[plot.name])
        plot.figure.savefig(folder / f"{plot.name}.png", dpi=_DOTS_PER_INCH, metadata={"Software": None})
    return svgs


def write_tables(tables: Mapping[str, pd.DataFrame], folder: Path) -> None:
    """Write each table as a CSV file with all digits, and delete all earlier tables."""
    _empty(folder, "*.csv")
    for name, table in tables.items():
        _write(folder / f"{name}.csv", table.to_csv(index=False, lineterminator="\n"))


def _empty(folder: Path, *patterns: str) -> None:
    folder.mkdir(exist_ok=True)
    for pattern in patterns:
        for path in folder.glob(pattern):
            path.unlink()


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
