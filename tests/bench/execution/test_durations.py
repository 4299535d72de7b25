import random

import pytest
from harness import spec, workload

from bench.execution.durations import Durations, TimeLeft
from bench.execution.schedule import PlannedTrial


def planned(contestant="Tiny", kind="timed", name="small", point=None):
    return PlannedTrial(workload(name=name), spec(contestant), kind, seed=0, round=0, launch=0, point=point or {})


def test_nothing_is_known_while_nothing_has_ended():
    assert Durations().of(planned()) is None
    assert Durations().total([planned()]) is None
    assert Durations().total([]) == 0


def test_a_trial_is_expected_to_take_what_those_most_alike_have_taken():
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


def test_before_any_trial_alike_has_ended_the_plans_seconds_count_at_the_pace_of_those_that_have():
    first, second = planned("Tiny", "scored"), planned("Twin", "timed")
    durations = Durations({first.key: 1.0, second.key: 10.0})
    assert durations.of(second) == 10.0
    durations.add(first, 3.0)
    assert durations.of(second) == 30.0, "the machine is three times slower than expected"
    durations.add(second, 12.0)
    assert durations.of(second) == 12.0


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
    left = TimeLeft(durations, waiting)
    assert left.seconds() is None, "nothing is known of timed trials"
    for _ in range(len(waiting) - 10):
        ended = waiting.pop(rng.randrange(len(waiting)))
        left.ended(ended)
        durations.add(ended, rng.uniform(0.9, 1.1) * {"scored": 2.0, "timed": 3.0}[ended.kind])
        assert left.seconds() == pytest.approx(durations.total(waiting), rel=0.1)
    assert left.seconds() == pytest.approx(durations.total(waiting))
    more = PlannedTrial(workload(), spec("Tiny"), "turns", 0, 9, 9)
    left.add([more])
    assert left.seconds() == pytest.approx(durations.total([*waiting, more]))
