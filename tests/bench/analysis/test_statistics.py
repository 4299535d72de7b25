import math
import statistics

import numpy as np
import pytest
from scipy import stats

from bench.analysis.statistics import equivalent, nested_interval, ratio_interval, share_interval, student_interval, time_interval
from bench.selfcheck.coverage import (
    LAUNCH_SIGMAS,
    LAUNCHES,
    LEAST,
    MOST,
    REPEATS,
    ROUND_SIGMA,
    ROUNDS,
    SHAPES,
    TRUE_RATIO,
    simulated_pairs,
    stopped_coverage,
)
from bench.selfcheck.coverage import coverage as simulated_coverage


def coverage(interval, truth):
    return float(np.mean((interval.low <= truth) & (truth <= interval.high)))


@pytest.mark.parametrize("launches", LAUNCHES)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_intervals_hold_the_true_ratio_as_often_as_they_claim(shape, launches):
    for rounds in ROUNDS:
        assert LEAST <= simulated_coverage(shape, launches, rounds) <= MOST, f"{rounds} rounds in each of {launches} launches"


def test_the_intervals_of_a_contestant_against_itself_hold_one():
    rng = np.random.default_rng(5)
    first, second, launches = simulated_pairs("spikes in one", rng, REPEATS, launches=3, rounds=2)

    assert coverage(ratio_interval(first / TRUE_RATIO, second, launches), 1.0) >= 0.93


def test_rounds_taken_for_independent_would_cover_too_little():
    first, second, _ = simulated_pairs("normal", np.random.default_rng(1), REPEATS, launches=4, rounds=5)
    shared = np.exp(np.repeat(np.random.default_rng(2).normal(0, 2 * ROUND_SIGMA, (REPEATS, 4)), 5, axis=1))
    each_round = ratio_interval(shared * first, second, launches=range(20))
    each_launch = ratio_interval(shared * first, second, launches=np.repeat(range(4), 5))

    assert coverage(each_round, TRUE_RATIO) < 0.85
    assert coverage(each_launch, TRUE_RATIO) >= 0.93


def test_a_bootstrap_over_three_launches_would_cover_too_little():
    rng = np.random.default_rng(3)
    repeats, launches, rounds, resamples = 1000, 3, 2, 400
    first, second, _ = simulated_pairs("normal", rng, repeats, launches, rounds)
    logarithms = np.log(first / second).reshape(repeats, launches, rounds)
    drawn_launches = rng.integers(launches, size=(resamples, launches, 1))
    drawn_rounds = rng.integers(rounds, size=(resamples, launches, rounds))
    means = logarithms[:, drawn_launches, drawn_rounds].mean(axis=(2, 3))
    low, high = np.quantile(means, [0.025, 0.975], axis=1)

    assert np.mean((low <= math.log(TRUE_RATIO)) & (math.log(TRUE_RATIO) <= high)) < 0.90


def slow_ratio_interval(numerators, denominators, launches):
    """The obvious way, a pair at a time, from the textbook's formula; the quantile by integrating Student's density."""
    by_launch = {}
    for numerator, denominator, launch in zip(numerators, denominators, launches, strict=True):
        by_launch.setdefault(launch, []).append(math.log(numerator / denominator))
    medians = [statistics.median(values) for values in by_launch.values()]
    mean, error = statistics.fmean(medians), statistics.stdev(medians) / math.sqrt(len(medians))
    half = stats.t.isf(0.025, df=len(medians) - 1) * error
    return math.exp(mean), math.exp(mean - half), math.exp(mean + half)


def test_the_fast_interval_is_the_slow_one():
    rng = np.random.default_rng(4)
    for launches in ([0, 0, 1, 1, 2, 2], [5, 5, 5, 2, 2, 9], [0, 1, 2, 3]):
        first, second = (np.exp(rng.normal(0, 1, len(launches))) for _ in range(2))

        assert ratio_interval(first, second, launches) == pytest.approx(slow_ratio_interval(first, second, launches), rel=1e-12)


def test_a_hand_worked_interval():
    # Medians of the launches 2, 4 and 9: mean 5, standard deviation sqrt(13), t(2) = 4.3027.
    interval = nested_interval([1.0, 3.0, 4.0, 4.0, 4.0, 14.0], [0, 0, 1, 1, 2, 2])
    half = 4.302653 * math.sqrt(13) / math.sqrt(3)

    assert interval == pytest.approx((5.0, 5.0 - half, 5.0 + half), rel=1e-6)


def test_a_disturbed_round_moves_a_launch_of_three_rounds_by_no_more_than_its_median():
    quiet = time_interval([1.0, 1.1, 1.2, 1.0, 1.1, 1.2], [0, 0, 0, 1, 1, 1])
    disturbed = time_interval([1.0, 1.1, 99.0, 1.0, 1.1, 1.2], [0, 0, 0, 1, 1, 1])

    assert disturbed == pytest.approx(quiet)


def test_in_a_single_launch_the_rounds_stand_in_for_launches():
    assert nested_interval([1.0, 2.0, 4.0], [7, 7, 7]) == pytest.approx(student_interval([1.0, 2.0, 4.0]))


def test_a_single_value_has_no_interval():
    interval = time_interval([3.0], [0])

    assert interval.middle == pytest.approx(3.0)
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)


def test_swapping_the_two_sides_turns_the_ratio_and_its_interval_over():
    rng = np.random.default_rng(6)
    first, second = (np.exp(rng.normal(0, 1, 6)) for _ in range(2))
    there, back = (ratio_interval(*pair, [0, 0, 1, 1, 2, 2]) for pair in ((first, second), (second, first)))

    assert (there.middle, there.low, there.high) == pytest.approx((1 / back.middle, 1 / back.high, 1 / back.low))


def test_equivalence_needs_the_whole_90_percent_interval_within_the_margin():
    rng = np.random.default_rng(7)
    for scale in (0.001, 0.003, 0.01):
        differences = rng.normal(0.002, scale, 10)
        half = stats.t.ppf(0.95, 9) * differences.std(ddof=1) / math.sqrt(10)
        inside = bool(abs(differences.mean()) + half < 0.005)

        assert equivalent(differences, margin=0.005) is inside


@pytest.mark.parametrize(("difference", "answer"), [(0.0, True), (0.004, True), (-0.004, True), (0.005, False), (-0.01, False)])
def test_where_all_differences_are_equal_the_mean_alone_decides(difference, answer):
    assert equivalent([difference] * 10, margin=0.005) is answer


def test_one_difference_is_too_few_to_tell():
    assert equivalent([0.0], margin=0.005) is None


@pytest.mark.parametrize(("launches", "rounds"), [(3, 2), (4, 3), (8, 5)])
def test_where_spikes_hit_one_contestant_alone_the_interval_is_of_the_launches_mean_median(launches, rounds):
    rng = np.random.default_rng([launches, rounds])

    def logarithms(repeats):
        spikes = (rng.random((repeats, launches, rounds)) < 0.1) * rng.exponential(5, (repeats, launches, rounds))
        return rng.normal(0, 0.7, (repeats, launches, 1)) + rng.normal(0, 1.4, (repeats, launches, rounds)) + spikes

    truth = np.median(logarithms(50_000), axis=2).mean()
    interval = nested_interval(logarithms(REPEATS).reshape(REPEATS, -1), np.repeat(range(launches), rounds))

    assert 0.93 <= coverage(interval, truth) <= 0.97


@pytest.mark.parametrize("launch_sigma", LAUNCH_SIGMAS)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_interval_of_a_run_that_ends_by_its_own_rule_covers_with_disturbed_turns_too(shape, launch_sigma):
    assert LEAST <= stopped_coverage(shape, launch_sigma) <= MOST


def test_the_interval_of_a_share_is_the_exact_binomial_one():
    # None of 20: the upper end p solves (1 - p)^20 = 0.025.
    assert share_interval(0, 20) == pytest.approx((0.0, 0.0, 1 - 0.025 ** (1 / 20)))
    assert share_interval(20, 20) == pytest.approx((1.0, 0.025 ** (1 / 20), 1.0))
