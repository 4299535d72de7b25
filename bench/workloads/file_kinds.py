"""What a data file is that isn't what its name says, by its first bytes. Called by `bench.workloads.data_files`."""

from __future__ import annotations

from pathlib import Path

from bench.files import open_regular
from bench.workloads.limits import DATA_LIMIT_BYTES, DataError

_HEAD_BYTES = 64
_TEXT = frozenset(b"\t\n\r") | frozenset(range(32, 256))
_KINDS: dict[bytes, tuple[str, str]] = {
    b"PK\x03\x04": (".npz", "a ZIP archive, as .npz, .xlsx and .zip are"),
    b"PAR1": (".parquet", "a Parquet file: its name must end in .parquet"),
    b"PARE": ("", "an encrypted Parquet file"),
    b"\x93NUMPY": (".npz", "a single array of NumPy: write it with numpy.savez"),
    b"\x1f\x8b": ("", "compressed by gzip: unpack it first"),
    b"BZh": ("", "compressed by bzip2: unpack it first"),
    b"\xfd7zXZ": ("", "compressed by xz: unpack it first"),
    b"\x28\xb5\x2f\xfd": ("", "compressed by Zstandard: unpack it first"),
    b"ARROW1": ("", "a Feather file: write it as Parquet"),
    b"SQLite format 3": ("", "an SQLite database: export a table of it"),
    b"\x89HDF": ("", "an HDF5 file: write its arrays with numpy.savez"),
    b"MATLAB 5.0 MAT-file": ("", "a MATLAB file: write its arrays with numpy.savez"),
    b"\xd0\xcf\x11\xe0": ("", "an Excel file: export it as CSV"),
    b"\x80\x02": ("", "a pickle, which is never loaded"),
    b"\x80\x04": ("", "a pickle, which is never loaded"),
    b"\x80\x05": ("", "a pickle, which is never loaded"),
    b"\xff\xfe": ("", "text in UTF-16: save it as UTF-8"),
    b"\xfe\xff": ("", "text in UTF-16: save it as UTF-8"),
    b"version https://git-lfs": ("", "a pointer of Git LFS and not the data: get them with  git lfs pull"),
    b"<!doctype": ("", "a page of the web: download the file itself"),
    b"<html": ("", "a page of the web: download the file itself"),
    b'[{"': ("", "JSON: write it as CSV"),
    b'{"': ("", "JSON: write it as CSV"),
}
"""By its first bytes: the ending that it may have, and what it is."""
_MAY_BE_NAMES = (b"PAR1", b"PARE", b"ARROW1", b"BZh")
"""The names of a table's columns may begin so, too, as in `PARENTS,age`; a file of such a kind has bytes that no text has."""


def check_kind(path: Path) -> None:
    """Check that a file isn't known to be of another kind than its name says.

    Raises
    ------
    DataError
        If it is; the message says what it is.
    OSError
        If it is no regular file, or can't be read.

    """
    with open_regular(path, DATA_LIMIT_BYTES) as file:
        head = file.read(_HEAD_BYTES)
    if not head:
        raise DataError(f"{path} is empty")
    ending = path.suffix.lower()
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    is_table = ending == ".csv" and _TEXT.issuperset(head)
    for start, (own, what) in _KINDS.items():
        if own == ending or (is_table and start in _MAY_BE_NAMES):
            continue
        if head.startswith(start) or text.startswith(start):
            raise DataError(f"{path} can't be read as {_NAMES[ending]}: it is {what}")
    if ending == ".csv" and b"\0" in head:
        raise DataError(f"{path} can't be read as CSV: it begins with zero bytes among others, as UTF-16 does; save it as UTF-8")


_NAMES = {".csv": "CSV", ".parquet": "Parquet", ".npz": "NPZ"}
