"""A line more in a file that is never rewritten. Called by the certificate and the history."""

from __future__ import annotations

import os
from pathlib import Path


def append_line(path: Path, line: str) -> None:
    """Add `line` to `path`, whole or not at all, and return when it is on the disk.

    The line goes out in a single write with O_APPEND, so that two writers' lines don't mix. Where the last line was cut short, by a
    kill or a full disk, the new one doesn't go on with it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        size = os.fstat(descriptor).st_size
        cut_short = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        data = (b"\n" if cut_short else b"") + line.encode() + b"\n"
        if os.write(descriptor, data) != len(data):
            raise OSError(f"{path} took only a part of a line: the disk is full")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
