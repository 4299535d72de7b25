"""Writing a file so that there is always a whole one: the old one until the new one is complete."""

from __future__ import annotations

import io
import os
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO


def write_whole(path: str | os.PathLike[str], write: Callable[[IO[bytes]], object]) -> None:
    """Let `write` fill a new file beside the one at `path`, which replaces it when it is complete.

    A link is followed, and what it leads to replaced. A pipe or a device is written into as it is.

    Raises
    ------
    OSError
        If it can't be written; it names `path`, where the file of before is left as it was, and nothing beside it.

    """
    target = Path(os.path.realpath(path))
    try:
        mode = target.stat().st_mode if target.exists() else None
        if mode is not None and not stat.S_ISREG(mode):
            _write_into(target, write)
        else:
            _replace(target, mode, write)
    except OSError as error:
        raise type(error)(error.errno, error.strerror or str(error), os.fspath(path)) from error


def _write_into(target: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write into what is no file, and may have no positions."""
    whole = io.BytesIO()
    write(whole)
    with target.open("wb") as stream:
        stream.write(whole.getbuffer())


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
