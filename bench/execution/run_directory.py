"""The folder of a run: locked for one run at a time, checked to be writable, cleared of the files of an earlier run.

Called by the command line. `bench.records.store` and `bench.report` write the files.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from bench.files import PARTIAL_SUFFIX
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
    "film": ("*.webp", "*.mp4", "*.png"),
}
"""What a run and its report write; no other file is ever deleted."""


class FolderError(ValueError):
    """A folder that can't hold a run."""


@contextmanager
def claimed(directory: Path) -> Iterator[None]:
    """Lock `directory`, which is created if need be, for one run; the system frees the lock if the process is killed.

    Raises
    ------
    FolderError
        If another run holds the lock, or the folder isn't writable.

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
    """Delete the files of an earlier run and its report, and nothing else."""
    for name in _FILES:
        for path in [directory / name, *directory.glob(f"{name}.*{PARTIAL_SUFFIX}")]:
            path.unlink(missing_ok=True)
    for name, patterns in _FOLDERS.items():
        folder = directory / name
        for path in [
            path for pattern in patterns for path in (*folder.glob(pattern), *folder.glob(f"{pattern}.*{PARTIAL_SUFFIX}"))
        ]:
            path.unlink()
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def clear_scratch(directory: Path) -> None:
    """Delete the workers' input files, which a complete run doesn't need."""
    shutil.rmtree(directory / SCRATCH_FOLDER, ignore_errors=True)


def _probe(directory: Path) -> None:
    """Write and delete a file, which shows whether there is room and permission."""
    path = directory / f"probe-{os.getpid()}"
    try:
        with path.open("wb") as file:
            file.write(bytes(PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())
    finally:
        path.unlink(missing_ok=True)
