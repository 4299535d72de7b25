import errno
import json
from collections import Counter
from dataclasses import replace
from threading import Barrier, Event

import pytest
from fake_runs import FIGURES, SPECS, failing, job, run
from harness import FakeLaunch, Watcher, run_record, spec, workload

from bench.execution.executors import station as station_module
from bench.execution.runner import Job
from bench.execution.schedule import key_of, plan
from bench.execution.time_plan import REPORT_SECONDS
from bench.execution.worker_process import Outcome
from bench.records import read_run, store

pytestmark = pytest.mark.usefixtures("light_data")


def test_every_planned_trial_is_recorded_in_the_plans_order(tmp_path):
    a_job = job(tmp_path, scored_seeds=2, rounds=3, parity=True, prediction_rows=[1])
    made, trials, _ = run(
        a_job, FakeLaunch(outcome=lambda request: Outcome("ok", figures={} if request.kind == "tune" else FIGURES))
    )
    planned = [trial.key for trial in plan(a_job.entries, seed=1, reference="Tiny") if trial.kind != "tune"]
    assert [key_of(trial) for trial in trials] == planned
    assert made.status == "complete"
    assert read_run(tmp_path).run == made


def test_workers_of_a_launch_live_on_while_others_train_and_end_with_it(tmp_path):
    _, _, launch = run(job(tmp_path, rounds=6, launches=3))
    timed = [launched for launched in launch.launched if launched[1] > 0]
    assert Counter(name for name, _, _ in timed) == {"Tiny": 3, "Twin": 3}


def test_a_failed_trial_costs_itself_only_and_its_worker_is_replaced(tmp_path):
    failed = []

    def fail_once(request):
        if request.kind == "scored" and request.target.endswith(":Tiny") and not failed:
            failed.append(True)
            return Outcome("failed", error="RuntimeError: no")
        return Outcome("ok", figures=FIGURES)

    made, trials, launch = run(job(tmp_path, scored_seeds=3), FakeLaunch(outcome=fail_once))
    scored = [trial for trial in trials if trial.kind == "scored"]
    assert [(trial.contestant, trial.status) for trial in scored if trial.status != "ok"] == [("Tiny", "failed")]
    assert len(scored) == 6
    assert [name for name, _, _ in launch.launched].count("Tiny") == 2
    assert made.status == "complete"


def test_a_contestant_that_fails_twice_in_a_row_is_skipped_in_that_workload(tmp_path):
    entries = [(workload(name="first", scored_seeds=5), SPECS), (workload(name="second", scored_seeds=1), SPECS)]
    launch = FakeLaunch(outcome=failing("Tiny"))
    record = run_record(workloads=[each.model_dump(mode="json") for each, _ in entries])
    _, trials, _ = run(Job(tmp_path, record, entries), launch)
    of_first = [trial for trial in trials if trial.contestant == "Tiny" and trial.workload == "first"]
    assert len(of_first) == 5
    assert [trial.error for trial in of_first[:2]] == ["RuntimeError: no"] * 2
    assert [trial.status for trial in of_first] == ["failed"] * 2 + ["skipped"] * 3
    assert {trial.error for trial in of_first[2:]} == {"given up after 2 failures in a row; the last was RuntimeError: no"}
    assert [name for name, _, _ in launch.launched].count("Tiny") == 3
    assert all(trial.status == "ok" for trial in trials if trial.contestant == "Twin")


def test_a_cell_that_is_too_slow_costs_the_larger_ones_but_not_the_smaller(tmp_path):
    def slow_when_wide(request):
        width = request.task.architecture[0]["output_dim"]
        return Outcome("timeout", error="not done") if width >= 8 and request.kind == "timed" else Outcome("ok", figures=FIGURES)

    grid = job(tmp_path, specs=SPECS[:1], rounds=2, launches=1, grid={"width": [4, 8, 16], "batch": [1]})
    _, trials, launch = run(grid, FakeLaunch(outcome=slow_when_wide))
    timed = [(trial.point["width"], trial.status) for trial in trials if trial.kind == "timed"]
    assert timed == [(4, "ok"), (4, "ok"), (8, "timeout"), (8, "timeout"), (16, "skipped"), (16, "skipped")]
    assert sum(kind == "timed" for _, kind, _, _ in launch.ran) == 4


def test_the_machine_is_read_with_the_process_that_has_the_cells_threads(tmp_path, monkeypatch):
    class Meter:
        def start(self, pid): ...

        def stop(self, pid):
            read.append(pid)
            return {}

    read, launch = [], FakeLaunch()
    monkeypatch.setattr(station_module, "SystemLoadMeter", Meter)
    run(job(tmp_path, rounds=2, launches=1, grid={"threads": [1, 2], "batch": [1]}), launch)
    pids = {(name, threads): number for number, (name, launched, threads) in enumerate(launch.launched, 1) if launched}
    assert len(pids) == 4
    assert read[-4:] == [pids[name, 2] for name, _, _, _ in launch.ran[-4:]]


def stepping(**seconds):
    """An outcome for FakeLaunch: a step of a class takes `seconds` at a width of 4, and in proportion at others."""

    def outcome(request):
        step = seconds[request.target.rpartition(":")[2]] * request.task.architecture[0]["output_dim"] / 4
        return Outcome("ok", figures={"steps": 3, "epoch_seconds": [9 * step, step, step]})

    return outcome


def test_a_contestant_far_behind_is_skipped_in_a_cell_and_in_larger_ones_until_the_others_are_as_slow(tmp_path):
    grid = job(tmp_path, rounds=2, launches=1, grid={"width": [4, 8, 16, 32], "batch": [1]})
    made, trials, _ = run(grid, FakeLaunch(outcome=stepping(Tiny=1.0, Twin=11.0)))
    twin = [
        (trial.point["width"], trial.round, trial.status)
        for trial in trials
        if trial.contestant == "Twin" and trial.kind == "timed"
    ]
    assert twin == [
        *[(4, 0, "ok"), (4, 1, "skipped")],
        *[(8, 0, "skipped"), (8, 1, "skipped")],
        *[(16, 0, "ok"), (16, 1, "skipped")],
        *[(32, 0, "skipped"), (32, 1, "skipped")],
    ]
    assert {trial.error for trial in trials if trial.status == "skipped"} == {
        "not timed again: over 2 times the fastest step of the cell's first round",
        "in a smaller cell its step took over 5 times this cell's fastest",
    }
    assert all(trial.status == "ok" for trial in trials if trial.contestant == "Tiny")
    assert made.status == "complete"


def test_a_contestant_near_the_fastest_is_timed_in_every_round_and_the_floor_is_not_the_fastest(tmp_path):
    specs = [spec("Tiny"), spec("Twin"), spec("Slow", learns=False)]
    grid = job(tmp_path, specs=specs, rounds=3, launches=1, grid={"width": [4, 8], "batch": [1]})
    _, trials, _ = run(grid, FakeLaunch(outcome=stepping(Tiny=1.0, Twin=1.9, Slow=0.01)))
    assert {trial.status for trial in trials} == {"ok"}


def test_a_cell_is_timed_until_it_is_steady_and_the_floor_has_no_say(tmp_path):
    specs, seen = [spec("Tiny"), spec("Twin"), spec("Slow", learns=False)], Counter()

    def disturbed(request):
        """In the wider cell, five of Twin's first six rounds take longer, as if its core were wanted; the floor's grow."""
        name, width = request.target.rpartition(":")[2], request.task.architecture[0]["output_dim"]
        if request.kind == "timed":
            seen[name, width] += 1
        wanted = width == 8 and seen[name, width] in (1, 2, 3, 5, 6)
        slower = {"Twin": 1.5 if wanted else 1.0, "Slow": max(seen[name, width], 1)}.get(name, 1.0)
        return Outcome("ok", figures={"steps": 3, "epoch_seconds": [9 * slower, slower, slower]})

    grid = job(tmp_path, specs=specs, rounds=9, launches=1, grid={"width": [4, 8], "batch": [1]})
    made, trials, _ = run(grid, FakeLaunch(outcome=disturbed))
    rounds = Counter((trial.contestant, trial.point["width"]) for trial in trials if trial.kind == "timed" and trial.status == "ok")
    assert rounds == {(name, width): {4: 4, 8: 8}[width] for name in ("Tiny", "Twin", "Slow") for width in (4, 8)}
    assert {trial.error for trial in trials if trial.status == "skipped"} == {
        "not timed again: 3 rounds of each contestant are within 5% of its quickest"
    }
    assert made.status == "complete"


def test_a_resumed_run_leaves_out_what_it_would_have_left_out(tmp_path):
    fields = {"rounds": 2, "launches": 1, "grid": {"width": [4, 8], "batch": [1]}}
    outcome = stepping(Tiny=1.0, Twin=11.0)
    _, whole, _ = run(job(tmp_path, **fields), FakeLaunch(outcome=outcome))
    path = tmp_path / "trials.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:6]))
    _, trials, _ = run(job(tmp_path, ended=read_run(tmp_path).trials, **fields), FakeLaunch(outcome=outcome))
    assert [(key_of(trial), trial.status) for trial in trials] == [(key_of(trial), trial.status) for trial in whole]


def test_a_resumed_run_still_skips_a_contestant_that_was_given_up(tmp_path):
    fields = {"scored_seeds": 5, "specs": [spec("Tiny"), spec("Twin")]}
    _, whole, _ = run(job(tmp_path, **fields), FakeLaunch(outcome=failing("Tiny")))
    given_up = next(number for number, trial in enumerate(whole) if trial.status == "skipped")
    path = tmp_path / "trials.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:given_up]))
    _, trials, launch = run(job(tmp_path, ended=read_run(tmp_path).trials, **fields), FakeLaunch(outcome=failing("Tiny")))
    assert {name for name, _, _, _ in launch.ran} == {"Twin"}
    assert [(key_of(trial), trial.status, trial.error) for trial in trials] == [
        (key_of(trial), trial.status, trial.error) for trial in whole
    ]


def test_what_tuning_chose_is_handed_to_all_later_trials_and_recorded(tmp_path):
    seen = []

    def outcome(request):
        seen.append((request.kind, dict(request.task.options)))
        return Outcome("ok", figures={"details": {"options": {"speed": 9}}} if request.kind == "tune" else FIGURES)

    a_job = job(tmp_path, specs=SPECS[:1], scored_seeds=1, rounds=1)
    _, trials, _ = run(a_job, FakeLaunch(outcome=outcome))
    assert seen == [
        ("tune", {}),
        ("scored", {"speed": 9}),
        ("turns", {"speed": 9}),
        ("timed", {"speed": 9}),
        ("turns", {"speed": 9}),
    ]
    assert trials[0].details == {"options": {"speed": 9}}

    seen.clear()
    run(job(tmp_path, specs=SPECS[:1], scored_seeds=1, rounds=2, ended=trials), FakeLaunch(outcome=outcome))
    assert seen == [("timed", {"speed": 9})]  # the turns of both launches have ended


def test_a_trial_that_has_ended_is_not_repeated_also_if_it_failed(tmp_path):
    fields = {"scored_seeds": 2, "rounds": 2}
    whole = {key_of(trial) for trial in run(job(tmp_path, **fields))[1]}
    lines = (tmp_path / "trials.jsonl").read_text().splitlines(keepends=True)
    kept = [line if number else line.replace('"ok"', '"failed"') for number, line in enumerate(lines[:3])]
    (tmp_path / "trials.jsonl").write_text("".join(kept))
    _, trials, launch = run(job(tmp_path, ended=read_run(tmp_path).trials, **fields))
    assert len(launch.ran) == len(lines) - 3
    assert Counter(map(key_of, trials)) == Counter(dict.fromkeys(whole, 1))


def test_a_half_written_last_line_is_set_aside_by_number_and_the_next_record_is_whole(tmp_path):
    run(job(tmp_path, scored_seeds=2))
    path = tmp_path / "trials.jsonl"
    text = path.read_text()
    path.write_text(text[:-100])
    kept = read_run(tmp_path)
    assert len(kept.damaged) == 1
    run(job(tmp_path, scored_seeds=2, ended=kept.trials))
    data = read_run(tmp_path)
    assert len(data.trials) == text.count("\n")
    assert f"line {text.count(chr(10))}" in data.damaged[0]


def test_keras_seeds_take_the_faster_path_only_where_parity_has_shown_it_is_the_same(tmp_path):
    def targets(difference):
        def outcome(request):
            parity = {"reference": "keras", "loss": [0.0], "accuracy": [0.0], "weights": [difference], "predictions": 0.0}
            compared = request.kind == "parity" and request.reference is not None
            seen.append((request.kind, request.task.seed, request.target.rpartition(":")[2]))
            return Outcome("ok", figures={"steps": 1, **({"parity": parity} if compared else {})})

        seen = []
        specs = [replace(spec("Tiny"), name="keras"), replace(spec("Twin"), name="keras-tuned", peer=True)]
        asked = workload(scored_seeds=3, parity=True, rounds=1)
        run(Job(tmp_path, run_record(), [(asked, specs)]), FakeLaunch(outcome=outcome))
        (tmp_path / "trials.jsonl").unlink()
        return [(seed, target) for kind, seed, target in seen if kind == "scored"]

    assert targets(1e-15) == [(0, "Tiny"), (1, "Twin"), (2, "Twin")]
    assert targets(1e-3) == [(0, "Tiny"), (1, "Tiny"), (2, "Tiny")]


def test_trials_without_a_clock_run_on_all_cores_and_each_is_recorded_once(tmp_path):
    met = Barrier(2, timeout=20)

    def meet(request):
        if request.kind == "scored":
            met.wait()
        return Outcome("ok", figures=FIGURES)

    _, trials, _ = run(job(tmp_path, scored_seeds=2), FakeLaunch(outcome=meet), places=2)
    assert Counter(key_of(trial) for trial in trials).most_common(1)[0][1] == 1
    assert len(trials) == 4
    assert {trial.threads for trial in trials} == {1}


def test_a_contestants_failures_count_in_the_plans_order_however_many_trials_run_at_once(tmp_path):
    def outcomes(places):
        """The first two seeds of Tiny fail, and are the last to end; all others would succeed."""
        all_others_ended = Event()

        def outcome(request):
            if request.target.endswith(":Twin"):
                return Outcome("ok", figures=FIGURES)
            if request.task.seed < 2:
                if places > 1:
                    all_others_ended.wait(20)
                return Outcome("failed", error=f"no {request.task.seed}")
            all_others_ended.set()
            return Outcome("ok", figures=FIGURES)

        directory = tmp_path / str(places)
        directory.mkdir()
        _, trials, _ = run(job(directory, scored_seeds=4), FakeLaunch(outcome=outcome), places=places)
        return sorted((key_of(trial), trial.status, trial.error) for trial in trials)

    alone = outcomes(1)
    assert [status for key, status, _ in alone if key[1] == "Tiny"] == ["failed", "failed", "skipped", "skipped"]
    assert outcomes(4) == alone


def test_ctrl_c_ends_the_run_and_keeps_what_had_ended(tmp_path):
    ran = []

    def interrupt(request):
        ran.append(request)
        if len(ran) == 4:
            raise KeyboardInterrupt
        return Outcome("ok", figures=FIGURES)

    made, trials, _ = run(job(tmp_path, scored_seeds=4), FakeLaunch(outcome=interrupt))
    assert (made.status, len(trials)) == ("interrupted", 3)
    assert json.loads((tmp_path / "run.json").read_text())["status"] == "interrupted"


def test_a_full_disk_ends_the_run_with_every_finished_trial_kept_whole(tmp_path, monkeypatch):
    append = store.append_trial

    def fill_up(directory, trial, *, sync):
        if trial.seed == 2:
            raise OSError(errno.ENOSPC, "No space left on device", str(directory / "trials.jsonl"))
        append(directory, trial, sync=sync)

    monkeypatch.setattr(store, "append_trial", fill_up)
    made, trials, _ = run(job(tmp_path, specs=SPECS[:1], scored_seeds=4))
    assert made.status == "interrupted"
    assert "No space left" in made.stop_reason
    assert [trial.seed for trial in trials if trial.kind == "scored"] == [0, 1]
    assert read_run(tmp_path).damaged == []


def test_the_time_left_is_known_from_the_trials_that_have_ended(tmp_path):
    watcher = Watcher()
    run(job(tmp_path, specs=SPECS[:1], scored_seeds=4), watcher=watcher)
    assert watcher.seconds_left[0] == pytest.approx(4.5 + REPORT_SECONDS, abs=0.5), "as the plan has it"
    assert max(watcher.seconds_left[1:]) < REPORT_SECONDS + 3, "the trials are shorter than planned"
    assert watcher.seconds_left[-1] == pytest.approx(1 + REPORT_SECONDS, abs=0.8)


def test_elapsed_time_adds_up_over_a_run_that_was_resumed(tmp_path):
    first, trials, _ = run(job(tmp_path, specs=SPECS[:1], scored_seeds=2))
    again = Job(tmp_path, first, [(workload(scored_seeds=4), SPECS[:1])], ended=trials)
    assert run(again)[0].elapsed_seconds == first.elapsed_seconds + 2
