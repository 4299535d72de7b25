"""Ends a worker with every process that it has started, in whatever session and under whatever parent.

Called by `worker_process`, and by `compare` for its launches.

Where /proc tells less than psutil expects, as in some containers, it raises anything; what is known of a process then has to do.
A daemonised process leaves the worker's group and its family; it keeps the variable that the worker was started with.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil

MARK = "MOONS_BENCH_WORKER"
"""The variable that marks a worker's processes; its value is another one for each worker."""
ENDING_SECONDS = 5.0
"""How long killed processes may take to be gone; one that is stuck in a device's driver takes longer, and isn't waited for."""
_SWEEPS = 5
"""A process may start another one while its kin are looked for."""


def end_tree(process: subprocess.Popen[Any], mark: str) -> None:
    """Kill the worker's process, its group, its descendants, and all processes with its mark."""
    kin = _descendants(process.pid)
    _kill_group(process)
    end_marked(mark, kin)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=ENDING_SECONDS)


def end_marked(mark: str, others: Sequence[psutil.Process] = ()) -> None:
    """Kill all processes with a mark, and `others`."""
    kin = list(others)
    for _ in range(_SWEEPS):
        kin += _marked(mark)
        if not kin:
            break
        for one in kin:
            with contextlib.suppress(Exception):
                one.kill()
        psutil.wait_procs(kin, timeout=ENDING_SECONDS / _SWEEPS)
        kin = []


def is_stopped(pid: int) -> bool:
    """Whether a process has been stopped, as by Ctrl-Z."""
    with contextlib.suppress(Exception):
        return bool(psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    return False


def _descendants(pid: int) -> list[psutil.Process]:
    with contextlib.suppress(Exception):
        return list(psutil.Process(pid).children(recursive=True))
    return []


def _marked(mark: str) -> list[psutil.Process]:
    """Every process that has the mark in the environment that it was started with; only Linux tells cheaply."""
    return list(_marked_on_linux(f"{MARK}={mark}".encode())) if sys.platform == "linux" else []


def _marked_on_linux(variable: bytes) -> Iterator[psutil.Process]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            with contextlib.suppress(Exception):
                if variable in (folder / "environ").read_bytes().split(b"\0"):
                    found = psutil.Process(int(folder.name))
                    if found.status() != psutil.STATUS_ZOMBIE:
                        yield found


def _kill_group(process: subprocess.Popen[Any]) -> None:
    if sys.platform == "win32":
        process.kill()
        return
    with contextlib.suppress(ProcessLookupError):  # the whole group has ended
        os.killpg(process.pid, signal.SIGKILL)
