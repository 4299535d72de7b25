import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.regression.compare.e_process import LARGEST_STAKE, SENSITIVITIES, DecisionRule, log_wealth
from bench.regression.compare.verdicts import Verdict, overall

LOG_RATIOS = st.lists(st.floats(-0.2, 0.2), min_size=1, max_size=40)


def obvious_wealth(log_ratios, centre, above):
    """As the module's docstring has it: a purse for each λ, one bet after the other."""
    purses = [1 / len(SENSITIVITIES)] * len(SENSITIVITIES)
    for value in log_ratios:
        for number, sensitivity in enumerate(SENSITIVITIES):
            sign = 1 if (value > centre) == above else -1
            stake = LARGEST_STAKE * math.tanh(sensitivity * abs(value - centre))
            purses[number] *= 1 + sign * stake
    return sum(purses)


@given(log_ratios=LOG_RATIOS, centre=st.floats(-0.05, 0.05), above=st.booleans())
def test_wealth_is_that_of_the_obvious_version(log_ratios, centre, above):
    expected = obvious_wealth(log_ratios, centre, above)
    assert math.exp(log_wealth(log_ratios, centre, above=above)) == pytest.approx(expected, rel=1e-9, abs=1e-300)


@given(sizes=st.lists(st.floats(0, 0.3), min_size=1, max_size=9), above=st.booleans())
def test_betting_on_signs_that_are_tossed_is_a_fair_game_whatever_the_sizes(sizes, above):
    wealths = [
        math.exp(log_wealth(np.multiply(sizes, signs), 0.0, above=above)) for signs in itertools.product((-1, 1), repeat=len(sizes))
    ]
    assert np.mean(wealths) == pytest.approx(1, rel=1e-9)


@given(log_ratios=LOG_RATIOS, centres=st.tuples(st.floats(-0.1, 0.1), st.floats(-0.1, 0.1)))
def test_the_further_up_the_centre_the_less_is_won_by_betting_on_above(log_ratios, centres):
    low, high = sorted(centres)
    assert log_wealth(log_ratios, low, above=True) >= log_wealth(log_ratios, high, above=True)
    assert log_wealth(log_ratios, low, above=False) <= log_wealth(log_ratios, high, above=False)


@given(log_ratios=LOG_RATIOS, tolerance=st.floats(0, 0.05))
def test_the_verdict_says_what_the_interval_says(log_ratios, tolerance):
    rule = DecisionRule(3, tolerance)
    low, high = rule.interval(log_ratios)
    assert low <= rule.estimate(log_ratios) * (1 + 1e-5)
    assert rule.estimate(log_ratios) <= high * (1 + 1e-5)
    if min(abs(math.log(end) - sign * math.log1p(tolerance)) for end in (low or 1e-9, high) for sign in (-1, 1)) < 1e-5:
        return  # too near to the edge for an interval found by halving
    verdict = rule.verdict(log_ratios)
    assert (verdict is Verdict.NO_CHANGE) == (1 / (1 + tolerance) < low and high < 1 + tolerance)
    alarm_low, alarm_high = replace(rule, interval_level=rule.level).interval(log_ratios)
    if min(abs(math.log(end) - sign * math.log1p(tolerance)) for end in (alarm_low or 1e-9, alarm_high) for sign in (-1, 1)) < 1e-5:
        return
    assert (verdict is Verdict.REGRESSED) == (alarm_low > 1 + tolerance)
    assert (verdict is Verdict.IMPROVED) == (alarm_high < 1 / (1 + tolerance))


def test_a_false_alarm_asks_for_more_evidence_than_an_interval_and_implies_it():
    rule = DecisionRule(5, 0.0)
    assert rule.log_threshold(rule.level) > rule.log_threshold(rule.interval_level)
    first = next(count for count in range(1, 100) if rule.verdict([0.01] * count) is Verdict.REGRESSED)
    assert rule.interval([0.01] * first)[0] > 1


@given(log_ratios=LOG_RATIOS)
def test_swapping_the_sides_swaps_regressed_and_improved(log_ratios):
    swapped = {Verdict.REGRESSED: Verdict.IMPROVED, Verdict.IMPROVED: Verdict.REGRESSED}
    verdict = DecisionRule(2, 0.005).verdict(log_ratios)
    assert DecisionRule(2, 0.005).verdict([-value for value in log_ratios]) is swapped.get(verdict, verdict)


@given(log_ratios=LOG_RATIOS, tolerance=st.sampled_from([0.0, 0.005, 0.05]), level=st.sampled_from([0.5, 0.05]))
def test_the_first_verdict_is_that_of_looking_after_every_launch(log_ratios, tolerance, level):
    rule = DecisionRule(1, tolerance, level)
    looks = [rule.verdict(log_ratios[:count]) for count in range(1, len(log_ratios) + 1)]
    sure = [(verdict, count) for count, verdict in enumerate(looks, start=1) if verdict is not Verdict.INCONCLUSIVE]
    assert rule.first_verdict(log_ratios) == (sure[0] if sure else (Verdict.INCONCLUSIVE, len(log_ratios)))


def test_a_few_launches_can_say_nothing_however_large_the_change():
    assert DecisionRule(5, 0.0).verdict([0.5] * 10) is Verdict.INCONCLUSIVE
    assert DecisionRule(5, 0.0).verdict([0.5] * 17) is Verdict.REGRESSED


def test_one_wild_launch_does_not_overturn_the_others():
    assert DecisionRule(5, 0.0).verdict([0.01] * 30 + [-0.9]) is Verdict.REGRESSED


def test_more_benchmarks_ask_for_more_evidence():
    log_ratios = next([0.02] * n for n in range(1, 100) if DecisionRule(1, 0.0).verdict([0.02] * n) is Verdict.REGRESSED)
    assert DecisionRule(50, 0.0).verdict(log_ratios) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(("change", "verdict"), [(0.01, Verdict.REGRESSED), (-0.01, Verdict.IMPROVED), (0.0, Verdict.NO_CHANGE)])
def test_a_clear_change_gets_its_verdict(change, verdict):
    noise = np.random.default_rng(1).normal(0, 0.003, 80)
    assert DecisionRule(5, 0.005).verdict(change + noise) is verdict


def test_the_gravest_verdict_is_that_of_the_whole():
    assert overall([Verdict.NO_CHANGE, Verdict.INCONCLUSIVE, Verdict.REGRESSED, Verdict.DIFFERENT]) is Verdict.REGRESSED
    assert overall([Verdict.NO_CHANGE, Verdict.IMPROVED]) is Verdict.IMPROVED
    assert overall([Verdict.IMPROVED, Verdict.INCONCLUSIVE]) is Verdict.INCONCLUSIVE
