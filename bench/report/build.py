"""Reads the records of a run, analyses them, and writes all files of the report. Called by `bench.report.write_report`."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO, StringIO
from pathlib import Path

import pandas as pd

from bench.analysis.summary import analyse
from bench.files import inside
from bench.records import read_run
from bench.records.run_files import RunFiles
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
    files = RunFiles(directory)
    files.adopt()
    for name in ("report.md", "index.html", markdown.PLOTS_FOLDER, TABLES_FOLDER):
        inside(directory, name)  # a link is refused before the work
    analysis = analyse(data)
    sentences = verdict(analysis)
    with style.drawing():
        document = sections.build(analysis, sentences, claims(analysis), read_plot_data(data))
        contents, svgs = render_plots(document)
    contents |= render_tables(csv_tables(analysis))
    contents |= {"report.md": markdown.render(document).encode(), "index.html": html.render(document, svgs).encode()}
    files.replace(contents, folders=(markdown.PLOTS_FOLDER, TABLES_FOLDER))
    return "\n".join(sentences)


def render_plots(document: Document) -> tuple[dict[str, bytes], dict[str, str]]:
    """Return each plot of the document as PNG and SVG, by file names, and the SVGs by plot names.

    The files contain no date or version, so that equal figures give equal files.
    """
    contents: dict[str, bytes] = {}
    svgs: dict[str, str] = {}
    for plot in document.plots():
        text, image = StringIO(), BytesIO()
        plot.figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
        plot.figure.set_layout_engine("none")  # the layout is done, and takes most of the time
        svgs[plot.name] = style.compact(text.getvalue())
        contents[f"{markdown.PLOTS_FOLDER}/{plot.name}.svg"] = svgs[plot.name].encode()
        plot.figure.savefig(image, format="png", dpi=_DOTS_PER_INCH, metadata={"Software": None})
        contents[f"{markdown.PLOTS_FOLDER}/{plot.name}.png"] = image.getvalue()
    return contents, svgs


def render_tables(tables: Mapping[str, pd.DataFrame]) -> dict[str, bytes]:
    """Return each table as a CSV file with all digits, by file names."""
    return {
        f"{TABLES_FOLDER}/{name}.csv": table.to_csv(index=False, lineterminator="\n").encode() for name, table in tables.items()
    }
