"""What keeps a process from running while a trial is measured: it is stopped, the machine sleeps, a quota takes its cores away.

Used by the worker (`PauseMeter`), and by the runner around turns and while it waits for an answer (`WaitingClock`). Standard
library only: a worker has it too.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_MONOTONIC, _CLOCK_GETTIME = time.monotonic, getattr(time, "clock_gettime", None)
"""Taken before a contestant can replace them."""
CGROUP_FOLDERS = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/cpu"))
"""Of this process' control group, as a container sees it: version 2, and 1."""
MOST_SUSPENDED_SECONDS = 0.01
MOST_THROTTLED_SHARE = 0.02
"""Of the time of a trial."""
WAIT_SECONDS = 0.1
"""How long the runner waits at a time."""
GAP_SECONDS = 0.5
"""A wait that takes so much longer than it should was interrupted: the runner, or the whole machine, didn't run."""


class PauseMeter:
    """Tells what kept this process from running since `start`."""

    def __init__(self) -> None:
        self._continued = 0
        self._cores = cores_allowed()
        self._taken: frozenset[int] = frozenset()
        """While this process had nothing to do: by another one, since what a contestant does itself, it does in a trial."""
        if sys.platform != "win32":
            signal.signal(signal.SIGCONT, self._count)
        self.start()

    def _count(self, _number: int, _frame: object) -> None:
        self._continued += 1

    def start(self) -> None:
        """Begin a trial, or a turn."""
        cores = cores_allowed()
        self._taken = (self._taken | self._cores) - cores
        self._cores = cores
        self._before = self._read()

    def reasons(self) -> list[str]:
        """Return what kept this process from running since `start`, in words.

        A contestant that keeps itself to some processors is disturbed in the trial in which it begins to, and in no other.
        """
        before, now = self._before, self._read()
        continued, suspended, throttled, seconds = (after - earlier for earlier, after in zip(before, now, strict=True))
        found = []
        cores = cores_allowed()
        if taken := (self._taken | self._cores) - cores:
            found.append(f"the processors {', '.join(map(str, sorted(taken)))} were taken away")
        self._cores = cores
        if continued:
            found.append("the worker was stopped and continued")
        if suspended > MOST_SUSPENDED_SECONDS:
            found.append(f"the machine was suspended for {suspended:.3g} s")
        if throttled > MOST_THROTTLED_SHARE * seconds:
            found.append(f"the quota of the processor throttled it for {throttled:.3g} s of {seconds:.3g} s")
        return found

    def _read(self) -> tuple[float, float, float, float]:
        return self._continued, suspended_seconds() or 0.0, throttled_seconds(), _MONOTONIC()


def cores_allowed() -> frozenset[int]:
    """Return the processors that this thread may use; none where the system doesn't tell."""
    return frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else frozenset()


def suspended_seconds() -> float | None:
    """Return for how long the machine has been suspended since it started; None where the system doesn't tell."""
    if sys.platform != "linux" or _CLOCK_GETTIME is None:
        return None
    return float(_CLOCK_GETTIME(time.CLOCK_BOOTTIME) - _CLOCK_GETTIME(time.CLOCK_MONOTONIC))


def throttled_seconds() -> float:
    """Return for how long a quota of the control group has kept its processes from running; 0 where there is none."""
    for folder in CGROUP_FOLDERS:
        with suppress(OSError, ValueError):
            for line in (folder / "cpu.stat").read_text(encoding="ascii").splitlines():
                name, _, value = line.partition(" ")
                if name == "throttled_usec":
                    return int(value) * 1e-6
                if name == "throttled_time":
                    return int(value) * 1e-9
    return 0.0


def cpu_quota() -> float | None:
    """Return the cores that the control group's quota allows; None if there is no quota, or no control group."""
    with suppress(OSError, ValueError, ZeroDivisionError):
        quota, period = (CGROUP_FOLDERS[0] / "cpu.max").read_text(encoding="ascii").split()
        return None if quota == "max" else int(quota) / int(period)
    with suppress(OSError, ValueError, ZeroDivisionError):
        quota_us, period_us = (
            int((CGROUP_FOLDERS[1] / f"cpu.cfs_{name}_us").read_text(encoding="ascii")) for name in ("quota", "period")
        )
        return None if quota_us < 0 else quota_us / period_us
    return None


class WaitingClock:
    """Counts the seconds of a wait, without those in which the runner or the worker didn't run.

    Parameters
    ----------
    stopped
        Whether the worker is stopped now.

    """

    def __init__(self, stopped: Callable[[], bool], clock: Callable[[], float] = time.monotonic) -> None:
        self._stopped = stopped
        self._clock = clock
        self._last = clock()
        self.seconds = 0.0
        self.stopped_seconds = 0.0
        """In which the worker was stopped, while the runner ran."""
        self.paused_seconds = 0.0
        """All those that don't count."""

    def tick(self) -> None:
        """Count the time since the last tick; called at least every WAIT_SECONDS."""
        now = self._clock()
        passed, self._last = now - self._last, now
        if passed > WAIT_SECONDS + GAP_SECONDS:
            self.paused_seconds += passed
        elif self._stopped():
            self.stopped_seconds += passed
            self.paused_seconds += passed
        else:
            self.seconds += passed
