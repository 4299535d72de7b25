"""Change points in the level of a series of ratios, found by `ruptures`.

Called by the command `track`. All change points of a series are found together, so that a slowdown that has recovered is found too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from bench.regression.history.tracked_runs import TrackedRun

WATCHED = (": step / ", ": cold start / ")
"""Parts of the names of the ratios that are searched; those of an epoch or a whole fit depend on these."""
LEAST_POINTS = 6
"""On each side of a change point, as it is looked for."""
MOST_POINTS = 100
"""Only so many of a machine's last runs are searched."""
PENALTY = 18.0
"""In variances of the noise: what one more change point must explain. Chosen by simulation, see FALSE_ALARM_RATE."""
FALSE_ALARM_RATE = 0.01
"""The largest probability that a change point is found in a series of 12 to 100 points that has none.

Simulated: 0.05 to 0.7 % of 2,000 series each of normal, Laplace's, lognormal and t(3) noise.
"""


@dataclass(frozen=True)
class ChangePoint:
    """A change of the level of one series."""

    series: str
    run: TrackedRun
    """The first after the change."""
    before: float
    after: float
    """Median ratios of the stretches on both sides."""

    @property
    def slower(self) -> bool:
        return self.after > self.before


def change_points(values: Sequence[float]) -> list[int]:
    """The indices at which a new level begins.

    Minimises the sum of squares plus a penalty for each change point (Killick, Fearnhead and Eckley, 2012, through
    `ruptures`). The noise is measured by the squares of successive differences (von Neumann, 1941), which a change of level
    hardly touches. A change nearer to an end, or to another one, than `LEAST_POINTS` is found beside where it is, and then
    put where two levels fit best.
    """
    from ruptures import KernelCPD

    if len(values) < 2 * LEAST_POINTS:
        return []
    series = np.asarray(values, np.float64)
    variance = float(np.mean(np.diff(series) ** 2)) / 2
    if variance == 0:
        return []
    found = KernelCPD(kernel="linear", min_size=LEAST_POINTS).fit(series[:, None]).predict(pen=PENALTY * variance)
    edges = [0, *found]
    return sorted({int(before) + _best_split(series[before:after]) for before, after in zip(edges, edges[2:], strict=False)})


def _best_split(series: NDArray[np.float64]) -> int:
    """Where two levels fit a series best, however near to an end."""
    count = np.arange(1, len(series))
    first = series.cumsum()[:-1]
    means = first / count - (series.sum() - first) / (len(series) - count)
    return int((count * (len(series) - count) * means**2).argmax()) + 1


def find_change_points(history: Sequence[TrackedRun]) -> list[ChangePoint]:
    """Every change point of the watched ratios, the latest last; each machine and set of versions is searched by itself."""
    found = []
    by_machine: dict[str, list[TrackedRun]] = {}
    for run in history:
        by_machine.setdefault(run.fingerprint, []).append(run)
    for runs in by_machine.values():
        watched = (name for run in runs for name in run.ratios if any(part in name for part in WATCHED))
        for series in dict.fromkeys(watched):
            found += _changes_of(series, [run for run in runs if series in run.ratios][-MOST_POINTS:])
    order = {run.run_id: number for number, run in enumerate(history)}
    return sorted(found, key=lambda change: order[change.run.run_id])


def machine_changes(history: Sequence[TrackedRun]) -> list[int]:
    """The indices of runs on another machine, or with other versions, than the run before."""
    return [number for number in range(1, len(history)) if history[number].fingerprint != history[number - 1].fingerprint]


def _changes_of(series: str, runs: Sequence[TrackedRun]) -> list[ChangePoint]:
    ratios: NDArray[np.float64] = np.array([run.ratios[series] for run in runs])
    starts = change_points(list(np.log(ratios)))
    edges = [0, *starts, len(runs)]
    levels = [float(np.median(ratios[start:stop])) for start, stop in pairwise(edges)]
    return [ChangePoint(series, runs[start], *levels[number : number + 2]) for number, start in enumerate(starts)]
