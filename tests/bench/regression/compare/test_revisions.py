import os
import signal
import subprocess
import sys
import tempfile

import pytest
from repositories import commit, git, make_repository

from bench.regression.compare import revisions
from bench.regression.compare.revisions import PREFIX, RevisionError, side_by_side


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


@pytest.fixture
def repository(tmp_path):
    return make_repository(tmp_path / "repository")


def worktrees(repository):
    return git(repository, "worktree", "list").splitlines()


def test_both_sides_stand_under_both_names_and_leave_nothing_behind(repository, own_temporary_folder):
    (repository / "numpy_nn" / "changed.py").write_text("")
    with side_by_side(repository, "good", None) as sides:
        for name in sides.names:
            assert (sides.folder("base", name) / name / "__init__.py").is_file()
            assert not (sides.folder("base", name) / name / "changed.py").exists()
            assert (sides.folder("head", name) / name / "changed.py").is_file(), "uncommitted changes belong to the working tree"
        assert len(worktrees(repository)) == 2
    assert len(worktrees(repository)) == 1
    assert list(own_temporary_folder.iterdir()) == []


def test_nothing_is_left_behind_where_the_block_fails(repository, own_temporary_folder):
    with pytest.raises(ZeroDivisionError), side_by_side(repository, "good", "good"):
        raise ZeroDivisionError
    assert len(worktrees(repository)) == 1
    assert list(own_temporary_folder.iterdir()) == []


@pytest.mark.parametrize("revision", ["nonsense", "", "good:numpy_nn", "--all", "good..good", "HEAD~99"])
def test_what_is_no_commit_is_refused_by_name(repository, own_temporary_folder, revision):
    with pytest.raises(RevisionError, match="revision"), side_by_side(repository, revision, None):
        pass
    assert list(own_temporary_folder.iterdir()) == []


def test_a_revision_without_the_package_is_refused_by_name(repository):
    git(repository, "rm", "-rq", "numpy_nn")
    commit(repository, "empty")
    with pytest.raises(RevisionError, match=r"revision empty \(\w{9}\) has no numpy_nn"), side_by_side(repository, "empty", "good"):
        pass
    with pytest.raises(RevisionError, match="working tree has no numpy_nn"), side_by_side(repository, "good", None):
        pass
    assert len(worktrees(repository)) == 1


def test_a_folder_outside_of_any_repository_is_refused(tmp_path):
    with pytest.raises(RevisionError, match="not a git repository"), side_by_side(tmp_path, "good", None):
        pass


def test_the_repository_of_a_git_hook_that_we_run_in_does_not_get_in_the_way(repository, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    with side_by_side(repository, "good", "good") as sides:
        assert sides.base.commit == sides.head.commit


def test_hooks_of_the_repository_are_not_run(repository, tmp_path):
    hook = repository / ".git" / "hooks" / "post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    with side_by_side(repository, "good", None):
        pass
    assert not (tmp_path / "ran").exists()


def test_a_dirty_submodule_gets_in_nobodys_way(repository, tmp_path):
    other = make_repository(tmp_path / "other")
    git(repository, "submodule", "add", "-q", str(other), "sub")
    commit(repository, "with-submodule")
    (repository / "sub" / "numpy_nn" / "__init__.py").write_text("dirty")
    (repository / "sub" / "untracked").write_text("dirty")
    with side_by_side(repository, "with-submodule", None) as sides:
        assert sides.head.commit is None
    assert len(worktrees(repository)) == 1
    assert (repository / "sub" / "untracked").read_text() == "dirty"


HOLD = """
import sys
from pathlib import Path
from bench.regression.compare.revisions import side_by_side
with side_by_side(Path(sys.argv[1]), "good", "good"):
    print("ready", flush=True)
    sys.stdin.read()
"""


def hold(repository):
    """A process in the middle of a comparison."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(repository)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ
    )
    assert process.stdout.readline() == "ready\n"
    return process


def test_what_a_killed_comparison_left_is_removed_by_the_next_one(repository, own_temporary_folder):
    process = hold(repository)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert len(worktrees(repository)) == 3
    (left,) = own_temporary_folder.glob(PREFIX + "*")
    with side_by_side(repository, "good", None):
        assert not left.exists()
        assert len(worktrees(repository)) == 2
    assert len(worktrees(repository)) == 1
    assert list(own_temporary_folder.iterdir()) == []


def test_a_comparison_that_is_still_going_on_is_left_alone(repository, own_temporary_folder):
    process = hold(repository)
    (held,) = own_temporary_folder.glob(PREFIX + "*")
    assert revisions.remove_leftovers(repository) == []
    with side_by_side(repository, "good", None):
        pass
    assert (held / "worktrees" / "head" / "numpy_nn" / "__init__.py").exists()
    process.communicate("")
    assert process.returncode == 0
    assert list(own_temporary_folder.iterdir()) == []
