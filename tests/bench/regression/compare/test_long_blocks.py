import signal
import time
from types import SimpleNamespace

import pytest

from bench.micro.benchmark import Benchmark, Work
from bench.regression.compare import comparison_worker, long_blocks
from bench.regression.compare.long_blocks import Progress, ended_after, ended_where_it_gets_on
from bench.regression.compare.position import SIDES, Position

needs_timer = pytest.mark.skipif(not long_blocks.HAS_TIMER, reason="no timers")


def waits():
    while True:
        yield


def waits_in_a_nested_loop():
    while True:
        yield from (number for number in range(5))


def repeats():
    for _ in range(10**9):
        yield


def converges():
    error = 1.0
    while True:
        error *= 0.999
        yield


@pytest.mark.parametrize(
    ("program", "gets_on"), [(waits, False), (waits_in_a_nested_loop, False), (repeats, True), (converges, True)]
)
def test_a_program_gets_on_whose_values_are_other_ones_each_time(program, gets_on):
    running, progress = program(), Progress()
    for _ in range(100):
        next(running)
        progress.sample(running.gi_frame)
    assert progress.is_made() is gets_on


def test_one_that_stops_getting_on_hangs():
    running, progress = repeats(), Progress()
    for number in range(100):
        if number < 40:
            next(running)
        progress.sample(running.gi_frame)
    assert not progress.is_made()


@needs_timer
def test_a_handler_of_the_programs_own_is_left_alone(monkeypatch):
    monkeypatch.setattr(long_blocks, "FIRST_SAMPLE_SECONDS", 0.01)
    before = signal.signal(signal.SIGALRM, signal.SIG_IGN)
    try:
        with ended_where_it_gets_on(0.0):
            for _ in range(50):
                time.sleep(0.001)
        assert signal.getsignal(signal.SIGALRM) is signal.SIG_IGN
        for limited in (ended_after(5.0), ended_where_it_gets_on(5.0)):
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            with limited:
                signal.signal(signal.SIGALRM, signal.SIG_IGN)  # as at a first call
            assert signal.getsignal(signal.SIGALRM) is signal.SIG_IGN
            assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    finally:
        signal.signal(signal.SIGALRM, before)


class Repeated(Work):
    """At HEAD, a thousand times the work of BASE, in a loop."""

    def __init__(self, package, _):
        self.times = package.times

    def __call__(self):
        for _ in range(self.times):
            time.sleep(0.002)

    def outcome(self):
        return []


@needs_timer
def test_the_check_ends_a_call_that_is_hopelessly_slow_and_gets_on(monkeypatch, tmp_path):
    monkeypatch.setattr(long_blocks, "FIRST_SAMPLE_SECONDS", 0.01)
    monkeypatch.setattr(long_blocks, "SAMPLE_SECONDS", 0.004)
    monkeypatch.setattr(comparison_worker, "ENDED_SECONDS", 0.1)
    suites = {side: {"step": Benchmark("step", "", dict.fromkeys(("one", "other"), Repeated))} for side in SIDES}
    libraries = {"base": SimpleNamespace(times=1), "head": SimpleNamespace(times=1000)}
    found = comparison_worker.check("step", suites, libraries, Position(tmp_path / "position", ["step"]))
    assert found["variants"] == ["one"]
    assert found["ended"] == found["seconds"]["head"] > 20 * found["seconds"]["base"]
    assert not found["errors"]
