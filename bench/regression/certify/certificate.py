"""How often is `compare` wrong, and how soon is it right? Real comparisons with a known answer, a line each, then the figures.

Called by the command `certify`. Real runs are of this machine and this hour; what is resampled from their blocks or simulated is
kept apart from them throughout. A call that was ended goes on where it stopped.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from bench.analysis.statistics import share_interval
from bench.execution.environment import now, revision
from bench.files import append_line
from bench.regression.certify.simulation import (
    RECOVERED,
    SHAPES,
    TREND_NOISES,
    false_alarms,
    recovered_found,
    resampled_comparison,
    simulated_comparison,
    trend_false_alarms,
)
from bench.regression.certify.slowdown import Calibration, calibrate, slowed_copy
from bench.regression.compare.benchmarks import BENCHMARKS
from bench.regression.compare.comparison import TOLERANCE, Blocks, Comparison, compare, log_ratio
from bench.regression.compare.launches import Launches
from bench.regression.compare.revisions import PACKAGE, Revision, Sides, add_side
from bench.regression.history.change_points import LEAST_POINTS, MOST_POINTS

RUNS_FILE = "runs.jsonl"
BLOCKS_FOLDER = "blocks"
CALIBRATION_FILE = "calibration.json"
CALIBRATION_CALLS = 5
TREND_POINTS = (2 * LEAST_POINTS, 40, MOST_POINTS)


@dataclass(frozen=True)
class Cell:
    """A kind of real run, and how many of it a whole certificate has."""

    name: str
    runs: int
    slowdown: float = 0.0
    """A share of the training step's time."""
    tolerance: float = TOLERANCE
    busy: bool = False
    """Whether another process keeps one core busy half of the time: the comparison's own, where it is pinned to one."""


CELLS = (
    Cell("equal", 300),
    Cell("equal, half a core busy", 100, busy=True),
    Cell("0.5 % slower", 40, 0.005, tolerance=0.0),
    Cell("1 % slower", 60, 0.01),
    Cell("2 % slower", 20, 0.02),
    Cell("5 % slower", 100, 0.05),
)


def real_runs(
    directory: Path, package: Path, *, share: float, budget_seconds: float, watch: Callable[[str], object]
) -> list[dict[str, Any]]:
    """Make the runs that are still missing in `directory`, and return all that are there.

    Parameters
    ----------
    directory
        Holds `runs.jsonl`, a line a run, and the blocks of runs with equal sides.
    package
        The `numpy_nn` that is compared with itself.
    share
        Of a whole certificate's runs.
    budget_seconds
        No run is begun after this.
    watch
        Is told what runs now.

    """
    start = time.perf_counter()
    runs = read_runs(directory / RUNS_FILE)
    calibration = _calibration(directory, package)
    while (cell := next_cell(runs, share)) is not None and time.perf_counter() - start < budget_seconds:
        number = sum(run["cell"] == cell.name for run in runs)
        watch(f"{cell.name}: run {number + 1} of {_wanted(cell, share)}")
        length = calibration.length(cell.slowdown) if cell.slowdown else None
        comparison, elapsed_seconds = _run(directory, package, cell, length)
        if not cell.slowdown:
            _save_blocks(directory / BLOCKS_FOLDER / f"{cell.name}-{number}.npz", comparison)
        runs.append(_line(cell, length, comparison, elapsed_seconds))
        append_line(directory / RUNS_FILE, json.dumps(runs[-1]))
    return runs


def read_runs(path: Path) -> list[dict[str, Any]]:
    """The runs of the lines of `path`; the last line of a call that was killed may be cut short, and is left out."""
    if not path.exists():
        return []
    runs = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            runs.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return runs


def next_cell(runs: Sequence[Mapping[str, Any]], share: float) -> Cell | None:
    """The cell that is furthest from its goal, so that a certificate that ends early has some of each; None when all are done."""

    def done(cell: Cell) -> float:
        count: int = sum(run["cell"] == cell.name for run in runs)
        return count / _wanted(cell, share)

    cell = min(CELLS, key=done)
    return cell if done(cell) < 1 else None


def figures(runs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A row a cell of real runs: how many were called what, with exact intervals, and the time to the verdict.

    What counts is "regressed", and where the sides are equal also any benchmark that is called improved: a false alarm as well.
    """
    rows = []
    for cell in CELLS:
        of_cell = [run for run in runs if run["cell"] == cell.name]
        if not of_cell:
            continue
        verdicts = [run["verdict"] for run in of_cell]
        called = [_called(run) for run in of_cell] if cell.slowdown == 0 else [verdict == "regressed" for verdict in verdicts]
        seconds = [run["elapsed_seconds"] for run in of_cell if cell.slowdown == 0 or run["verdict"] == "regressed"]
        steps = [run["benchmarks"]["step"] for run in of_cell]
        rows.append(
            {
                "cell": cell.name,
                "slowdown": cell.slowdown,
                "tolerance": cell.tolerance,
                "runs": len(of_cell),
                "verdicts": {verdict: verdicts.count(verdict) for verdict in dict.fromkeys(verdicts)},
                **_rate(sum(called), len(of_cell)),
                "median_seconds": float(np.median(seconds)) if seconds else None,
                "longest_seconds": max(seconds) if seconds else None,
                "median_step_ratio": float(np.median([step["ratio"] for step in steps if step["ratio"]] or [np.nan])),
            }
        )
    return rows


def more_figures(directory: Path, comparisons: int, seed: int = 0) -> list[dict[str, Any]]:
    """False alarms of comparisons of equal sides over recorded blocks that are drawn anew, and over simulated noise."""
    generator = np.random.default_rng(seed)
    rows = []
    recorded = load_blocks(directory / BLOCKS_FOLDER)
    if recorded:
        alarms = false_alarms(comparisons, lambda: resampled_comparison(recorded, generator))
        source = f"{max(len(of_one) for of_one in recorded.values())} recorded comparisons"
        rows.append({"kind": "resampled", "source": source, **_rate(alarms, comparisons)})
    for name, noise in SHAPES.items():
        alarms = false_alarms(comparisons, lambda noise=noise: simulated_comparison(noise, generator))  # type: ignore[misc]
        rows.append({"kind": "simulated", "source": name, **_rate(alarms, comparisons)})
    return rows


def trend_figures(series: int, seed: int = 0) -> list[dict[str, Any]]:
    """Of the change points of `track`: how often noise is said to bend, and how often a slowdown that has recovered is found."""
    generator = np.random.default_rng(seed)
    rows = [
        {
            "what": f"{noise} noise, {points} points: said to bend",
            **_rate(trend_false_alarms(noise, points, series, generator), series),
        }
        for noise in TREND_NOISES
        for points in TREND_POINTS
    ]
    slower, recovered, points = RECOVERED
    what = f"slower by five spreads of the noise, for {recovered - slower} of {points} points: both bends found"
    return [*rows, {"what": what, **_rate(recovered_found(series, generator), series)}]


def load_blocks(folder: Path) -> dict[str, list[list[Blocks]]]:
    """Recorded blocks by benchmark: the launches of each comparison."""
    recorded: dict[str, list[list[Blocks]]] = {}
    for path in sorted(folder.glob("*.npz")):
        comparison: dict[str, list[Blocks]] = {}
        with np.load(path) as arrays:
            for key in arrays.files:
                comparison.setdefault(key.partition("/")[0], []).append(arrays[key].astype(np.float64))
        for name, launches in comparison.items():
            recorded.setdefault(name, []).append(launches)
    return recorded


def _called(run: Mapping[str, Any]) -> bool:
    """Whether any benchmark of a run was called regressed or improved."""
    return any(benchmark["verdict"] in ("regressed", "improved") for benchmark in run["benchmarks"].values())


def _rate(count: int, runs: int) -> dict[str, Any]:
    """`count` of `runs`, with its interval."""
    share, low, high = share_interval(count, runs)
    return {"of": runs, "count": count, "rate": share, "low": low, "high": high}


def _wanted(cell: Cell, share: float) -> int:
    return max(1, round(share * cell.runs))


def _calibration(directory: Path, package: Path) -> Calibration:
    """What slows a step by how much on this machine; measured once for a certificate."""
    path = directory / CALIBRATION_FILE
    if not path.exists():
        measured = calibrate(lambda length: _slowed_by(directory, package, length))
        path.write_text(json.dumps(asdict(measured)) + "\n", encoding="utf-8")
    return Calibration(**json.loads(path.read_text(encoding="utf-8")))


def _slowed_by(directory: Path, package: Path, length: int) -> float:
    """The share by which so many letters slow a training step: the median of some launches."""
    with _slowed(directory, package, length) as slowed, _sides(directory, package, slowed) as sides:
        calls = [Launches(sides).measure(["step"], rounds=24) for _ in range(CALIBRATION_CALLS)]
    return float(np.expm1(np.median([log_ratio(launch["step"]) for launches in calls for launch in launches])))


@contextmanager
def _slowed(directory: Path, package: Path, length: int | None) -> Iterator[Path]:
    """A copy of `package` that is slower, or where `length` is None the package itself."""
    if length is None:
        yield package
        return
    folder = directory / "slowed"
    _remove(folder)
    try:
        yield slowed_copy(package, folder, length)
    finally:
        _remove(folder)


def _run(directory: Path, package: Path, cell: Cell, length: int | None) -> tuple[Comparison, float]:
    """A comparison, and its seconds with all that comes before the first launch."""
    with _slowed(directory, package, length) as head, _busy() if cell.busy else nullcontext():
        start = time.perf_counter()
        with _sides(directory, package, head) as sides:
            comparison = compare(Launches(sides), list(BENCHMARKS), base="equal", head=cell.name, tolerance=cell.tolerance)
        return comparison, time.perf_counter() - start


@contextmanager
def _sides(directory: Path, base: Path, head: Path) -> Iterator[Sides]:
    """Two packages as `compare` has them, without git."""
    revision = Revision("certificate", None)
    sides = Sides(directory / "packages", revision, revision)
    _remove(sides.root)
    for side, package in (("base", base), ("head", head)):
        add_side(sides, side, package)
    try:
        yield sides
    finally:
        _remove(sides.root)


@contextmanager
def _busy() -> Iterator[None]:
    """Another process that keeps one core busy half of the time, in turns of 50 ms, while the block lasts.

    It may run where this process may: where a certificate is pinned to one core, on that very core.
    """
    script = (
        "import os, time\n"
        "parent = os.getppid()\n"
        "while os.getppid() == parent:\n"  # not longer than a certificate that is killed
        "    end = time.perf_counter() + 0.05\n"
        "    while time.perf_counter() < end: pass\n"
        "    time.sleep(0.05)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script])
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


def _line(cell: Cell, length: int | None, comparison: Comparison, elapsed_seconds: float) -> dict[str, Any]:
    return {
        "cell": cell.name,
        "date": now(),
        "commit": revision(package_folder().parent)[0],
        "cores": sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else None,
        "nice": os.getpriority(os.PRIO_PROCESS, 0) if hasattr(os, "getpriority") else None,
        "letters_added": length,
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


def conditions(runs: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """When and where the runs were made, of which commit, and how busy the machine was."""
    if not runs:
        return {}
    loads, dates = [run["load_1min"] for run in runs], sorted(run["date"] for run in runs)
    commits = dict.fromkeys(run["commit"] or "no commit" for run in runs)
    return {
        "system": platform.platform(),
        "commit": ", ".join(commits),
        "runs made": f"{dates[0][:16]} to {dates[-1][:16]} UTC, {_most_at_once(runs)} at a time at most",
        "cores of a run": " or ".join(_distinct(" and ".join(map(str, run["cores"] or ["any"])) for run in runs)),
        "nice": ", ".join(_distinct(run["nice"] for run in runs)),
        "load": f"{min(loads):.1f} to {max(loads):.1f}, {float(np.median(loads)):.1f} in the middle, of which a comparison is 1",
    }


def _distinct(values: Iterable[object]) -> list[str]:
    return [str(value) for value in dict.fromkeys(values)]


def _most_at_once(runs: Sequence[Mapping[str, Any]]) -> int:
    """How many runs were going on at once: calls in several folders may have been put together."""
    edges = []
    for run in runs:
        end = datetime.fromisoformat(run["date"]).timestamp()
        edges += [(end - run["elapsed_seconds"], 1), (end, -1)]
    return max(accumulate(step for _, step in sorted(edges)))


def package_folder() -> Path:
    """Where the `numpy_nn` beside this harness is."""
    return Path(__file__).resolve().parents[3] / PACKAGE


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
