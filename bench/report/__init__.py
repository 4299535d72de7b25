"""From figures to the report: tables, plots, `report.md` and `index.html`, written into the folder of a run.

The entry point is `write_report`. Equal records give equal files, byte by byte: nothing here measures or reads a clock.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from bench.records import RunData

__all__ = ["write_report"]


def write_report(directory: Path, data: RunData | None = None, history: pd.DataFrame | None = None) -> str:
    """Write the report of the run whose records are in `directory`, beside them, and return its answer for a terminal.

    Reads `run.json`, `trials.jsonl` and `arrays/*.npz`, and executes nothing in them. Writes `report.md`, `summary.md`,
    `index.html`, `tables/*.csv`, `tables/*.tex`, `plots/*.png` and `plots/*.svg`, none of them through a link, and lists them in
    `run-files.txt`. Those of an earlier report are replaced when all new ones are on the disk; a file that isn't listed stays.
    `data` are the records, where they have been read already; `history` are the ratios of tracked runs, with the columns of
    `bench.report.plots.history.COLUMNS`, the oldest first.

    Raises
    ------
    bench.records.RecordError
        If there is no run in `directory`.
    OSError
        If `directory` can't be written to.

    """
    from bench.report.build import build_report  # imports pandas and matplotlib, which `bench --help` does without

    return build_report(directory, data, history)
