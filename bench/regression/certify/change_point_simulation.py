"""Series of tracked runs without and with change points, simulated: how often `change_points` is right.

Called by `certificate_figures`, and by the tests of the change points.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from bench.regression.history.change_points import change_points

Array = NDArray[np.float64]

SERIES_NOISES: Mapping[str, Callable[[np.random.Generator, int], Array]] = {
    "normal": lambda generator, points: generator.standard_normal(points),
    "heavy tails": lambda generator, points: generator.standard_t(3, points),
    "Laplace's": lambda generator, points: generator.laplace(size=points),
    "lognormal": lambda generator, points: np.exp(0.5 * generator.standard_normal(points)),
}
"""(generator, points) -> a series of tracked runs without a change of level."""
RECOVERED = (20, 30, 50)
"""First slower point, first recovered point, and number of points of a series; it is slower by five times the noise's spread."""


def series_false_alarms(noise: str, points: int, series: int, generator: np.random.Generator) -> int:
    """The number of series of noise in which a change point is found."""
    return sum(bool(change_points(list(SERIES_NOISES[noise](generator, points)))) for _ in range(series))


def recovered_found(series: int, generator: np.random.Generator) -> int:
    """The number of series in which a slowdown that has recovered is found: both ends within one point, and no other."""
    slower, recovered, points = RECOVERED
    found = 0
    for _ in range(series):
        values = generator.standard_normal(points)
        values[slower:recovered] += 5
        starts = change_points(list(values))
        found += len(starts) == 2 and abs(starts[0] - slower) <= 1 and abs(starts[1] - recovered) <= 1
    return found
