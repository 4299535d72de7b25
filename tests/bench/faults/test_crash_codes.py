"""Exit code 1 means "the answer is bad": what goes wrong around a measurement has another one, and one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from fault_calls import ROOT
from fault_repositories import make_repository

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="devices, links and signals of POSIX")
COMPARE = ("--repository", "repo", "--benchmark", "step", "--budget", "0")

NETS = {
    "Signal": "    def fit(self, on_epoch_end):\n        import os; os.kill(os.getpid(), 40)",
    "Surrogate": "    def fit(self, on_epoch_end):\n        raise ValueError('bad name \\udcff')",
    "Details": "    def details(self):\n        return {'options': 5}",
    "Escapes": "    def fit(self, on_epoch_end):\n        raise ValueError('\\x1b]0;owned\\x07\\x1b[2Jgone')",
}
"""Contestants that end badly, each in its own way."""


@pytest.fixture(scope="session")
def bad_run(tmp_path_factory):
    """One run of all of them beside numpy_nn: exit code, screen, trials and report."""
    from fault_calls import TINY, call

    folder = tmp_path_factory.mktemp("bad")
    (folder / "tiny.toml").write_text(TINY)
    base = "from bench.contestants.numpy_network import NumpyNetwork\n"
    (folder / "nets.py").write_text(base + "".join(f"class {name}(NumpyNetwork):\n{body}\n" for name, body in NETS.items()))
    names = ",".join(["numpy_nn", *(f"nets.py:{name}" for name in NETS)])
    said = call(folder, "run", "--workload", "tiny.toml", "--contestants", names, "--out", "out", "--time-budget", "0")
    trials = [json.loads(line) for line in (folder / "out" / "trials.jsonl").read_text(encoding="utf-8").splitlines()]
    return said, trials, (folder / "out" / "report.md").read_bytes()


def errors_of(trials, name):
    return {trial["error"] for trial in trials if trial["contestant"] == name and trial["status"] == "failed"}


def test_bad_contestants_fail_by_name_and_the_others_are_measured(bad_run):
    said, trials, report = bad_run
    assert said.code == 3
    assert report
    assert {trial["status"] for trial in trials if trial["contestant"] == "numpy_nn"} == {"ok"}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Signal", "signal 40"),
        ("Surrogate", r"ValueError: bad name \udcff"),
        ("Details", "details returned 5 as 'options': it must be a mapping"),
        ("Escapes", r"\x1b]0;owned\x07\x1b[2Jgone"),
    ],
)
def test_what_went_wrong_is_in_the_trials_error_in_letters_that_can_be_shown(bad_run, name, words):
    assert any(words in error for error in errors_of(bad_run[1], name))


def test_nothing_steers_the_terminal_or_a_reader_of_the_report(bad_run):
    said, _, report = bad_run
    assert not {"\x1b", "\x07"} & set(said.text)
    assert b"\x1b" not in report
    assert b"\x07" not in report


@pytest.mark.parametrize("variable", ["A=B", "", "A\\0B"])
def test_an_environment_that_cannot_be_is_refused_before_measuring(bench, tmp_path, variable):
    (tmp_path / "net.py").write_text(
        "from bench.contestants.numpy_network import NumpyNetwork\n"
        f"class Net(NumpyNetwork):\n    ENVIRONMENT = {{'{variable}': 'x'}}\n"
    )
    said = bench("run", "--workload", "tiny.toml", "--contestants", "net.py:Net", "--out", "out")
    assert said.code == 2
    assert "Net.ENVIRONMENT has" in said.text
    assert not (tmp_path / "out").exists()


def test_a_folder_that_goes_during_the_run_is_one_line(bench, tmp_path):
    (tmp_path / "net.py").write_text(
        "import shutil\nfrom pathlib import Path\nfrom bench.contestants.numpy_network import NumpyNetwork\n"
        "class Net(NumpyNetwork):\n    def fit(self, on_epoch_end):\n"
        f"        shutil.rmtree({str(tmp_path / 'out')!r}, ignore_errors=True)\n        return super().fit(on_epoch_end)\n"
    )
    said = bench("run", "--workload", "tiny.toml", "--contestants", "net.py:Net", "--out", "out", "--time-budget", "0")
    assert said.code == 3
    assert "out no longer holds the run" in said.text
    assert "--resume out" not in said.text, "there is nothing to go on with"


FAILING = """
import psutil
def fail(*_, **__): raise {error}
for name in ("getloadavg", "cpu_freq", "virtual_memory", "cpu_times"):
    setattr(psutil, name, fail)
"""


@pytest.mark.parametrize("error", ["OSError(38, 'Function not implemented')", "RuntimeError('no /proc/stat')"])
def test_what_only_describes_a_record_is_left_out_where_it_cannot_be_read(bench, tmp_path, error):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(FAILING.format(error=error))
    said = bench("run", "--workload", "tiny.toml", "--out", "dir", "--time-budget", "0", PYTHONPATH=f"{tmp_path / 'site'}:{ROOT}")
    assert said.code == 0, said.text
    run = json.loads((tmp_path / "dir" / "run.json").read_text())
    assert (run["environment"]["load_1min"], run["environment"]["memory_bytes"]) == (None, None)
    loads = [json.loads(line)["load"] for line in (tmp_path / "dir" / "trials.jsonl").read_text().splitlines()]
    assert {name for load in loads for name in load} <= {"canary_before_seconds", "canary_after_seconds"}


@pytest.mark.parametrize(("option", "kind"), [("--json", "a folder"), ("--markdown", "a folder"), ("--json", "a symbolic link")])
def test_a_result_that_cannot_be_written_is_refused_before_measuring(bench, tmp_path, option, kind):
    make_repository(tmp_path)
    if kind == "a folder":
        (tmp_path / "result").mkdir()
    else:
        (tmp_path / "result").symlink_to("/dev/null")
    said = bench("compare", "HEAD", "HEAD", *COMPARE, option, "result")
    assert said.code == 2
    assert f"result can't be written: it is {kind}" in said.text


def test_two_results_in_one_file_are_refused(bench, tmp_path):
    make_repository(tmp_path)
    said = bench("compare", "HEAD", "HEAD", *COMPARE, "--json", "r", "--markdown", "r")
    assert said.code == 2
    assert "r is named for two results" in said.text


def test_what_is_no_file_in_a_package_is_left_aside(bench, tmp_path):
    package = make_repository(tmp_path) / "numpy_nn"
    (package / ".#losses.py").symlink_to("me@nowhere.1234")
    os.mkfifo(package / "pipe")
    said = bench("compare", "HEAD", *COMPARE, limit=60)
    assert said.code in (0, 4)
    assert "numpy_nn/.#losses.py is left aside" in said.text
    assert "numpy_nn/pipe is left aside" in said.text


def test_what_others_left_in_the_temporary_folder_is_left_alone(bench, tmp_path):
    make_repository(tmp_path)
    temporary, elsewhere = tmp_path / "tmp", tmp_path / "elsewhere"
    temporary.mkdir()
    elsewhere.mkdir()
    (elsewhere / "lock").write_text("mine")
    place = {name: temporary / f"numpy_nn-compare-{name}" for name in ("lock-folder", "link", "lock-link", "own")}
    place["link"].symlink_to(elsewhere)
    for name in ("lock-folder", "lock-link", "own"):
        place[name].mkdir(mode=0o755 if name == "own" else 0o700)
        (place[name] / "mine.txt").write_text("mine")
    (place["lock-folder"] / "lock").mkdir()
    (place["lock-link"] / "lock").symlink_to(elsewhere / "lock")
    (place["own"] / "lock").write_text("")
    said = bench("compare", "HEAD", "HEAD", *COMPARE, TMPDIR=str(temporary))
    assert said.code in (0, 4), said.text
    assert {name: (path / "lock").exists() for name, path in place.items()} == dict.fromkeys(place, True)
    assert (elsewhere / "lock").read_text() == "mine"


def test_letters_that_a_terminal_lacks_cost_neither_the_code_nor_the_result(bench, tmp_path):
    make_repository(tmp_path)
    said = bench("compare", "HEAD", "HEAD", *COMPARE, "--json", "c.json", PYTHONIOENCODING="cp1252")
    assert said.code in (0, 4)
    assert json.loads((tmp_path / "c.json").read_text())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /dev/full")
def test_a_full_output_is_code_3_and_the_result_is_there(tmp_path):
    make_repository(tmp_path)
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        done = subprocess.run(
            [sys.executable, "-m", "bench", "compare", "HEAD", "HEAD", *COMPARE, "--json", "c.json"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=100,
            check=False,
        )
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1] == "standard output is cut short: No space left on device"
    assert json.loads((tmp_path / "c.json").read_text())
