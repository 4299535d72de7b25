"""For how long this thread could have run and had no core: another process' doing, which a long block is not charged with.

Called by `timing`. Only Linux tells; elsewhere it is 0.
"""

from __future__ import annotations

import os
from collections.abc import Callable

_FILE = "/proc/thread-self/schedstat"


def waiting_seconds() -> Callable[[], float]:
    """A function that reads the total so far; a call takes some two microseconds."""
    try:
        descriptor = os.open(_FILE, os.O_RDONLY | os.O_CLOEXEC)
        _read(descriptor)
    except (OSError, IndexError, ValueError):
        return lambda: 0.0
    return lambda: _read(descriptor)


def _read(descriptor: int) -> float:
    return int(os.pread(descriptor, 100, 0).split()[1]) / 1e9
