import csv
import random
from pathlib import Path

import pytest
from harness import FakeClock, spec, workload

from bench.contestants.registry import CONTESTANTS
from bench.execution.durations import Durations, TimeLeft, WaitingTrials
from bench.execution.schedule import UNTIMED, PlannedTrial, plan
from bench.execution.time_plan import TimePlan
from bench.workloads.builtin import WORKLOADS

RECORDED_RUN = Path(__file__).parent / "recorded_run.csv"
"""When the trials of a whole run of two cores began and ended, in seconds; the last of its report was at `RECORDED_SECONDS`."""
RECORDED_SECONDS = 348.6


def planned(contestant="Tiny", kind="timed", name="small", point=None):
    return PlannedTrial(workload(name=name), spec(contestant), kind, seed=0, round=0, launch=0, point=point or {})


def test_nothing_is_known_while_nothing_has_ended():
    assert Durations().of(planned()) is None
    assert Durations().total([planned()]) is None
    assert Durations().total([]) == 0


def test_a_trial_outside_the_plan_is_expected_to_take_what_those_most_alike_have_taken():
    durations = Durations()
    durations.add(planned("Tiny", "scored"), 1.0)
    durations.add(planned("Tiny", "timed"), 4.0)
    durations.add(planned("Tiny", "timed"), 6.0)
    durations.add(planned("Twin", "timed", point={"width": 4}), 100.0)
    assert durations.of(planned("Tiny", "timed")) == 5.0
    assert durations.of(planned("Tiny", "timed", name="other")) == 5.0
    assert durations.of(planned("Tiny", "parity")) == pytest.approx(11 / 3)
    assert durations.of(planned("Twin", "timed", point={"width": 8})) == 100.0
    assert durations.total([planned("Tiny", "timed"), planned("Tiny", "scored")]) == 6.0


def test_before_any_trial_alike_has_ended_the_plan_is_corrected_as_far_as_it_has_been_tried():
    first, longer, other = planned("Tiny", "scored"), planned("Tiny", "parity"), planned("Twin", "timed")
    durations = Durations({first.key: 1.0, longer.key: 2.0, other.key: 10.0})
    assert durations.of(other) == 10.0
    durations.add(first, 3.0)
    assert 2.5 < durations.of(longer) < 6.0, "this contestant seems to take longer than planned"
    assert 10.0 < durations.of(other) < 11.0, "a second of the plan says little about the rest"
    for _ in range(40):
        durations.add(first, 3.0)
        durations.add(other, 10.0)
    assert durations.of(longer) == pytest.approx(6.0, rel=0.1), "by now it is known to take three times as long"
    assert durations.of(other) == pytest.approx(10.0, rel=0.1)


def test_a_trial_that_was_skipped_though_it_was_planned_makes_the_rest_of_its_cell_shorter():
    cell = [planned(contestant, point={"width": 8}) for contestant in ("Tiny", "Twin", "Other")]
    durations = Durations({one.key: 4.0 for one in cell})
    before = durations.total(cell)
    durations.add(cell[0], 0.0)
    assert durations.total(cell[1:]) < 0.9 * before * 2 / 3


def test_the_seconds_of_turns_are_shared_as_the_plan_has_it():
    slow, quick = planned("Tiny", "turns"), planned("Twin", "turns")
    durations = Durations()
    assert durations.shares([slow, quick]) == [0.5, 0.5]
    durations.expect(slow, 3.0)
    durations.expect(quick, 1.0)
    assert durations.shares([slow, quick]) == [0.75, 0.25]


def time_left(clock, **options):
    trials = plan([(workload(rounds=1, launches=1), [spec("Tiny")])], seed=1)
    made = TimePlan(trials, places=1)
    return made, TimeLeft(WaitingTrials(Durations(made.seconds), trials), made, clock, **options)


def test_the_report_is_part_of_the_time_left_and_a_budget_ends_only_what_it_may_leave_out():
    clock = FakeClock()
    made, left = time_left(clock)
    assert left.seconds() == pytest.approx(made.total_seconds)
    _, left = time_left(clock, budget_seconds=5.0)
    assert left.seconds([1.0]) == pytest.approx(made.total_seconds), "what is planned is run"
    _, left = time_left(clock, budget_seconds=made.total_seconds + 5.0)
    assert left.seconds([2.0, 2.0, 2.0]) == pytest.approx(made.total_seconds + 4.0), "a launch that doesn't fit isn't begun"
    _, left = time_left(clock, budget_seconds=5.0, cuts_plan=True)
    clock.seconds = 2.0
    assert left.seconds([1.0]) == pytest.approx(3.0)


def recorded():
    """Return each trial of the recorded run with its beginning and end."""
    with RECORDED_RUN.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            entry, contestant = WORKLOADS[row["workload"]], CONTESTANTS[row["contestant"]]
            numbers = [int(row[name]) for name in ("seed", "round", "launch")]
            yield PlannedTrial(entry, contestant, row["kind"], *numbers), float(row["began"]), float(row["ended"])


def replayed(at, **slowness):
    """Return the time left that is said in the recorded run at a moment."""
    trials = list(recorded())
    made = TimePlan([one for one, *_ in trials], places=2, **slowness)
    durations = Durations(made.seconds)
    clock = FakeClock()
    clock.seconds = at
    ended = [one for one in trials if one[2] <= at]
    for one, began, end in ended:
        together = [other for other, *times in ended if times == [began, end]] if one.kind == "turns" else [one]
        share = dict(zip([other.key for other in together], durations.shares(together), strict=True))[one.key]
        durations.add(one, (end - began) * (0.5 if one.kind in UNTIMED else share))
    waiting = [one for one, _, end in trials if end > at]
    return TimeLeft(WaitingTrials(durations, waiting), made, clock, 360.0).seconds(made.likely_launches)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.25, 0.4, 0.5, 0.6, 0.75])
def test_the_time_left_is_right_within_a_third_all_through_a_recorded_run(share):
    left = (1 - share) * RECORDED_SECONDS
    assert replayed(share * RECORDED_SECONDS) == pytest.approx(left, rel=1 / 3)


@pytest.mark.parametrize("slowness", [0.7, 1.5])
def test_at_half_time_it_is_right_even_where_the_canary_was_wrong(slowness):
    assert replayed(RECORDED_SECONDS / 2, slowness=slowness) == pytest.approx(RECORDED_SECONDS / 2, rel=1 / 3)


@pytest.mark.parametrize("seed", range(10))
def test_the_time_left_is_the_sum_over_the_trials_that_are_left(seed):
    rng = random.Random(seed)
    waiting = [
        PlannedTrial(workload(name=name), spec(contestant), kind, number, 0, 0)
        for number in range(40)
        for name in ("small", "other")
        for contestant in ("Tiny", "Twin")
        for kind in ("scored", "timed")
    ]
    durations = Durations({one.key: rng.choice([1.0, 5.0]) for one in waiting if one.kind == "scored"})
    left = WaitingTrials(durations, waiting)
    assert left.seconds() is None, "nothing is known of timed trials"
    for _ in range(len(waiting) - 10):
        ended = waiting.pop(rng.randrange(len(waiting)))
        left.remove(ended)
        durations.add(ended, rng.uniform(0.9, 1.1) * {"scored": 2.0, "timed": 3.0}[ended.kind])
        assert left.seconds() == pytest.approx(durations.total(waiting), rel=0.1)
    assert left.seconds() == pytest.approx(durations.total(waiting))
    more = PlannedTrial(workload(), spec("Tiny"), "turns", 0, 9, 9)
    left.add([more])
    assert left.seconds() == pytest.approx(durations.total([*waiting, more]))
