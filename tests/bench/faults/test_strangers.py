"""The folder of a stranger's run: records are validated whole when they are read, and nothing in them reaches further."""

from __future__ import annotations

import csv
import json
import os
import sys

import numpy as np
import pytest


def edit(folder, change):
    """Change `run.json` and the trials by `change(run, trials, timed)`."""
    run_file, trials_file = folder / "run.json", folder / "trials.jsonl"
    run, trials = json.loads(run_file.read_text()), [json.loads(line) for line in trials_file.read_text().splitlines()]
    change(run, trials, next(trial for trial in trials if trial["kind"] == "timed"))
    run_file.write_text(json.dumps(run))
    trials_file.write_text("".join(json.dumps(trial) + "\n" for trial in trials))


def set_in(place, **values):
    place.update(values)


RUN_EDITS = {
    "no workload": (lambda run, *_: set_in(run, workloads=[{}]), "workloads.0.name is missing"),
    "no training": (lambda run, *_: run["workloads"][0].pop("training"), "workloads.0.training is missing"),
    "a name of mathematics": (lambda run, *_: set_in(run["contestants"][0], name="a$\\frac{$"), "contestants.0.name"),
    "a name of a path": (lambda run, *_: set_in(run["contestants"][0], name="../a"), "contestants.0.name"),
    "a contestant twice": (lambda run, *_: run["contestants"].append(run["contestants"][0]), "contestants has 'numpy_nn' twice"),
    "a workload twice": (lambda run, *_: run["workloads"].append(run["workloads"][0]), "workloads.1.name"),
    "a date of nobody": (lambda run, *_: set_in(run["environment"], date="soon"), "environment.date"),
    "no cores": (lambda run, *_: set_in(run["environment"], cores=-1), "environment.cores"),
    "a giant grid": (lambda run, *_: set_in(run["workloads"][0], grid={"width": [1] * 200, "batch": [1] * 200}), "grid"),
    "an endless network": (lambda run, *_: set_in(run["workloads"][0]["architecture"][0], input_dim=10**9), "input_dim"),
}
TRIAL_EDITS = {
    "a negative time": (lambda _, trials, timed: set_in(timed, fit_seconds=-1.0), "fit_seconds is -1.0"),
    "no time": (lambda _, trials, timed: set_in(timed, fit_seconds=0.0), "fit_seconds is 0.0"),
    "epochs of NaN": (lambda _, trials, timed: set_in(timed, epoch_seconds=["NaN"] * 3), "epoch_seconds.0"),
    "a short history": (lambda _, trials, timed: set_in(timed["history"], accuracy=[]), "history has lists of different lengths"),
    "an accuracy of 7": (lambda _, trials, timed: set_in(timed, test_accuracy=7.0), "test_accuracy is 7.0"),
    "an array elsewhere": (lambda _, trials, timed: set_in(timed, arrays="../x.npz"), "arrays is '../x.npz'"),
    "a point of nowhere": (lambda _, trials, timed: set_in(timed, point={"depth": 1}), "point has 'depth'"),
    "a launch that can't be": (lambda _, trials, timed: set_in(timed, launch=10_000_000), "launch is 10000000"),
}


@pytest.mark.parametrize(("change", "named"), RUN_EDITS.values(), ids=RUN_EDITS)
def test_a_run_that_cannot_be_is_one_line(bench, a_run, change, named):
    edit(a_run, change)
    said = bench("agree", "dir", "dir")
    assert said.code == 2, said.text
    assert said.text.startswith("error: dir/run.json can't be read: ")
    assert named in said.text
    assert len(said.text.splitlines()) == 1


def test_trials_that_cannot_be_are_set_aside_by_number(bench, a_run):
    timed = next(line for line in (a_run / "trials.jsonl").read_text().splitlines() if '"timed"' in line)
    lines = []
    for change, _ in TRIAL_EDITS.values():
        trial = json.loads(timed)
        change({}, [], trial)
        lines.append(json.dumps(trial))
    with (a_run / "trials.jsonl").open("a") as file:
        before = len((a_run / "trials.jsonl").read_text().splitlines())
        file.write("\n".join(lines) + "\n")
    said = bench("report", "dir")
    assert said.code == 0, said.text
    for number, (_, named) in enumerate(TRIAL_EDITS.values(), start=before + 1):
        assert f"trials.jsonl, line {number}: {named}" in said.text


def test_a_surface_that_is_none_is_left_out_of_the_report(bench, a_run):
    for path in (a_run / "arrays").glob("*surface*.npz"):
        np.savez(path, **{**dict(np.load(path)), "surface": np.zeros(7)})
    said = bench("report", "dir")
    assert said.code == 0, said.text
    assert "its surface isn't drawn" in (a_run / "report.md").read_text()


def test_a_resumed_run_with_a_contestant_that_it_lacks_is_refused(bench, a_run):
    edit(a_run, lambda run, *_: run["workloads"][0]["contestants"].append("someone"))
    said = bench("run", "--resume", "dir", "--time-budget", "0")
    assert said.code == 2
    assert "dir/run.json: workload 'tiny' has the contestant 'someone'" in said.text


def test_a_resumed_run_plans_no_launches_that_cannot_have_been(bench, a_run):
    edit(a_run, lambda _, trials, timed: set_in(timed, launch=999_999))
    said = bench("run", "--resume", "dir", "--time-budget", "0", limit=40)
    assert said.code == 2
    assert "has a trial with launch 999999" in said.text


@pytest.mark.skipif(sys.platform == "win32", reason="pipes and devices of POSIX")
@pytest.mark.parametrize("name", ["run.json", "trials.jsonl"])
@pytest.mark.parametrize("kind", ["a pipe", "a symbolic link"])
def test_records_that_are_no_files_are_refused_at_once(bench, a_run, tmp_path, name, kind):
    (a_run / name).unlink()
    os.mkfifo(a_run / name) if kind == "a pipe" else (a_run / name).symlink_to("/dev/zero")
    for words in (["report", "dir"], ["export", "dir", "csv", "t.csv"], ["agree", "dir", "dir"], ["run", "--resume", "dir"]):
        said = bench(*words, limit=20)
        assert said.code == 2
        assert f"dir/{name} can't be read: it is {kind}" in said.text


def test_no_field_of_an_exported_table_is_a_formula(bench, a_run, tmp_path):
    words = ["=cmd|' /C calc'!A0", "@SUM(A1)", "-1+1", "+1+1", "\t=1"]
    edit(
        a_run,
        lambda _, trials, timed: [set_in(trial, status="failed", error=text) for trial, text in zip(trials, words, strict=False)],
    )
    assert bench("export", "dir", "csv", "t.csv").code == 0
    with (tmp_path / "t.csv").open(newline="") as file:
        fields = [field for row in csv.DictReader(file) for name, field in row.items() if name == "error" and field]
    assert len(fields) >= 2
    assert all(field.startswith("'") for field in fields)


def test_lines_of_a_history_that_cannot_be_are_set_aside(bench, a_run, tmp_path):
    history = tmp_path / "h.jsonl"
    assert bench("track", "dir", "--history", "h.jsonl").code == 0
    line = json.loads(history.read_text())
    changes = [{"schema_version": 99}, {"ratios": {"tiny: step / floor": -1.0}}, {"date": "soon"}, {"seconds": {"a": "NaN"}}]
    others = [json.dumps({**line, "run_id": f"x{number}", **change}) for number, change in enumerate(changes)]
    history.write_text("\n".join([json.dumps(line), *others, json.dumps(line)]) + "\n")
    said = bench("track", "dir", "--history", "h.jsonl")
    assert said.code == 0, said.text
    assert "line 2: schema_version is 99: " in said.text
    for number in (2, 3, 4, 5):
        assert f"h.jsonl, line {number}: " in said.text
    assert "over 1 run" in said.text


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
@pytest.mark.parametrize("kind", ["a folder", "a pipe"])
def test_a_history_that_is_no_file_is_refused(bench, a_run, tmp_path, kind):
    os.mkfifo(tmp_path / "h.jsonl") if kind == "a pipe" else (tmp_path / "h.jsonl").mkdir()
    said = bench("track", "dir", "--history", "h.jsonl", limit=20)
    assert said.code == 2
    assert f"h.jsonl can't be written: it is {kind}" in said.text


def test_a_file_of_the_users_with_a_modules_name_is_not_imported(bench, a_run, tmp_path):
    for name in ("copy", "fnmatch", "json", "numpy", "pandas", "random", "tempfile", "typing", "urllib"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('another module')\n")
    assert bench("export", "dir", "csv", "out.csv", PYTHONDONTWRITEBYTECODE="1").code == 0  # its environment: a fresh process
