"""The analysis' tables as they are written to CSV files. Called by `bench.report.build`."""

from __future__ import annotations

import pandas as pd

from bench.analysis.summary import Analysis

_SORT_KEYS = (
    "workload",
    "contestant",
    "reference",
    "measure",
    "target",
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
    "times",
    "ratios",
    "targets",
    "reached",
    "curves",
    "latency",
    "latency_ratios",
    "limits",
    "scaling",
    "turns",
    "memory",
)


def csv_tables(analysis: Analysis) -> dict[str, pd.DataFrame]:
    """All tables by the name of their files, with all digits, their rows sorted by `_SORT_KEYS`."""
    tables: dict[str, pd.DataFrame] = {}
    for name in _FRAMES:
        frame: pd.DataFrame = getattr(analysis, name)
        keys = [key for key in _SORT_KEYS if key in frame.columns]
        tables[name] = frame.sort_values(keys, kind="stable", ignore_index=True) if keys else frame
    return tables
