"""The most memory that a worker has held. Called by `measurement` and `trial_session`; standard library only."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path


def peak_memory_bytes() -> int | None:
    """Return the most memory that this process has held since it started; None where the system doesn't tell.

    Linux' VmHWM, not `ru_maxrss`, which a process inherits through `exec` from the process that started it.
    """
    if sys.platform == "linux":
        with suppress(OSError, ValueError, IndexError):  # a container without /proc, or with another
            status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
            return int(status.partition("VmHWM:")[2].split()[0]) * 1024
        return None
    if os.name == "posix":
        import resource

        peak = int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        return peak if sys.platform == "darwin" else peak * 1024
    return None
