"""What `python -m bench compare` refuses, in one line with exit code 2, and in the files that it writes."""

import pytest
from compare_calls import compare, figures
from repositories import edit, git

from bench import escaping
from bench.regression.compare.comparison_processes import LIMITS_SECONDS, ComparisonProcesses
from bench.regression.compare.comparison_report import comment_mark
from bench.regression.compare.revisions import RevisionError, side_by_side


@pytest.mark.parametrize(
    ("arguments", "kind", "said"),
    [
        (["nonsense"], "unknown revision", "revision 'nonsense' is unknown"),
        (["--", "--all"], "unknown revision", "revision '--all' begins with a dash"),
        (
            ["good", "empty"],
            "no numpy_nn",
            "has no numpy_nn: there is no numpy_nn/__init__.py in it, nor in src/; name another package by",
        ),
        (["broken", "good"], "can't be loaded", "numpy_nn at BASE fails to import: ModuleNotFoundError"),
        (["exits", "good"], "can't be loaded", "numpy_nn at BASE"),
        (["exits", "broken"], "can't be loaded", "numpy_nn at BASE"),
        (["good", "unparsable"], "can't be loaded", "numpy_nn at HEAD fails to import: SyntaxError"),
        (["good", "exits"], "can't be loaded", "numpy_nn at HEAD fails to import: sys.exit(0)"),
        (["good", "dies-at-import"], "can't be loaded", "numpy_nn at HEAD fails to import: its import ended by SIGABRT"),
    ],
)
def test_a_program_can_tell_what_was_in_the_way_and_does_not_read_an_older_verdict(repository, tmp_path, arguments, kind, said):
    files = {name: tmp_path / name for name in ("c.json", "c.md", "summary.md")}
    for path in files.values():
        path.write_text('{"verdict": "no change"}')
    done = compare(
        repository, "--json", str(files["c.json"]), "--markdown", str(files["c.md"]), *arguments,
        GITHUB_STEP_SUMMARY=str(files["summary.md"]),
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    found = figures(files["c.json"])
    assert found["verdict"] is None
    assert found["error"]["kind"] == kind
    assert said in found["error"]["message"]
    assert found["error"]["message"] in done.stderr
    assert "Traceback" not in done.stderr
    assert len(git(repository, "worktree", "list").splitlines()) == 1
    message = escaping.markdown(found["error"]["message"])
    assert files["c.md"].read_text() == f"{comment_mark('numpy_nn')}\n## `numpy_nn`: not compared\n\n{message}\n"
    assert files["summary.md"].read_text().endswith(files["c.md"].read_text())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["good", "nonsense"], "revision 'nonsense' is unknown"),
        (["empty"], "has no numpy_nn"),
        (["good", "by-name"], "imports numpy_nn by a name in a string"),
        (["good", "--benchmark", "stepp"], "benchmark 'stepp' is unknown: did you mean 'step'"),
        (["good", "--tolerance", "-1"], "--tolerance"),
        (["good", "--fail-on", "regresed"], "did you mean 'regressed'"),
        (["good", "--package", "other"], "it needs --benchmarks FILE_OR_FOLDER"),
        (["good", "--package", "a/b"], "it must be the name that is imported"),
        (["good", "--json", "/nowhere/at/all.json"], "can't be written"),
        (["good", "--json", __file__], "test_compare_refusals.py would be replaced"),
        ([], "BASE"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2_and_nobody_reads_an_older_verdict(repository, tmp_path, arguments, said):
    (tmp_path / "c.json").write_text('{"verdict": "no change"}')
    done = compare(repository, "--json", str(tmp_path / "c.json"), *arguments)
    assert done.returncode == 2, done.stderr
    is_known = arguments and "--tolerance" not in arguments and "--json" not in arguments
    assert (figures(tmp_path / "c.json")["verdict"] == "no change") != bool(is_known)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert len(git(repository, "worktree", "list").splitlines()) == 1


def test_an_import_that_hangs_is_ended_and_its_side_named(repository):
    limits = {**LIMITS_SECONDS, "import": 4.0}
    with side_by_side(repository, "good", "hangs") as sides, ComparisonProcesses(sides, limits) as processes:
        with pytest.raises(RevisionError, match=r"^numpy_nn at HEAD fails to import: its import is not done after 4 s$") as refused:
            processes.check(["step"])
        assert refused.value.kind == "can't be loaded"


def test_uncommitted_changes_of_the_working_tree_are_what_is_compared(repository, tmp_path):
    edit(repository, "__init__.py", "__all__ =", "raise RuntimeError('uncommitted')\n__all__ =")
    try:
        done = compare(repository, "good")
    finally:
        git(repository, "checkout", "-q", "--", "numpy_nn")
    assert done.returncode == 2
    assert "numpy_nn at HEAD fails to import: RuntimeError: uncommitted" in done.stderr


@pytest.mark.parametrize("path", ["folder", "missing/c.json"])
def test_a_result_file_that_cannot_be_written_is_refused_before_measuring(repository, tmp_path, path):
    (tmp_path / "folder").mkdir()
    for done in (
        compare(repository, "good", "--json", str(tmp_path / path)),
        compare(repository, "good", GITHUB_STEP_SUMMARY=str(tmp_path / path)),
    ):
        assert done.returncode == 2
        assert f"{tmp_path / path} can't be written" in done.stderr
    assert done.stderr.startswith("error: GITHUB_STEP_SUMMARY: ")
