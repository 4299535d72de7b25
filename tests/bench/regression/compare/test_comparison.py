"""Comparisons with launches and a clock of the tests' own: no process, no waiting."""

import numpy as np
import pytest

from bench.regression.compare.comparison import ROUNDS, compare, log_ratio
from bench.regression.compare.verdicts import Verdict

NAMES = ["step", "predict"]
SAME = {"errors": {}, "difference": 0.0, "same": True}


class FakeLauncher:
    """Launches of a machine whose times are made up, two at a time; each takes `seconds` on a clock that it drives itself."""

    def __init__(self, ratios=None, *, seconds=1.0, checked=None, noise=0.002):
        self.ratios = ratios or {}
        self.now = 0.0
        self.calls = []
        self._seconds = seconds
        self._checked = checked or {}
        self._noise = noise
        self._generator = np.random.default_rng(0)

    def check(self, benchmarks):
        return {name: self._checked.get(name, SAME) for name in benchmarks}

    def measure(self, benchmarks, rounds):
        self.calls.append((list(benchmarks), rounds))
        self.now += 2 * self._seconds
        return [{name: self._blocks(self.ratios.get(name, 1.0), rounds) for name in benchmarks} for _ in range(2)]

    def _blocks(self, ratio, rounds):
        blocks = np.exp(self._generator.normal(0, self._noise, (rounds, 2, 12)))
        blocks[:, 1] *= ratio
        return blocks

    def compare(self, names=NAMES, **settings):
        return compare(self, names, base="b", head="h", clock=lambda: self.now, **settings)


def test_equal_sides_end_by_themselves_with_no_change():
    comparison = FakeLauncher().compare()
    assert comparison.verdict is Verdict.NO_CHANGE
    assert comparison.stop_reason == "every verdict is sure"
    assert all(benchmark.low < 1 < benchmark.high for benchmark in comparison.benchmarks)


def test_a_slowdown_ends_the_comparison_as_soon_as_it_is_sure():
    launcher = FakeLauncher({"step": 1.05})
    comparison = launcher.compare()
    assert comparison.verdict is Verdict.REGRESSED
    assert comparison.stop_reason == "a regression is sure"
    step = comparison.benchmarks[0]
    assert 1.005 < step.low < step.ratio < step.high
    assert step.ratio == pytest.approx(1.05, rel=0.01)
    assert len(launcher.calls) < 20


def test_a_speedup_is_an_improvement():
    assert FakeLauncher({"step": 0.95}).compare().verdict is Verdict.IMPROVED


def test_with_no_tolerance_equal_sides_use_up_the_budget_and_stay_inconclusive():
    comparison = FakeLauncher().compare(tolerance=0.0, budget_seconds=30)
    assert comparison.verdict is Verdict.INCONCLUSIVE
    assert comparison.stop_reason == "the time budget ended"
    assert comparison.elapsed_seconds <= 30


def test_a_budget_of_nothing_measures_one_launch_at_most():
    launcher = FakeLauncher(noise=0.1)
    comparison = launcher.compare(budget_seconds=0.5)
    assert comparison.verdict is Verdict.INCONCLUSIVE
    assert len(launcher.calls) <= 1


def test_a_benchmark_that_is_decided_is_launched_no_more_and_its_time_goes_to_the_others():
    launcher = FakeLauncher({"step": 1.005})  # at the edge of the tolerance: hard to decide
    launcher.compare(budget_seconds=60)
    alone = [rounds for names, rounds in launcher.calls if names == ["step"]]
    together = [rounds for names, rounds in launcher.calls if len(names) == 2]
    assert together
    assert alone
    assert set(together) == {ROUNDS}
    assert set(alone) == {2 * ROUNDS}


def test_rounds_are_even_however_many_benchmarks_are_left():
    names = [f"benchmark {number}" for number in range(7)]
    launcher = FakeLauncher({name: 1 + 0.002 * number for number, name in enumerate(names)}, noise=0.01)
    launcher.compare(names, budget_seconds=80)
    assert len({len(left) for left, _ in launcher.calls}) > 1
    assert all(rounds % 2 == 0 for _, rounds in launcher.calls)


def test_a_verdict_stays_though_more_launches_came_with_the_one_that_made_it_sure():
    launcher = FakeLauncher({"step": 1.05})
    measure = launcher.measure
    launcher.measure = lambda benchmarks, rounds: [
        launch
        for launches in [measure(benchmarks, rounds) for _ in range(40)]
        for launch in (*launches, {name: blocks[:, ::-1] for name, blocks in launches[0].items()})
    ]
    comparison = launcher.compare(budget_seconds=70)
    assert comparison.launches > 100
    assert len(comparison.benchmarks[1].log_ratios) < comparison.launches


def test_what_computes_something_else_is_said_and_not_timed():
    launcher = FakeLauncher(checked={"step": {"errors": {}, "difference": 0.5, "same": False}})
    comparison = launcher.compare()
    assert comparison.verdict is Verdict.DIFFERENT
    assert "0.5" in comparison.benchmarks[0].note
    assert all(names == ["predict"] for names, _ in launcher.calls)
    assert comparison.benchmarks[1].verdict is Verdict.NO_CHANGE


def test_what_runs_on_one_side_only_is_said_and_not_timed():
    launcher = FakeLauncher(checked={"step": {"errors": {"base": "AttributeError: no fit"}}})
    comparison = launcher.compare()
    assert comparison.verdict is Verdict.LEFT_OUT
    assert comparison.benchmarks[0].note == "runs on one side only: BASE: AttributeError: no fit"


def test_where_nothing_can_be_timed_it_stops_at_once():
    launcher = FakeLauncher(checked={name: {"errors": {"base": "x", "head": "y"}} for name in NAMES})
    comparison = launcher.compare()
    assert comparison.stop_reason == "nothing could be timed"
    assert not launcher.calls


def test_a_difference_by_rounding_is_timed_and_noted():
    launcher = FakeLauncher(checked={"step": {"errors": {}, "difference": 1e-7, "same": True}})
    step = launcher.compare().benchmarks[0]
    assert step.verdict is Verdict.NO_CHANGE
    assert step.note == "outcomes differ by up to 1e-07"


def test_a_launch_is_not_moved_where_half_of_its_blocks_are_disturbed_on_either_side():
    for disturbed in ([0], [1], [0, 1]):
        blocks = np.ones((1, 2, 12))
        blocks[:, 1] = 1.01
        for side in disturbed:
            blocks[0, side, side::2] = 5 + 4 * side
        assert log_ratio(blocks) == pytest.approx(np.log(1.01))


def test_every_build_of_a_launch_counts_as_much():
    blocks = np.ones((2, 2, 12))
    blocks[0, 1] = 1.04
    assert log_ratio(blocks) == pytest.approx(np.log(1.04) / 2)


def test_swapping_the_sides_turns_a_launchs_log_ratio_around():
    blocks = np.random.default_rng(3).lognormal(size=(4, 2, 12))
    assert log_ratio(blocks[:, ::-1]) == pytest.approx(-log_ratio(blocks), rel=1e-12)


def test_many_launches_at_once_give_what_each_gives_alone():
    blocks = np.random.default_rng(3).lognormal(size=(5, 4, 2, 12))
    assert list(log_ratio(blocks)) == [log_ratio(launch) for launch in blocks]
