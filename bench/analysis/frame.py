"""The trials of a run as a tidy pandas DataFrame. Called by `bench.load` and `bench.report.export`.

All runs have the same columns, so that code for one run works for any other.
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
    """A row per trial, in the order in which the trials ended.

    The columns are the fields of `bench.records.Trial`. A nested field has a column for each of its parts, with a dotted name:
    `history.loss`, `history.val_accuracy`, `parity.weights`, `point.width`, `load.steal_share`. Values per epoch are a list in one
    cell (`frame.explode(["history.loss", "history.accuracy"])` gives a row per epoch), and `details` is a dict. Values that a trial
    doesn't have are missing (`isna`). `started_at` is a time in UTC.
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
        if name.startswith(("point.", "load.")):
            words = frame[name].map(lambda value: isinstance(value, str)).any()  # of a study; "full" stands beside numbers
            frame[name] = frame[name].map(str, na_action="ignore") if words else pd.to_numeric(frame[name])
    frame["started_at"] = pd.to_datetime(frame["started_at"], utc=True, format="ISO8601")
    return frame


def _columns(field: str) -> list[str]:
    """The columns of a field of `Trial` that are known in advance."""
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
