"""Data sets from CSV, Parquet and NPZ files; what can't be trained on is refused while a file is read, and so is what is too large.

Called by `bench.workloads.data_sets`. `npz_files` reads NPZ, `tables` the other two. Only regular files are read, and nothing in
them is executed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.error_messages import may_be, one_line, short
from bench.workloads.file_kinds import check_kind
from bench.workloads.limits import DATA_LIMIT_BYTES, MOST_COLUMNS, Array, DataError, check_values
from bench.workloads.npz_files import read_npz
from bench.workloads.tables import MISSING_WORDS, header_hint, read_csv, read_parquet

__all__ = ["DATA_LIMIT_BYTES", "Array", "DataError", "LoadedFile", "load_columns"]

_EXACT = 2**53
"""Up to here float64 has every whole number."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?(inf(inity)?|nan)", re.IGNORECASE | re.ASCII)
_REASONS = {
    r"-?\d+,\d+": ", with a decimal comma where a point is read, or a comma between its thousands",
    r"-?\d{1,3}(,\d{3})+(\.\d+)?": ", with commas between its thousands",
    r"\s*([?*.-]+|missing|unknown)?\s*": ", which seems to stand for a missing value",
    r"\W*[+-]?[\d.]+\s*\W*|[+-]?[\d.]+\s*[A-Za-z%]+": ", which has more in it than a number",
}
"""Why a word isn't a number, by what it looks like."""


@dataclass(frozen=True)
class LoadedFile:
    """The columns of a data file that are trained on."""

    x: Array
    """(samples, features)"""
    y: Array
    """(samples,), or (samples, outputs) for floats."""
    features: tuple[str, ...]
    """A name for each column of `x`."""


def load_columns(path: Path, target: str, features: Sequence[str] | None = None, separator: str = ",") -> LoadedFile:
    """Read features (samples, features) and labels (samples,) from the columns of a table, or the arrays of an NPZ file.

    Integers, booleans and words are classes; floats are the targets of a regression.

    Parameters
    ----------
    path
        Ends in `.csv`, `.parquet` or `.npz`.
    target
        The column, or array, of labels; an array of floats may have several columns, one for each output.
    features
        The columns, or arrays, of features in their order; None takes all but the target. Arrays are joined column by column.
    separator
        Between the fields of a CSV file.

    Raises
    ------
    DataError
        If there is no such file or column, the file is damaged, empty or too large, a feature is no number, or a value is missing
        or infinite; the message names the file and the column.

    """
    readers: dict[str, Callable[[], dict[str, Array]]] = {
        ".csv": lambda: read_csv(path, target, separator),
        ".parquet": lambda: read_parquet(path, target),
        ".npz": lambda: read_npz(path),
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        text = (
            "; a table in a text file is called .csv, with its  separator = ..." if path.suffix in (".tsv", ".tab", ".txt") else ""
        )
        raise DataError(f"{path} is no data file that can be read: its name may end in {', '.join(readers)}{text}")
    try:
        check_kind(path)
        columns = reader()
    except FileNotFoundError:
        raise DataError(f"{path} is no file: there is nothing of that name") from None
    except MemoryError:
        raise DataError(f"{path} can't be read: there isn't memory enough for it") from None
    except OSError as error:
        raise DataError(f"{path} is no file that can be read: {one_line(error.strerror or error)}") from error
    if not columns:
        raise DataError(f"{path} is empty: it has no array, and so no target {short(target)}")
    if target not in columns:
        hint = header_hint(list(columns), separator) if path.suffix.lower() == ".csv" else ""
        raise DataError(f"{path} has no target {short(target)}: {hint}{may_be(target, columns)}")
    names = [name for name in columns if name != target] if features is None else list(features)
    _check_names(path, names, columns, target)
    y = _labels(path, target, columns[target])
    _check_sizes(path, [columns[name] for name in names], len(y))
    parts = [_feature(path, name, columns[name], len(y)) for name in names]
    return LoadedFile(np.column_stack(parts), y, tuple(_column_names(names, parts)))


def _column_names(names: Sequence[str], parts: Sequence[Array]) -> list[str]:
    """Return a name for each column: an array's own, with a number where it has several."""
    return [
        name if part.ndim == 1 else f"{name}[{number}]"
        for name, part in zip(names, parts, strict=True)
        for number in range(1 if part.ndim == 1 else part.shape[1])
    ]


def _check_names(path: Path, names: Sequence[str], columns: dict[str, Array], target: str) -> None:
    if not names:
        raise DataError(f"{path} has no column beside the target {short(target)}: there is nothing to learn it from")
    seen = {target}
    for name in names:
        if name not in columns:
            raise DataError(f"{path} has no feature {short(name)}: {may_be(name, columns)}")
        if name in seen:
            raise DataError(f"{path}: the feature {short(name)} is named twice, or is the target")
        seen.add(name)


def _check_sizes(path: Path, parts: Sequence[Array], rows: int) -> None:
    count = sum(1 if part.ndim < 2 else part.shape[1] for part in parts)
    if count > MOST_COLUMNS:
        raise DataError(f"{path} has {count:,} features: it may have {MOST_COLUMNS:,} at most; name some with features = [...]")
    check_values(str(path), rows, count)


def _labels(path: Path, name: str, values: Array) -> Array:
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim == 2 and values.dtype.kind in "biu" and (values.sum(axis=1) == 1).all() and np.isin(values, (0, 1)).all():
        values = values.astype(np.float64)  # one-hot
    if values.ndim != 1 and not (values.ndim == 2 and np.issubdtype(values.dtype, np.floating)):
        raise DataError(f"{path}: the target {short(name)} has the shape {values.shape}: it must be (samples,)")
    if values.size == 0:
        raise DataError(f"{path} is empty: the target {short(name)} has no value")
    if values.dtype == object:
        return _words(path, name, values)
    if values.dtype.kind not in "biufU":
        raise DataError(f"{path}: the target {short(name)} is of {values.dtype}: it must be numbers or words")
    _refuse_missing(path, name, values)
    return values


def _words(path: Path, name: str, values: Array) -> Array:
    """Return a column of Python objects as text.

    Words that stand for a missing value are classes among words, and missing values among numbers.

    Raises
    ------
    DataError
        If one of them is missing, or neither text nor a whole number.

    """
    missing = np.array([_is_missing(value) for value in values.tolist()])
    if missing.any():
        raise DataError(f"{path}: {short(name)} is missing in {missing.sum()} rows, first in row {missing.argmax()} (from 0)")
    for row, value in enumerate(values.tolist()):
        if not isinstance(value, str | int):
            raise DataError(
                f"{path}: the target {short(name)} has {short(value)} in row {row} (from 0): it must be numbers or words"
            )
    words = values.astype(str)
    others = [word for word in np.unique(words).tolist() if word not in MISSING_WORDS]
    if others and all(_is_number(word) for word in others):
        found = np.isin(words, list(MISSING_WORDS))
        if found.any():
            row = int(found.argmax())
            word = short(str(words[row]))
            raise DataError(f"{path}: {short(name)} is missing in {found.sum()} rows, first in row {row} (from 0): it is {word}")
    return words


def _is_missing(value: object) -> bool:
    return value is None or type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and math.isnan(value))


def _is_number(word: str) -> bool:
    """Whether a word is read as a number: Python takes others too, such as 1_000."""
    return _NUMBER.fullmatch(word.strip()) is not None


def _feature(path: Path, name: str, values: Array, rows: int) -> Array:
    if values.dtype.kind not in "biuf":
        raise DataError(
            f"{path}: the feature {short(name)} isn't numbers{_first_word(values)}; leave it out, or write it as numbers"
        )
    if values.ndim not in (1, 2) or len(values) != rows:
        raise DataError(
            f"{path}: the feature {short(name)} has the shape {values.shape}: it must be ({rows},) or ({rows}, features)"
        )
    _refuse_missing(path, name, values)
    numbers = values.astype(np.float64)
    if values.dtype.kind in "iu" and np.abs(numbers).max(initial=0) >= _EXACT and len(np.unique(numbers)) < len(np.unique(values)):
        raise DataError(
            f"{path}: the feature {short(name)} has whole numbers above {_EXACT:,}, as identifiers are, "
            "which float64 can't tell apart: leave it out"
        )
    return numbers


def _first_word(values: Array) -> str:
    """Return the first value that is no number, with its row and, where it can be told, the likely reason."""
    width = max(int(np.prod(values.shape[1:])), 1)
    for place, value in enumerate(values.ravel().tolist()):
        if isinstance(value, str) and not (values.dtype == object and _is_number(value)):
            reason = next((reason for pattern, reason in _REASONS.items() if re.fullmatch(pattern, value)), "")
            return f": row {place // width} (from 0) has {short(value)}{reason}"
        if isinstance(value, int) and not -(2**63) <= value < 2**64:
            return f": row {place // width} (from 0) has a whole number of {len(str(abs(value)))} digits"
        if values.dtype == object and not isinstance(value, str | int | float):
            return f": row {place // width} (from 0) has {short(value)}"
    return f" but {values.dtype}"


def _refuse_missing(path: Path, name: str, values: Array) -> None:
    if values.dtype.kind != "f":
        return
    missing = ~np.isfinite(values).reshape(len(values), -1).all(axis=1)
    if missing.any():
        raise DataError(
            f"{path}: {short(name)} is missing or infinite in {missing.sum()} rows, first in row {missing.argmax()} (from 0)"
        )
