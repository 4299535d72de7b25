"""The figures of a certificate: counts with exact intervals, of real runs and, apart from them, of simulated ones.

Called by the command `certify`; `certificate_report` shows them.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from bench.analysis.statistics import share_interval
from bench.regression.certify.change_point_simulation import RECOVERED, SERIES_NOISES, recovered_found, series_false_alarms
from bench.regression.certify.recorded_runs import load_blocks
from bench.regression.certify.run_kinds import RUN_KINDS, RunKind
from bench.regression.certify.simulation import SHAPES, false_alarms, resampled_comparison, simulated_comparison
from bench.regression.history.change_points import LEAST_POINTS, MOST_POINTS

SERIES_LENGTHS = (2 * LEAST_POINTS, 40, MOST_POINTS)
FALSE_OF_EQUAL_SIDES = ("regressed", "improved", "broken", "different")

Row = dict[str, Any]


def real_figures(runs: Sequence[Mapping[str, Any]]) -> list[Row]:
    """A row for each kind of real run: how many had which verdict, with exact intervals, and the time to the verdict."""
    of_kinds = {kind: [run for run in runs if run["cell"] == kind.name] for kind in RUN_KINDS}
    return [_real_row(kind, of_kind) for kind, of_kind in of_kinds.items() if of_kind]


def simulated_figures(directory: Path, comparisons: int, seed: int = 0) -> list[Row]:
    """False alarms in comparisons of equal sides: over resampled blocks of the real runs, and over simulated noise."""
    generator = np.random.default_rng(seed)
    rows = []
    recorded = load_blocks(directory)
    if recorded:
        alarms = false_alarms(comparisons, lambda: resampled_comparison(recorded, generator))
        source = f"{max(len(of_one) for of_one in recorded.values())} recorded comparisons"
        rows.append({"kind": "resampled", "source": source, **_rate(alarms, comparisons)})
    for name, noise in SHAPES.items():
        alarms = false_alarms(comparisons, lambda noise=noise: simulated_comparison(noise, generator))  # type: ignore[misc]
        rows.append({"kind": "simulated", "source": name, **_rate(alarms, comparisons)})
    return rows


def change_point_figures(series: int, seed: int = 0) -> list[Row]:
    """False alarms of `track` on noise, and how often it finds a slowdown that has recovered."""
    generator = np.random.default_rng(seed)
    rows = [
        {
            "what": f"{noise} noise, {points} points: a change point is found",
            **_rate(series_false_alarms(noise, points, series, generator), series),
        }
        for noise in SERIES_NOISES
        for points in SERIES_LENGTHS
    ]
    slower, recovered, points = RECOVERED
    what = f"slower by five spreads of the noise, for {recovered - slower} of {points} points: both change points are found"
    return [*rows, {"what": what, **_rate(recovered_found(series, generator), series)}]


def conditions(runs: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """When and where the runs were made, of which commit, and how busy the machine was."""
    if not runs:
        return {}
    loads, dates = [run["load_1min"] for run in runs if run["load_1min"] is not None], sorted(run["date"] for run in runs)
    commits = dict.fromkeys(run["commit"] or "no commit" for run in runs)
    return {
        "system": platform.platform(),
        "commit": ", ".join(commits),
        "runs made": f"{dates[0][:16]} to {dates[-1][:16]} UTC, {_most_at_once(runs)} at a time at most",
        "cores of a run": " or ".join(_distinct(" and ".join(map(str, run["cores"] or ["any"])) for run in runs)),
        "nice": ", ".join(_distinct(run["nice"] for run in runs)),
        **({"load": _load(loads)} if loads else {}),
    }


def _load(loads: Sequence[float]) -> str:
    return f"{min(loads):.1f} to {max(loads):.1f}, {float(np.median(loads)):.1f} in the middle, of which a comparison is 1"


def _real_row(kind: RunKind, runs: Sequence[Mapping[str, Any]]) -> Row:
    """The row of one kind. "regressed" counts; where the sides are equal, what is another false alarm counts as well."""
    verdicts = [run["verdict"] for run in runs]
    equal = kind.slowdown == 0
    called = [_has_false_alarm(run) if equal else run["verdict"] == "regressed" for run in runs]
    seconds = [run["elapsed_seconds"] for run in runs if equal or run["verdict"] == "regressed"]
    steps = [run["benchmarks"]["step"] for run in runs]
    return {
        "cell": kind.name,
        "slowdown": kind.slowdown,
        "tolerance": kind.tolerance,
        "runs": len(runs),
        "verdicts": {verdict: verdicts.count(verdict) for verdict in dict.fromkeys(verdicts)},
        **_rate(sum(called), len(runs)),
        "median_seconds": float(np.median(seconds)) if seconds else None,
        "longest_seconds": max(seconds) if seconds else None,
        "median_step_ratio": float(np.median([step["ratio"] for step in steps if step["ratio"]] or [np.nan])),
    }


def _has_false_alarm(run: Mapping[str, Any]) -> bool:
    """Whether any benchmark of a run of equal sides was called regressed, improved, broken or different."""
    return any(benchmark["verdict"] in FALSE_OF_EQUAL_SIDES for benchmark in run["benchmarks"].values())


def _rate(count: int, runs: int) -> Row:
    """`count` of `runs`, with the exact interval of that share."""
    share, low, high = share_interval(count, runs)
    return {"of": runs, "count": count, "rate": share, "low": low, "high": high}


def _distinct(values: Iterable[object]) -> list[str]:
    return [str(value) for value in dict.fromkeys(values)]


def _most_at_once(runs: Sequence[Mapping[str, Any]]) -> int:
    """The largest number of runs at the same time: a certificate may join the runs of calls in several folders."""
    edges = []
    for run in runs:
        end = datetime.fromisoformat(run["date"]).timestamp()
        edges += [(end - run["elapsed_seconds"], 1), (end, -1)]
    return max(accumulate(step for _, step in sorted(edges)))
