"""Launches of turns in a run: how many there are, who takes part, and what there is time for."""

from collections import Counter
from dataclasses import replace

import pytest
from fake_runs import FIGURES, NAMES, failing, job, run
from harness import FakeLaunch, FakeWorker, Watcher, spec

from bench.execution.runner import Limits, Wanted
from bench.execution.schedule import key_of, plan
from bench.execution.time_plan import Cost
from bench.execution.turn_rounds import ENOUGH_TURNS
from bench.execution.worker_process import Outcome
from bench.records import read_run

pytestmark = pytest.mark.usefixtures("light_data")


def wanting(times):
    """Limits that want another launch of both contestants so many times."""
    answers = iter([Wanted("small", NAMES)] * times)
    return Limits(lambda _: next(answers, "it is enough"))


def turns_of(trials):
    return [trial for trial in trials if trial.kind == "turns"]


def test_launches_of_turns_are_added_until_it_is_precise_enough(tmp_path):
    made, trials, _ = run(job(tmp_path, rounds=2, launches=2), limits=wanting(2))
    assert sorted((trial.round, trial.contestant) for trial in turns_of(trials)) == [(n, name) for n in range(4) for name in NAMES]
    assert len({trial.launch for trial in turns_of(trials)}) == 4
    assert sum(trial.kind == "timed" for trial in trials) == 4, "whole fits aren't added"
    assert made.stop_reason == "it is enough"


def test_a_launch_is_added_for_the_contestants_that_need_it(tmp_path):
    answers = iter([Wanted("small", ["Twin"]), "it is enough"])
    _, trials, _ = run(job(tmp_path, rounds=1, launches=1), limits=Limits(lambda _: next(answers)))
    assert [(trial.contestant, trial.round) for trial in turns_of(trials)] == [("Tiny", 0), ("Twin", 0), ("Twin", 1)]


def test_the_time_left_has_the_launches_that_are_likely_to_follow(tmp_path):
    def left(number):
        answers, watcher = iter([Wanted("small", NAMES, dict.fromkeys(NAMES, number))]), Watcher()
        (tmp_path / str(number)).mkdir()
        run(job(tmp_path / str(number), rounds=1, launches=1), None, Limits(lambda _: next(answers, "it is enough")), watcher)
        return watcher.seconds_left[-1]

    assert left(200) > left(20) > left(1)


def test_no_launch_is_begun_that_would_not_fit_into_the_budget(tmp_path):
    launch = FakeLaunch()
    made, trials, _ = run(job(tmp_path, rounds=2, launches=1), launch, Limits(lambda _: Wanted("small", NAMES), 60.0))
    assert 40.0 < launch.clock() < 60.0
    assert len(turns_of(trials)) > 4
    assert "time budget of 60 s" in made.stop_reason


def test_planned_trials_without_time_are_left_out_and_a_resumed_run_makes_up_for_them(tmp_path):
    launch = FakeLaunch()
    fields = {"scored_seeds": 60, "rounds": 1, "launches": 6}
    whole = {planned.key for planned in plan(job(tmp_path, **fields).entries, seed=1)}
    made, trials, _ = run(job(tmp_path, **fields), launch, Limits(time_budget_seconds=110.0, cuts_plan=True))
    assert launch.clock() <= 110.0
    assert {trial.kind for trial in trials} == {"tune", "scored", "timed", "turns"}, "each part has its share"
    assert made.stop_reason == f"for {len(whole) - len(trials)} planned trials there was no time: --resume runs them"
    _, trials, _ = run(job(tmp_path, ended=read_run(tmp_path).trials, **fields))
    assert Counter(map(key_of, trials)) == Counter(dict.fromkeys(whole, 1))


def test_launches_are_not_added_when_nobody_is_left_that_trains(tmp_path):
    made, _, launch = run(job(tmp_path, rounds=2), FakeLaunch(outcome=failing(*NAMES)), Limits(lambda _: Wanted("small", NAMES)))
    assert made.stop_reason == "no contestant is left that trains"
    assert len(launch.ran) < 10
    assert launch.turned == []


def test_turns_alternate_in_random_order_until_each_contestant_has_enough(tmp_path):
    _, trials, launch = run(job(tmp_path, rounds=1, launches=1))
    rounds = [sorted(launch.turned[start : start + 2]) for start in range(0, len(launch.turned), 2)]
    assert rounds == [[("Tiny", 1), ("Twin", 1)]] * ENOUGH_TURNS
    assert len({tuple(launch.turned[start : start + 2]) for start in range(0, len(launch.turned), 2)}) == 2
    assert [len(trial.turns) for trial in turns_of(trials)] == [ENOUGH_TURNS] * 2


def test_a_launch_with_turns_that_was_killed_is_measured_again_and_nothing_twice(tmp_path):
    fields = {"rounds": 1, "launches": 3}
    killed = []

    def kill(request):
        if request.kind == "turns" and not killed and len(read_run(tmp_path).trials) > 4:
            killed.append(request)
            raise KeyboardInterrupt
        return Outcome("ok", figures=FIGURES)

    made, trials, _ = run(job(tmp_path, **fields), FakeLaunch(outcome=kill))
    assert made.status == "interrupted"
    assert len(turns_of(trials)) == 2
    _, trials, launch = run(job(tmp_path, ended=read_run(tmp_path).trials, **fields))
    assert Counter((trial.contestant, trial.round) for trial in turns_of(trials)) == {
        (name, n): 1 for name in NAMES for n in range(3)
    }
    assert {number for _, number in launch.turned} == {2, 3}


def test_a_resumed_run_counts_on_from_the_launches_that_were_added_before_it_was_killed(tmp_path):
    fields = {"rounds": 2, "launches": 1}
    run(job(tmp_path, **fields), limits=wanting(2))
    _, trials, _ = run(job(tmp_path, ended=read_run(tmp_path).trials, **fields), limits=wanting(1))
    assert sorted({(trial.round, trial.launch) for trial in turns_of(trials)}) == [(n, n + 1) for n in range(4)]
    assert len({key_of(trial) for trial in trials}) == len(trials)


def test_a_contestant_that_fails_in_a_turn_leaves_the_others_to_theirs(tmp_path, monkeypatch):
    turn = FakeWorker.turn

    def fail(self, seconds, limit):
        return Outcome("failed", error="RuntimeError: no") if self.name == "Tiny" else turn(self, seconds, limit)

    monkeypatch.setattr(FakeWorker, "turn", fail)
    _, trials, _ = run(job(tmp_path, rounds=1, launches=1))
    assert [(trial.contestant, trial.status, len(trial.turns or [])) for trial in turns_of(trials)] == [
        ("Tiny", "failed", 0),
        ("Twin", "ok", ENOUGH_TURNS),
    ]


def test_the_ratios_are_said_to_be_other_ones_once_after_each_launch_of_turns(tmp_path):
    watcher = Watcher()
    run(job(tmp_path, rounds=1, launches=2), limits=wanting(1), watcher=watcher)
    assert watcher.launches == ["small"] * 3


def test_a_launch_without_time_for_all_keeps_the_headlines_contestants(tmp_path, monkeypatch):
    monkeypatch.setattr("bench.execution.time_plan.UNKNOWN_COST", Cost(100.0, 0.0))
    names = ("numpy_nn", "keras", "Twin")
    asked = job(tmp_path, specs=[replace(spec("Tiny"), name=name) for name in names], rounds=1, launches=1)
    _, trials, _ = run(asked, limits=Limits(time_budget_seconds=60.0, cuts_plan=True))
    assert {trial.contestant for trial in turns_of(trials)} == {"numpy_nn", "keras"}
