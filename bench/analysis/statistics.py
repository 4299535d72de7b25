"""Intervals that respect the two levels of a run: launches, and rounds within a launch. Called by the rest of the analysis.

Two trials of one process share its memory layout, its BLAS' choices and its luck, so they are no independent values. What is
independent are launches: Kalibera and Jones ("Rigorous Benchmarking in Reasonable Time", ISMM 2013, doi:10.1145/2464157.2464160)
take the mean of the topmost level's means, with Student's t over that level. So do we, with two changes. Times and ratios are
treated as logarithms, for noise multiplies and a ratio has no preferred side; and a launch is summed up by the *median* of its
rounds, so that one disturbed round doesn't move it.

The figure that an interval is of (the estimand) is exp(E[median over a launch's rounds of log(value)]), the expectation being over
launches: for noise that is symmetric on the log scale, that is the plain median.

Why not the bootstrap: resampling three launches knows nothing of how a fourth would differ. Simulated with 3 launches of 2 rounds
and normal noise, a percentile bootstrap over launches, then rounds, covers less than 90 % where it claims 95 %; Student's t covers
95 %, and 93 to 97 % for every shape of noise in `tests/bench/analysis/test_statistics.py`, which holds both. What spikes do to the
coverage is to raise it: such intervals are too wide, not too narrow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

CONFIDENCE = 0.95
TEST_LEVEL = 0.05
"""Of each of the two one-sided tests of equivalence."""
_ALL_EQUAL = 1e-12
"""Differences that spread less than this are one and the same value, computed with rounding errors."""


class Interval(NamedTuple):
    """A figure with the ends of its 95 % interval, which are NaN where one value alone says nothing of the spread."""

    middle: Any
    low: Any
    high: Any


def student_interval(values: ArrayLike) -> Interval:
    """The mean over the last axis with Student's t interval; the leading axes stay."""
    values = np.asarray(values, dtype=float)
    count = values.shape[-1]
    mean = values.mean(axis=-1)
    if count < 2:
        return Interval(mean, mean * np.nan, mean * np.nan)
    error = values.std(axis=-1, ddof=1) / np.sqrt(count)
    half = stats.t.ppf((1 + CONFIDENCE) / 2, count - 1) * error
    return Interval(mean, mean - half, mean + half)


def nested_interval(values: ArrayLike, launches: Sequence[int]) -> Interval:
    """The mean over launches of each launch's median, with Student's t interval over launches.

    With one launch alone each round has to stand in for a launch: such an interval doesn't cover what differs from process to
    process, and whoever shows it says so.

    Parameters
    ----------
    values : (..., rounds)
        One figure a round, on a scale on which noise adds (logarithms of times).
    launches : (rounds,)
        The launch that each round was part of.

    """
    values = np.asarray(values, dtype=float)
    labels = np.asarray(launches)
    distinct = np.unique(labels)
    if len(distinct) == 1:
        return student_interval(values)
    return student_interval(np.stack([np.median(values[..., labels == launch], axis=-1) for launch in distinct], axis=-1))


def time_interval(seconds: ArrayLike, launches: Sequence[int]) -> Interval:
    """`nested_interval` of the logarithms of positive figures, taken back to their own scale."""
    return Interval(*(np.exp(end) for end in nested_interval(np.log(np.asarray(seconds, dtype=float)), launches)))


def ratio_interval(numerators: ArrayLike, denominators: ArrayLike, launches: Sequence[int]) -> Interval:
    """The ratio of two contestants' times, paired: each numerator (..., rounds) is of the same round as its denominator."""
    return time_interval(np.asarray(numerators, dtype=float) / np.asarray(denominators, dtype=float), launches)


def equivalent(differences: Sequence[float] | NDArray[Any], margin: float) -> bool | None:
    """Whether the mean difference lies within ±`margin`: two one-sided t tests (Schuirmann 1987) at 5 % each.

    None where there are fewer than two differences. Where all are equal there is no spread to test with: the mean alone decides.
    """
    values = np.asarray(differences, dtype=float)
    if len(values) < 2:
        return None
    if np.ptp(values) < _ALL_EQUAL:
        return bool(abs(values.mean()) < margin - _ALL_EQUAL)
    above = stats.ttest_1samp(values, -margin, alternative="greater").pvalue
    below = stats.ttest_1samp(values, margin, alternative="less").pvalue
    return bool(max(above, below) < TEST_LEVEL)
