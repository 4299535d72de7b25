"""The runs and files beside a report: other runs' pages, the map of sizes, certificates. Called by `bench.report.build`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bench.analysis.scaling import is_timed_grid, scaling_table
from bench.records import RUN_FILE, RecordError, read_run
from bench.report.document import Link

PUBLISHED = Path("reference")
"""The folder beside a run's with the published reports."""
_DOCUMENTS = {"certificate.md": "certificate of `compare`", "calibration.md": "calibration of the intervals"}


@dataclass(frozen=True)
class Map:
    """The scaling study of another run."""

    scaling: pd.DataFrame
    link: Link
    """To its page."""
    machine: str


def pages(directory: Path) -> tuple[Link, ...]:
    """Links to the pages of the runs in the folders below and above, and to the certificates."""
    above = [Link("the main run", "../index.html")] if (directory.parent / RUN_FILE).is_file() else []
    below = [Link(f"run `{folder.name}`", f"{folder.name}/index.html") for folder in _runs_below(directory)]
    documents = [Link(text, name) for name, text in _DOCUMENTS.items() if (directory / name).is_file()]
    return (*above, *below, *documents)


def published_map(directory: Path) -> Map | None:
    """The scaling study in a folder below the run, or below the published reference beside it; None if there is none."""
    for folder in [*_runs_below(directory), *_runs_below(directory.parent / PUBLISHED)]:
        try:
            data = read_run(folder)
        except RecordError:
            continue
        if any(is_timed_grid(workload) for workload in data.run.workloads):
            page = Path(os.path.relpath(folder, directory)) / "index.html"
            here = data.run.environment
            return Map(scaling_table(data), Link(folder.name, page.as_posix()), f"{here.cpu}, {here.cores} cores")
    return None


def _runs_below(directory: Path) -> Iterator[Path]:
    if directory.is_dir():
        # The map over widths comes first; of others, the order is that of their names.
        folders = sorted(directory.iterdir(), key=lambda path: (path.name != "scaling", path.name))
        yield from (folder for folder in folders if not folder.is_symlink() and (folder / RUN_FILE).is_file())
