"""`python -m bench compare` as a user calls it, on small repositories of its own; the launches are real."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from compare_calls import ROOT, compare, figures
from repositories import git

from bench.cli.exit_codes import VERDICT_EXIT_CODES
from bench.regression.compare.comparison_report import comment_mark
from bench.regression.compare.verdicts import Verdict


def test_a_revision_that_computes_something_else_is_named_with_exit_code_3(repository, tmp_path):
    done = compare(repository, "good", "other", "--benchmark", "step", "--json", str(tmp_path / "c.json"))
    assert done.returncode == 3, done.stderr
    assert "different: the two sides compute something else in step" in done.stdout
    assert figures(tmp_path / "c.json")["verdict"] == "different"


def test_a_benchmark_that_fails_at_head_is_broken_with_exit_code_1_and_the_others_are_judged(repository, tmp_path):
    options = ("--benchmark", "step", "--benchmark", "build", "--budget", "10", "--json", str(tmp_path / "c.json"))
    done = compare(repository, "good", "no-callbacks", *options)
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("broken: step: HEAD: TypeError")
    broken, build = figures(tmp_path / "c.json")["benchmarks"]
    assert broken["verdict"] == "broken"
    assert "HEAD: TypeError" in broken["note"]
    assert build["log_ratios"]


def test_what_fails_at_base_alone_is_left_out_with_exit_code_3(repository, tmp_path):
    done = compare(repository, "no-callbacks", "good", "--benchmark", "step", "--json", str(tmp_path / "c.json"))
    assert done.returncode == 3, done.stderr
    assert "doesn't run at BASE: TypeError" in figures(tmp_path / "c.json")["benchmarks"][0]["note"]


@pytest.mark.parametrize("head", ["prints", "threads", "docstring"])
def test_a_head_that_prints_or_starts_threads_has_a_verdict(repository, tmp_path, head):
    done = compare(repository, "good", head, "--benchmark", "step", "--budget", "0", "--json", str(tmp_path / "c.json"))
    assert done.returncode == 4, done.stderr
    assert figures(tmp_path / "c.json")["verdict"] == "inconclusive"


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("later", "broken: step: HEAD: fails to import: its import ended the process with exit code 7"),
        ("in-the-way", "broken: step: HEAD: BASE can't be imported beside it, and can without it: fails to import: "),
    ],
)
def test_a_head_that_spoils_an_import_of_a_later_launch_is_broken(repository, tmp_path, head, said):
    options = ("--benchmark", "step", "--json", str(tmp_path / "c.json"))
    done = compare(repository, "good", head, *options, COUNT=str(tmp_path / "count"), TMPDIR=str(tmp_path))
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith(said)
    assert figures(tmp_path / "c.json")["verdict"] == "broken"
    assert not list(tmp_path.glob("numpy_nn-compare-*"))


@pytest.mark.parametrize(
    ("words", "code"), [(["regressed,broken"], 0), (["broken, inconclusive"], 4), (["inconclusive", "broken"], 4)]
)
def test_only_the_verdicts_that_are_asked_for_fail(repository, words, code):
    options = [option for word in words for option in ("--fail-on", word)]
    assert compare(repository, "good", "--budget", "0", "--benchmark", "step", *options).returncode == code


@pytest.mark.parametrize(("head", "said"), [("dies", "ended by SIGSEGV"), ("reads", "EOFError")])
def test_a_broken_head_fails_a_pipeline_that_asks_for_it(repository, head, said):
    arguments = ("good", head, "--budget", "0", "--benchmark", "predict-one", "--fail-on", "regressed,broken")
    done = compare(repository, *arguments)
    assert done.returncode == 1
    assert done.stdout.startswith(f"broken: predict-one: HEAD: {said}")


def test_what_a_broken_head_has_started_and_written_is_gone_afterwards(repository, tmp_path):
    environment = {"TMPDIR": str(tmp_path), "TOLD": str(tmp_path / "told")}
    done = compare(repository, "good", "litters", "--benchmark", "save", "--budget", "0", **environment)
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("broken: save: HEAD: ended the process with exit code 0")
    assert not Path((tmp_path / "told").read_text()).exists()
    assert [path.name for path in tmp_path.iterdir()] == ["told"]
    assert not [process for process in psutil.process_iter(["environ"]) if str(tmp_path) in str(process.info["environ"])]


def test_a_head_that_ends_the_process_of_the_launches_is_named_and_what_was_known_stays(repository, tmp_path):
    arguments = ("--benchmark", "predict-one", "--budget", "0", "--json", str(tmp_path / "c.json"))
    done = compare(repository, "good", "kills", *arguments)
    assert done.returncode == 3
    assert "error: a process that checked predict-one at HEAD ended by SIGKILL" in done.stderr
    assert figures(tmp_path / "c.json")["error"]["kind"] == "launch failed"


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_an_ended_comparison_has_written_the_verdict_so_far_and_left_no_process(repository, tmp_path, sent):
    path = tmp_path / "c.json"
    process = subprocess.Popen(
        [sys.executable, "-m", "bench", "compare", "--repository", str(repository), "good", "dies", "--benchmark", "predict-one",
         "--benchmark", "step", "--tolerance", "0", "--budget", "300", "--json", str(path)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    end = time.monotonic() + 60
    while time.monotonic() < end and not (path.exists() and figures(path).get("launches")):
        time.sleep(0.1)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(sent)
    _, err = process.communicate(timeout=30)
    assert figures(path)["verdict"] == "broken"
    assert psutil.wait_procs(children, timeout=10)[1] == []
    if sent is not signal.SIGKILL:
        assert process.returncode == 3
        assert err.strip().splitlines()[-1] == "interrupted"
        assert figures(path)["stop_reason"] == "interrupted"
        assert list(tmp_path.glob("numpy_nn-compare-*")) == []
    assert len(git(repository, "worktree", "list").splitlines()) == 1


def test_equal_revisions_without_time_to_tell_are_inconclusive_with_exit_code_4(repository, tmp_path):
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    files = {name: tmp_path / name for name in ("c.json", "c.md")}
    done = compare(
        repository, "good", "--budget", "0", "--json", str(files["c.json"]), "--markdown", str(files["c.md"]),
        GITHUB_STEP_SUMMARY=str(summary),
    )  # fmt: skip
    assert done.returncode == 4, done.stderr
    assert done.stdout.startswith("inconclusive")
    found = figures(files["c.json"])
    assert found["base"].startswith("good (")
    assert found["head"] == "working tree"
    page = files["c.md"].read_text()
    assert page.startswith(f"{comment_mark('numpy_nn')}\n## `numpy_nn`: inconclusive")
    assert "<details>" in page
    assert summary.read_text() == "before\n" + page


def test_a_gross_slowdown_is_called_regressed_with_exit_code_1_and_its_size(repository, tmp_path):
    done = compare(repository, "good", "slow", "--benchmark", "step", "--budget", "3600", "--json", str(tmp_path / "c.json"))
    assert done.returncode == 1, done.stdout + done.stderr
    found = figures(tmp_path / "c.json")
    (step,) = found["benchmarks"]
    assert step["verdict"] == "regressed"
    assert 1.5 < step["low"] <= step["ratio"]
    assert found["stop_reason"] == "a regression is sure"


def test_a_closed_pipe_does_not_change_the_exit_code_and_the_files_are_written(repository, tmp_path):
    """`compare ... | head -0`: nobody reads the screen."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench", "compare", "--repository", str(repository), "good", "--budget", "0",
         "--json", str(tmp_path / "c.json")],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 4, err
    assert "Broken" not in err
    assert figures(tmp_path / "c.json")["verdict"] == "inconclusive"


def test_an_ascii_terminal_gets_the_verdict_without_some_letters(repository):
    done = compare(repository, "good", "--budget", "0", PYTHONIOENCODING="ascii:strict")
    assert done.returncode == 4, done.stderr
    assert done.stdout.startswith("inconclusive")
    assert done.stdout.isascii()
    assert "\\u2192 working tree" in done.stdout


def test_every_verdict_has_its_exit_code():
    assert VERDICT_EXIT_CODES == {
        Verdict.BROKEN: 1,
        Verdict.REGRESSED: 1,
        Verdict.DIFFERENT: 3,
        Verdict.LEFT_OUT: 3,
        Verdict.INCONCLUSIVE: 4,
        Verdict.IMPROVED: 0,
        Verdict.NO_CHANGE: 0,
    }
