"""What goes wrong, in real processes: workers that hang or crash; runs that are killed, interrupted, doubled, out of disk."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from harness import CONTESTANTS, Watcher, real_machine, run_record, small_split, spec, workload

from bench.contestants.registry import Spec
from bench.execution.runner import Job, Runner
from bench.execution.schedule import key_of, plan
from bench.execution.worker_process import worker_environment
from bench.records import read_run

DRIVER = Path(__file__).parents[1] / "run_driver.py"


@pytest.fixture(autouse=True)
def _light_data(monkeypatch):
    monkeypatch.setattr("bench.execution.request_builder.make_split", small_split)


def run(directory, specs, **fields):
    """A run with real processes; its trials but turns, and their statuses by contestant."""
    watcher = Watcher()
    job = Job(directory, run_record(), [(workload(**fields), specs)], reference="Tiny")
    made = Runner(job, real_machine(directory), watcher).run()
    trials = [trial for trial in read_run(directory).trials if trial.kind != "turns"]
    return made, trials, {spec.name: [trial.status for trial in trials if trial.contestant == spec.name] for spec in specs}


def error_of(trials, contestant):
    return next(trial.error for trial in trials if trial.contestant == contestant)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("Exits", "the worker exited with code 7: about to leave"),
        ("SegFaults", "the worker was ended by SIGSEGV"),
        ("IsKilled", "the worker was ended by SIGKILL (out of memory?)"),
        ("OutOfMemory", "MemoryError: no room for that"),
        ("FailsInBuild", "RuntimeError: cannot be built"),
        (
            "Unspeakable",
            "ValueError: details returned what can't be written as JSON: Object of type ndarray is not JSON serializable",
        ),
        ("ForgetsAnEpoch", "ValueError: fit called on_epoch_end 2 times: it must do so after each of 3 epochs"),
    ],
)
def test_a_contestant_that_crashes_costs_its_own_trials_only(tmp_path, name, error):
    made, trials, statuses = run(tmp_path, [spec(name), spec("Tiny")], rounds=1, launches=1)
    assert statuses == {name: ["failed"], "Tiny": ["ok"]}
    assert error_of(trials, name) == error
    assert made.status == "complete"


def test_turns_of_a_contestant_that_cannot_be_interrupted_count_and_its_process_is_ended(tmp_path):
    others = set(psutil.Process().children())
    run(
        tmp_path,
        [spec("Unstoppable"), spec("Plain"), spec("Exits")],
        rounds=1,
        launches=1,
        training={"epochs": 30, "batch_size": 8},
    )
    turns = {trial.contestant: trial for trial in read_run(tmp_path).trials if trial.kind == "turns"}
    assert {name: trial.status for name, trial in turns.items()} == {"Unstoppable": "ok", "Plain": "ok", "Exits": "failed"}
    for name in ("Unstoppable", "Plain"):
        assert [sum(turn.epoch_seconds) > 0 for turn in turns[name].turns] == [True, True]
        assert turns[name].steps == 2 * sum(len(turn.epoch_seconds) for turn in turns[name].turns)
    assert set(psutil.Process().children()) <= others


def test_a_contestant_whose_import_fails_costs_its_own_trials_only(tmp_path):
    broken = Spec("Broken", f"{CONTESTANTS / 'breaks_on_import.py'}:Broken", "for a test")
    _, trials, statuses = run(tmp_path, [broken, spec("Tiny")], rounds=3, launches=1)
    assert statuses["Broken"] == ["failed", "skipped", "skipped", "skipped"]  # tuning, then turns, then three rounds
    assert statuses["Tiny"] == ["ok"] * 3
    assert "libnothing.so" in error_of(trials, "Broken")


def test_a_trial_over_its_time_limit_is_killed_and_its_contestant_goes_on_in_a_new_process(tmp_path):
    others = set(psutil.Process().children())
    _, trials, statuses = run(tmp_path, [spec("HangsOnce"), spec("Tiny")], scored_seeds=2, time_limit_seconds=1.0)
    assert {name: sorted(found) for name, found in statuses.items()} == {"HangsOnce": ["ok", "timeout"], "Tiny": ["ok", "ok"]}
    assert "not done after 1 s, its time limit" in [trial.error for trial in trials]
    assert set(psutil.Process().children()) <= others


def test_what_a_contestant_prints_goes_to_its_log_and_not_into_the_answers(tmp_path):
    _, _, statuses = run(tmp_path, [spec("Chatty")], rounds=1)
    assert statuses == {"Chatty": ["ok"]}
    assert any('{"figures": {}}' in path.read_text() for path in (tmp_path / "logs").iterdir())


def test_a_launchs_first_trial_has_the_cold_start_and_the_others_the_building(tmp_path):
    run(tmp_path, [spec("Tiny")], rounds=4, launches=2)
    trials = read_run(tmp_path).trials
    assert [trial.error for trial in trials] == [None] * 6
    cold = [trial.cold_start_seconds for trial in trials]
    assert [trial.kind for trial in trials] == ["turns", "timed", "timed"] * 2
    assert [seconds is not None for seconds in cold] == [True, False, False] * 2
    assert [trial.build_seconds is not None for trial in trials] == [False, True, True] * 2
    assert all(0 < seconds < 30 for seconds in cold if seconds is not None)
    assert all(trial.peak_memory_bytes < 60e6 for trial in trials)


def test_a_worker_gets_its_threads_and_its_own_environment_before_anything_is_imported(tmp_path):
    tuned = spec("Tuned", environment={"OMP_NUM_THREADS": "5"})
    assert run(tmp_path, [tuned], rounds=1)[1][-1].details["threads"] == "5"
    leaks = {"KERAS_BACKEND": "torch", "PYTHONWARNINGS": "error", "OMP_PROC_BIND": "true"}
    environment = worker_environment(tuned, 3, {"PATH": "p", "PYTHONPATH": str(tmp_path), **leaks})
    assert not leaks.keys() & environment.keys()
    assert environment["OPENBLAS_NUM_THREADS"] == environment["TF_NUM_INTRAOP_THREADS"] == "3"
    assert environment["PATH"] == "p"
    assert environment["PYTHONPATH"].split(os.pathsep)[-1] == str(tmp_path)


def start(directory, *options):
    """A run in a process of its own, by `run_driver.py`."""
    command = [sys.executable, str(DRIVER), str(directory), *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)


def finish(process):
    """The exit code and output of a run, once it has ended."""
    output = process.communicate(timeout=60)[0]
    return process.returncode, output


def wait_for_trials(directory, count, process):
    """Until `count` trials have ended."""
    path = directory / "trials.jsonl"
    while not path.exists() or path.read_bytes().count(b"\n") < count:
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.01)


def expected_keys():
    from run_driver import entries

    return sorted(trial.key for trial in plan(entries(), seed=1, reference="Tiny") if trial.kind != "tune")


def keys_in(directory):
    """The trials in a folder; one that tunes is recorded only where something was in its way, and then does no harm."""
    return sorted(key_of(trial) for trial in read_run(directory).trials if trial.kind != "tune")


def kill_at_a_random_moment(directory, process, moments):
    """Kill the runner, its workers or both, from the run's start on and through up to five more trials; return who was killed."""
    victims = moments.choice(("runner", "workers", "both"))
    wanted = ended(directory) + moments.randrange(6)
    while process.poll() is None and ended(directory) < wanted:
        time.sleep(0.002)
    time.sleep(moments.uniform(0, 0.1))
    workers = psutil.Process(process.pid).children() if process.poll() is None else []
    if victims != "runner":
        for worker in workers:
            with suppress(psutil.NoSuchProcess):
                worker.kill()
    if victims != "workers":
        process.kill()
    process.communicate(timeout=60)
    assert psutil.wait_procs(workers, timeout=30)[1] == [], "a worker outlived its run"
    return victims


def ended(directory):
    path = directory / "trials.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def test_a_run_killed_at_random_moments_loses_no_finished_trial_and_repeats_none(tmp_path, request):
    moments, kills = random.Random(20), 50 if request.config.getoption("--slow") else 6
    killed = in_the_middle = finished = 0
    while killed < kills:
        directory = tmp_path / str(finished)
        process = start(directory)
        victims = kill_at_a_random_moment(directory, process, moments)
        killed += victims == "workers" or process.returncode != 0
        in_the_middle += ended(directory) > 0
        if (directory / "run.json").exists():
            data = read_run(directory)
            keys = [key_of(trial) for trial in data.trials]
            assert len(set(keys)) == len(keys)
            assert len(data.damaged) <= killed, "more lines cut short than kills"
        finished += process.returncode == 0
    assert in_the_middle > kills / 2
    for directory in tmp_path.iterdir():
        before = [trial.model_dump_json() for trial in read_run(directory).trials] if (directory / "run.json").exists() else []
        process = start(directory)
        code, output = finish(process)
        assert code == 0, output
        data = read_run(directory)
        assert keys_in(directory) == expected_keys()
        assert [trial.model_dump_json() for trial in data.trials][: len(before)] == before
        assert data.run.status == "complete"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a worker in the middle of a trial when its runner is killed")
def test_a_worker_in_the_middle_of_a_trial_dies_with_its_run(tmp_path):
    process = start(tmp_path, "--contestants", "Hangs")
    log = tmp_path / "logs" / "Hangs-0.log"
    while not log.exists() or "training" not in log.read_text():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.01)
    workers = psutil.Process(process.pid).children()
    process.kill()
    process.communicate()
    assert 1 <= len(workers) <= 2, "on all cores"
    assert psutil.wait_procs(workers, timeout=30)[1] == []


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_so_and_can_be_gone_on_with(tmp_path, sent):
    process = start(tmp_path)
    wait_for_trials(tmp_path, 3, process)
    process.send_signal(sent)
    code, output = finish(process)
    assert code == 3, output
    data = read_run(tmp_path)
    assert data.run.status == "interrupted"
    assert 3 <= len(data.trials) < len(expected_keys())
    code, output = finish(start(tmp_path))
    assert code == 0, output
    assert keys_in(tmp_path) == expected_keys()


def test_a_worker_that_is_killed_from_outside_costs_one_trial(tmp_path):
    process = start(tmp_path)
    wait_for_trials(tmp_path, 3, process)
    psutil.Process(process.pid).children()[0].kill()
    code, output = finish(process)
    assert code == 0, output
    assert keys_in(tmp_path) == expected_keys()
    assert [trial.status for trial in read_run(tmp_path).trials if trial.status != "ok"] in (
        [],
        ["failed"],
    )  # none, if it was idle and not needed again


def test_a_second_run_into_one_folder_is_refused_and_harms_nothing(tmp_path):
    first = start(tmp_path)
    wait_for_trials(tmp_path, 1, first)
    second = start(tmp_path)
    code, output = finish(second)
    assert (code, "is being written by another run" in output) == (2, True), output
    code, output = finish(first)
    assert code == 0, output
    assert keys_in(tmp_path) == expected_keys()


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are POSIX'")
def test_a_disk_that_fills_up_ends_the_run_with_every_finished_trial_kept(tmp_path):
    process = start(tmp_path, "--file-size-limit", "70000", "--epochs", "500")
    code, output = finish(process)
    assert code == 3, output
    data = read_run(tmp_path)
    assert data.damaged == []
    assert 0 < len(data.trials) < len(expected_keys())
    assert "File too large" in output
    code, output = finish(start(tmp_path, "--epochs", "500"))
    assert code == 0, output
    assert keys_in(tmp_path) == expected_keys()


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are POSIX'")
def test_a_disk_that_is_full_already_is_an_error_before_the_first_trial(tmp_path):
    process = start(tmp_path, "--file-size-limit", "1000")
    code, output = finish(process)
    assert code == 2, output
    assert "can't be written into: File too large" in output
    assert not (tmp_path / "trials.jsonl").exists()
    assert not (tmp_path / "logs").exists()


def test_a_damaged_line_in_the_middle_is_named_and_its_trial_is_run_again(tmp_path):
    assert finish(start(tmp_path))[0] == 0
    path = tmp_path / "trials.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    lines[1] = lines[1][:40] + "\n"
    path.write_text("".join(lines))
    assert finish(start(tmp_path))[0] == 0
    data = read_run(tmp_path)
    assert [damage.startswith("trials.jsonl, line 2: ") for damage in data.damaged] == [True]
    assert keys_in(tmp_path) == expected_keys()
    assert len(path.read_text().splitlines()) == len(lines) + 1
    assert json.loads(path.read_text().splitlines()[-1])["status"] == "ok"
