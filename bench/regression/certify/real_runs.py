"""Real comparisons with a known answer, a line of JSON each, and their blocks.

Called by the command `certify`. A call that was interrupted is continued where it stopped. Figures are left to
`certificate_figures`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from bench.execution.environment import now, revision
from bench.files import append_line
from bench.micro.suite import LEAST_TOLERANCES
from bench.regression.certify.run_kinds import RunKind, next_kind
from bench.regression.certify.slowdown import SlowdownCost, measure_cost, slowed_copy
from bench.regression.compare.comparison import Blocks, Comparison, compare, log_ratio
from bench.regression.compare.comparison_processes import ComparisonProcesses
from bench.regression.compare.revisions import PACKAGE, Revision, Sides, add_side

RUNS_FILE = "runs.jsonl"
BLOCKS_FOLDER = "blocks"
COST_FILE = "slowdown_cost.json"
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
    directory: Path, package: Path, *, share: float, budget_seconds: float, watch: Callable[[str], object]
) -> list[dict[str, Any]]:
    """Make the runs that are missing in `directory`, and return all that are there.

    Parameters
    ----------
    directory
        Holds `runs.jsonl`, a line a run, and the blocks of runs with equal sides.
    package
        The `numpy_nn` that is compared with itself.
    share
        Of a whole certificate's runs.
    budget_seconds
        No run is started after this.
    watch
        Is told what runs now.

    """
    start = time.perf_counter()
    runs = read_runs(directory / RUNS_FILE)
    cost = _slowdown_cost(directory, package)
    while (kind := next_kind(runs, share)) is not None and time.perf_counter() - start < budget_seconds:
        number = sum(run["cell"] == kind.name for run in runs)
        watch(f"{kind.name}: run {number + 1} of {kind.wanted(share)}")
        count = cost.count(kind.slowdown) if kind.slowdown else None
        comparison, elapsed_seconds = _run(directory, package, kind, count)
        if not kind.slowdown:
            _save_blocks(directory / BLOCKS_FOLDER / f"{kind.name}-{number}.npz", comparison)
        runs.append(_line(kind, count, comparison, elapsed_seconds))
        append_line(directory / RUNS_FILE, json.dumps(runs[-1]))
    return runs


def read_runs(path: Path) -> list[dict[str, Any]]:
    """The runs of the lines of `path`; a line that a killed call left cut short is left out."""
    if not path.exists():
        return []
    runs = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            runs.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return runs


def load_blocks(directory: Path) -> dict[str, list[list[Blocks]]]:
    """The recorded blocks of `directory` by benchmark: the launches of each comparison."""
    recorded: dict[str, list[list[Blocks]]] = {}
    for path in sorted((directory / BLOCKS_FOLDER).glob("*.npz")):
        comparison: dict[str, list[Blocks]] = {}
        with np.load(path) as arrays:
            for key in arrays.files:
                comparison.setdefault(key.partition("/")[0], []).append(arrays[key].astype(np.float64))
        for name, launches in comparison.items():
            recorded.setdefault(name, []).append(launches)
    return recorded


def package_folder() -> Path:
    """The folder of the `numpy_nn` beside this harness."""
    return Path(__file__).resolve().parents[3] / PACKAGE


def _slowdown_cost(directory: Path, package: Path) -> SlowdownCost:
    """What slows `step` by how much on this machine; measured once for a certificate."""
    path = directory / COST_FILE
    if not path.exists():
        measured = measure_cost(lambda count: _slowed_by(directory, package, count))
        path.write_text(json.dumps(asdict(measured)) + "\n", encoding="utf-8")
    return SlowdownCost(**json.loads(path.read_text(encoding="utf-8")))


def _slowed_by(directory: Path, package: Path, count: int) -> float:
    """The share by which `count` bytes slow `step`: the median of some launches."""
    slowed = _slowed(directory, package, count)
    with slowed as head, _sides(directory, package, head) as sides, ComparisonProcesses(sides) as processes:
        launches = [launch for _ in range(COST_CALLS) for launch in processes.measure(["step"], rounds=COST_ROUNDS)]
    return float(np.expm1(np.median([log_ratio(launch.blocks["step"]) for launch in launches])))


@contextmanager
def _slowed(directory: Path, package: Path, count: int | None) -> Iterator[Path]:
    """A slower copy of `package`; the package itself if `count` is None."""
    if count is None:
        yield package
        return
    folder = directory / "slowed"
    _remove(folder)
    try:
        yield slowed_copy(package, folder, count)
    finally:
        _remove(folder)


def _run(directory: Path, package: Path, kind: RunKind, count: int | None) -> tuple[Comparison, float]:
    """A comparison, and its seconds including what comes before the first launch."""
    with _slowed(directory, package, count) as head, _busy_process() if kind.busy else nullcontext():
        start = time.perf_counter()
        with _sides(directory, package, head) as sides, ComparisonProcesses(sides) as processes:
            comparison = compare(processes, LEAST_TOLERANCES, base="equal", head=kind.name, tolerance=kind.tolerance)
        return comparison, time.perf_counter() - start


@contextmanager
def _sides(directory: Path, base: Path, head: Path) -> Iterator[Sides]:
    """Two packages as `compare` has them, without git."""
    side = Revision("certificate", None)
    sides = Sides(directory / "packages", side, side)
    _remove(sides.root)
    for name, package in (("base", base), ("head", head)):
        add_side(sides, name, package)
    try:
        yield sides
    finally:
        _remove(sides.root)


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
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]  # its own types have **kwds wrong


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
        "load_1min": os.getloadavg()[0],
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


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
