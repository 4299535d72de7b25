import os
from types import SimpleNamespace

import psutil
import pytest

from bench.execution.process_trees import is_stopped
from bench.execution.system_load import SystemLoadMeter


@pytest.fixture
def machine(monkeypatch):
    """A machine of two cores whose counters a test sets."""
    counters = SimpleNamespace(at=0.0, times={"user": 0.0, "system": 0.0, "steal": 0.0}, own={})
    monkeypatch.setattr("time.perf_counter", lambda: counters.at)
    monkeypatch.setattr(psutil, "cpu_count", lambda: 2)
    monkeypatch.setattr(psutil, "cpu_times", lambda: SimpleNamespace(**counters.times))

    class Process:
        def __init__(self, pid):
            if pid not in counters.own:
                raise psutil.NoSuchProcess(pid)
            self.user = counters.own[pid]

        def cpu_times(self):
            return SimpleNamespace(user=self.user, system=0.0)

    monkeypatch.setattr(psutil, "Process", Process)
    return counters


def test_other_processes_share_is_what_neither_the_runner_nor_its_worker_took(machine):
    meter = SystemLoadMeter()
    meter.start(7)
    machine.at = 10.0
    machine.times = {"user": 10.0, "system": 2.0, "steal": 1.0}
    machine.own = {7: 8.0}
    figures = meter.stop(7)
    assert figures["other_cpu_share"] == pytest.approx(4 / 20)
    assert figures["steal_share"] == pytest.approx(1 / 20)


def test_a_worker_that_died_makes_no_share_negative(machine):
    machine.own = {7: 8.0}
    meter = SystemLoadMeter()
    meter.start(7)
    machine.at, machine.own = 1.0, {}
    assert meter.stop(7)["other_cpu_share"] == 0.0


@pytest.mark.parametrize("error", [TypeError, RuntimeError, NotImplementedError, KeyError, OSError, psutil.AccessDenied])
def test_what_psutil_raises_where_proc_has_other_lines_is_no_error(monkeypatch, error):
    def fail(*_, **__):
        raise error

    for name in ("cpu_times", "cpu_freq", "getloadavg", "Process"):
        monkeypatch.setattr(psutil, name, fail)
    load = SystemLoadMeter()
    load.start(os.getpid())
    assert load.stop(os.getpid()) == {}
    assert is_stopped(os.getpid()) is False


def test_what_the_system_does_not_tell_is_left_out(machine, monkeypatch):
    def refuse():
        raise NotImplementedError

    monkeypatch.setattr(psutil, "cpu_freq", refuse)
    meter = SystemLoadMeter()
    meter.start(None)
    assert meter.stop(None).keys() == {"load_1min"}
