"""The folder that a run is written into: one run at a time, known to be writable, cleared of the run before.

Called by the command line. What the files hold is left to `bench.records.store` and `bench.report`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from bench.records import ARRAYS_FOLDER, RUN_FILE, TRIALS_FILE

LOCK_FILE = "run.lock"
LOGS_FOLDER = "logs"
SCRATCH_FOLDER = "scratch"
PROBE_BYTES = 64 * 1024

_FILES = (RUN_FILE, TRIALS_FILE, "report.md", "index.html")
_FOLDERS = {
    ARRAYS_FOLDER: ("*.npz",),
    LOGS_FOLDER: ("*.log",),
    SCRATCH_FOLDER: ("*.npz",),
    "tables": ("*.csv",),
    "plots": ("*.png", "*.svg"),
}
"""What a run and its report write: no other file is ever deleted."""


class FolderError(ValueError):
    """A folder that a run can't be written into."""


@contextmanager
def claimed(directory: Path) -> Iterator[None]:
    """Hold `directory`, made if need be, for one run. The lock is the system's, so that it is free again after a kill.

    Raises
    ------
    FolderError
        If another run holds it, or it can't be written into.

    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _probe(directory)
        lock = FileLock(directory / LOCK_FILE, timeout=0)
        lock.acquire()
    except Timeout:
        raise FolderError(f"{directory} is being written by another run: wait for it, or name another folder with --out") from None
    except OSError as error:
        raise FolderError(f"{directory} can't be written into: {error.strerror or error}") from error
    try:
        yield
    finally:
        lock.release()


def clear(directory: Path) -> None:
    """Delete what a run before has left in `directory`, and nothing else."""
    for name in _FILES:
        (directory / name).unlink(missing_ok=True)
    for name, patterns in _FOLDERS.items():
        folder = directory / name
        for path in [path for pattern in patterns for path in folder.glob(pattern)]:
            path.unlink()
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def clear_scratch(directory: Path) -> None:
    """Delete what workers were handed: nobody needs it once the run is complete."""
    shutil.rmtree(directory / SCRATCH_FOLDER, ignore_errors=True)


def _probe(directory: Path) -> None:
    """Write and delete a file: whether there is room, and the right to, is known only then."""
    path = directory / f"probe-{os.getpid()}"
    try:
        with path.open("wb") as file:
            file.write(bytes(PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())
    finally:
        path.unlink(missing_ok=True)
