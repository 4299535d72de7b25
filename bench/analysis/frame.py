"""The trials of a run as one tidy table, for readers with pandas. Called by `bench.load` and by `bench.report.export`.

Every column is there in every run, so that code which reads one run reads all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from bench.records import Parity, Trial

HISTORY = ("loss", "accuracy", "val_loss", "val_accuracy")
_NESTED = ("history", "parity", "point", "load")
_NUMBERS = ("cold_start_seconds", "build_seconds", "fit_seconds", "harness_seconds", "test_accuracy", "test_loss")
_COUNTS = ("schema_version", "seed", "round", "launch", "threads", "steps")


def trials_frame(trials: Sequence[Trial]) -> pd.DataFrame:
    """A row a trial, in the order in which they ended.

    The columns are the fields of `bench.records.Trial`. What is nested there has a column for each part, by a dotted name:
    `history.loss`, `history.val_accuracy`, `parity.weights`, `point.width`, `load.steal_share`. What is a value an epoch is a list
    in its cell (`frame.explode(["history.loss", "history.accuracy"])` gives a row an epoch), `details` a dict. What a trial
    doesn't have is missing (`isna`); `started_at` is a time in UTC.
    """
    rows = [_row(trial) for trial in trials]
    known = [name for field in Trial.model_fields for name in _columns(field)]
    extra = sorted({name for row in rows for name in row} - set(known))
    frame = pd.DataFrame(rows, columns=[*known, *extra], dtype=object)
    for name in _NUMBERS:
        frame[name] = frame[name].astype("float64")
    for name in _COUNTS:
        frame[name] = frame[name].astype("int64")
    frame["peak_memory_bytes"] = frame["peak_memory_bytes"].astype("Int64")
    for name in extra:
        frame[name] = pd.to_numeric(frame[name]) if name.startswith(("point.", "load.")) else frame[name]
    frame["started_at"] = pd.to_datetime(frame["started_at"], utc=True, format="ISO8601")
    return frame


def _columns(field: str) -> list[str]:
    """The columns that a field of a trial becomes, as far as they are known beforehand."""
    parts = {"history": HISTORY, "parity": tuple(Parity.model_fields), "point": (), "load": ()}
    return [f"{field}.{part}" for part in parts[field]] if field in parts else [field]


def _row(trial: Trial) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for field, value in trial.model_dump().items():
        if field in _NESTED:
            row.update({f"{field}.{part}": inner for part, inner in (value or {}).items()})
        else:
            row[field] = value
    return row
