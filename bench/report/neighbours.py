"""The runs and files beside a report: other runs' pages, the map of sizes, certificates. Called by `bench.report.build`."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bench.analysis.scaling import is_timed_grid, scaling_table
from bench.files import is_file, read_regular
from bench.records import RUN_FILE, RecordError, read_run
from bench.report import units
from bench.report.document import Link

LARGEST_FILE_BYTES = 10_000_000
PUBLISHED = Path("reference")
"""The folder beside a run's with the published reports."""
CALIBRATION = "calibration.md"
CERTIFICATE, CERTIFICATE_FIGURES = "certificate.md", "certificate.json"
_COMMIT = re.compile("[0-9a-f]{7,64}")
_COMMIT_LETTERS = 9


@dataclass(frozen=True)
class Map:
    """The scaling study of another run."""

    scaling: pd.DataFrame
    link: Link
    """To its page."""
    machine: str


def pages(directory: Path) -> tuple[Link, ...]:
    """Links to the pages of the runs in the folders below and above, and to the certificates."""
    above = [Link("the main run", "../index.html")] if is_file(directory.parent / RUN_FILE) else []
    below = [Link(f"run `{folder.name}`", f"{folder.name}/index.html") for folder in _runs_below(directory)]
    return (*above, *below, *_documents(directory))


def _documents(directory: Path) -> Iterator[Link]:
    """Links to the certificate of `compare`, with its figure, and to the calibration, here or in the published reference."""
    for name, text in ((CERTIFICATE, "certificate of `compare`"), (CALIBRATION, "calibration of the intervals")):
        for folder in (directory, directory.parent / PUBLISHED):
            if is_file(folder / name):
                path = Path(os.path.relpath(folder, directory)) / name
                figure = _certified(folder / CERTIFICATE_FIGURES) if name == CERTIFICATE else ""
                yield Link(text + (f": {figure}" if figure else ""), path.as_posix())
                break


def _certified(path: Path) -> str:
    """How often comparisons of equal revisions were called changed, and of what; nothing where the figures can't be read."""
    try:
        document = json.loads(read_regular(path, LARGEST_FILE_BYTES, follow_links=False))
        equal = [(int(cell["count"]), int(cell["of"])) for cell in document["real"] if cell["slowdown"] == 0]
    except (OSError, ValueError, LookupError, TypeError, OverflowError, RecursionError):
        return ""
    wrong, runs = (sum(values) for values in zip(*equal, strict=True)) if equal else (0, 0)
    counted = units.counted(runs, "comparison")
    return f"{wrong} of {counted} of equal revisions called changed; of {_covered(document)}" if runs else ""


def _covered(certificate: Mapping[str, object]) -> str:
    """Which benchmarks a certificate is of, and of which commits; certificates of earlier versions don't name their benchmarks."""
    names, environment = certificate.get("benchmarks"), certificate.get("environment")
    count = len(names) if isinstance(names, list) else 0
    what = units.counted(count, "benchmark") if count else "an earlier set of benchmarks, which it doesn't name"
    commits = str(environment.get("commit", "")).split(", ") if isinstance(environment, dict) else []
    short = [commit[:_COMMIT_LETTERS] for commit in commits if _COMMIT.fullmatch(commit)]
    return f"{what}, at {' and '.join(short)}" if short else what


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
    """Yield the folders with a run; those that this user may not look into are somebody else's, as `lost+found` is."""
    try:
        # The map over widths comes first; of others, the order is that of their names.
        folders = sorted(directory.iterdir(), key=lambda path: (path.name != "scaling", path.name))
    except OSError:
        return
    yield from (folder for folder in folders if not folder.is_symlink() and is_file(folder / RUN_FILE))
