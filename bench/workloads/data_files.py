"""Data sets from files: CSV, Parquet or NPZ, checked on the way in, so that a trial never meets a hole or a word.

Called by `bench.workloads.data_sets`. pandas is imported only where such a file is read.
"""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.error_messages import may_be, one_line, short

Array = NDArray[Any]


class DataError(ValueError):
    """A data set that can't be had, or isn't fit to train on."""


def load_file(path: Path, target: str, features: Sequence[str] | None = None) -> tuple[Array, Array]:
    """Features (samples, features) and labels (samples,) from the columns of a table, or the arrays of an NPZ file.

    Labels that are integers, booleans or words are classes; floats are a regression's.

    Parameters
    ----------
    path
        Ends in `.csv`, `.parquet` or `.npz`.
    target
        The column, or array, of labels; an array of floats may have several columns, one an output.
    features
        The columns, or arrays, of features in their order; None takes all others. Arrays are put side by side.

    Raises
    ------
    DataError
        Naming the file and the column, if there is no such file or column, the file is damaged or empty, a feature is no number, or
        a value is missing or infinite.

    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"{path} is no data file that can be read: its name may end in {', '.join(_READERS)}")
    if not path.is_file():
        raise DataError(f"{path} is no file" + ("" if path.exists() else ": there is nothing of that name"))
    columns = reader(path)
    if target not in columns:
        raise DataError(f"{path} has no target {target!r}: {may_be(target, columns)}")
    names = [name for name in columns if name != target] if features is None else list(features)
    _check_names(path, names, columns, target)
    y = _labels(path, target, columns[target])
    return np.column_stack([_feature(path, name, columns[name], len(y)) for name in names]), y


def _check_names(path: Path, names: Sequence[str], columns: dict[str, Array], target: str) -> None:
    if not names:
        raise DataError(f"{path} has no column beside the target {target!r}: there is nothing to learn it from")
    for number, name in enumerate(names):
        if name not in columns:
            raise DataError(f"{path} has no feature {name!r}: {may_be(name, columns)}")
        if name == target or name in names[:number]:
            raise DataError(f"{path}: the feature {name!r} is named twice, or is the target")


def _labels(path: Path, name: str, values: Array) -> Array:
    if values.ndim != 1 and not (values.ndim == 2 and np.issubdtype(values.dtype, np.floating)):
        raise DataError(f"{path}: the target {name!r} has the shape {values.shape}: it must be (samples,)")
    if values.size == 0:
        raise DataError(f"{path} is empty: the target {name!r} has no value")
    if values.dtype == object:
        return _words(path, name, values)
    if values.dtype.kind not in "biufU":
        raise DataError(f"{path}: the target {name!r} is of {values.dtype}: it must be numbers or words")
    _refuse_holes(path, name, values)
    return values


def _words(path: Path, name: str, values: Array) -> Array:
    """A column of Python objects as text, where every one is text."""
    for row, value in enumerate(values):
        if not isinstance(value, str):
            raise DataError(f"{path}: {name!r} is missing, or no word as others are, in row {row} (from 0): it is {short(value)}")
    return values.astype(str)


def _feature(path: Path, name: str, values: Array, rows: int) -> Array:
    if values.dtype.kind not in "biuf":
        raise DataError(f"{path}: the feature {name!r} isn't numbers{_first_word(values)}; leave it out, or write it as numbers")
    if values.ndim not in (1, 2) or len(values) != rows:
        raise DataError(f"{path}: the feature {name!r} has the shape {values.shape}: it must be ({rows},) or ({rows}, features)")
    _refuse_holes(path, name, values)
    return values.astype(np.float64)


def _first_word(values: Array) -> str:
    for row, value in enumerate(values.ravel().tolist()):
        if isinstance(value, str):
            return f": row {row} (from 0) has {value!r}"
    return f" but {values.dtype}"


def _refuse_holes(path: Path, name: str, values: Array) -> None:
    if values.dtype.kind != "f":
        return
    holes = ~np.isfinite(values).reshape(len(values), -1).all(axis=1)
    if holes.any():
        raise DataError(f"{path}: {name!r} is missing or infinite in {holes.sum()} rows, first in row {holes.argmax()} (from 0)")


def _read_csv(path: Path) -> dict[str, Array]:
    import pandas as pd

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return _columns(pd.read_csv(path, index_col=False, low_memory=False))
    except pd.errors.EmptyDataError:
        raise DataError(f"{path} is empty") from None
    except pd.errors.ParserWarning:
        raise DataError(f"{path}: its rows have more fields than its first line has names") from None
    except (pd.errors.ParserError, UnicodeDecodeError, OSError) as error:
        raise DataError(f"{path} can't be read as CSV: {one_line(error)}") from error


def _read_parquet(path: Path) -> dict[str, Array]:
    import pandas as pd

    try:
        return _columns(pd.read_parquet(path, engine="pyarrow"))
    except ImportError:
        raise DataError(f'{path} needs pyarrow to be read: python -m pip install -e ".[parquet]"') from None
    except (ValueError, OSError) as error:  # pyarrow's errors are of these two kinds
        raise DataError(f"{path} can't be read as Parquet: {one_line(error)}") from error


def _columns(frame: Any) -> dict[str, Array]:
    """Each column as an array; whole numbers with holes come as floats with NaN."""
    import pandas as pd

    columns: dict[str, Array] = {}
    for name in frame.columns:
        column = frame[name]
        if pd.api.types.is_bool_dtype(column) or not pd.api.types.is_numeric_dtype(column):
            columns[str(name)] = column.to_numpy(dtype=bool if column.dtype == bool else object)
        else:
            columns[str(name)] = column.to_numpy(dtype=np.float64 if column.hasnans else _numpy_dtype(column))
    return columns


def _numpy_dtype(column: Any) -> Any:
    """The NumPy type of a column of numbers, also where pandas keeps it in a type of its own."""
    return getattr(column.dtype, "numpy_dtype", column.dtype)


def _read_npz(path: Path) -> dict[str, Array]:
    try:
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            columns = None if isinstance(archive, np.ndarray) else {name: archive[name] for name in archive.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} can't be read as NPZ: {one_line(error)}") from error
    if columns is None:
        raise DataError(f"{path} holds a single array without a name: write it with numpy.savez")
    return columns


_READERS = {".csv": _read_csv, ".parquet": _read_parquet, ".npz": _read_npz}
