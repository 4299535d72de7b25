"""Pauses: what stops a worker or the runner is seen, and the trial measured again."""

import os
import signal
import sys
import threading
import time

import pytest
from harness import spec, workload

from bench.execution import pauses
from bench.execution.request_builder import RequestBuilder
from bench.execution.schedule import PlannedTrial
from bench.execution.worker_process import Launcher


class Seconds:
    now = 0.0

    def __call__(self):
        return self.now


def test_time_in_which_the_runner_or_the_worker_stood_still_does_not_count():
    clock, stopped = Seconds(), [False]
    waiting = pauses.WaitingClock(lambda: stopped[0], clock)
    for passed, stands in ((0.1, False), (60.0, False), (0.1, True), (0.1, False)):
        clock.now, stopped[0] = clock.now + passed, stands
        waiting.tick()
    assert waiting.seconds == pytest.approx(0.2)
    assert waiting.paused_seconds == pytest.approx(60.1)
    assert waiting.stopped_seconds == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("files", "quota", "throttled"),
    [
        ({"cpu.max": "150000 100000", "cpu.stat": "usage_usec 5\nthrottled_usec 2500000\n"}, 1.5, 2.5),
        ({"cpu.max": "max 100000", "cpu.stat": "usage_usec 5\n"}, None, 0.0),
        (
            {"cpu/cpu.cfs_quota_us": "50000", "cpu/cpu.cfs_period_us": "100000", "cpu/cpu.stat": "throttled_time 1000000000"},
            0.5,
            1.0,
        ),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None, 0.0),
        ({}, None, 0.0),
    ],
)
def test_the_quota_of_a_control_group_is_read(tmp_path, monkeypatch, files, quota, throttled):
    (tmp_path / "cpu").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(pauses, "CGROUP_FOLDERS", (tmp_path, tmp_path / "cpu"))
    assert pauses.cpu_quota() == quota
    assert pauses.throttled_seconds() == pytest.approx(throttled)


def test_a_meter_names_suspension_and_throttling(monkeypatch):
    figures = {"suspended": 0.0, "throttled": 0.0, "now": 0.0}
    monkeypatch.setattr(pauses, "suspended_seconds", lambda: figures["suspended"])
    monkeypatch.setattr(pauses, "throttled_seconds", lambda: figures["throttled"])
    monkeypatch.setattr(pauses, "_MONOTONIC", lambda: figures["now"])
    monkeypatch.setattr(pauses.signal, "signal", lambda number, handler: None)
    meter = pauses.PauseMeter()
    figures.update(suspended=3.0, throttled=1.0, now=10.0)
    assert meter.reasons() == [
        "the machine was suspended for 3 s",
        "the quota of the processor throttled it for 1 s of 10 s",
    ]
    meter.start()
    figures["now"] = 20.0
    assert meter.reasons() == []


@pytest.mark.parametrize(("by_another", "disturbed"), [(True, [True, True, True]), (False, [True, False, False])])
def test_processors_that_another_process_took_are_missed_for_good(monkeypatch, by_another, disturbed):
    cores = [frozenset({0, 1})]
    monkeypatch.setattr(pauses, "cores_allowed", lambda: cores[-1])
    monkeypatch.setattr(pauses.signal, "signal", lambda number, handler: None)
    meter = pauses.PauseMeter()
    if by_another:
        cores.append(frozenset({1}))
    found = []
    for _ in disturbed:
        meter.start()
        cores.append(frozenset({1}))
        found.append(meter.reasons())
    assert found == [["the processors 0 were taken away"] if each else [] for each in disturbed]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_a_trial_whose_worker_was_stopped_is_measured_again_and_no_timeout(tmp_path, monkeypatch):
    from harness import small_split

    monkeypatch.setattr("bench.execution.request_builder.make_split", small_split)
    asked = workload(rounds=1, launches=1)
    planned = PlannedTrial(asked, spec("Naps"), "timed", seed=0, round=0, launch=0)
    worker = Launcher(tmp_path)(planned.spec, 0, 1)
    try:
        request = RequestBuilder(tmp_path, threads=1).request(planned, {})
        untimed = worker.run(request, 60.0)  # its imports are done
        assert untimed.status == "ok", untimed.error
        threading.Thread(target=_stop_for, args=(worker.pid, 0.3, 2.0)).start()
        outcome = worker.run(request, 1.9)
    finally:
        worker.close()
    assert outcome.status == "ok", outcome.error
    assert outcome.figures["fit_seconds"] < 1.5
    assert any("stopped" in reason for reason in outcome.figures["disturbed"])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_a_trial_that_is_disturbed_in_each_attempt_counts_and_says_so(tmp_path, monkeypatch):
    from harness import small_split

    monkeypatch.setattr("bench.execution.request_builder.make_split", small_split)
    planned = PlannedTrial(workload(rounds=1, launches=1), spec("Disturbed"), "timed", seed=0, round=0, launch=0)
    worker = Launcher(tmp_path)(planned.spec, 0, 1)
    try:
        outcome = worker.run(RequestBuilder(tmp_path, threads=1).request(planned, {}), 60.0)
    finally:
        worker.close()
    assert outcome.status == "ok", outcome.error
    reason = "the worker was stopped and continued"
    assert outcome.figures["disturbed"] == [reason, reason, f"{reason} (in each of 3 attempts: the last one counts)"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_a_worker_that_is_stopped_for_good_is_not_waited_for_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr("bench.execution.worker_process.LEAST_STOP_SECONDS", 0.3)
    planned = PlannedTrial(workload(rounds=1, launches=1), spec("Tiny"), "timed", seed=0, round=0, launch=0)
    worker = Launcher(tmp_path)(planned.spec, 0, 1)
    try:
        os.kill(worker.pid, signal.SIGSTOP)
        outcome = worker.run(RequestBuilder(tmp_path, threads=1).request(planned, {}), 0.2)
    finally:
        worker.close()
    assert (outcome.status, outcome.error) == ("timeout", "the worker was stopped for 0 s")


def _stop_for(pid, after, seconds):
    time.sleep(after)
    os.kill(pid, signal.SIGSTOP)
    time.sleep(seconds)
    os.kill(pid, signal.SIGCONT)
