import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile

import pytest
from repositories import commit, git, make_repository

from bench.regression.compare import revisions
from bench.regression.compare.leftovers import PREFIX
from bench.regression.compare.revisions import RevisionError, side_by_side
from bench.regression.history.tracked_runs import commit_date


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
        assert len(worktrees(repository)) == 1
    assert list(own_temporary_folder.iterdir()) == []


def test_a_file_system_without_locks_is_one_line(repository, own_temporary_folder, monkeypatch):
    def refuse(self, *_, **__):
        raise NotImplementedError("FileSystem does not appear to support flock; use SoftFileLock instead")

    (left := own_temporary_folder / "numpy_nn-compare-left").mkdir(mode=0o700)
    (left / "lock").touch()
    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    with (
        pytest.raises(RevisionError, match=r"can't be locked: .*the file system has no locks"),
        side_by_side(repository, "good", None),
    ):
        pass
    assert list(own_temporary_folder.iterdir()) == [left]


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


def test_a_folder_may_have_any_name_and_an_error_is_one_line_still(tmp_path):
    folder = make_repository(tmp_path / "-a\n'100 %' ünïcode ")
    with side_by_side(folder / "numpy_nn", "good", "good") as sides:
        assert (sides.copy("head", sides.names[0]) / "sequential.py").exists()
    refusal(folder, "nonsense")


def test_the_repository_of_a_git_hook_that_we_run_in_does_not_get_in_the_way(repository, tmp_path, monkeypatch):
    for name in ("DIR", "INDEX_FILE", "COMMON_DIR", "OBJECT_DIRECTORY"):
        monkeypatch.setenv(f"GIT_{name}", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_LITERAL_PATHSPECS", "1")
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
    (left,) = own_temporary_folder.glob(PREFIX + "*")
    with side_by_side(repository, "good", None):
        assert not left.exists()
    assert len(worktrees(repository)) == 1
    assert list(own_temporary_folder.iterdir()) == []


def test_a_comparison_that_is_still_going_on_is_left_alone(repository, own_temporary_folder):
    process = hold(repository)
    (held,) = own_temporary_folder.glob(PREFIX + "*")
    assert revisions.remove_leftovers() == []
    with side_by_side(repository, "good", None):
        pass
    assert (held / "checkouts" / "head" / "numpy_nn" / "__init__.py").exists()
    process.communicate("")
    assert process.returncode == 0
    assert list(own_temporary_folder.iterdir()) == []


def test_a_folder_of_that_name_which_no_comparison_made_is_left_alone(repository, own_temporary_folder):
    (own_temporary_folder / f"{PREFIX}x" / "lock").mkdir(parents=True)
    with side_by_side(repository, "good", None):
        pass
    assert (own_temporary_folder / f"{PREFIX}x" / "lock").is_dir()


def test_what_is_no_file_is_left_aside_and_named(repository):
    (repository / "numpy_nn" / ".#losses.py").symlink_to("me@nowhere.1234")
    os.mkfifo(repository / "numpy_nn" / "pipe")
    with side_by_side(repository, "good", None) as sides:
        assert not (sides.copy("head", sides.names[0]) / "pipe").exists()
        assert [note.split(" ")[0] for note in sides.notes] == ["numpy_nn/.#losses.py", "numpy_nn/pipe"]


def clone(repository, folder, *arguments):
    git(repository.parent, "clone", "-q", *arguments, f"file://{repository}", str(folder))
    return folder


def refusal(repository, base, head=None, **options):
    with pytest.raises(RevisionError) as refused, side_by_side(repository, base, head, **options):
        pass
    assert "\n" not in str(refused.value)
    return refused.value


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "it is empty: a variable that isn't set"),
        ("0" * 40, "CI has zeros where there is no commit before"),
        ("main...HEAD", 'a range is no commit: type compare "$(git merge-base main HEAD)" HEAD'),
        ("good..", 'type compare "$(git merge-base good HEAD)" HEAD'),
        ("good^", "; good has no such parent"),
        ("^good", "it must be what git calls a commit"),
        ("nonsense", "it must be what git calls a commit"),
    ],
)
def test_a_name_that_is_no_commit_says_what_to_type(repository, name, said):
    assert said in str(refusal(repository, name))


@pytest.fixture
def small(tmp_path):
    """A repository whose only commit, tagged `good`, has a package of one file, `alone`."""
    (folder := tmp_path / "small").mkdir()
    git(folder, "init", "-q")
    (folder / "alone.py").write_text("")
    commit(folder, "good")
    return folder


def test_a_branch_without_a_commit_and_a_tag_with_the_name_of_a_branch_are_named(small):
    git(small, "branch", "both")
    commit(small, "both")
    with side_by_side(small, "both", "good", package="alone") as sides:
        assert sides.base.commit == git(small, "rev-parse", "HEAD").strip()
        assert sides.notes == ["both is a tag and a branch: the tag is compared; refs/heads/both is the branch"]
    git(small, "checkout", "-q", "--orphan", "new")
    assert "; this branch has no commit yet" in str(refusal(small, "HEAD^"))


def test_a_git_without_end_of_options_will_do(small, tmp_path, monkeypatch):
    """`git rev-parse` knows it since 2.30; Ubuntu 20.04 has 2.25."""
    (old := tmp_path / "git").write_text(
        f'#!/bin/sh\ncase "$*" in *--end-of-options*) exit 128 ;; esac\nexec {shutil.which("git")} "$@"\n'
    )
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with side_by_side(small, "good", "HEAD", package="alone") as sides:
        assert commit_date(sides.base.commit, small)


@pytest.fixture
def two_commits(repository):
    git(repository, "checkout", "-q", "-b", "main")
    (repository / "numpy_nn" / "more.py").write_text("")
    commit(repository, "second")
    git(repository, "config", "uploadpack.allowFilter", "true")
    git(repository, "config", "uploadpack.allowAnySHA1InWant", "true")
    return repository


def test_a_shallow_clone_says_what_to_type_and_that_works(two_commits, tmp_path):
    folder = clone(two_commits, tmp_path / "clone", "--depth=1", "--no-tags")
    assert "`git fetch --deepen=1`" in str(refusal(folder, "HEAD^"))
    assert "`fetch-depth: 2`" in str(refusal(folder, "HEAD^"))
    git(folder, "fetch", "-q", "--deepen=1")
    with side_by_side(folder, "HEAD^", "HEAD") as sides:
        assert not (sides.copy("base", sides.names[0]) / "more.py").exists()


def test_a_branch_that_was_not_fetched_says_what_to_type(two_commits, tmp_path):
    git(two_commits, "branch", "other")
    folder = clone(two_commits, tmp_path / "clone", "--single-branch", "--branch=main", "--no-tags")
    assert "type `git fetch origin other`, and compare with origin/other or FETCH_HEAD" in str(refusal(folder, "other"))
    git(folder, "checkout", "-q", "--detach")
    git(folder, "branch", "-q", "-D", "main")
    assert "did you mean origin/main?" in str(refusal(folder, "main"))
    assert "; the default branch of origin is main: did you mean origin/main?" in str(refusal(folder, "master"))


@pytest.mark.parametrize("arguments", [["--filter=blob:none"], ["--filter=blob:none", "--sparse"], ["--depth=2"]])
def test_blobless_sparse_and_detached_clones_work(two_commits, tmp_path, arguments):
    folder = clone(two_commits, tmp_path / "clone", *arguments)
    git(folder, "checkout", "-q", "--detach")
    with side_by_side(folder, "HEAD^", "HEAD") as sides:
        assert (sides.copy("head", sides.names[0]) / "more.py").exists()
        assert (sides.copy("base", sides.names[1]) / "sequential.py").exists()
    assert git(folder, "status", "--porcelain") == ""


def test_a_commit_that_is_gone_from_a_clone_is_asked_for_by_its_whole_name(two_commits, tmp_path):
    folder = clone(two_commits, tmp_path / "clone", "--depth=1")
    gone = git(two_commits, "rev-parse", "good").strip()
    assert f"type `git fetch --depth=1 origin {gone}`" in str(refusal(folder, gone))
    git(folder, "fetch", "-q", "--depth=1", "origin", gone)
    with side_by_side(folder, gone, "HEAD"):
        pass


def test_a_working_tree_without_the_package_of_a_sparse_clone_says_what_to_type(two_commits, tmp_path):
    folder = clone(two_commits, tmp_path / "clone", "--sparse")
    assert "type `git sparse-checkout add numpy_nn`" in str(refusal(folder, "good"))
    git(folder, "sparse-checkout", "add", "numpy_nn")
    with side_by_side(folder, "good", None):
        pass


def test_a_worktree_of_the_users_works(two_commits, tmp_path):
    git(two_commits, "worktree", "add", "-q", "--detach", str(tmp_path / "tree"), "good")
    with side_by_side(tmp_path / "tree" / "numpy_nn", "second", None) as sides:
        assert not (sides.copy("head", sides.names[0]) / "more.py").exists()


def test_a_package_in_a_submodule_is_said_to_be_there(repository, tmp_path):
    outer = tmp_path / "outer"
    outer.mkdir()
    git(outer, "init", "-q")
    git(outer, "submodule", "add", "-q", str(repository), "numpy_nn")
    commit(outer, "outer")
    assert "compare there, with --repository numpy_nn" in str(refusal(outer, "outer", "outer"))


def test_git_is_given_none_of_what_a_script_that_calls_us_reads(tmp_path):
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    imports = "from pathlib import Path; from bench.regression.compare.git import run_git"
    script = f"{imports}; print(run_git(Path({str(tmp_path)!r}), 'hash-object', '--stdin'), input())"
    done = subprocess.run([sys.executable, "-c", script], input="a line", capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["e69de29bb2d1d6434b8b29ae775ad8c2e48c5391", "a", "line"]  # git's name of nothing


def test_a_repository_of_another_user_says_what_to_type(repository, monkeypatch):
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    assert "type `git config --global --add safe.directory" in str(refusal(repository, "good"))


def test_a_source_layout_and_a_package_of_one_file_are_found(repository):
    (repository / "src").mkdir()
    git(repository, "mv", "numpy_nn", "src/numpy_nn")
    (repository / "alone.py").write_text("import alone\n")
    commit(repository, "moved")
    with side_by_side(repository, "good", "moved") as sides:
        assert (sides.copy("head", sides.names[0]) / "sequential.py").is_file()
    with side_by_side(repository, "moved", None, package="alone") as sides:
        assert sides.copy("base", "alone_a").read_text() == "import alone_a\nimport alone_a as alone"


def test_files_of_git_lfs_are_taken_from_the_clone_or_named(repository):
    for name in ("here", "there"):
        oid = hashlib.sha256(name.encode()).hexdigest()
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(name)}\n"
        (repository / "numpy_nn" / name).write_text(pointer)
    commit(repository, "pointers")
    oid = hashlib.sha256(b"here").hexdigest()
    stored = repository / ".git/lfs/objects" / oid[:2] / oid[2:4] / oid
    stored.parent.mkdir(parents=True)
    stored.write_text("here")
    with side_by_side(repository, "good", "pointers") as sides:
        assert (sides.copy("head", sides.names[0]) / "here").read_text() == "here"
        (note,) = sides.notes
        assert note.startswith("numpy_nn/there at pointers (")
        assert f"git lfs fetch origin {sides.head.commit}" in note


def test_what_links_and_submodules_of_a_package_lead_to_is_there_on_both_sides(small, tmp_path):
    (other := tmp_path / "other").mkdir()
    git(other, "init", "-q")
    (other / "part.py").write_text("")
    commit(other, "other")
    files = {"__init__.py", "one.py", "shared/util.py", "shared/back", "vendored/part.py"}
    for folder in ("mine", "common"):
        (small / folder).mkdir()
    for name in ("mine/__init__.py", "common/util.py"):
        (small / name).write_text("x = 1\n")
    links = {
        "common/back": "../mine",
        "mine/one.py": "shared/util.py",
        "mine/shared": "../common",
        "mine/around": "..",
        "mine/out": "../../x",
    }
    for name, target in {**links, "alias": "mine", "alias2.py": "common/util.py"}.items():
        (small / name).symlink_to(target)
    git(small, "submodule", "add", "-q", str(other), "mine/vendored")
    commit(small, "linked")
    for package in ("mine", "alias"):
        with side_by_side(small, "linked", None, package=package) as sides:
            for side in ("base", "head"):
                copy = sides.copy(side, sides.names[0])
                assert {name for name in files if (copy / name).is_file()} == files - {"shared/back"}, (package, side)
    with side_by_side(small, "linked", None, package="alias2") as sides:
        assert sides.copy("base", "alias2_a").read_text() == sides.copy("head", "alias2_a").read_text() == "x = 1"
    git(small, "submodule", "deinit", "-q", "--force", "mine/vendored")
    with side_by_side(small, "linked", None, package="mine") as sides:
        assert any("mine/vendored at linked" in note and note.endswith("update --init --recursive`") for note in sides.notes)
    assert git(small, "status", "--porcelain") == ""


@pytest.mark.parametrize(("file", "text"), [("numpy_nn/fast.pyx", ""), ("setup.py", "setup(ext_modules=[])")])
def test_a_package_with_compiled_modules_is_refused(repository, file, text):
    (repository / file).write_text(text)
    commit(repository, "compiled")
    for head in ("compiled", None):
        refused = refusal(repository, "good", head)
        assert refused.kind == "compiled"
        assert "only packages of pure Python can be compared" in str(refused)
