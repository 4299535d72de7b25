"""Confidence intervals for data with two levels: launches, and rounds within a launch. Called by the rest of the analysis.

Two trials of one process share its memory layout and the choices of its BLAS, so they are not independent. Launches are. Kalibera
and Jones ("Rigorous Benchmarking in Reasonable Time", ISMM 2013, doi:10.1145/2464157.2464160) therefore average the means of the
topmost level and apply Student's t to that level. This module does the same with two changes: times and ratios enter as
logarithms, because noise multiplies and a ratio has no preferred direction; and the *median* of its rounds represents a launch, so
that one disturbed round doesn't move it.

The estimand is exp(E[median over a launch's rounds of log(value)]), with the expectation over launches. For noise that is symmetric
on the log scale, it is the median.

A bootstrap doesn't serve here: three launches, resampled, don't show how a fourth would differ. For 3 launches of 2 rounds and
normal noise, a percentile bootstrap over launches, then rounds, covers less than 90 % where it claims 95 %. Student's t covers
95 %, and 93 to 97 % for every shape of noise in `tests/bench/analysis/test_statistics.py`, which checks both. Spikes raise the
coverage: the intervals become too wide, not too narrow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

CONFIDENCE = 0.95
"""The confidence level of every interval."""
TEST_LEVEL = 0.05
"""The level of each of the two one-sided tests of equivalence."""
REPEATED_LOOKS = 1.15
"""Times Student's half-width, for ratios that are looked at after each launch until they are precise: an interval that may end the
run covers less than a fixed one. `bench/selfcheck/coverage.py` simulates the rule, `docs/statistics.md` has how it was found."""
_ALL_EQUAL = 1e-12
"""Differences whose range is smaller than this are equal up to rounding."""


class Interval(NamedTuple):
    """A figure with the ends of its confidence interval, which are NaN where a single value gives no spread."""

    middle: Any
    low: Any
    high: Any


def student_interval(values: ArrayLike, widening: float = 1.0) -> Interval:
    """The mean over the last axis with Student's t interval, `widening` times as wide; leading axes are kept."""
    values = np.asarray(values, dtype=float)
    count = values.shape[-1]
    mean = values.mean(axis=-1)
    if count < 2:
        return Interval(mean, mean * np.nan, mean * np.nan)
    half = widening * student_half_width(values.std(axis=-1, ddof=1) / np.sqrt(count), count)
    return Interval(mean, mean - half, mean + half)


def student_half_width(standard_error: Any, count: int) -> Any:
    """Half the width of Student's t interval of a mean of `count` values."""
    return stats.t.ppf((1 + CONFIDENCE) / 2, count - 1) * standard_error


def share_interval(count: int, total: int) -> Interval:
    """The share `count / total` with the exact binomial interval of Clopper and Pearson (1934)."""
    ends = stats.binomtest(count, total).proportion_ci(CONFIDENCE, method="exact")
    return Interval(count / total, float(ends.low), float(ends.high))


def nested_interval(values: ArrayLike, launches: Sequence[int], widening: float = 1.0) -> Interval:
    """The mean over launches of each launch's median, with Student's t interval over launches.

    With a single launch, rounds take the place of launches. Such an interval doesn't cover the differences between processes, and
    `bench.analysis.noise_warnings` says so.

    Parameters
    ----------
    values : (..., rounds)
        One figure per round, on a scale on which noise is additive (logarithms of times).
    launches : (rounds,)
        The launch of each round.
    widening
        Of the interval: `REPEATED_LOOKS` where it decides whether more launches are made.

    """
    values = np.asarray(values, dtype=float)
    labels = np.asarray(launches)
    distinct = np.unique(labels)
    if len(distinct) == 1:
        return student_interval(values, widening)
    order = np.argsort(labels, kind="stable")
    ends = np.searchsorted(labels[order], distinct[1:])
    medians = [np.median(rounds, axis=-1) for rounds in np.split(values[..., order], ends, axis=-1)]
    return student_interval(np.stack(medians, axis=-1), widening)


def time_interval(seconds: ArrayLike, launches: Sequence[int], widening: float = 1.0) -> Interval:
    """`nested_interval` of the logarithms of positive figures, transformed back to their own scale."""
    return Interval(*(np.exp(end) for end in nested_interval(np.log(np.asarray(seconds, dtype=float)), launches, widening)))


def ratio_interval(numerators: ArrayLike, denominators: ArrayLike, launches: Sequence[int], widening: float = 1.0) -> Interval:
    """The ratio of two contestants' times, paired: each numerator (..., rounds) has its denominator from the same round."""
    return time_interval(np.asarray(numerators, dtype=float) / np.asarray(denominators, dtype=float), launches, widening)


def equivalent(differences: Sequence[float] | NDArray[Any], margin: float) -> bool | None:
    """Whether the mean difference lies within ±`margin`: two one-sided t tests (Schuirmann 1987) at `TEST_LEVEL` each.

    None for fewer than two differences. If all differences are equal, there is no spread to test with, and the mean decides.
    """
    values = np.asarray(differences, dtype=float)
    if len(values) < 2:
        return None
    if np.ptp(values) < _ALL_EQUAL:
        return bool(abs(values.mean()) < margin - _ALL_EQUAL)
    above = stats.ttest_1samp(values, -margin, alternative="greater").pvalue
    below = stats.ttest_1samp(values, margin, alternative="less").pvalue
    return bool(max(above, below) < TEST_LEVEL)
