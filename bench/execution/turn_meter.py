"""What the machine did during a turn: run and wait times of the worker's threads, other processes, steal, suspension.

Called by `bench.execution.turn_rounds` before and after each turn, where a reading may take a tenth of a millisecond and a tick of
10 ms would be too coarse. A meter that the system doesn't have is None.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.execution.environment import if_readable
from bench.execution.pauses import suspended_seconds

_CGROUP_2 = Path("/sys/fs/cgroup/cpu.stat")
_CGROUP_1 = Path("/sys/fs/cgroup/cpuacct/cpuacct.usage")
NANOSECONDS, MICROSECONDS = 1e-9, 1e-6
_CPUCLOCK_SCHED = 2
"""The kernel's number for the time in which a process' threads ran, in nanoseconds."""


@dataclass(frozen=True)
class Reading:
    """The meters at one time; `run_seconds` is of all threads that a worker has or had, `wait_seconds` of those that it has."""

    at_seconds: float
    run_seconds: float | None
    wait_seconds: float | None
    runner_seconds: float
    all_cpu_seconds: float | None
    steal_seconds: float | None
    boot_less_monotonic_seconds: float | None


def read(pid: int | None) -> Reading:
    """Return the meters now, with those of the worker `pid`."""
    run, wait = _thread_times(pid)
    whole = _process_seconds(pid)
    return Reading(
        time.perf_counter(),
        run if whole is None else whole,
        wait,
        time.process_time(),
        _all_cpu_seconds(),
        _steal_seconds(),
        suspended_seconds(),
    )


def between(before: Reading, after: Reading) -> dict[str, float | None]:
    """Return the fields of `bench.records.Turn` for the time between two readings."""
    run = _difference(before.run_seconds, after.run_seconds)
    everything = _difference(before.all_cpu_seconds, after.all_cpu_seconds)
    runner = after.runner_seconds - before.runner_seconds
    other = None if everything is None or run is None else max(everything - run - runner, 0.0)
    return {
        "wall_seconds": after.at_seconds - before.at_seconds,
        "run_seconds": run,
        "wait_seconds": _difference(before.wait_seconds, after.wait_seconds),
        "other_cpu_seconds": other,
        "steal_seconds": _difference(before.steal_seconds, after.steal_seconds),
        "suspended_seconds": _difference(before.boot_less_monotonic_seconds, after.boot_less_monotonic_seconds),
    }


def _difference(before: float | None, after: float | None) -> float | None:
    """The growth of a meter; a thread that ends takes its times along, so it is never negative."""
    return None if before is None or after is None else max(after - before, 0.0)


def _thread_times(pid: int | None) -> tuple[float | None, float | None]:
    """Run and wait times of all threads of a process, from Linux' `schedstat`."""
    run = wait = 0
    found = False
    with suppress(OSError):
        for task in os.scandir(f"/proc/{pid}/task"):
            with suppress(OSError, ValueError, IndexError):  # the thread has ended
                fields = Path(task.path, "schedstat").read_bytes().split()
                run, wait, found = run + int(fields[0]), wait + int(fields[1]), True
    return (run * NANOSECONDS, wait * NANOSECONDS) if found else (None, None)


def _process_seconds(pid: int | None) -> float | None:
    """CPU time of a process with the threads that have ended, whose time would else be taken for that of others.

    By the clock that Linux keeps for every process: man 3 clock_getcpuclockid.
    """
    if pid is None or sys.platform != "linux":
        return None
    with suppress(OSError):
        return time.clock_gettime((~pid << 3) | _CPUCLOCK_SCHED)
    return None


def _all_cpu_seconds() -> float | None:
    """CPU time of all processes: the control groups' root counts in microseconds or less, the system's own counter in ticks."""
    with suppress(OSError, ValueError):
        return int(_CGROUP_1.read_bytes()) * NANOSECONDS
    with suppress(OSError, ValueError, IndexError):
        return int(_CGROUP_2.read_bytes().split()[1]) * MICROSECONDS
    times = if_readable(psutil.cpu_times)
    return None if times is None else sum(float(getattr(times, name, 0.0)) for name in ("user", "nice", "system", "irq", "softirq"))


def _steal_seconds() -> float | None:
    steal = getattr(if_readable(psutil.cpu_times), "steal", None)
    return None if steal is None else float(steal)
