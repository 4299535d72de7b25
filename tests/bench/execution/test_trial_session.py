import time

import numpy as np
import pytest
from contestants_for_tests import tiny
from harness import FakeClock
from trial_sessions import figures, ticking

from bench.execution.trial_session import TrialSession, read_task


def test_weights_come_back_in_their_order_however_many_there_are(request_of, tmp_path):
    many = [np.full(1, float(index)) for index in range(12)]
    np.savez(tmp_path / "data.npz", x=0, y=0, x_test=0, y_test=0, **{f"weights_{index}": array for index, array in enumerate(many)})
    assert [weight.item() for weight in read_task(request_of("timed")).weights] == list(range(12))


def test_cold_start_counts_from_the_start_of_the_process_and_building_from_the_request(request_of):
    clock = FakeClock()
    clock.seconds = 100.0
    contestant = ticking(tiny.Tiny, clock, build=2.0)
    first = figures(request_of("timed", spawned_at=95.0), contestant, clock)
    assert (first["cold_start_seconds"], "build_seconds" in first) == (7.0, False)
    later = figures(request_of("timed"), contestant, clock)
    assert (later["build_seconds"], "cold_start_seconds" in later) == (2.0, False)


def test_the_latency_of_a_prediction_needs_no_step_to_be_compiled(request_of):
    class CannotTrain(tiny.Tiny):
        def warm_up(self):
            raise AssertionError("nothing is trained here")

    assert figures(request_of("predict", prediction_rows=[1]), CannotTrain, time.perf_counter)["latencies"]


def test_tuning_answers_the_contestants_choice_and_nothing_where_there_is_none(request_of):
    assert figures(request_of("tune"), tiny.Tuned)["details"] == {"options": {"speed": 16}}
    assert figures(request_of("tune")) == {}
    both = type("Both", (tiny.Tiny,), {"tune": classmethod(lambda cls, task: {"together": True, "options": 3})})
    assert figures(request_of("tune"), both)["details"] == {"options": {"together": True, "options": 3}}, "its own names"
    tiny_one = type("Tells", (tiny.Tiny,), {"tune": classmethod(lambda cls, task: "fast")})
    with pytest.raises(ValueError, match="tune returned 'fast': it must be a mapping"):
        figures(request_of("tune"), tiny_one)


def test_what_a_contestant_says_of_itself_is_recorded(request_of, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert figures(request_of("timed", task={"options": {"speed": 5}}), tiny.Tuned)["details"] == {"speed": 5, "threads": "3"}


def test_the_same_request_again_trains_on_with_the_contestant_that_was_kept_and_any_other_builds_anew(request_of):
    built = []

    class Counted(tiny.Tiny):
        def __init__(self, task):
            super().__init__(task)
            built.append(task.seed)

    session = TrialSession(lambda _: Counted, FakeClock())
    kept = request_of("timed", keep=True)
    first, again = session.measure(kept), session.measure(kept)
    assert (built, "build_seconds" in first, "build_seconds" in again) == ([0], True, False)
    assert again["steps"] == first["steps"]
    session.measure(request_of("timed", keep=True, task={"seed": 1}))
    session.measure(kept)
    session.measure(request_of("timed"))
    session.measure(request_of("timed"))
    assert built == [0, 1, 0, 0, 0]
