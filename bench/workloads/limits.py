"""How large data may be; each limit is checked before the memory is taken. Called by all that reads or draws data."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

DATA_LIMIT_BYTES = 1_000_000_000
"""Of a data file."""
MOST_VALUES = 50_000_000
"""Rows times columns: 400 MB of float64."""
MOST_COLUMNS = 10_000
MOST_CLASSES = 1_000
WORKLOAD_LIMIT_BYTES = 1_000_000
"""Of a TOML file."""
LARGEST_NOISE = 1e6


class DataError(ValueError):
    """A data set that is unknown, unreadable or can't be trained on."""


def check_values(place: str, rows: int, columns: int) -> None:
    """Check that an array isn't too large.

    Raises
    ------
    DataError
        If it is; the message begins with `place`.

    """
    if rows * columns > MOST_VALUES:
        raise DataError(f"{place} has {rows:,} rows of {columns:,} values: rows × values may be {MOST_VALUES:,} at most")


def size_of(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    """Return the bytes of an array; Python's integers don't overflow."""
    size = int(dtype.itemsize)
    for dimension in shape:
        size *= int(dimension)
    return size
