"""Rounds from a two-level model whose true ratio is known, with noise of several shapes."""

import numpy as np

LAUNCH_SIGMA = 0.01
ROUND_SIGMA = 0.02
SPIKE_SHARE = 0.10
SPIKE_SIGMAS = 5.0
"""The mean size of a spike, in standard deviations of a round's noise."""
DRIFT_SIGMAS = 2.0
"""From one round to the next, in the same unit."""
TRUE_RATIO = 1 / 60


def simulated_pairs(shape, rng, repeats, launches, rounds):
    """Times of two contestants (repeats, launches * rounds) whose true ratio is `TRUE_RATIO`, and each round's launch.

    Every level's noise is on the log scale. What the machine does to a round it does to both; what differs from launch to launch
    and from trial to trial, each has of its own.
    """
    size = (repeats, launches, rounds)
    machine = rng.normal(0, 3 * ROUND_SIGMA, size)
    own = [rng.normal(0, LAUNCH_SIGMA, (repeats, launches, 1)) + ROUND_SIGMA * _noise(shape, rng, size) for _ in range(2)]
    if shape == "spikes in both":
        machine += ROUND_SIGMA * _spikes(rng, size)
    if shape == "heavy tails between launches":
        own[0] = own[0] + LAUNCH_SIGMA * rng.standard_t(3, (repeats, launches, 1))
    if shape == "drift":
        # Who comes first in a round is drawn anew each time, and half a round's drift lies between the two.
        first = rng.choice([-0.25, 0.25], size)
        place = np.arange(launches * rounds).reshape(launches, rounds)
        drift = DRIFT_SIGMAS * ROUND_SIGMA
        own = [own[0] + drift * (place + first), own[1] + drift * (place - first)]
    numerators, denominators = (np.exp(machine + noise).reshape(repeats, -1) for noise in own)
    return TRUE_RATIO * numerators, denominators, np.repeat(np.arange(launches), rounds)


def _noise(shape, rng, size):
    if shape == "heavy tails":
        return rng.standard_t(3, size)
    if shape == "spikes in one":
        return rng.normal(0, 1, size) + _spikes(rng, size)
    return rng.normal(0, 1, size)


def _spikes(rng, size):
    return (rng.random(size) < SPIKE_SHARE) * rng.exponential(SPIKE_SIGMAS, size)
