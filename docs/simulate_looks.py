"""Simulates runs that add launches until a ratio is precise: how often the interval holds the truth, by how much it is widened.

`bench.analysis.statistics.REPEATED_LOOKS` was found by it: `python docs/simulate_looks.py`. The last lines of each table are of
launches that aren't independent of the one before.
"""

import numpy as np
from scipy import stats

RUNS = 10_000
CASES = ((4, 12, 0.03), (4, 30, 0.03), (3, 8, 0.10))
"""The fewest launches, the most, and the half-width that is wanted."""
SIGMAS = (0.1, 0.2, 0.33, 0.5, 0.67, 1.0, 1.67, 2.67)
"""Standard deviations between launches, as multiples of the half-width that is wanted."""


def covered(logarithms, fewest, wanted, widening):
    """The share of runs (runs, launches) whose interval holds 0 when its half-width is at most `wanted`, or launches end."""
    running, held = np.ones(len(logarithms), bool), np.zeros(len(logarithms), bool)
    most = logarithms.shape[1]
    for count in range(fewest, most + 1):
        seen = logarithms[:, :count]
        half = widening * stats.t.ppf(0.975, count - 1) * seen.std(axis=1, ddof=1) / np.sqrt(count)
        ends = running & ((half <= wanted) | (count == most))
        held[ends] = (np.abs(seen.mean(axis=1)) <= half)[ends]
        running &= ~ends
    return held.mean()


def launches(rng, most, correlation=0.0):
    """Normal noise (runs, launches), each launch correlated with the one before."""
    found = rng.normal(size=(RUNS, most))
    for number in range(1, most):
        found[:, number] = correlation * found[:, number - 1] + np.sqrt(1 - correlation**2) * found[:, number]
    return found


if __name__ == "__main__":
    rng = np.random.default_rng(1)
    for fewest, most, wanted in CASES:
        print(f"from {fewest} launches on, {most} at most, until ±{wanted:.0%}")
        for widening in (1.0, 1.1, 1.15, 1.2, 1.25):
            shares = [covered(sigma * wanted * launches(rng, most), fewest, wanted, widening) for sigma in SIGMAS]
            print(f"  {widening:<5}", *(f"{share:.1%}" for share in shares))
        for correlation in (0.2, 0.4):
            shares = [covered(sigma * wanted * launches(rng, most, correlation), fewest, wanted, 1.15) for sigma in SIGMAS]
            print(f"  1.15, correlated by {correlation}", *(f"{share:.1%}" for share in shares))
