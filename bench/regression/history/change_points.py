"""Where a trend bends: change points in the level of a series of ratios, found by `ruptures`.

Called by the command `track`. Several changes are looked for at once, so that a slowdown that has recovered since is found as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from bench.regression.history.history import Tracked

WATCHED = (": step / ", ": cold start / ")
"""The ratios that are looked at: others, as that of an epoch or a whole fit, would only repeat what these say."""
LEAST_POINTS = 6
"""On each side of a change."""
MOST_POINTS = 100
"""The last runs of a machine; what happened before them has been told."""
PENALTY = 18.0
"""In variances of the noise: what a further change must explain. Chosen by simulation, see FALSE_ALARM_RATE."""
FALSE_ALARM_RATE = 0.01
"""The probability, at most, that a series of 12 to 100 points without a change is said to have one.

Simulated: 0.05 to 0.7 % of 2,000 series each of normal, Laplace's, lognormal and t(3) noise.
"""


@dataclass(frozen=True)
class Change:
    """A bend in one series."""

    series: str
    run: Tracked
    """The first after the change."""
    before: float
    after: float
    """Median ratios of the stretches on both sides."""

    @property
    def slower(self) -> bool:
        return self.after > self.before


def change_points(values: Sequence[float]) -> list[int]:
    """The indices at which a new level begins.

    The segmentation with the least squares, each further change at a price (Killick, Fearnhead and Eckley, 2012, through
    `ruptures`). The noise is measured by the squares of successive differences (von Neumann, 1941), which a change of level
    hardly touches.
    """
    from ruptures import KernelCPD

    if len(values) < 2 * LEAST_POINTS:
        return []
    series = np.asarray(values, np.float64)
    variance = float(np.mean(np.diff(series) ** 2)) / 2
    if variance == 0:
        return []
    found = KernelCPD(kernel="linear", min_size=LEAST_POINTS).fit(series[:, None]).predict(pen=PENALTY * variance)
    return [int(index) for index in found[:-1]]


def changes(history: Sequence[Tracked]) -> list[Change]:
    """Every bend in the ratios that are watched, the latest last; never across machines or versions."""
    found = []
    for fingerprint in dict.fromkeys(run.fingerprint for run in history):
        runs = [run for run in history if run.fingerprint == fingerprint]
        watched = (name for run in runs for name in run.ratios if any(part in name for part in WATCHED))
        for series in dict.fromkeys(watched):
            found += _changes_of(series, [run for run in runs if series in run.ratios][-MOST_POINTS:])
    order = {run.run_id: number for number, run in enumerate(history)}
    return sorted(found, key=lambda change: order[change.run.run_id])


def machine_changes(history: Sequence[Tracked]) -> list[int]:
    """The indices of runs on another machine, or with other versions, than the run before."""
    return [number for number in range(1, len(history)) if history[number].fingerprint != history[number - 1].fingerprint]


def _changes_of(series: str, runs: Sequence[Tracked]) -> list[Change]:
    ratios: NDArray[np.float64] = np.array([run.ratios[series] for run in runs])
    starts = change_points(list(np.log(ratios)))
    edges = [0, *starts, len(runs)]
    levels = [float(np.median(ratios[start:stop])) for start, stop in pairwise(edges)]
    return [Change(series, runs[start], *levels[number : number + 2]) for number, start in enumerate(starts)]
