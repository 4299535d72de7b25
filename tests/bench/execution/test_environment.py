import subprocess
import sys
from types import SimpleNamespace

import psutil
import pytest

from bench.execution import environment, system_load


def test_the_environment_names_machine_libraries_and_blas():
    found = environment.describe(1)
    assert found.cpu
    assert 1 <= found.cores <= psutil.cpu_count()
    assert found.memory_bytes > 2**28
    assert {"numpy", "pandas"} <= found.versions.keys()
    assert "unknown" not in found.blas
    assert 0 < found.clock_resolution_seconds < 1e-3


def test_describing_the_environment_imports_no_framework():
    code = "import sys; from bench.execution.environment import describe; describe(1); print({'keras', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_revision_is_that_of_the_folder_itself(tmp_path):
    assert environment.revision(tmp_path) == (None, None)

    def git(*arguments):
        subprocess.run(
            ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b", *arguments], check=True, capture_output=True
        )

    git("init")
    (tmp_path / "inner").mkdir()
    (tmp_path / "file").write_text("")
    git("add", ".")
    git("commit", "-m", "first")
    commit, dirty = environment.revision(tmp_path)
    assert (len(commit), dirty) == (40, False)
    (tmp_path / "file").write_text("changed")
    assert environment.revision(tmp_path) == (commit, True)
    assert environment.revision(tmp_path / "inner") == (None, None)


def test_the_clocks_resolution_is_the_smallest_step_between_readings():
    readings = iter([0.0, 0.0, 0.5, 0.75, 0.75, 2.0])
    assert environment.clock_resolution_seconds(lambda: next(readings), readings=5) == 0.25


@pytest.fixture
def machine(monkeypatch):
    """A machine of two cores whose counters a test sets."""
    counters = SimpleNamespace(at=0.0, times={"user": 0.0, "system": 0.0, "steal": 0.0}, own={})
    monkeypatch.setattr("time.perf_counter", lambda: counters.at)
    monkeypatch.setattr(psutil, "cpu_count", lambda: 2)
    monkeypatch.setattr(psutil, "cpu_times", lambda: SimpleNamespace(**counters.times))
    monkeypatch.setattr(system_load, "_cpu_seconds", lambda pid: counters.own.get(pid, 0.0))
    return counters


def test_other_processes_share_is_what_neither_the_runner_nor_its_worker_took(machine):
    meter = system_load.SystemLoadMeter()
    meter.start(7)
    machine.at = 10.0
    machine.times = {"user": 10.0, "system": 2.0, "steal": 1.0}
    machine.own = {7: 8.0}
    figures = meter.stop(7)
    assert figures["other_cpu_share"] == pytest.approx(4 / 20)
    assert figures["steal_share"] == pytest.approx(1 / 20)


def test_a_worker_that_died_makes_no_share_negative(machine):
    machine.own = {7: 8.0}
    meter = system_load.SystemLoadMeter()
    meter.start(7)
    machine.at, machine.own = 1.0, {}
    assert meter.stop(7)["other_cpu_share"] == 0.0


def test_what_the_system_does_not_tell_is_left_out(machine, monkeypatch):
    def refuse():
        raise NotImplementedError

    monkeypatch.setattr(psutil, "cpu_freq", refuse)
    meter = system_load.SystemLoadMeter()
    meter.start(None)
    assert meter.stop(None).keys() == {"load_1min"}
