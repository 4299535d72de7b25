import math

import pytest
from harness import FakeClock, spec, workload

from bench.contestants.registry import CONTESTANTS
from bench.execution.schedule import plan
from bench.execution.time_plan import READING_SECONDS, Shares, TimePlan, part_of, plan_lines, slowness_of
from bench.workloads.builtin import WORKLOADS

NAMES = ("numpy_nn", "keras", "keras-tuned", "tensorflow", "sklearn", "floor", "article")


def default_plan(**options):
    """The plan of a default run without optional peers."""
    specs = [CONTESTANTS[name] for name in NAMES]
    entries = [
        (asked, [one for one in specs if one.name in (asked.contestants or NAMES[:-1])])
        for asked in WORKLOADS.values()
        if not asked.grid
    ]
    return TimePlan(plan(entries, seed=1), **{"places": 2, **options})


def test_the_default_plan_leaves_room_for_its_report_in_six_minutes():
    assert 240 < default_plan().total_seconds < 360


def test_parts_follow_the_plan_and_add_up_with_the_report():
    made = default_plan()
    assert [part.name for part in made.parts] == ["choosing settings", "parity and accuracy", "moons", "full-batch", "article"]
    assert made.total_seconds == pytest.approx(sum(part.seconds for part in made.parts) + made.report_seconds)


def test_a_slower_machine_takes_longer_and_more_cores_help_what_has_no_clock():
    seconds = {part.name: part.seconds for part in default_plan().parts}
    slower = {part.name: part.seconds for part in default_plan(slowness=2.0).parts}
    wider = {part.name: part.seconds for part in default_plan(places=4).parts}
    assert slower["article"] == pytest.approx(2 * seconds["article"])
    assert wider["parity and accuracy"] == pytest.approx(seconds["parity and accuracy"] / 2)
    assert wider["moons"] == seconds["moons"]


def test_the_plan_in_words_has_every_part_and_what_follows_it():
    roomy = plan_lines(default_plan(), 600, goal=0.03)
    assert all(part.name in roomy[0] for part in default_plan().parts)
    assert "launches are added until the ratios are precise, the headline's to ±3 %: about" in roomy[1]
    assert "it takes the whole time budget of 3 min 20 s" in plan_lines(default_plan(), 200, goal=0.03)[1]
    assert len(plan_lines(default_plan(), math.inf, goal=0.03)) == 1
    assert plan_lines(default_plan(), 3.6e9, goal=0.03)[1].endswith("1e+06 h at most")


def scaling_plan(**options):
    """The plan of a scaling study without optional peers."""
    asked = WORKLOADS["scaling"]
    return TimePlan(
        plan([(asked, [CONTESTANTS[name] for name in NAMES if name in asked.contestants])], seed=1), places=2, **options
    )


def test_the_plan_of_a_study_knows_that_most_of_its_trials_are_skipped_and_adds_no_launches():
    made = scaling_plan()
    assert [part.name for part in made.parts] == ["scaling"]
    assert 300 < made.total_seconds < 900
    assert len(plan_lines(made, 300, goal=0.03, cuts_plan=False)) == 1, "the default budget bounds added launches alone"
    assert "leaves out what would take longer" in plan_lines(made, 300, goal=0.03)[1]
    assert len(plan_lines(made, 2 * made.total_seconds, goal=0.03)) == 1


def test_the_plan_of_a_study_has_no_time_for_trials_that_are_likely_to_be_skipped():
    asked = WORKLOADS["scaling"]
    trials = plan([(asked, [CONTESTANTS["numpy_nn"], CONTESTANTS["keras"]])], seed=1)
    seconds = TimePlan(trials, places=2).seconds

    def of(name, width, batch):
        point = {"threads": 1, "layers": 4, "width": width, "batch": batch}
        found = [seconds[one.key] for one in trials if one.spec.name == name and one.point == point and one.kind == "timed"]
        return sum(1 for one in found if one), sum(found)

    assert of("numpy_nn", 8, 1)[0] == 6, "a steady cell has about five rounds"
    assert of("keras", 8, 1)[0] == 1, "far behind"
    assert of("keras", 8, 8)[0] == 0, "hopeless since the smaller cell"
    assert of("numpy_nn", 1024, 4096)[1] > 10 * of("numpy_nn", 8, 1)[1]


def test_the_plan_of_a_resumed_run_has_the_launches_that_it_may_still_add():
    whole = plan([(WORKLOADS["moons"], [CONTESTANTS[name] for name in NAMES[:3]])], seed=1)
    rest = TimePlan([], places=2, ended=whole)
    assert rest.parts == []
    assert rest.likely_launches == TimePlan(whole, places=2).likely_launches
    assert "launches are added" in plan_lines(rest, 600, goal=0.03)[1]


def test_a_plan_that_is_longer_than_the_time_in_which_launches_are_added_says_so():
    assert "that is longer than 3 min 20 s, after which no launch is added" in plan_lines(
        default_plan(), 200, goal=0.03, cuts_plan=False
    )


def test_a_budget_that_is_too_short_for_any_ratio_is_said_to_be_before_it_is_spent():
    least = default_plan().least_seconds
    assert "too little for any ratio" in plan_lines(default_plan(), least - 1, goal=0.03)[1]
    assert "too little" not in plan_lines(default_plan(), least + 1, goal=0.03)[1]


def test_the_slowness_counts_how_long_the_canary_waits():
    clock = FakeClock()

    def wait():
        clock.seconds += 2.5 * READING_SECONDS
        return 1.0

    assert slowness_of(wait, clock) == pytest.approx(2.5, rel=0.01)


def shares_of(budget, clock):
    planned = plan([(workload(scored_seeds=2, rounds=1, launches=1), [spec("Tiny")])], seed=1)
    made = TimePlan(planned, places=1)
    return {trial.kind: trial for trial in planned}, Shares(made, budget, clock), made


def test_a_part_that_has_used_its_share_begins_nothing_more_and_leaves_the_rest_to_others():
    clock = FakeClock()
    trials, shares, _ = shares_of(115.0, clock)
    clock.seconds = 60.0
    assert not shares.allow(trials["scored"], 1.0)
    assert shares.allow(trials["timed"], 1.0)


def test_turns_only_have_to_end_within_the_budget():
    clock = FakeClock()
    trials, shares, made = shares_of(115.0, clock)
    assert shares.end == 115.0 - made.report_seconds
    assert shares.allow(trials["turns"], shares.end)
    assert not shares.allow(trials["turns"], shares.end + 1.0)


def test_without_a_budget_everything_is_allowed():
    trials, shares, _ = shares_of(math.inf, FakeClock())
    assert all(shares.allow(trial, 1e9) for trial in trials.values())


def test_every_trial_belongs_to_a_part():
    trials, _, _ = shares_of(1.0, FakeClock())
    assert {kind: part_of(trial) for kind, trial in trials.items()} == {
        "tune": "choosing settings",
        "scored": "parity and accuracy",
        "turns": "small",
        "timed": "small",
    }
