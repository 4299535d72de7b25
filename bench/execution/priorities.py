"""Whether a worker runs at the harness' own priority, as every contestant must; called by `bench.execution.worker_process`.

A contestant may have changed its own priority, or that of one beside it. Where the system doesn't tell, nothing is found.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def raised(pid: int) -> str | None:
    """Return in words that a thread of a process runs at a higher priority than this process; None if none does."""
    if not hasattr(os, "sched_getscheduler"):
        return None
    own, ordinary = os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0)
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(ProcessLookupError):
                found, scheduler = os.getpriority(os.PRIO_PROCESS, int(task.name)), os.sched_getscheduler(int(task.name))
                if found < own:
                    return f"its process runs at the priority {found}, and the harness at {own}: all contestants must run alike"
                if scheduler != ordinary and scheduler in (os.SCHED_FIFO, os.SCHED_RR):
                    return "its process runs at a real-time priority, and the harness doesn't: all contestants must run alike"
    return None


def restore_lowered(pid: int) -> str | None:
    """Give a process whose priority was lowered this process' own again; return in words that it was, None if it wasn't."""
    if not hasattr(os, "getpriority"):
        return None
    own = os.getpriority(os.PRIO_PROCESS, 0)
    with suppress(OSError):
        found = os.getpriority(os.PRIO_PROCESS, pid)
        if found > own:
            with suppress(PermissionError):
                os.setpriority(os.PRIO_PROCESS, pid, own)
            return f"its process ran at the priority {found}, and the harness at {own}"
    return None
