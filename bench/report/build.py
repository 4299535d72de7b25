"""Reads the records of a run, analyses them, and writes all files of the report. Called by `bench.report.write_report`.

All files are made in a temporary folder inside the run's, and then take the places of the earlier ones, one by one: if the disk is
full, the earlier report stays whole. Links are replaced, never followed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from io import BytesIO, StringIO
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from PIL import Image

from bench import escaping
from bench.analysis.summary import analyse
from bench.files import inside
from bench.records import RUN_FILE, TRIALS_FILE, RunData, read_run
from bench.records.run_files import RunFiles
from bench.report import html, markdown, neighbours, plain_text, sections, style
from bench.report.claims import claims
from bench.report.csv_tables import csv_tables, frame_as_csv, table_as_csv, table_as_latex
from bench.report.document import Document, Link
from bench.report.film import FOLDER as FILM_FOLDER
from bench.report.plot_data import read_plot_data

REPORT_FILE, SUMMARY_FILE, PAGE_FILE = "report.md", "summary.md", "index.html"
_DOTS_PER_INCH = 150


def build_report(directory: Path, data: RunData | None = None, history: pd.DataFrame | None = None) -> str:
    """See `bench.report.write_report`."""
    data = data or read_run(directory)
    run_files = RunFiles(directory)
    run_files.adopt()
    for name in (REPORT_FILE, SUMMARY_FILE, PAGE_FILE, markdown.PLOTS_FOLDER, markdown.TABLES_FOLDER):
        inside(directory, name)  # a link is refused before the work
    analysis = analyse(data)
    published = None if len(analysis.scaling) else neighbours.published_map(directory)
    with style.drawing():
        document = sections.build(analysis, claims(analysis), read_plot_data(data), published, history)
        files, svgs = _drawn(document)
    for name, frame in csv_tables(analysis).items():
        files[f"{markdown.TABLES_FOLDER}/{name}.csv"] = frame_as_csv(frame).encode()
    for table in document.tables():
        stem = f"{markdown.TABLES_FOLDER}/{escaping.file_name(table.name)}"
        files[f"{stem}.tex"] = table_as_latex(table).encode()
        files.setdefault(f"{stem}.csv", table_as_csv(table).encode())
    document = _linked(document, directory, files)
    files[REPORT_FILE] = markdown.render(document).encode()
    files[SUMMARY_FILE] = markdown.render_summary(document).encode()
    files[PAGE_FILE] = html.render(document, svgs).encode()
    run_files.replace(files, folders=(markdown.PLOTS_FOLDER, markdown.TABLES_FOLDER))
    return plain_text.render(document)


def _drawn(document: Document) -> tuple[dict[str, bytes], dict[str, str]]:
    """The files of all plots, and their SVGs by name, with those for a narrow screen.

    The files contain no date or version, so that equal figures give equal files.
    """
    files: dict[str, bytes] = {}
    svgs: dict[str, str] = {}
    for plot in document.plots():
        svgs[plot.name] = _svg(plot.figure)
        if plot.narrow is not None:
            svgs[f"{plot.name}{html.NARROW}"] = _svg(plot.narrow)
        plot.figure.set_layout_engine("none")  # the layout is done, and takes most of the time
        picture = BytesIO()
        plot.figure.savefig(picture, format="png", dpi=_DOTS_PER_INCH, metadata={"Software": None})
        files[f"{markdown.PLOTS_FOLDER}/{plot.name}.svg"] = svgs[plot.name].encode()
        files[f"{markdown.PLOTS_FOLDER}/{plot.name}.png"] = _few_colours(picture)
    return files, svgs


def _few_colours(picture: BytesIO) -> bytes:
    """A PNG with a palette of 256 colours: a third of the size, and nothing to be seen in lines, text and shades."""
    smaller = BytesIO()
    with Image.open(picture) as image:
        image.convert("RGB").quantize(256).save(smaller, format="png", optimize=True, dpi=(_DOTS_PER_INCH,) * 2)
    return smaller.getvalue()


def _svg(figure: Figure) -> str:
    text = StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return style.compact(text.getvalue())


def _linked(document: Document, directory: Path, files: Iterable[str]) -> Document:
    """The document with links to the pages, records, tables and plots beside it."""
    records = [name for name in (RUN_FILE, TRIALS_FILE, f"{TRIALS_FILE}.gz") if (directory / name).is_file()]
    groups = {
        "Other reports": neighbours.pages(directory),
        "Films": _films(directory),
        "This report": (Link(REPORT_FILE, REPORT_FILE), Link(SUMMARY_FILE, SUMMARY_FILE)),
        "Records": tuple(Link(name, name) for name in records),
        "Tables": _links(files, f"{markdown.TABLES_FOLDER}/", ".csv"),
        "Plots": _links(files, f"{markdown.PLOTS_FOLDER}/", ".png"),
    }
    return replace(document, links=groups)


def _films(directory: Path) -> tuple[Link, ...]:
    """Links to the films that were made before, each format of each."""
    folder = directory / FILM_FOLDER
    names = sorted(path.name for path in folder.iterdir() if path.suffix in (".webp", ".mp4")) if folder.is_dir() else []
    return tuple(Link(f"film {name}", f"{FILM_FOLDER}/{name}") for name in names)


def _links(files: Iterable[str], folder: str, suffix: str) -> tuple[Link, ...]:
    names = sorted(name for name in files if name.startswith(folder) and name.endswith(suffix))
    return tuple(Link(name.removeprefix(folder).removesuffix(suffix), name) for name in names)
