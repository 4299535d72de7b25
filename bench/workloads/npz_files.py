"""Reads NPZ files that others wrote: every array's header is compared with its size in the archive before memory is taken.

Called by `bench.workloads.data_files` and `bench.regression.certify`. Nothing is unpickled.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.lib import format as npy

from bench.error_messages import one_line, short
from bench.files import open_regular
from bench.workloads.limits import DATA_LIMIT_BYTES, MOST_COLUMNS, MOST_VALUES, Array, DataError, size_of

_LARGEST_BYTES = 8 * MOST_VALUES
_ENCRYPTED = 1
"""The bit of a member's flags."""


def read_npz(path: Path, *, most_arrays: int = MOST_COLUMNS) -> dict[str, Array]:
    """Return the arrays of an NPZ file by their names; `most_arrays` is how many it may have.

    Raises
    ------
    OSError
        If it is no regular file, or can't be read.
    DataError
        If it is no NPZ file, or damaged, encrypted or too large; the message names the file, and the array where there is one.

    """
    with open_regular(path, DATA_LIMIT_BYTES) as file:
        if file.read(len(npy.MAGIC_PREFIX)) == npy.MAGIC_PREFIX:
            raise DataError(f"{path} holds a single array without a name: write it with numpy.savez")
        try:
            return _read_archive(path, file, most_arrays)
        except (DataError, MemoryError, OSError):
            raise
        except Exception as error:  # whatever `zipfile` and NumPy's parser of headers, which is Python's, raise
            file.seek(0)
            is_cut = file.read(2) == b"PK" and not zipfile.is_zipfile(file)
            cut = "it begins as a ZIP archive and has no end, as after a download that broke off: " if is_cut else ""
            raise DataError(f"{path} can't be read as NPZ: {cut}{one_line(error) or type(error).__name__}") from error


def _read_archive(path: Path, file: BinaryIO, most_arrays: int) -> dict[str, Array]:
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        total = sum(member.file_size for member in members)
        if total > _LARGEST_BYTES or len(members) > most_arrays:
            raise DataError(
                f"{path} has {len(members):,} arrays of {total:,} bytes, uncompressed: "
                f"it may have {most_arrays:,} of {_LARGEST_BYTES:,} at most"
            )
        columns: dict[str, Array] = {}
        for member in members:
            name = member.filename.removesuffix(".npy")
            if name in columns:
                raise DataError(f"{path} can't be read as NPZ: it has the array {short(name)} twice")
            try:
                columns[name] = _read_member(archive, member)
            except (MemoryError, OSError):
                raise
            except Exception as error:
                reason = one_line(error) or type(error).__name__
                raise DataError(f"{path} can't be read as NPZ: the array {short(name)} is damaged: {reason}") from error
        return columns


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    if member.flag_bits & _ENCRYPTED:
        raise ValueError("it is encrypted")
    with archive.open(member) as stream:
        try:
            version = npy.read_magic(stream)
        except ValueError:
            raise ValueError("it is no array of NumPy") from None
        readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
        if version not in readers:
            raise ValueError(f"it has version {version} of the format: it may be 1.0 or 2.0")
        shape, _, dtype = readers[version](stream)
        expected = stream.tell() + size_of(shape, dtype)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are never loaded")
    if expected != member.file_size or min(shape, default=0) < 0:
        raise ValueError(f"its header says {shape} of {dtype}, and it has {member.file_size:,} bytes")
    with archive.open(member) as stream:
        array = np.asarray(npy.read_array(stream, allow_pickle=False))
    if array.dtype.kind == "U" and array.size and array.dtype.itemsize:
        letters = np.ascontiguousarray(array).reshape(-1).view(f"{array.dtype.byteorder}u4")
        if letters.max() > sys.maxunicode:  # NumPy makes strings of it that Python can't go through
            raise ValueError("it has what is no letter")
    return array
