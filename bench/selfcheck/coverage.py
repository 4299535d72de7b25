"""Simulated coverage of the ratios' 95 % intervals, over rounds from a two-level model whose true ratio is known.

Called by `calibration`, which publishes the table, and by the tests, which hold each coverage between 93 and 97 %. All noise is on
the log scale. The machine's noise in a round is common to both contestants; the noise of launches and trials is independent.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.analysis.statistics import ratio_interval

SHAPES = ("normal", "heavy tails", "heavy tails between launches", "spikes in both", "spikes in one", "drift")
LAUNCHES, ROUNDS = (3, 4, 6, 8), (2, 3, 5)
"""Numbers of launches, and of rounds in each."""
REPEATS = 6000
LEAST, MOST = 0.93, 0.97
"""Limits of an acceptable coverage."""

LAUNCH_SIGMA = 0.01
ROUND_SIGMA = 0.02
MACHINE_SIGMA = 3 * ROUND_SIGMA
SPIKE_SHARE = 0.10
SPIKE_SIGMAS = 5.0
"""The mean size of a spike, in standard deviations of a round's noise."""
DRIFT_SIGMAS = 2.0
"""From one round to the next, in standard deviations of a round's noise."""
TRUE_RATIO = 1 / 60

Floats = NDArray[np.float64]


class CoverageRow(NamedTuple):
    """The least and largest coverage with this many launches, over the numbers of rounds."""

    shape: str
    launches: int
    least: float
    most: float


def coverage_rows() -> list[CoverageRow]:
    """A row for each shape of noise and number of launches; the same on every call."""
    rows = []
    for shape in SHAPES:
        for launches in LAUNCHES:
            shares = [coverage(shape, launches, rounds) for rounds in ROUNDS]
            rows.append(CoverageRow(shape, launches, min(shares), max(shares)))
    return rows


def coverage(shape: str, launches: int, rounds: int) -> float:
    """The share of `REPEATS` simulated runs whose interval contains the true ratio."""
    rng = np.random.default_rng([SHAPES.index(shape), launches, rounds])
    interval = ratio_interval(*simulated_pairs(shape, rng, REPEATS, launches, rounds))
    return float(np.mean((interval.low <= TRUE_RATIO) & (interval.high >= TRUE_RATIO)))


def simulated_pairs(
    shape: str, rng: np.random.Generator, repeats: int, launches: int, rounds: int
) -> tuple[Floats, Floats, list[int]]:
    """Times of two contestants (repeats, launches * rounds) whose true ratio is `TRUE_RATIO`, and each round's launch."""
    size = (repeats, launches, rounds)
    machine = rng.normal(0, MACHINE_SIGMA, size)
    own = [rng.normal(0, LAUNCH_SIGMA, (repeats, launches, 1)) + ROUND_SIGMA * _noise(shape, rng, size) for _ in range(2)]
    if shape == "spikes in both":
        machine += ROUND_SIGMA * _spikes(rng, size)
    if shape == "heavy tails between launches":
        own[0] = own[0] + LAUNCH_SIGMA * rng.standard_t(3, (repeats, launches, 1))
    if shape == "drift":
        # The order within a round is random, and half a round's drift lies between the two.
        first = rng.choice([-0.25, 0.25], size)
        place = np.arange(launches * rounds).reshape(launches, rounds)
        drift = DRIFT_SIGMAS * ROUND_SIGMA
        own = [own[0] + drift * (place + first), own[1] + drift * (place - first)]
    numerators, denominators = (np.exp(machine + noise).reshape(repeats, -1) for noise in own)
    return TRUE_RATIO * numerators, denominators, np.repeat(np.arange(launches), rounds).tolist()


def _noise(shape: str, rng: np.random.Generator, size: tuple[int, ...]) -> Any:
    if shape == "heavy tails":
        return rng.standard_t(3, size)
    if shape == "spikes in one":
        return rng.normal(0, 1, size) + _spikes(rng, size)
    return rng.normal(0, 1, size)


def _spikes(rng: np.random.Generator, size: tuple[int, ...]) -> Any:
    return (rng.random(size) < SPIKE_SHARE) * rng.exponential(SPIKE_SIGMAS, size)
