"""Simulates runs that add launches until a ratio is precise: how often the interval holds the truth, by how much it is widened.

`bench.analysis.statistics.REPEATED_LOOKS` was found by it: `python docs/simulate_looks.py`.
"""

import numpy as np
from scipy import stats

RUNS = 20_000
MOST_LAUNCHES = 12
SIGMAS = (0.1, 0.2, 0.33, 0.5, 0.67, 1.0, 1.67, 2.67)
"""Standard deviations between launches, as multiples of the half-width that is wanted."""


def covered(logarithms, fewest, wanted, widening):
    """The share of runs (runs, launches) whose interval holds 0 when its half-width is at most `wanted`, or launches end."""
    running, held = np.ones(len(logarithms), bool), np.zeros(len(logarithms), bool)
    for count in range(fewest, MOST_LAUNCHES + 1):
        seen = logarithms[:, :count]
        half = widening * stats.t.ppf(0.975, count - 1) * seen.std(axis=1, ddof=1) / np.sqrt(count)
        ends = running & ((half <= wanted) | (count == MOST_LAUNCHES))
        held[ends] = (np.abs(seen.mean(axis=1)) <= half)[ends]
        running &= ~ends
    return held.mean()


if __name__ == "__main__":
    rng = np.random.default_rng(1)
    for fewest, wanted in ((4, 0.03), (3, 0.10)):
        print(f"from {fewest} launches on, until ±{wanted:.0%}")
        for widening in (1.0, 1.1, 1.15, 1.2, 1.25):
            runs = (rng.normal(0, sigma * wanted, (RUNS, MOST_LAUNCHES)) for sigma in SIGMAS)
            shares = [covered(logarithms, fewest, wanted, widening) for logarithms in runs]
            print(f"  {widening:<5}", *(f"{share:.1%}" for share in shares))
