"""What is shipped for CI, run as it stands in the files, with programs that only note what they are called with."""

import os
import re
import shutil
import subprocess
import textwrap
from pathlib import Path

import pytest
from repositories import commit, git

ROOT = Path(__file__).resolve().parents[4]
ACTION = (ROOT / ".github/actions/compare/action.yml").read_text(encoding="utf-8")
WORKFLOW = (ROOT / ".github/workflows/regress.yml").read_text(encoding="utf-8")
DOCS = (ROOT / "docs/compare.md").read_text(encoding="utf-8")
BASH = ("bash", "--noprofile", "--norc", "-eo", "pipefail")
PYTHON = """#!/bin/bash
printf '%s\\n' "$@" > "$NOTES"
exit "${CODE:-0}"
"""
GH = """#!/bin/bash
case "$*" in
*--paginate*) cat "$EARLIER" ;;
*) printf '%s\\n' "$@" > "$NOTES" ;;
esac
"""
pytestmark = pytest.mark.skipif(not shutil.which("bash"), reason="no bash here")


@pytest.fixture
def repository(tmp_path):
    """`main` has moved on since `topic` left it; HEAD is the merge of both, as GitHub makes it."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    for checkout, name in ((None, "first"), (["-b", "topic"], "change"), (["main"], "moved")):
        if checkout:
            git(folder, "checkout", "-q", *checkout)
        (folder / name).write_text("")
        commit(folder, name)
    git(folder, "checkout", "-q", "--detach")
    git(folder, "merge", "-q", "--no-ff", "-m", "merge", "topic")
    return folder


def run(script, folder, shell=BASH, **variables):
    """Run a script in `folder`; the process, and the words that its last program was called with."""
    programs, notes = folder.parent / "programs", folder.parent / "notes"
    programs.mkdir(exist_ok=True)
    for name, text in (("python", PYTHON), ("gh", GH)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    notes.unlink(missing_ok=True)
    environment = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "NOTES": str(notes), **variables}
    done = subprocess.run([*shell, "-c", script], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done, notes.read_text().splitlines() if notes.exists() else []


def step(name):
    """The script of a step of the action."""
    text = ACTION.partition(f"- name: {name}\n")[2].partition("run: |\n")[2]
    return textwrap.dedent(re.split(r"\n {4}- name", text)[0])


def compare_step(repository, pull_head="", **variables):
    temporary = repository.parent / "runner"
    temporary.mkdir(exist_ok=True)
    inputs = {"BASE": "HEAD^1", "HEAD": "HEAD", "PACKAGE": "", "BENCHMARKS": "", "FAIL_ON": "regressed,broken", "ARGUMENTS": ""}
    files = {"RUNNER_TEMP": str(temporary), "GITHUB_OUTPUT": str(repository.parent / "output")}
    return run(step("Compare"), repository, **{**inputs, **files, "PULL_HEAD": pull_head, **variables})


def test_the_action_compares_the_merge_with_its_first_parent_and_passes_its_inputs_on(repository):
    topic = git(repository, "rev-parse", "topic").strip()
    done, words = compare_step(repository, topic, PACKAGE="a b", ARGUMENTS="--budget 60 *")
    assert done.returncode == 0, done.stderr
    assert words[:6] == ["-P", "-m", "bench", "compare", "--fail-on", "regressed,broken"]
    assert words[-8:] == ["--package", "a b", "--budget", "60", "*", "--", "HEAD^1", "HEAD"]
    assert git(repository, "rev-parse", words[-2]) == git(repository, "rev-parse", "moved")
    assert "::warning::" not in done.stdout
    assert git(repository, "status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("head", "is_pull_request", "warned"),
    [
        ("merged", True, False),
        ("main", True, True),  # as on pull_request_target
        ("topic", True, True),  # `ref` of actions/checkout
        ("catches-up", True, True),  # the same, where the branch ends in a merge of main
        ("topic", False, False),  # a push, a merge queue, a schedule
        ("none", True, False),  # a folder below has the checkout; what is wrong is said by the command
    ],
)
def test_the_action_warns_where_a_pull_requests_checkout_is_no_merge_of_it(repository, tmp_path, head, is_pull_request, warned):
    git(repository, "tag", "merged")
    git(repository, "checkout", "-q", "topic")
    if head == "catches-up":
        git(repository, "merge", "-q", "--no-ff", "-m", "catch up", "main")
        git(repository, "tag", head)
    pull_head = git(repository, "rev-parse", "topic").strip() if is_pull_request else ""
    clone = tmp_path / "clone"
    clone.mkdir()
    if head != "none":
        git(clone, "init", "-q")
        git(clone, "fetch", "-q", "--depth=1", str(repository), f"+{head}:refs/remotes/pull/3/merge")
        git(clone, "checkout", "-q", "--detach", "refs/remotes/pull/3/merge")
    done, words = compare_step(clone, pull_head)
    assert words[-2:] == ["HEAD^1", "HEAD"]
    assert ("::warning::" in done.stdout) is warned


def test_each_use_of_the_action_has_files_of_its_own(repository):
    for _ in range(2):
        compare_step(repository)
    lines = (repository.parent / "output").read_text().splitlines()
    assert len({line for line in lines if line.startswith("summary=")}) == 2
    assert all(line.endswith(("/summary.md", "/comparison.json")) for line in lines)


@pytest.mark.parametrize(("code", "ends"), [("0", 0), ("3", 0), ("1", 1), ("5", 5)])
def test_a_run_that_has_not_measured_all_is_tracked_all_the_same_and_said(repository, code, ends):
    script = textwrap.dedent(WORKFLOW.partition("- name: Measure\n")[2].partition("run: |\n")[2].partition("      - name")[0])
    done, words = run(script, repository, CODE=code, RUNNER_TEMP=str(repository.parent))
    assert words[:4] == ["-m", "bench", "run", "--quick"]
    assert done.returncode == ends
    assert ("::warning::" in done.stdout) is (code == "3")


@pytest.mark.parametrize(("earlier", "method"), [("", "POST"), ("17\n18\n", "PATCH")])
def test_a_comment_is_updated_where_there_is_one_and_added_where_there_is_none(repository, earlier, method):
    summary = repository.parent / "summary.md"
    summary.write_text("<!-- moons-bench compare: mine -->\n" + "ü" * 100_000)
    (repository.parent / "earlier").write_text(earlier)
    done, words = run(
        step("Comment on the pull request"), repository, SUMMARY=str(summary), NUMBER="3", GITHUB_REPOSITORY="o/r",
        EARLIER=str(repository.parent / "earlier"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert words[2] == method
    assert words[3].endswith("issues/comments/17" if earlier else "issues/3/comments")
    body = Path(words[5].removeprefix("body=@")).read_text(encoding="utf-8")
    assert body.startswith("<!-- moons-bench compare: mine -->\n")
    assert len(body.encode()) <= 65_536


def test_without_a_page_or_the_right_to_comment_the_step_is_no_failure(repository):
    variables = {"NUMBER": "3", "GITHUB_REPOSITORY": "o/r", "EARLIER": "/nowhere"}
    for summary in ("", "text"):
        (repository.parent / "summary.md").write_text(summary)
        done, words = run(
            step("Comment on the pull request"), repository, SUMMARY=str(repository.parent / "summary.md"), **variables
        )
        assert (done.returncode, words) == (0, [])


@pytest.mark.parametrize(
    ("head", "variables", "base"),
    [
        ("topic", {"CI_MERGE_REQUEST_TARGET_BRANCH_SHA": ""}, "first"),
        ("HEAD", {"CI_MERGE_REQUEST_TARGET_BRANCH_SHA": "moved"}, "moved"),
    ],
)
def test_the_snippet_for_gitlab_takes_the_base_of_what_it_runs_on(repository, head, variables, base):
    git(repository, "checkout", "-q", "--detach", head)
    lines = re.findall(r"^    - (.*)$", DOCS.partition("## GitLab")[2].partition("```yaml")[2].partition("```")[0], re.MULTILINE)
    done, words = run("\n".join(lines), repository, CI_MERGE_REQUEST_DIFF_BASE_SHA="first", **variables)
    assert done.returncode == 0, done.stderr
    assert words[:5] == ["-m", "bench", "compare", base, "HEAD"]


@pytest.mark.parametrize("shell", [("bash", "-eu"), ("dash", "-eu")])
def test_the_snippet_for_any_shell_compares_with_the_merge_base(repository, tmp_path, shell):
    if not shutil.which(shell[0]):
        pytest.skip(f"no {shell[0]} here")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--single-branch", "--branch=topic", f"file://{repository}", str(clone))
    done, words = run(re.search(r"## Any shell\n\n```sh\n(.*?)```", DOCS, re.DOTALL).group(1), clone, shell)
    assert done.returncode == 0, done.stderr
    assert words[:5] == ["-m", "bench", "compare", git(repository, "rev-parse", "first").strip(), "HEAD"]
