import json
import math
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from harness import CONTESTANTS, real_machine, run_record

from bench import cli, load
from bench.analysis.timing import RatioRow
from bench.cli.run import exit_code
from bench.records import Parity, RunData, Trial, read_run, write_run
from bench.selfcheck.calibration import Calibration

TINY = CONTESTANTS / "tiny.py"
ROOT = Path(__file__).parents[3]


@pytest.fixture
def light_report(monkeypatch):
    """The runs below are about what is measured; the report has tests of its own."""
    monkeypatch.setattr("bench.report.write_report", lambda directory, data, *_: f"verdict on {len(data.trials)} trials")


@pytest.fixture(autouse=True)
def _short_runs(monkeypatch):
    """Planned launches only, with a few short turns: what real ones cost is no matter of the command line."""
    monkeypatch.setattr("bench.analysis.precision.least_known", lambda data: None)
    monkeypatch.setattr("bench.cli.run._machine", lambda job: real_machine(job.directory))


@pytest.fixture
def tiny_workload(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(
        """
        scored_seeds = 2
        rounds = 2
        launches = 2
        architecture = [{input_dim = 2, output_dim = 1, activation = "sigmoid"}]
        data = {name = "moons", parameters = {n_samples = 30}}
        training = {epochs = 2}
        """
    )
    return path


def test_help_answers_without_importing_anything_of_weight():
    heavy = {"keras", "tensorflow", "sklearn", "pandas", "matplotlib", "torch", "jax", "numpy", "pydantic"}
    code = f"""if True:
        import atexit, sys
        atexit.register(lambda: print("imported:", *({heavy} & set(sys.modules))))
        sys.argv = ["bench", "--help"]
        from bench.cli import main
        main()
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.splitlines()[-1] == "imported:"
    assert "run" in done.stdout


def test_a_run_measures_reports_and_says_where_the_report_is(call, light_report, tiny_workload, tmp_path):
    code, out, err = call("run", "--workload", tiny_workload, "--contestants", f"numpy_nn,{TINY}:Tiny", "--out", "made")
    assert code == 0, err
    assert out.splitlines() == ["verdict on 12 trials", "", "report: made/index.html, as Markdown: report.md"]
    data = read_run(tmp_path / "made")
    assert data.run.status == "complete"
    assert data.run.command[:4] == ["python", "-m", "bench", "run"]
    assert {trial.status for trial in data.trials} == {"ok"}
    assert not (tmp_path / "made" / "scratch").exists()


def test_a_contestant_that_fails_is_exit_code_3_and_the_rest_is_reported(call, light_report, tiny_workload):
    code, out, err = call("run", "--workload", tiny_workload, "--contestants", f"numpy_nn,{TINY}:Exits", "--out", "made")
    assert code == 3
    assert "verdict on 12 trials" in out
    assert "the worker exited with code 7" in err


def test_a_run_replaces_the_one_that_was_there_and_touches_no_other_file(call, light_report, tiny_workload, tmp_path):
    arguments = (
        "run",
        "--workload",
        tiny_workload,
        "--contestants",
        f"{TINY}:Tiny",
        "--out",
        "made",
        "--seeds",
        "1",
        "--rounds",
        "1",
    )
    call(*arguments)
    first = read_run(tmp_path / "made").run.run_id
    (tmp_path / "made" / "notes.txt").write_text("mine")
    assert call(*arguments)[0] == 0
    data = read_run(tmp_path / "made")
    assert data.run.run_id != first
    assert {trial.run_id for trial in data.trials} == {data.run.run_id}
    assert (tmp_path / "made" / "notes.txt").read_text() == "mine"


def test_wrong_use_leaves_the_run_that_was_there_alone(call, light_report, tiny_workload, tmp_path):
    call("run", "--workload", tiny_workload, "--contestants", f"{TINY}:Tiny", "--out", "made")
    before = (tmp_path / "made" / "trials.jsonl").read_text()
    assert call("run", "--workload", tiny_workload, "--contestants", "nobody", "--out", "made")[0] == 2
    assert (tmp_path / "made" / "trials.jsonl").read_text() == before


def test_a_run_is_gone_on_with_where_it_ended(call, light_report, tiny_workload, tmp_path):
    call("run", "--workload", tiny_workload, "--contestants", f"{TINY}:Tiny", "--out", "made")
    path = tmp_path / "made" / "trials.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:2]) + lines[2][:50])
    write_run(tmp_path / "made", read_run(tmp_path / "made").run.model_copy(update={"status": "running"}))
    code, out, err = call("run", "--resume", "made")
    assert code == 0, err
    assert "verdict on 6 trials" in out
    assert "trials.jsonl, line 3: " in err
    assert "set aside" in err
    assert path.read_text().splitlines(keepends=True)[:2] == lines[:2]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["run", "--workload", "moon"], "workload 'moon' is unknown"),
        (["run", "--workload", "none.toml"], "workload 'none.toml': there is no such file"),
        (["run", "--contestants", "numpy"], "contestant 'numpy' is unknown"),
        (["run", "--contestants", "numpy", "--contestants", "keras"], "contestant 'numpy' is unknown"),
        (["run", "--contestants", "none.py:Net"], "there is no file none.py"),
        (["run", "--seeds", "0"], "--seeds was '0': it should be greater than or equal to 1"),
        (["run", "--rounds", "many"], "--rounds was 'many': it should be a valid integer"),
        (["run", "--threads", "0"], "--threads was 0: it may be 1 to "),
        (["run", "--time-budget", "nan"], "--time-budget was 'nan': it should be"),
        (["run", "--time-budget", "-1"], "--time-budget was '-1': it should be"),
        (["run", "--speed", "9"], "No such option: --speed"),
        (["run", "--resume", "nowhere"], "nowhere holds no run: there is no run.json in it"),
        (["run", "--resume", "nowhere", "--quick"], "--resume goes with --time-budget and --executor alone"),
        (["run", "--resume", "nowhere", "--out", "made"], "--resume goes with --time-budget and --executor alone"),
        (["run", "--out", "taken/made"], "taken/made can't be written into: it is no folder"),
        (["run", "--out", "taken"], "taken can't be written into: it is no folder"),
        (["run", "moons"], "(moons): python -m bench run --help shows"),
        (["run", "--executor", "dask://h:65536"], "--executor was 'dask://h:65536': its port may be 1 to 65535"),
        (["report", "nowhere"], "nowhere holds no run"),
        (["run", "--out", "--quick"], "the path was '--quick': it must name a file or folder; type ./--quick for"),
        (["report", "taken"], "taken is no folder: name the folder of a run"),
        (["report"], "Missing argument 'DIR'"),
        (["agree", "nowhere", "nowhere"], "nowhere holds no run"),
        (["export", "nowhere", "csv", "-"], "the path was '-': it must name a file or folder"),
        (["export", "nowhere", "csv", "made/"], "the path was 'made/': it ends as a folder's"),
        (["export", "nowhere", "csv", "made", "--table", "all"], "Invalid value for '--table': 'all' is not one of"),
        (["track", "nowhere", "--history", "made.jsonl/"], "the path was 'made.jsonl/': it ends as a folder's"),
        (["track", "nowhere", "--history", "made.PNG"], "--history was made.PNG: the plot beside it"),
        (["certify", "--share", "inf"], "--share was 'inf': it should be less than or equal to 1000"),
        (["calibrate", "--runs", "0"], "--runs was '0': it should be"),
        (["calibrate", "--out", "taken/made"], "taken/made can't be written into: it is no folder"),
        (["fly"], "No such command 'fly'"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2_with_nothing_half_done(call, tmp_path, words, complaint):
    (tmp_path / "taken").write_text("")
    code, out, err = call(*words)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert complaint in err
    assert err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


@pytest.mark.skipif(sys.platform == "win32", reason="rights are POSIX'")
def test_a_read_only_folder_is_refused_before_the_first_trial(call, tiny_workload, tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("bench.execution.run_directory._probe", refuse)  # the tests may run as root, whom no right stops
    code, _, err = call("run", "--workload", tiny_workload, "--contestants", f"{TINY}:Tiny", "--out", "made")
    assert (code, err) == (2, "error: made can't be written into: Permission denied\n")
    assert list((tmp_path / "made").iterdir()) == []


def test_what_is_not_installed_is_named_and_the_run_goes_on(call, light_report, tiny_workload, monkeypatch):
    monkeypatch.setattr(
        "bench.contestants.registry.Spec.missing", property(lambda spec: [] if spec.name == "numpy_nn" else ["nothing"])
    )
    code, _, err = call("run", "--workload", tiny_workload, "--out", "made", "--seeds", "1", "--rounds", "1")
    assert code == 0, err
    assert "jax is left out: nothing is missing, install it by" in err


def test_list_names_workloads_contestants_and_how_to_install_what_is_missing(call, monkeypatch):
    monkeypatch.setattr("bench.contestants.registry.Spec.missing", property(lambda spec: ["jax"] if spec.name == "jax" else []))
    code, out, _ = call("list")
    assert code == 0
    assert {"moons", "parity", "article", "numpy_nn", "keras", "jax"} <= {line.split()[0] for line in out.splitlines()}
    assert out.count("not installed") == 1
    assert 'not installed (jax):  python -m pip install -e ".[jax]"' in out


@pytest.mark.parametrize(("found", "expected"), [([], 0), (["it is loud: close the window"], 1)])
def test_the_doctors_exit_code_says_whether_the_machine_is_quiet(call, monkeypatch, found, expected):
    monkeypatch.setattr("bench.selfcheck.doctor.examine", lambda watch: watch("process 1 of 6"))
    monkeypatch.setattr("bench.selfcheck.doctor.conclusion", lambda _: "This machine is as it is.")
    monkeypatch.setattr("bench.selfcheck.doctor.findings", lambda _: ["clock: 40 ns"])
    monkeypatch.setattr("bench.selfcheck.doctor.warnings", lambda _: found)
    code, out, err = call("doctor")
    assert code == expected
    assert out.splitlines() == ["This machine is as it is.", *(f"! {text}" for text in found), "  clock: 40 ns"]
    assert err.splitlines() == ["process 1 of 6"]


@pytest.fixture
def two_runs(monkeypatch):
    """`two_runs(ratios)`: the records in the folders `one` and `two` have these headline ratios and are of one machine."""

    def having(ratios):
        monkeypatch.setattr("bench.records.read_run", lambda directory: RunData(directory, run_record(run_id=str(directory)), []))
        monkeypatch.setattr("bench.analysis.repeats.headline_ratios", lambda data: ratios(data.run.run_id))

    return having


@pytest.mark.parametrize(
    ("noise", "shift", "code", "said"),
    [
        (0.1, 1.0, 0, "they agree: the interval of the quotient contains 1"),
        (0.7, 1.0, 0, "is known within a factor of 3.4 only"),
        (0.01, 1.5, 1, "they don't agree"),
        (math.nan, 1.0, 4, "too few rounds to tell whether they agree"),
    ],
)
def test_two_runs_agree_where_their_headline_ratios_do(call, two_runs, noise, shift, code, said):
    def ratios(name):
        middle = 0.02 if name == "one" else 0.02 * shift
        return [RatioRow("moons", "numpy_nn", "keras", "step", middle, middle * (1 - noise), middle * (1 + noise), 4, 4)]

    two_runs(ratios)
    ended, out, _ = call("agree", "one", "two")
    assert ended == code
    assert said in " ".join(out.split())
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[0].startswith("The two runs: ")
    assert "a step of numpy_nn against one of keras" in lines
    for name in ("first run", "second run", "second against first", "verdict"):
        assert any(line.startswith(name) for line in lines), name
    assert not any("not of one machine" in line for line in lines)
    assert max(map(len, out.splitlines())) <= 80


def test_two_runs_without_a_headline_ratio_in_common_give_no_verdict(call, two_runs):
    two_runs(lambda _: [])
    assert call("agree", "one", "two")[0] == 4


def test_a_run_is_not_set_against_itself(call, two_runs):
    two_runs(lambda _: [])
    code, _, err = call("agree", "one", "one")
    assert (code, err) == (2, "error: one and one hold the same run, one: name the folders of two\n")


@pytest.mark.parametrize(("held", "expected"), [(93, 0), (92, 1)])
def test_a_calibration_is_written_and_judged_by_the_step(call, monkeypatch, tmp_path, held, expected):
    found = Calibration(run_record().environment.model_dump(mode="json"))
    for measure in found.ratios:
        found.ratios[measure] = [(1.0, 0.9, 1.1)] * held + [(1.2, 1.1, 1.3)] * (100 - held)
    monkeypatch.setattr("bench.selfcheck.calibration.calibrate", lambda runs, **_: found)
    monkeypatch.setattr("bench.selfcheck.calibration.coverage_rows", list)
    monkeypatch.setattr("bench.selfcheck.calibration.SHAPES", ())
    code, out, _ = call("calibrate", "--out", "made")
    assert code == expected
    assert f"| step | {held} of 100 |" in out
    assert (tmp_path / "made" / "calibration.md").read_text() == out.removesuffix("\n")


def trial(**fields):
    plain = {"run_id": "r", "workload": "parity", "contestant": "numpy_nn", "kind": "parity", "seed": 0, "round": 0, "launch": 0}
    return Trial(**{**plain, "status": "ok", "dtype": "float64", "threads": 1, "started_at": "2026-01-01T00:00:00Z", **fields})


def parity(difference):
    return Parity(reference="keras", loss=[0.0], accuracy=[0.0], weights=[difference], predictions=0.0)


@pytest.mark.parametrize(
    ("trials", "status", "expected"),
    [
        ([trial(parity=parity(1e-15))], "complete", 0),
        ([trial(parity=parity(1e-6))], "complete", 1),
        ([trial(parity=parity(1e-6)), trial(status="failed", contestant="keras")], "interrupted", 1),
        ([trial(), trial(status="timeout", contestant="keras")], "complete", 3),
        ([trial(), trial(status="skipped", contestant="keras")], "complete", 0),
        ([trial()], "interrupted", 3),
        ([], "interrupted", 3),
        ([], "complete", 3),
    ],
)
def test_broken_parity_is_exit_code_1_and_anything_missing_3(tmp_path, trials, status, expected):
    run = run_record(status=status)
    assert exit_code(RunData(tmp_path, run, trials), run) == expected


def test_a_report_that_cannot_be_written_is_exit_code_3_with_all_trials_kept(call, tiny_workload, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bench.report.write_report", refuse)
    code, _, err = call("run", "--workload", tiny_workload, "--contestants", f"{TINY}:Tiny", "--out", "made")
    assert code == 3
    assert "the report could not be written: No space left on device" in err
    assert len(read_run(tmp_path / "made").trials) == 6


def test_the_report_is_made_again_from_the_records_alone(call, light_report, tiny_workload, tmp_path):
    call("run", "--workload", tiny_workload, "--contestants", f"{TINY}:Tiny", "--out", "made")
    shutil.copytree(tmp_path / "made", tmp_path / "copy")
    assert call("report", "copy")[:2] == (0, "verdict on 6 trials\n\nreport: copy/index.html, as Markdown: report.md\n")


def test_films_are_recorded_and_made_only_if_asked(call, light_report, tiny_workload, tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr("bench.report.film.write_films", lambda directory, data: made.append(directory.name))
    arguments = ("--workload", tiny_workload, "--contestants", "numpy_nn", "--out")
    assert call("run", *arguments, "without")[0] == call("report", "without")[0] == 0
    assert made == []
    assert call("run", *arguments, "with", "--film")[0] == 0
    code, _, err = call("report", "without", "--film")
    assert (code, made) == (0, ["with", "without"])
    assert "no film: this run has no recorded decision surfaces" in err


def test_ctrl_c_writes_the_report_of_what_there_is(tiny_workload, tmp_path):
    directory = tmp_path / "made"
    command = [sys.executable, "-m", "bench", "run", "--workload", tiny_workload, "--contestants", f"{TINY}:Slow", "--seeds", "500"]
    process = subprocess.Popen(
        [*map(str, command), "--out", str(directory)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    for line in process.stderr:
        if "scored, seed 1" in line:
            break
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 3, err
    assert f"--resume {directory}" in err
    assert (directory / "report.md").exists(), err
    assert json.loads((directory / "run.json").read_text())["status"] == "interrupted"


def test_a_home_is_found_where_a_shell_leaves_its_sign(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    write_run(tmp_path, run_record())
    (tmp_path / "trials.jsonl").touch()
    assert len(load("~")) == 0
    for path, code in (("~/all.csv", 0), ("~nobody-of-that-name/all.csv", 2)):
        monkeypatch.setattr(sys, "argv", ["bench", "export", "~", "csv", path])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == code
    assert (tmp_path / "all.csv").exists()
    assert "no home for '~nobody-of-that-name'" in capsys.readouterr().err
