"""The machine around a trial: what other processes took of the CPU, what a hypervisor stole, load and frequency.

Called by the runner before and after each trial, and by the doctor. What the figures mean for a ratio is left to the analysis.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Any

import psutil


@dataclass(frozen=True)
class _Reading:
    at_seconds: float
    cpu_times: Any
    own_seconds: float


class NoiseMeter:
    """Reads the machine twice; the difference is what happened in between."""

    def start(self, pid: int | None) -> None:
        """Begin, with the process that is about to work."""
        self._before = _read(pid)

    def stop(self, pid: int | None) -> dict[str, float]:
        """`other_cpu_share` and `steal_share` (of all cores' time since `start`), `load_1min`, `frequency_mhz`.

        What this system doesn't tell is left out.
        """
        before, after = self._before, _read(pid)
        capacity = (after.at_seconds - before.at_seconds) * (psutil.cpu_count() or 1)
        if capacity <= 0:
            return _now()
        stolen = getattr(after.cpu_times, "steal", 0.0) - getattr(before.cpu_times, "steal", 0.0)
        busy = _busy_seconds(after.cpu_times) - _busy_seconds(before.cpu_times)
        own = max(after.own_seconds - before.own_seconds, 0.0)  # less than nothing where the process has died
        shares = {"other_cpu_share": _share(busy - own, capacity), "steal_share": _share(stolen, capacity)}
        return {**shares, **_now()}


def _read(pid: int | None) -> _Reading:
    own = sum(_cpu_seconds(number) for number in {os.getpid(), pid} if number is not None)
    return _Reading(time.perf_counter(), psutil.cpu_times(), own)


def _cpu_seconds(pid: int) -> float:
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


def _busy_seconds(times: Any) -> float:
    """Of all cores, for any process here: `user` has `nice` beside it, and guests are counted in `user` already."""
    return float(sum(getattr(times, name, 0.0) for name in ("user", "nice", "system", "irq", "softirq")))


def _share(seconds: float, capacity: float) -> float:
    return min(max(seconds / capacity, 0.0), 1.0)


def _now() -> dict[str, float]:
    figures = {"load_1min": float(psutil.getloadavg()[0])}
    frequency = cpu_frequency_mhz()
    return figures if frequency is None else {**figures, "frequency_mhz": frequency}


def cpu_frequency_mhz() -> float | None:
    """The cores' mean frequency now; None where the system doesn't say, as in many virtual machines."""
    try:
        frequency = psutil.cpu_freq()
    except (OSError, NotImplementedError, AttributeError):  # psutil's ways of saying that it has none
        return None
    return float(frequency.current) if frequency is not None and frequency.current else None
