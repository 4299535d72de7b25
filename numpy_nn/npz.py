"""Reading `.npz` files that may be broken, or made to do harm: never more than is asked for, and never a pickle.

Called by `serialization`. NumPy's own reader believes what a file says of its arrays, and takes memory for it. This one reads files
whose parts stand in them as they are (not compressed), so that no part is larger than the file, and checks a part's shape first.
"""

from __future__ import annotations

import math
import os
import stat
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from numpy_nn._engine.arrays import Array

MOST_TEXT_BYTES = 4 << 20
"""Of a part that is text: a million letters, ten thousand layers."""
MOST_HEADER_BYTES = 4096
MOST_REASON_LETTERS = 600
_KINDS = "fiu"


def open_regular(path: str | os.PathLike[str]) -> IO[bytes]:
    """Open a regular file, or a link to one: a pipe would be waited for, and a device read without an end.

    Raises
    ------
    ValueError
        If it is something else.
    OSError
        If it can't be opened.

    """
    if not stat.S_ISREG(Path(path).stat().st_mode):
        raise ValueError("it is no regular file")
    return Path(path).open("rb")


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[Archive]:
    """The file at `path`, inside the block; what goes wrong there is a ValueError that names the file.

    Raises
    ------
    ValueError
        If the file isn't such an archive, or anything in the block raises because of what is in it.
    FileNotFoundError
        If there is no such file.

    """
    try:
        with open_regular(path) as stream, zipfile.ZipFile(stream) as file:
            yield Archive(file, os.fstat(stream.fileno()).st_size)
    except (FileNotFoundError, PermissionError):
        raise
    except (
        ArithmeticError,
        AttributeError,
        EOFError,
        LookupError,
        NotImplementedError,
        OSError,
        RuntimeError,
        SyntaxError,
        TypeError,
        ValueError,
        struct.error,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise ValueError(f"path was {os.fspath(path)!r}: it is not a model that was saved here ({reason_of(error)})") from error


def reason_of(error: Exception) -> str:
    """What an error says, short and on one line that can be shown: bytes of the file may stand in it."""
    said = " ".join(str(error).split())
    said = said if len(said) <= MOST_REASON_LETTERS else f"{said[: MOST_REASON_LETTERS - 1]}…"
    return "".join(letter if letter.isprintable() else "?" for letter in said)


class Archive:
    """The parts of a file, each an array."""

    def __init__(self, file: zipfile.ZipFile, file_bytes: int) -> None:
        self._file = file
        self._parts: dict[str, zipfile.ZipInfo] = {}
        for part in file.infolist():
            name = part.filename.removesuffix(".npy")
            if name in self._parts or name == part.filename:
                raise ValueError(f"it has the part {part.filename[:80]!r}, which is no array of its own")
            if part.compress_type != zipfile.ZIP_STORED or part.compress_size != part.file_size or part.file_size > file_bytes:
                raise ValueError(f"its part {name[:80]!r} is compressed, or larger than the file")
            self._parts[name] = part

    def names(self, prefix: str) -> list[str]:
        """The names of the parts that begin with `prefix`."""
        return [name for name in self._parts if name.startswith(prefix)]

    def text(self, name: str) -> str:
        """A part that is a single text."""
        if self._part(name).file_size > MOST_TEXT_BYTES:
            raise ValueError(f"its part {name!r} has more than {MOST_TEXT_BYTES} bytes")
        array = self._read(name, (), "U")
        letters = array.reshape(1).view(f"{array.dtype.byteorder}u4")
        if letters.size and letters.max() > sys.maxunicode:  # NumPy makes a string of it that Python can't go through
            raise ValueError(f"its part {name!r} has what is no letter")
        return str(array[()])

    def array(self, name: str, shape: tuple[int, ...]) -> Array:
        """A part that is an array of real numbers of that shape."""
        return self._read(name, shape, _KINDS)

    def _part(self, name: str) -> zipfile.ZipInfo:
        if name not in self._parts:
            raise ValueError(f"it has no part {name!r}")
        return self._parts[name]

    def _read(self, name: str, shape: tuple[int, ...], kinds: str) -> Array:
        part = self._part(name)
        with self._file.open(part) as stream:
            found, fortran, dtype = _header(stream)
            if found != shape:
                raise ValueError(f"its part {name!r} had the shape {found}: it must be {shape}")
            if dtype.hasobject or dtype.kind not in kinds:
                raise ValueError(f"its part {name!r} was of dtype {dtype}: it must be {'text' if kinds == 'U' else 'real numbers'}")
            size = math.prod(shape) * dtype.itemsize
            if size > part.file_size:
                raise ValueError(f"its part {name!r} had {part.file_size} bytes: the array has {size}")
            content = stream.read(size)
            rest = stream.read(1)  # the end, where the checksum is compared
        if len(content) != size or rest:
            raise ValueError(f"its part {name!r} is not as long as its array")
        flat = np.frombuffer(content, dtype)
        return flat.reshape(shape, order="F" if fortran else "C")


def _header(stream: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, order and dtype of an array in NumPy's format, versions 1 and 2."""
    version = np.lib.format.read_magic(stream)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(version)
    if read is None:
        raise ValueError(f"it has an array of format {version}")
    try:
        shape, fortran, dtype = read(stream, max_header_size=MOST_HEADER_BYTES)
    except Exception as error:  # whatever NumPy's parser of headers, which is Python's, raises
        raise ValueError("an array's header can't be read") from error
    return shape, fortran, dtype
