import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.analysis.survival import kaplan_meier, median_interval

TIMES = st.lists(st.floats(0.01, 100.0).map(lambda value: round(value, 3)), min_size=1, max_size=15, unique=True)


def slow_kaplan_meier(seconds, reached):
    """The product-limit formula as it stands in Kaplan and Meier (1958)."""
    still_open, curve = 1.0, []
    for time in sorted(set(seconds)):
        at_risk = sum(other >= time for other in seconds)
        arrived = sum(other == time and done for other, done in zip(seconds, reached, strict=True))
        still_open *= 1 - arrived / at_risk
        curve.append((time, still_open))
    return curve


@given(TIMES, st.randoms(use_true_random=False))
def test_the_curve_is_the_product_limit_formula(seconds, random):
    reached = [random.random() < 0.7 for _ in seconds]
    times, still_open = kaplan_meier(seconds, reached)

    assert list(zip(times, still_open, strict=True)) == [pytest.approx(point) for point in slow_kaplan_meier(seconds, reached)]


@given(TIMES)
def test_where_all_got_there_the_median_is_the_ordinary_one(seconds):
    assert median_interval(seconds, [True] * len(seconds)).middle == pytest.approx(np.median(seconds))


def test_a_censored_time_counts_as_longer_than_it_was_seen():
    assert median_interval([1.0, 2.0, 3.0, 3.5, 9.0], [True, True, True, False, False]).middle == 3.0


def test_where_fewer_than_half_got_there_the_median_is_unknown():
    interval = median_interval([1.0, 2.0, 9.0, 9.0, 9.0, 9.0], [True, True, False, False, False, False])

    assert math.isnan(interval.middle)
    assert interval.high == math.inf


def test_where_nobody_got_there_nothing_is_known_but_that_it_takes_longer():
    _, still_open = kaplan_meier([5.0, 6.0], [False, False])

    assert still_open.tolist() == [1.0, 1.0]
    assert math.isnan(median_interval([5.0, 6.0], [False, False]).middle)


@pytest.mark.parametrize("count", [1, 5])
def test_fewer_than_six_times_bound_no_median(count):
    interval = median_interval(list(range(1, count + 1)), [True] * count)

    assert math.isnan(interval.low)
    assert math.isnan(interval.high)


def test_six_times_bound_the_median_by_the_least_and_the_largest():
    assert median_interval([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [True] * 6)[1:] == (1.0, 6.0)


@pytest.mark.parametrize("count", [6, 10])
def test_the_interval_holds_the_true_median_at_least_as_often_as_it_claims_censored_or_not(count):
    rng = np.random.default_rng(count)
    repeats, limit = 600, 2.0
    covered = 0
    for _ in range(repeats):
        times = rng.exponential(1.0, count)
        interval = median_interval(np.minimum(times, limit), times <= limit)
        covered += interval.low <= math.log(2) <= interval.high

    assert covered / repeats >= 0.93
