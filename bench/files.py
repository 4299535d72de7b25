"""Crash-safe writes: a file is replaced whole or not at all, and a line is added whole or not at all.

Called by whatever writes records, arrays, exports and histories. Standard library only: a worker has it too.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

if sys.platform != "win32":
    import fcntl

PARTIAL_SUFFIX = ".partial"
"""Of a temporary file; a process that is killed while it writes may leave one."""

_BINARY = getattr(os, "O_BINARY", 0)  # Windows
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)  # POSIX


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a new file for writing, and put it in the place of `path` when the block ends without an error.

    The data are on the disk before `path` changes. If the block or a write fails, `path` stays as it was and the new file is
    deleted. Symbolic links are not followed: a link at `path` is replaced, its target is not.

    Raises
    ------
    OSError
        If the file can't be written.

    """
    temporary = path.with_name(f"{path.name}.{os.urandom(6).hex()}{PARTIAL_SUFFIX}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW | _BINARY, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_whole(path: Path, content: str | bytes) -> None:
    """Replace the content of `path` whole or not at all; text is encoded as UTF-8, its line ends unchanged.

    Raises
    ------
    OSError
        If the file can't be written; it is then as it was before.

    """
    with replacing(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def append_line(path: Path, line: str) -> None:
    """Add `line` to `path`, which is created if need be, and return when it is on the disk.

    The line goes out in one write with O_APPEND, under a lock where the system has one, so lines of several writers don't mix. A
    last line that a kill or a full disk has cut short is ended first, so that it alone is lost.

    Raises
    ------
    OSError
        If the line can't be written; the file is then as it was before.

    """
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | _BINARY, 0o666)
    try:
        _lock(descriptor)
        size = os.fstat(descriptor).st_size
        data = (b"\n" if _is_cut_short(descriptor, size) else b"") + line.encode() + b"\n"
        written = 0
        try:
            while written < len(data):
                written += os.write(descriptor, data[written:])
            os.fsync(descriptor)
        except OSError:
            if os.fstat(descriptor).st_size == size + written:  # otherwise another writer has added a line since
                os.ftruncate(descriptor, size)
            raise
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    """Wait until no other writer has the file locked, and lock it until it is closed; without effect on Windows."""
    if sys.platform != "win32":
        with suppress(OSError):  # some network file systems have no locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)


def _is_cut_short(descriptor: int, size: int) -> bool:
    if size == 0:
        return False
    os.lseek(descriptor, -1, os.SEEK_END)
    return os.read(descriptor, 1) != b"\n"
