"""Locks of the folders that a run or a comparison works in; the system frees one when its process ends, in whatever way.

Called by the run directory and by the revisions under comparison.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of the file `path`, which is created if need be, during the block.

    Raises
    ------
    BlockingIOError
        If another process, or another block, holds it.
    OSError
        With `errno.ENOLCK` if the file system has no locks, or another number if the file can't be made.

    """
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise BlockingIOError(errno.EWOULDBLOCK, "it is locked by another process", str(path)) from None
    except (NotImplementedError, RuntimeError) as error:  # how filelock says it
        raise OSError(errno.ENOLCK, "the file system has no locks", str(path)) from error
    try:
        yield
    finally:
        lock.release()
