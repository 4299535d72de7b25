"""The environment of a run: the machine, the system, the libraries and their BLAS, the commit.

Called by run selection, once a run. Versions come from the packages' metadata, so that no library is imported.
"""

from __future__ import annotations

import os
import platform
import re
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import psutil

from bench.child_processes import dropped_variables, git_answer
from bench.execution.pauses import cpu_quota
from bench.records import Environment

PACKAGES = (
    "moons-bench",
    "numpy",
    "scipy",
    "scikit-learn",
    "keras",
    "tensorflow",
    "jax",
    "jaxlib",
    "torch",
    "onnx",
    "onnxruntime",
    "pandas",
)
Value = TypeVar("Value")


def describe(threads: int) -> Environment:
    """Describe the environment of a run whose workers get `threads` BLAS threads."""
    commit, dirty = revision(Path(__file__).resolve().parents[2])
    return Environment(
        cpu=cpu_name(),
        cores=cores(),
        memory_bytes=if_readable(lambda: int(psutil.virtual_memory().total)),
        operating_system=platform.platform(),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        versions=versions(),
        blas=blas(),
        blas_threads=threads,
        commit=commit,
        dirty=dirty,
        date=now(),
        load_1min=if_readable(lambda: float(psutil.getloadavg()[0])),
        clock_resolution_seconds=clock_resolution_seconds(),
        affinity=sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else None,
        cpu_quota=cpu_quota(),
        dropped_variables=dropped_variables(os.environ),
    )


def if_readable(read: Callable[[], Value]) -> Value | None:
    """Return what `read` returns, or None where the system doesn't provide it: such figures only describe a run."""
    try:
        return read()
    except Exception:  # psutil raises anything where a file of /proc has other lines than it expects
        return None


def now() -> str:
    """Return the time in UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def cores() -> int:
    """Return the number of cores that this process may use."""
    affinity = if_readable(lambda: len(os.sched_getaffinity(0))) if sys.platform == "linux" else None
    return affinity or os.cpu_count() or 1


def cpu_name() -> str:
    """Return the processor's model name, or its architecture where the system doesn't know the model."""
    cpuinfo = Path("/proc/cpuinfo")
    text = if_readable(lambda: cpuinfo.read_text(encoding="utf-8", errors="replace")) or ""
    if found := re.search(r"^(?:model name|Hardware)\s*:\s*(.+)$", text, re.MULTILINE):
        return found[1].strip()
    return platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """Return the versions of the installed ones of PACKAGES."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def blas() -> str:
    """Return the name and version of NumPy's BLAS."""
    config: Any = np.show_config(mode="dicts")
    found = config.get("Build Dependencies", {}).get("blas", {})
    return f"{found.get('name', 'unknown')} {found.get('version', '')}".strip()


def revision(folder: Path) -> tuple[str | None, bool | None]:
    """Return the commit of `folder` and whether files differ from it; None if it is no git checkout or git is missing.

    Files in `results/` are the harness' own output, and don't count.
    """
    if not (folder / ".git").exists():  # an installed package has no commit, also inside another repository
        return None, None
    commit = git_answer(folder, "rev-parse", "HEAD")
    status = git_answer(folder, "status", "--porcelain", "--", ".", ":!results")
    return commit, None if commit is None or status is None else bool(status)


def clock_resolution_seconds(clock: Callable[[], float] = time.perf_counter, readings: int = 1000) -> float:
    """Return the smallest positive difference between two readings of the clock."""
    smallest = float("inf")
    last = clock()
    for _ in range(readings):
        reading = clock()
        if reading > last:
            smallest = min(smallest, reading - last)
        last = reading
    return smallest if smallest < float("inf") else float(time.get_clock_info("perf_counter").resolution)
