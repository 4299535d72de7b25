"""Writing a file so that there is always a whole one: the old one until the new one is complete."""

from __future__ import annotations

import errno
import io
import os
import stat
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

_NO_WAIT = getattr(os, "O_NONBLOCK", 0)  # POSIX
LONGEST_WAIT_SECONDS = 10.0
"""For somebody to read a pipe."""


def write_whole(path: str | os.PathLike[str], write: Callable[[IO[bytes]], object]) -> None:
    """Let `write` fill a new file beside the one at `path`, which replaces it when it is complete.

    A link is followed, and what it leads to replaced. A device, or a pipe that somebody reads, is written into as it is.

    Raises
    ------
    OSError
        If it can't be written; it names `path`, where the file of before is left as it was, and nothing beside it.

    """
    try:
        mode = _mode(Path(path))
        if mode is not None and not stat.S_ISREG(mode):
            _write_into(Path(path), write)
        else:
            _replace(Path(os.path.realpath(path)), mode, write)
    except OSError as error:
        raise type(error)(error.errno, error.strerror or str(error), os.fspath(path)) from error


def _mode(path: Path) -> int | None:
    """The mode of what is at `path`, or of what a link there leads to; None if nothing is."""
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None


def _write_into(target: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write into what is no file, and may have no positions."""
    whole = io.BytesIO()
    write(whole)
    with os.fdopen(_open_at_once(target), "wb") as stream:
        stream.write(whole.getbuffer())


def _open_at_once(target: Path) -> int:
    """Open what is no file; the system would wait for the reader of a pipe without an end."""
    end = time.monotonic() + LONGEST_WAIT_SECONDS
    while True:
        try:
            descriptor = os.open(target, os.O_WRONLY | _NO_WAIT)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            if time.monotonic() > end:
                raise OSError(errno.ENXIO, "nobody reads this pipe", str(target)) from None
            time.sleep(0.01)
        else:
            if _NO_WAIT:
                os.set_blocking(descriptor, True)
            return descriptor


def _replace(target: Path, mode: int | None, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file of another name in the same folder, and give it the name of `target`."""
    number, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    new = Path(name)
    try:
        with os.fdopen(number, "wb") as stream:
            write(stream)
        new.chmod(_usual_mode() if mode is None else stat.S_IMODE(mode))
        new.replace(target)
    except BaseException:
        with suppress(OSError):
            new.unlink()
        raise


def _usual_mode() -> int:
    """The permissions that a new file has; the mask can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
