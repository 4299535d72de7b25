import pytest
from harness import spec, workload

from bench.execution.durations import Durations
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
