"""The system's load during a trial: other processes' and the hypervisor's share of the CPU, load average, frequency.

Called by the runner before and after each trial, and by the doctor. The analysis judges the figures.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Any

import psutil

from bench.execution.environment import if_readable


@dataclass(frozen=True)
class _Reading:
    at_seconds: float
    cpu_times: Any
    own_seconds: float


class SystemLoadMeter:
    """Measures the load between `start` and `stop`."""

    def start(self, pid: int | None) -> None:
        """Begin; `pid` is the worker whose CPU time isn't counted as other processes'."""
        self._before = _read(pid)

    def stop(self, pid: int | None) -> dict[str, float]:
        """Return `other_cpu_share` and `steal_share` (of all cores' time since `start`), `load_1min` and `frequency_mhz`.

        Figures that the system doesn't provide are missing.
        """
        before, after = self._before, _read(pid)
        capacity = (after.at_seconds - before.at_seconds) * (psutil.cpu_count() or 1)
        if capacity <= 0 or before.cpu_times is None or after.cpu_times is None:
            return _now()
        stolen = getattr(after.cpu_times, "steal", 0.0) - getattr(before.cpu_times, "steal", 0.0)
        busy = _busy_seconds(after.cpu_times) - _busy_seconds(before.cpu_times)
        own = max(after.own_seconds - before.own_seconds, 0.0)  # negative if the process has died
        shares = {"other_cpu_share": _share(busy - own, capacity), "steal_share": _share(stolen, capacity)}
        return {**shares, **_now()}


def _read(pid: int | None) -> _Reading:
    own = sum(_cpu_seconds(number) for number in {os.getpid(), pid} if number is not None)
    return _Reading(time.perf_counter(), if_readable(psutil.cpu_times), own)


def _cpu_seconds(pid: int) -> float:
    times = if_readable(lambda: psutil.Process(pid).cpu_times())
    if times is None:
        return 0.0
    return float(times.user + times.system)


def _busy_seconds(times: Any) -> float:
    """Sum the CPU time of all processes on all cores: `nice` isn't part of `user`, guests are."""
    return float(sum(getattr(times, name, 0.0) for name in ("user", "nice", "system", "irq", "softirq")))


def _share(seconds: float, capacity: float) -> float:
    return min(max(seconds / capacity, 0.0), 1.0)


def _now() -> dict[str, float]:
    figures = {"load_1min": if_readable(lambda: float(psutil.getloadavg()[0])), "frequency_mhz": cpu_frequency_mhz()}
    return {name: value for name, value in figures.items() if value is not None}


def cpu_frequency_mhz() -> float | None:
    """Return the cores' mean frequency now; None where the system doesn't provide it, as in many virtual machines."""
    frequency = if_readable(psutil.cpu_freq)
    return float(frequency.current) if frequency is not None and frequency.current else None
