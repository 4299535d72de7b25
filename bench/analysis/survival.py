"""Survival analysis of right-censored times: the survival function and the median. Called by `bench.analysis.targets`.

The survival function is Kaplan and Meier's estimate, computed by SciPy. The median's interval is Brookmeyer and Crowley's (1982):
all times at which the interval of the survival function (log-log, Kalbfleisch and Prentice) contains one half.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import CensoredData, ecdf

from bench.analysis.statistics import CONFIDENCE, Interval

Array = NDArray[Any]


def kaplan_meier(seconds: Sequence[float], reached: Sequence[bool]) -> tuple[Array, Array]:
    """The sorted times, and the survival function after each of them; times that aren't `reached` are censored."""
    survival = _estimate(seconds, reached)
    return np.asarray(survival.quantiles), np.asarray(survival.probabilities)


def median_interval(seconds: Sequence[float], reached: Sequence[bool]) -> Interval:
    """The median time and its interval: the median is NaN if fewer than half are reached, an end is infinite if it has no bound.

    If the survival function is one half over a range of times, the median is the middle of that range, as it is for an even count
    of numbers. Too few times (fewer than six at 95 % confidence) can't bound a median on both sides, and the interval is NaN.
    """
    survival = _estimate(seconds, reached)
    times, survivors = np.asarray(survival.quantiles), np.asarray(survival.probabilities)
    low, high = _bounds(survival, survivors, len(seconds))
    return Interval(
        _median(times, survivors),
        *((_first(times, low <= 0.5), _first(times, high < 0.5)) if _can_be_bounded(len(seconds)) else (np.nan, np.nan)),
    )


def _estimate(seconds: Sequence[float], reached: Sequence[bool]) -> Any:
    times, events = np.asarray(seconds, dtype=float), np.asarray(reached, dtype=bool)
    return ecdf(CensoredData(uncensored=times[events], right=times[~events])).sf


def _bounds(survival: Any, survivors: Array, count: int) -> tuple[Array, Array]:
    """The interval of the survival function after each time.

    Where it is zero, the log-log interval is undefined, and Clopper and Pearson's binomial interval replaces it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # undefined at 0 and 1, which are filled in below
        interval = survival.confidence_interval(confidence_level=CONFIDENCE, method="log-log")
    low, high = (np.array(end.probabilities, dtype=float) for end in (interval.low, interval.high))
    at_zero = survivors <= 0
    low[at_zero], high[at_zero] = 0.0, 1 - ((1 - CONFIDENCE) / 2) ** (1 / count)
    at_one = survivors >= 1
    low[at_one], high[at_one] = 1.0, 1.0
    return low, high


def _median(times: Array, survivors: Array) -> float:
    at_most_half = np.flatnonzero(survivors <= 0.5 + 1e-12)
    if not len(at_most_half):
        return float("nan")
    first = at_most_half[0]
    below = np.flatnonzero(survivors < 0.5 - 1e-12)
    if survivors[first] < 0.5 - 1e-12 or not len(below):
        return float(times[first])
    return float((times[first] + times[below[0]]) / 2)


def _first(times: Array, holds: Array) -> float:
    return float(times[holds.argmax()]) if holds.any() else float("inf")


def _can_be_bounded(count: int) -> bool:
    """Whether the smallest and the largest of `count` times enclose the median with probability `CONFIDENCE` or more."""
    return bool(1 - 2 * 0.5**count >= CONFIDENCE)
