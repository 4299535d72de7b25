"""Reads CSV and Parquet files; pandas is imported only when there is one. Called by `bench.workloads.data_files`."""

from __future__ import annotations

import csv
import io
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from bench.error_messages import one_line, short
from bench.files import open_regular
from bench.workloads.limits import DATA_LIMIT_BYTES, MOST_COLUMNS, MOST_VALUES, Array, DataError

NO_SEPARATOR_HINTS = {";": "semicolons", "\t": "tabs", "|": "bars", ",": "commas"}
"""Separators that a CSV file may have, in words."""
MISSING_WORDS = frozenset(
    ["NA", "N/A", "n/a", "nan", "NaN", "-nan", "-NaN", "null", "NULL", "None", "<NA>", "#N/A", "#NA", "1.#IND", "1.#QNAN"]
)
"""Words that stand for a missing value in a column of numbers."""
_HEADER_LIMIT_BYTES = 2_000_000
_CHUNK_BYTES = 2**20


def read_csv(path: Path, target: str, separator: str) -> dict[str, Array]:
    """Return the columns of a CSV file by the names in its first line.

    Raises
    ------
    OSError
        If it is no regular file, or can't be read.
    DataError
        If it is empty, damaged or too large, or has a name twice.

    """
    import pandas as pd

    with open_regular(path, DATA_LIMIT_BYTES) as file:
        names = [name.strip() for name in _header(path, file, separator)]
        _check_columns(path, names)
        labels = [name or f"Unnamed: {number}" for number, name in enumerate(names)]
        _check_columns(path, labels)
        _check_size(path, file, separator)
        file.seek(0)
        missing = {name: [""] if name == target else ["", *MISSING_WORDS] for name in labels}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", pd.errors.ParserWarning)
                frame = pd.read_csv(
                    file,
                    sep=separator,
                    names=labels,
                    header=0,
                    index_col=False,
                    low_memory=False,
                    keep_default_na=False,
                    na_values=missing,
                    skipinitialspace=True,
                    encoding="utf-8-sig",
                )
        except pd.errors.EmptyDataError:
            raise DataError(f"{path} is empty") from None
        except pd.errors.ParserWarning:
            raise _too_few_names(path, names, separator) from None
        except UnicodeDecodeError as error:
            raise _no_utf8(path, error) from None
        except MemoryError:
            raise
        except Exception as error:  # whatever pandas' parsers raise
            if len(names) == 1 and isinstance(error, pd.errors.ParserError):
                raise _too_few_names(path, names, separator) from None
            raise DataError(f"{path} can't be read as CSV: {one_line(error)}") from error
    if len(names) != len(frame.columns):
        raise DataError(f"{path}: the names in its first line can't be told apart: {len(names)} or {len(frame.columns)}")
    for number, name in enumerate(names):
        if not name and frame.iloc[:, number].isna().all():
            raise DataError(f"{path}: column {number + 1} has neither a name nor values: its lines end with a separator too many")
    return _columns(path, frame)


def _too_few_names(path: Path, names: Sequence[str], separator: str) -> DataError:
    """Return the error of a table whose rows are longer than its first line: there is a title, or row numbers without a name."""
    hint = separator_hint(names, separator)  # as where the numbers have decimal commas
    reason = "" if hint else ": it must have a name for each, and nothing may stand above it"
    return DataError(
        f"{path}: {hint}its rows have more fields than its first line has names{reason}; its first line is "
        f"{short(separator.join(names))}"
    )


def read_parquet(path: Path, target: str) -> dict[str, Array]:
    """Return the columns of a Parquet file, with the target also where it is the table's index.

    Raises
    ------
    OSError
        If it is no regular file, or can't be read.
    DataError
        If it is damaged or too large, has a name twice, or pyarrow isn't installed.

    """
    try:
        import pyarrow.parquet
    except ImportError:
        raise DataError(f'{path} needs pyarrow to be read: python -m pip install -e ".[parquet]"') from None
    import pandas as pd

    with open_regular(path, DATA_LIMIT_BYTES) as file:
        try:
            metadata = pyarrow.parquet.ParquetFile(file).metadata
            names = pyarrow.parquet.read_schema(file).names
            _check_columns(path, names)
            if metadata.num_rows * metadata.num_columns > MOST_VALUES:
                raise DataError(
                    f"{path} has {metadata.num_rows:,} rows of {metadata.num_columns:,}: their product may be {MOST_VALUES:,}"
                )
            file.seek(0)
            frame = pd.read_parquet(file, engine="pyarrow")
            if target in frame.index.names and target not in frame.columns:
                frame = frame.reset_index(level=target)
        except (DataError, MemoryError):
            raise
        except Exception as error:  # whatever pyarrow, and pandas for what a file says of it, raise
            raise DataError(f"{path} can't be read as Parquet: {one_line(error)}") from error
    return _columns(path, frame)


def separator_hint(names: Sequence[str], separator: str) -> str:
    """Return which other separator a table seems to have, where its first line has a single name."""
    if len(names) == 1:
        for other, word in NO_SEPARATOR_HINTS.items():
            if other != separator and other in names[0]:
                shown = {"\t": "\\t"}.get(other, other)
                return f'its first line has {word}, so set  separator = "{shown}"  in [data.parameters]; '
    return ""


def header_hint(names: Sequence[str], separator: str) -> str:
    """Return in words why the first line of a table isn't the names that were looked for."""
    if hint := separator_hint(names, separator):
        return hint
    if len(names) == 1:
        return "its first line is a single name: between its fields must stand a comma, or what  separator = ...  says; "
    return "its first line has numbers, and it must have the names of the columns; " if has_numbers(names) else ""


def has_numbers(names: Sequence[str]) -> bool:
    """Whether names of columns seem to be a row of data; whole numbers may be names."""
    return any(re.fullmatch(r"[+-]?\d*\.\d+(e[+-]?\d+)?", name, re.IGNORECASE) for name in names)


def _header(path: Path, file: BinaryIO, separator: str) -> list[str]:
    """Return the names in the first line of a CSV file that isn't blank."""
    try:
        text = file.read(_HEADER_LIMIT_BYTES).decode("utf-8-sig", errors="strict")
    except UnicodeDecodeError as error:
        if error.start < _HEADER_LIMIT_BYTES - 4:  # otherwise a letter has been cut
            raise _no_utf8(path, error) from None
        text = error.object[: error.start].decode("utf-8-sig")
    blanks = " \t\r\n".replace(separator, "")
    lines = (line for line in io.StringIO(text, newline="") if line.strip(blanks))
    try:
        return next(csv.reader(lines, delimiter=separator, skipinitialspace=True), [])
    except csv.Error as error:
        raise DataError(f"{path} can't be read as CSV: {one_line(error)}") from None


def _no_utf8(path: Path, error: UnicodeDecodeError) -> DataError:
    return DataError(f"{path} can't be read as CSV: byte {error.start} is not UTF-8; save it as UTF-8")


def _check_columns(path: Path, names: Iterable[str]) -> None:
    counts = Counter(names)
    if len(counts) > MOST_COLUMNS:
        raise DataError(f"{path} has {len(counts):,} columns: it may have {MOST_COLUMNS:,} at most")
    if counts[""] > 1:
        raise DataError(f"{path} has {counts['']} columns without a name: its first line must have a name for each")
    twice = next((name for name, count in counts.items() if count > 1), None)
    if twice is not None:
        raise DataError(
            f"{path} has the column {short(twice)} twice: a copy of the target would be a feature; each needs its own name"
        )


def _check_size(path: Path, file: BinaryIO, separator: str) -> None:
    """Count the fields, without reading them as values."""
    file.seek(0)
    count = 0
    while chunk := file.read(_CHUNK_BYTES):
        count += chunk.count(separator.encode()) + chunk.count(b"\n")
    if count > MOST_VALUES:
        raise DataError(f"{path} has about {count:,} values: it may have {MOST_VALUES:,} at most")


def _columns(path: Path, frame: Any) -> dict[str, Array]:
    """Return each column as an array; integers with missing values become floats with NaN."""
    try:
        return {str(name): _column(frame[name]) for name in frame.columns}
    except (DataError, MemoryError):
        raise
    except Exception as error:  # as of a type that is no number's
        raise DataError(f"{path} has a column that can't be read: {one_line(error)}") from error


def _column(column: Any) -> Array:
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype) if not column.hasnans else column.astype(object)
    whole = not column.isna().any()
    if pd.api.types.is_bool_dtype(column.dtype):
        return np.asarray(column.to_numpy(dtype=bool if whole else object))
    if pd.api.types.is_numeric_dtype(column.dtype):
        kind = getattr(column.dtype, "numpy_dtype", column.dtype) if whole else np.float64
        return np.asarray(column.to_numpy(dtype=kind) if whole else column.to_numpy(dtype=kind, na_value=np.nan))
    values = np.asarray(column.to_numpy(dtype=object))
    decimals = [value for value in values if isinstance(value, Decimal)]
    if not decimals or not all(value is None or isinstance(value, Decimal) for value in values):
        return values
    numbers = values.astype(np.float64)  # NaN for None
    whole = len(decimals) == len(values) and all(value == int(value) for value in decimals) and np.abs(numbers).max() < 2**53
    return numbers.astype(np.int64) if whole else numbers
