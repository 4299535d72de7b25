"""Times of which some are only known to be longer: the share that got there by time t, and the median. Called by `targets`.

Kaplan and Meier's estimate, by SciPy; the median's interval by Brookmeyer and Crowley (1982): all times at which the 95 % interval
of the share still open (log-log, Kalbfleisch and Prentice) holds one half.
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
    """The times at which anything happened, in order, and the share still open after each; a time not reached is a censored one."""
    survival = _estimate(seconds, reached)
    return np.asarray(survival.quantiles), np.asarray(survival.probabilities)


def median_interval(seconds: Sequence[float], reached: Sequence[bool]) -> Interval:
    """The median time and its interval: NaN where fewer than half got there, an infinite end where too few did to bound it.

    Where the share stays at one half for a while, the median is the middle of that while, as it is of an even count of numbers.
    Fewer than six times can't bound a median on both sides: then the interval is NaN.
    """
    survival = _estimate(seconds, reached)
    times, still_open = np.asarray(survival.quantiles), np.asarray(survival.probabilities)
    low, high = _bounds(survival, still_open, len(seconds))
    return Interval(
        _median(times, still_open),
        *((_first(times, low <= 0.5), _first(times, high < 0.5)) if _can_be_bounded(len(seconds)) else (np.nan, np.nan)),
    )


def _estimate(seconds: Sequence[float], reached: Sequence[bool]) -> Any:
    times, events = np.asarray(seconds, dtype=float), np.asarray(reached, dtype=bool)
    return ecdf(CensoredData(uncensored=times[events], right=times[~events])).sf


def _bounds(survival: Any, still_open: Array, count: int) -> tuple[Array, Array]:
    """The interval of the share still open after each time.

    Where all got there the log-log interval isn't defined; the binomial one of Clopper and Pearson stands in for it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # that it is undefined at 0 and 1: those are filled in below
        interval = survival.confidence_interval(confidence_level=CONFIDENCE, method="log-log")
    low, high = (np.array(end.probabilities, dtype=float) for end in (interval.low, interval.high))
    none_left = still_open <= 0
    low[none_left], high[none_left] = 0.0, 1 - ((1 - CONFIDENCE) / 2) ** (1 / count)
    nobody_yet = still_open >= 1
    low[nobody_yet], high[nobody_yet] = 1.0, 1.0
    return low, high


def _median(times: Array, still_open: Array) -> float:
    at_most_half = np.flatnonzero(still_open <= 0.5 + 1e-12)
    if not len(at_most_half):
        return float("nan")
    first = at_most_half[0]
    below = np.flatnonzero(still_open < 0.5 - 1e-12)
    if still_open[first] < 0.5 - 1e-12 or not len(below):
        return float(times[first])
    return float((times[first] + times[below[0]]) / 2)


def _first(times: Array, holds: Array) -> float:
    return float(times[holds.argmax()]) if holds.any() else float("inf")


def _can_be_bounded(count: int) -> bool:
    """Whether the least and the largest of `count` times lie around the median with the confidence asked for."""
    return bool(1 - 2 * 0.5**count >= CONFIDENCE)
