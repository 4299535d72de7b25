"""Real comparisons with a known answer, a line of JSON each, and their blocks.

Called by the command `certify`. A call that was interrupted is continued where it stopped. Figures are left to
`certificate_figures`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import psutil

from bench.execution.environment import if_readable, now, revision
from bench.files import append_line, replacing, write_whole
from bench.micro.suite import LEAST_TOLERANCES
from bench.regression.certify.recorded_runs import BLOCKS_FOLDER, COST_FILE, RUNS_FILE, read_cost
from bench.regression.certify.run_kinds import RunKind, next_kind
from bench.regression.certify.slowdown import SlowdownCost, measure_cost, slowed_copy
from bench.regression.compare.comparison import Comparison, compare, log_ratio
from bench.regression.compare.comparison_processes import ComparisonProcesses
from bench.regression.compare.leftovers import PACKAGES
from bench.regression.compare.revisions import PACKAGE, Revision, Sides, add_side
from bench.regression.compare.schedule import Plan

TEMPORARY_PREFIX = "numpy_nn-certify-"
COST_CALLS = 3
COST_ROUNDS = 24
BUSY_SCRIPT = """
import os, time
parent = os.getppid()
while os.getppid() == parent:  # ends also when a certificate is killed
    end = time.perf_counter() + 0.05
    while time.perf_counter() < end: pass
    time.sleep(0.05)
"""


def make_runs(
    directory: Path,
    package: Path,
    earlier: Sequence[dict[str, Any]],
    *,
    share: float,
    budget_seconds: float,
    watch: Callable[[str], object],
) -> list[dict[str, Any]]:
    """Make the runs that are missing in `directory`, and return all.

    Parameters
    ----------
    directory
        Holds `runs.jsonl`, a line a run, and the blocks of runs with equal sides.
    package
        The `numpy_nn` that is compared with itself.
    earlier
        The runs that are there.
    share
        Of a whole certificate's runs.
    budget_seconds
        No run is started after this.
    watch
        Is told what runs now.

    """
    start = time.perf_counter()
    runs = list(earlier)
    cost = _slowdown_cost(directory, package)
    while (kind := next_kind(runs, share)) is not None and time.perf_counter() - start < budget_seconds:
        number = sum(run["cell"] == kind.name for run in runs)
        watch(f"{kind.name}: run {number + 1} of {kind.wanted(share)}")
        count = cost.count(kind.slowdown) if kind.slowdown else None
        comparison, elapsed_seconds = _run(package, kind, count)
        if not kind.slowdown:
            _save_blocks(directory / BLOCKS_FOLDER / f"{kind.name}-{number}.npz", comparison)
        runs.append(_line(kind, count, comparison, elapsed_seconds))
        append_line(directory / RUNS_FILE, json.dumps(runs[-1]))
    return runs


def package_folder() -> Path:
    """The folder of the `numpy_nn` beside this harness."""
    return Path(__file__).resolve().parents[3] / PACKAGE


def _slowdown_cost(directory: Path, package: Path) -> SlowdownCost:
    """What slows `step` by how much on this machine; measured once for a certificate."""
    path = directory / COST_FILE
    if (known := read_cost(path)) is not None:
        return known
    measured = measure_cost(lambda count: _slowed_by(package, count))
    write_whole(path, json.dumps(asdict(measured)) + "\n")
    return measured


def _slowed_by(package: Path, count: int) -> float:
    """The share by which `count` bytes slow `step`: the median of some launches."""
    slowed = _slowed(package, count)
    with slowed as head, _sides(package, head) as sides, ComparisonProcesses(sides) as processes:
        launches = [launch for _ in range(COST_CALLS) for launch in processes.measure(Plan(["step"], COST_ROUNDS))]
    return float(np.expm1(np.median([log_ratio(launch.blocks["step"]) for launch in launches])))


@contextmanager
def _slowed(package: Path, count: int | None) -> Iterator[Path]:
    """A slower copy of `package`; the package itself if `count` is None."""
    if count is None:
        yield package
        return
    with TemporaryDirectory(prefix=TEMPORARY_PREFIX, ignore_cleanup_errors=True) as folder:
        yield slowed_copy(package, Path(folder), count)


def _run(package: Path, kind: RunKind, count: int | None) -> tuple[Comparison, float]:
    """A comparison, and its seconds including what comes before the first launch."""
    with _slowed(package, count) as head, _busy_process() if kind.busy else nullcontext():
        start = time.perf_counter()
        with _sides(package, head) as sides, ComparisonProcesses(sides) as processes:
            comparison = compare(processes, LEAST_TOLERANCES, base="equal", head=kind.name, tolerance=kind.tolerance)
        return comparison, time.perf_counter() - start


@contextmanager
def _sides(base: Path, head: Path) -> Iterator[Sides]:
    """Two packages as `compare` has them, without git."""
    side = Revision("certificate", None)
    with TemporaryDirectory(prefix=TEMPORARY_PREFIX, ignore_cleanup_errors=True) as folder:
        sides = Sides(Path(folder).resolve() / PACKAGES, side, side)  # files of benchmarks are in a folder named as the one above
        for name, package in (("base", base), ("head", head)):
            add_side(sides, name, package)
        yield sides


@contextmanager
def _busy_process() -> Iterator[None]:
    """Another process that keeps one core busy half of the time, in turns of 50 ms, while the block lasts.

    It may use the cores that this process may use: where a certificate is pinned to one core, that very core.
    """
    process = subprocess.Popen([sys.executable, "-c", BUSY_SCRIPT])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _save_blocks(path: Path, comparison: Comparison) -> None:
    path.parent.mkdir(exist_ok=True)
    arrays = {
        f"{name}/{number:04d}": blocks.astype(np.float32)
        for number, launch in enumerate(comparison.blocks)
        for name, blocks in launch.items()
    }
    with replacing(path) as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # its own types have **kwds wrong


def _line(kind: RunKind, count: int | None, comparison: Comparison, elapsed_seconds: float) -> dict[str, Any]:
    return {
        "cell": kind.name,
        "date": now(),
        "commit": revision(package_folder().parent)[0],
        "cores": sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else None,
        "nice": os.getpriority(os.PRIO_PROCESS, 0) if hasattr(os, "getpriority") else None,
        "added_bytes": count,
        "verdict": comparison.verdict,
        "stop_reason": comparison.stop_reason,
        "elapsed_seconds": elapsed_seconds,
        "launches": comparison.launches,
        "load_1min": if_readable(lambda: float(psutil.getloadavg()[0])),
        "benchmarks": {
            benchmark.name: {
                "verdict": benchmark.verdict,
                "ratio": benchmark.ratio,
                "low": benchmark.low,
                "high": benchmark.high,
                "launches": len(benchmark.log_ratios),
            }
            for benchmark in comparison.benchmarks
        },
    }
