"""Simulated coverage of the ratios' 95 % intervals, over times from a two-level model whose true ratio is known.

Called by `calibration`, which publishes the tables, and by the tests, which hold each coverage between 93 and 97 %. All noise is on
the log scale. The machine's noise in a round is common to both contestants; the noise of launches and trials is independent.

`coverage` is of a fixed number of launches and rounds. `stopped_coverage` is of a step's ratio in a run that adds launches of turns
until the ratio is precise: of each launch, the quickest tenth of the epochs of those turns that the canary finds undisturbed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.analysis.precision import ENOUGH, FEWEST_LAUNCHES
from bench.analysis.statistics import REPEATED_LOOKS, ratio_interval, student_half_width
from bench.analysis.steps import FEWEST_TURNS, QUANTILE

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

LAUNCH_SIGMAS = (0.005, 0.015, 0.036, 0.07)
"""Of a step, between launches: precise at once, after some more launches, after many, and seldom."""
MOST_LAUNCHES = 25
"""That a run has time for."""
TURNS, EPOCHS = 16, 3
"""Of a contestant in a launch."""
EPOCH_SIGMA = 0.03
DISTURBED_SHARE, DISTURBANCE = 0.4, 0.5
"""The share of turns that other work makes slower, and by how much on the log scale."""
SEEN_SHARE = 0.95
"""The share of disturbed turns that the rule finds."""
STOPPED_REPEATS = 3000

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


def stopped_coverage(shape: str, launch_sigma: float, repeats: int = STOPPED_REPEATS) -> float:
    """The share of simulated runs whose interval contains the true ratio when the run has ended by its own rule.

    A run ends when the half-width of the interval is at most `ENOUGH`, or after `MOST_LAUNCHES`.
    """
    rng = np.random.default_rng([SHAPES.index(shape), round(1e4 * launch_sigma)])
    logarithms = _launch_steps(shape, rng, launch_sigma, repeats) - _launch_steps(shape, rng, launch_sigma, repeats)
    held = np.zeros(repeats, dtype=bool)
    running = np.ones(repeats, dtype=bool)
    for launches in range(FEWEST_LAUNCHES, MOST_LAUNCHES + 1):
        seen = logarithms[:, :launches]
        half = REPEATED_LOOKS * student_half_width(seen.std(axis=1, ddof=1) / np.sqrt(launches), launches)
        ends = running & ((np.sinh(half) <= ENOUGH) | (launches == MOST_LAUNCHES))  # sinh: relative to the ratio
        held[ends] = (np.abs(seen.mean(axis=1)) <= half)[ends]
        running &= ~ends
    return float(held.mean())


def _launch_steps(shape: str, rng: np.random.Generator, launch_sigma: float, repeats: int) -> Floats:
    """The logarithm of a contestant's step (repeats, launches), as `bench.analysis.steps` takes it from turns."""
    size = (repeats, MOST_LAUNCHES, TURNS)
    disturbed = rng.random(size) < DISTURBED_SHARE
    counted = ~disturbed | (rng.random(size) > SEEN_SHARE)
    counted |= (counted.sum(axis=-1) < FEWEST_TURNS)[..., np.newaxis]
    epochs = EPOCH_SIGMA * _noise(shape, rng, (*size, EPOCHS)) + (DISTURBANCE * disturbed)[..., np.newaxis]
    if shape == "spikes in both":
        epochs += EPOCH_SIGMA * _spikes(rng, (*size, EPOCHS))
    epochs = np.where(counted[..., np.newaxis], epochs, np.nan).reshape(repeats, MOST_LAUNCHES, -1)
    epochs.sort(axis=-1)  # NaN last
    place = QUANTILE * (EPOCHS * counted.sum(axis=-1) - 1)
    low = np.floor(place).astype(int)[..., np.newaxis]
    pair = [np.take_along_axis(epochs, index, axis=-1)[..., 0] for index in (low, low + 1)]
    quickest = pair[0] + (place - low[..., 0]) * (pair[1] - pair[0])
    launches = rng.normal(0, 1, quickest.shape)
    if shape == "heavy tails between launches":
        launches = rng.standard_t(3, quickest.shape)
    if shape == "drift":
        launches = launches + DRIFT_SIGMAS * EPOCH_SIGMA * np.arange(MOST_LAUNCHES)  # common to both: it cancels
    return np.asarray(quickest + launch_sigma / np.sqrt(2) * launches)


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
