"""The temporary folders of comparisons, by their names, and the removal of those that a kill has left.

Called by `revisions`, and by `launch_process` for the place of the benchmarks' files.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from pathlib import Path

from bench.execution.process_trees import end_marked
from bench.locks import locked
from bench.micro.files import SHARED_MEMORY

PREFIX = "numpy_nn-compare-"
"""Of the temporary folders; one that is not locked was left by a comparison that was killed."""
LOCK, PACKAGES = "lock", "packages"


def remove_leftovers() -> list[Path]:
    """Remove the folders of comparisons that were killed, and end what the revisions have left running.

    A folder is in use while its lock is held; the system releases the lock when the process ends, in whatever way.
    """
    removed = []
    for folder in Path(tempfile.gettempdir()).resolve().glob(PREFIX + "*"):
        if not _is_ours(folder):
            continue  # somebody else's, or made this very moment
        try:
            with locked(folder / LOCK):
                end_marked(str(folder / PACKAGES))
                shutil.rmtree(files_folder(folder / PACKAGES), ignore_errors=True)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue  # in use, another user's, or without locks
        removed.append(folder)
    return removed


def files_folder(packages: Path) -> Path:
    """Where the benchmarks of a comparison write their files, by the folder of its packages."""
    folder = packages.parent
    return SHARED_MEMORY / f"{folder.name}-files" if SHARED_MEMORY.is_dir() else folder / "files"


def _is_ours(folder: Path) -> bool:
    """Whether a folder is what `mkdtemp` and our lock make of one: no links, this user's, closed to others, an empty lock file."""
    try:
        made, lock = folder.lstat(), (folder / LOCK).lstat()
    except OSError:
        return False
    user = os.getuid() if hasattr(os, "getuid") else made.st_uid
    closed = os.name == "nt" or made.st_mode & 0o077 == 0
    return stat.S_ISDIR(made.st_mode) and made.st_uid == user and closed and stat.S_ISREG(lock.st_mode) and lock.st_size == 0
