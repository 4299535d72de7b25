import math

import pytest
from synthetic import change_trials, synthetic_run

from bench.analysis.repeats import BETWEEN_TWO_RUNS, Repeat, repeats
from bench.analysis.timing import RatioRow


def row(ratio, low, high):
    return RatioRow("moons", "numpy_nn", "keras", "step", ratio, low, high, 4, 4)


@pytest.mark.parametrize(
    ("first", "second", "agrees"),
    [
        ((0.10, 0.09, 0.111), (0.11, 0.099, 0.122), True),
        ((0.10, 0.095, 0.105), (0.110, 0.1045, 0.1155), False),  # the intervals overlap, yet the quotient is clearly above 1
        ((0.0659, 0.0641, 0.0676), (0.0697, 0.068, 0.0714), True),  # two runs of one code, half an hour apart
        ((0.10, math.nan, math.nan), (0.10, 0.09, 0.11), None),
    ],
)
def test_two_ratios_agree_where_their_quotient_cannot_be_told_from_1(first, second, agrees):
    assert Repeat(row(*first), row(*second)).agrees is agrees


def test_the_quotients_half_width_is_the_root_of_the_sum_of_squares():
    middle, low, high = Repeat(row(1.0, math.exp(-0.3), math.exp(0.3)), row(2.0, 2 * math.exp(-0.4), 2 * math.exp(0.4))).quotient
    half = math.sqrt(0.3**2 + 0.4**2 + BETWEEN_TWO_RUNS**2)
    assert (middle, low, high) == pytest.approx((2.0, 2 * math.exp(-half), 2 * math.exp(half)))


def test_a_run_agrees_with_itself_on_every_headline_ratio():
    data = synthetic_run(rounds=4, launches=2)
    assert [(repeat.first.reference, repeat.agrees) for repeat in repeats(data, data)] == [("keras", True), ("keras-tuned", True)]


def test_only_ratios_that_both_runs_have_are_compared():
    data = synthetic_run(rounds=4, launches=2)
    without = change_trials(data, lambda trial: None, contestant="keras-tuned")
    assert [repeat.first.reference for repeat in repeats(data, without)] == ["keras"]
