"""Comparisons with launches and a clock of the tests' own: no process, no waiting."""

import io
import re

import numpy as np
import pytest
from rich.console import Console

from bench.regression.compare.comparison import compare, log_ratio
from bench.regression.compare.comparison_processes import Launch
from bench.regression.compare.comparison_report import headline, markdown, screen
from bench.regression.compare.schedule import LATER_CUT, MOST_ROUNDS, ROUNDS
from bench.regression.compare.verdicts import Verdict

NAMES = ["step", "predict"]
SAME = {"errors": {}, "difference": 0.0, "same": True}


class FakeLauncher:
    """Launches of a machine whose times are made up, two at a time; each takes `seconds` on a clock that it drives itself."""

    def __init__(self, ratios=None, *, seconds=1.0, checked=None, noise=0.002):
        self.ratios = ratios or {}
        self.errors = {}
        self.now = 0.0
        self.calls = []
        self.checks = []
        self._seconds = seconds
        self._checked = checked or {}
        self._noise = noise
        self._generator = np.random.default_rng(0)

    def check(self, benchmarks, seconds):
        self.checks.append((len(self.calls), seconds))
        self.now += self._seconds
        return {name: self._checked.get(name, SAME) for name in benchmarks}

    def measure(self, plan):
        benchmarks, rounds = plan.benchmarks, plan.rounds
        self.calls.append((list(benchmarks), rounds))
        for _ in range(2):
            self.now += self._seconds
            failed = {name: self.errors[name] for name in benchmarks if name in self.errors}
            blocks = {name: self._blocks(self.ratios.get(name, 1.0), rounds) for name in benchmarks if name not in failed}
            yield Launch(blocks, failed)

    def _blocks(self, ratio, rounds):
        blocks = np.exp(self._generator.normal(0, self._noise, (rounds, 2, 12)))
        blocks[:, 1] *= ratio
        return blocks

    def compare(self, names=NAMES, least_tolerances=None, **settings):
        benchmarks = dict.fromkeys(names, 0.0) | (least_tolerances or {})
        return compare(self, benchmarks, base="b", head="h", clock=lambda: self.now, **settings)


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


MANY = [f"benchmark {number}" for number in range(40)]


def touching(*names):
    return {name: {**SAME, "touched": 0.1} for name in names}


@pytest.mark.parametrize("slower", [2, 9, 39])
def test_a_regression_in_changed_functions_is_sure_before_others_are_checked_or_measured(slower):
    launcher = FakeLauncher({MANY[slower]: 1.02}, checked=touching(MANY[slower]))
    comparison = launcher.compare(MANY)
    assert [one.name for one in comparison.of_verdict(Verdict.REGRESSED)] == [MANY[slower]]
    assert {tuple(names) for names, _ in launcher.calls} == {(MANY[slower],)}
    assert len(launcher.checks) == {2: 1, 9: 2, 39: 3}[slower]
    unchecked = [one.name for one in comparison.benchmarks if one.note == "not checked so far"]
    assert len(unchecked) == {2: 32, 9: 16, 39: 0}[slower]


def test_changed_functions_that_are_as_fast_delay_the_check_by_a_few_launches_and_take_none_of_its_time():
    launcher = FakeLauncher(checked=touching(*MANY), seconds=0.5)
    comparison = launcher.compare(MANY, budget_seconds=100)
    assert comparison.verdict is Verdict.NO_CHANGE
    early = launcher.calls[: launcher.checks[-1][0]]
    assert {name for names, _ in early for name in names} == set(MANY[:6])
    assert max(len(names) for names, _ in early) <= 3
    assert len(early) < 20
    assert [seconds for _, seconds in launcher.checks] == [50, 49.5, 49]


@pytest.mark.parametrize("width", [40, 80])
def test_the_table_keeps_its_verdicts_whole_on_a_narrow_terminal(width):
    console = Console(width=width, file=io.StringIO())
    console.print(screen(FakeLauncher({"step": 1.05}).compare(), width))
    said = console.file.getvalue()
    assert "regressed" in said
    assert ("launches" in said.splitlines()[2]) == (width == 80)
    assert max(map(len, said.splitlines())) <= width


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
    assert set(together) <= set(range(ROUNDS, MOST_ROUNDS + 1))
    assert set(alone) == {MOST_ROUNDS}


def test_rounds_are_even_however_many_benchmarks_are_left():
    names = [f"benchmark {number}" for number in range(7)]
    launcher = FakeLauncher({name: 1 + 0.002 * number for number, name in enumerate(names)}, noise=0.01)
    launcher.compare(names, budget_seconds=80)
    assert len({len(left) for left, _ in launcher.calls}) > 1
    assert all(rounds % 2 == 0 for _, rounds in launcher.calls)


def test_a_verdict_stays_while_the_process_goes_on_for_the_sake_of_others():
    launcher = FakeLauncher({"step": 0.9, "predict": 1.005}, seconds=0.1)
    measure = launcher.measure
    slower = {"step": np.ones((2, 2, 12)) * [[1.0], [1.5]], "predict": np.ones((2, 2, 12)) * [[1.0], [1.005]]}
    launcher.measure = lambda plan: (
        launch for number in range(80) for launch in ([Launch(slower)] * 2 if number > 40 else measure(plan))
    )
    comparison = launcher.compare(budget_seconds=20)
    step, predict = comparison.benchmarks
    assert step.verdict is not Verdict.INCONCLUSIVE
    assert len(step.log_ratios) < len(predict.log_ratios) < comparison.launches + 1


def test_what_computes_something_else_is_said_and_not_timed():
    launcher = FakeLauncher(checked={"step": {"errors": {}, "difference": 0.5, "same": False}})
    comparison = launcher.compare()
    assert comparison.verdict is Verdict.DIFFERENT
    assert "0.5" in comparison.benchmarks[0].note
    assert all(names == ["predict"] for names, _ in launcher.calls)
    assert comparison.benchmarks[1].verdict is Verdict.NO_CHANGE


def test_what_runs_at_head_only_is_said_and_not_timed():
    launcher = FakeLauncher(checked={"step": {"errors": {"base": "AttributeError: no fit"}}})
    comparison = launcher.compare()
    assert comparison.verdict is Verdict.LEFT_OUT
    assert comparison.benchmarks[0].note == "doesn't run at BASE: AttributeError: no fit"


def test_what_fails_at_head_is_broken_and_the_others_are_judged():
    launcher = FakeLauncher({"predict": 1.1}, checked={"step": {"errors": {"head": "ValueError: no"}}})
    comparison = launcher.compare()
    assert comparison.verdict is Verdict.BROKEN
    assert headline(comparison).startswith("broken: step: `HEAD: ValueError: no`; regressed: predict +9.9")
    assert comparison.benchmarks[1].verdict is Verdict.REGRESSED


def test_an_error_is_code_on_the_page_whatever_it_holds_and_many_are_named_in_short():
    errors = {f"b{number}": {"errors": {"head": "E: `x` | <script> @all\x1b[2J"}} for number in range(7)}
    comparison = FakeLauncher(checked=errors).compare(list(errors))
    page = markdown(comparison, {})
    assert "<script>" not in re.sub(r"`[^`]*`", "", page)
    assert "@all" not in re.sub(r"`[^`]*`", "", page)
    assert "\x1b" not in page
    assert headline(comparison).endswith("; and b5, b6")


def test_what_fails_at_head_in_a_later_launch_is_broken_and_at_base_left_out():
    launcher = FakeLauncher()
    launcher.errors = {"step": {"head": "ended by SIGSEGV"}, "predict": {"base": "not done after 40 s"}}
    comparison = launcher.compare()
    assert [benchmark.verdict for benchmark in comparison.benchmarks] == [Verdict.BROKEN, Verdict.LEFT_OUT]
    assert comparison.stop_reason == "nothing could be timed"


def test_what_the_check_did_not_reach_is_left_out():
    launcher = FakeLauncher()
    launcher.check = lambda benchmarks, seconds: {"step": SAME}
    assert launcher.compare().benchmarks[1].note.startswith("not checked")


def test_a_benchmark_that_looks_many_times_slower_is_measured_alone_and_first_in_short_launches():
    slow = {**SAME, "seconds": {"base": 1e-4, "head": 8e-2}}
    launcher = FakeLauncher({"predict": 800.0}, checked={"predict": slow})
    comparison = launcher.compare()
    assert {(tuple(names), rounds) for names, rounds in launcher.calls} == {(("predict",), ROUNDS)}
    assert comparison.benchmarks[1].is_beyond_range
    assert headline(comparison) == "regressed: predict more than 20 times"


def test_how_much_slower_a_suspect_is_comes_from_the_launches_that_are_not_cut():
    class Cutting(FakeLauncher):
        def measure(self, plan):
            for launch in super().measure(plan):
                blocks = np.minimum(launch.blocks["predict"], plan.cut_seconds)
                is_cut = blocks.max() >= plan.cut_seconds
                yield Launch({"predict": blocks}, {}, frozenset({"predict"} if is_cut else ()))

    comparison = Cutting({"predict": 10.0}, checked={"predict": {**SAME, "seconds": {"base": 1.0, "head": 10.0}}}).compare()
    predict = comparison.benchmarks[1]
    assert predict.verdict is Verdict.REGRESSED
    assert np.exp(predict.log_ratios[-1]) == pytest.approx(LATER_CUT, rel=0.02)
    assert predict.ratio == pytest.approx(10, rel=0.02)
    assert 1.1 < predict.low < 1.1 * LATER_CUT
    assert len(predict.log_ratios) == 15
    assert predict.high is None


def test_launches_that_are_ended_on_both_sides_tell_nothing_and_the_next_ones_are_ended_later():
    class ColdFirst(FakeLauncher):
        """Blocks of 70 ms at BASE, as first blocks are, where the check saw 30."""

        def measure(self, plan):
            for launch in super().measure(plan):
                blocks = 0.07 * launch.blocks["predict"]
                is_cut = plan.cut_seconds is not None and blocks.max() >= plan.cut_seconds
                blocks = np.minimum(blocks, plan.cut_seconds or np.inf)
                yield Launch({"predict": blocks}, {}, frozenset({"predict"} if is_cut else ()))

    launcher = ColdFirst({"predict": 3.0}, checked={"predict": {**SAME, "seconds": {"base": 3e-4, "head": 9e-4}}})
    predict = launcher.compare(least_tolerances={"predict": 0.02}).benchmarks[1]
    assert predict.verdict is Verdict.REGRESSED
    assert 0.0 not in predict.log_ratios
    assert len(launcher.calls) < 20


def test_a_benchmark_that_is_not_timed_does_not_end_the_check_of_the_others():
    launcher = FakeLauncher({"step": 1.1})
    found = {"predict": {**SAME, "same": False, "difference": 1.0}, "step": SAME}
    launcher.check = lambda benchmarks, seconds: {benchmarks[-1]: found[benchmarks[-1]]}
    comparison = launcher.compare()
    assert [benchmark.verdict for benchmark in comparison.benchmarks] == [Verdict.REGRESSED, Verdict.DIFFERENT]


@pytest.mark.parametrize(("ratio", "verdict"), [(10.0, Verdict.REGRESSED), (1.0, Verdict.NO_CHANGE)])
def test_a_check_that_makes_way_for_a_suspect_goes_on_unless_that_is_slower(ratio, verdict):
    launcher = FakeLauncher({"predict": ratio})
    found = {"predict": {**SAME, "seconds": {"base": 1.0, "head": 10.0}}, "step": SAME}
    launcher.check = lambda benchmarks, seconds: {benchmarks[-1]: found[benchmarks[-1]]}
    comparison = launcher.compare()
    assert comparison.verdict is verdict
    assert comparison.benchmarks[0].verdict is (Verdict.LEFT_OUT if ratio > 1 else Verdict.NO_CHANGE)


def test_a_benchmark_that_looked_slower_by_chance_is_not_measured_alone_for_long():
    launcher = FakeLauncher(checked={"predict": {**SAME, "seconds": {"base": 1e-4, "head": 8e-2}}})
    comparison = launcher.compare()
    assert comparison.verdict is Verdict.NO_CHANGE
    assert [names for names, _ in launcher.calls].count(["predict"]) <= 2


def test_what_runs_changed_code_is_measured_first():
    names = [f"benchmark {number}" for number in range(10)]
    launcher = FakeLauncher(checked={"benchmark 7": {**SAME, "touched": 0.2}, "benchmark 3": {**SAME, "touched": 0.1}})
    launcher.compare(names, budget_seconds=5)
    assert launcher.calls[0][0] == ["benchmark 7", "benchmark 3"]
    assert launcher.calls[1][0] == names


def test_the_benchmark_whose_bets_stand_best_gets_most_launches():
    names = [f"benchmark {number}" for number in range(10)]
    launcher = FakeLauncher({"benchmark 4": 1.004}, noise=0.01)
    comparison = launcher.compare(names, tolerance=0.0, budget_seconds=120)
    counts = {benchmark.name: len(benchmark.log_ratios) for benchmark in comparison.benchmarks}
    assert max(counts, key=counts.get) == "benchmark 4"


def test_a_benchmark_close_to_a_verdict_is_measured_alone_until_there_is_one():
    names = [f"benchmark {number}" for number in range(10)]
    launcher = FakeLauncher({"benchmark 4": 1.1})
    assert launcher.compare(names).verdict is Verdict.REGRESSED
    assert all(called == ["benchmark 4"] for called, _ in launcher.calls[8:])
    assert len(launcher.calls) > 8


def test_a_tolerance_of_a_benchmarks_own_holds_for_it_alone():
    launcher = FakeLauncher({"step": 1.03, "predict": 1.03})
    comparison = launcher.compare(least_tolerances={"step": 0.1}, budget_seconds=200)
    assert [benchmark.verdict for benchmark in comparison.benchmarks] != [Verdict.REGRESSED] * 2
    assert comparison.benchmarks[1].verdict is Verdict.REGRESSED


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


def test_builds_with_fewer_pairs_count_as_much_as_others():
    blocks = np.ones((2, 2, 12))
    blocks[0, 1] = 1.04
    blocks[1, :, 3:] = np.nan
    assert log_ratio(blocks) == pytest.approx(np.log(1.04) / 2)


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
