"""Two revisions of `numpy_nn` side by side in a temporary folder, which is removed afterwards.

Called by the command `compare`. A commit is checked out as a git worktree; the working tree is copied with its uncommitted changes.
Each is then copied under two names, so that the name of a revision can be drawn at random in each launch.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from bench.regression.compare.renaming import copy_renamed, irregular_files

PACKAGE = "numpy_nn"
PREFIX = "numpy_nn-compare-"
"""Of the temporary folders; one that is not locked was left by a comparison that was killed."""
LOCK = "lock"
GIT_SECONDS = 120.0


class RevisionError(ValueError):
    """A revision that does not exist, or has no usable `numpy_nn`.

    Parameters
    ----------
    kind
        For programs: "unknown revision", "no numpy_nn", "can't be loaded" or "git failed".
    message
        For people.

    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True)
class Revision:
    """One side of a comparison: its name as the user gave it, and its commit; None for the working tree."""

    given: str
    commit: str | None

    def __str__(self) -> str:
        return self.given if self.commit is None else f"{self.given} ({self.commit[:9]})"


@dataclass(frozen=True)
class Sides:
    """Both revisions, each importable by either name from `root / name / side`."""

    root: Path
    base: Revision
    head: Revision
    names: tuple[str, str] = ("numpy_nn_a", "numpy_nn_b")
    left_aside: list[str] = field(default_factory=list)
    """What is in a package and no regular file."""

    def folder(self, side: str, name: str) -> Path:
        return self.root / name / side


@contextmanager
def side_by_side(repository: Path, base: str, head: str | None) -> Iterator[Sides]:
    """Both revisions, in a temporary folder that exists during the block; folders left by killed comparisons are removed first.

    Parameters
    ----------
    repository
        Any folder of the git repository.
    base, head
        What git calls a commit; `head` None: the working tree.

    Raises
    ------
    RevisionError
        If there is no git repository, no such revision, or no `numpy_nn` in it.

    """
    root = Path(_git(repository, "rev-parse", "--show-toplevel").strip())
    remove_leftovers(root)
    revisions = {"base": _resolve(root, base), "head": _resolve(root, head)}
    folder = Path(tempfile.mkdtemp(prefix=PREFIX)).resolve()
    try:
        with FileLock(folder / LOCK):
            sides = Sides(folder / "packages", revisions["base"], revisions["head"])
            for side, revision in revisions.items():
                package = _package(root, revision, folder / "worktrees" / side)
                add_side(sides, side, package)
            yield sides
    finally:
        _remove(root, folder)


def add_side(sides: Sides, side: str, package: Path) -> None:
    """Copy a package into the folders of `sides`, under both names."""
    sides.left_aside.extend(name for name in irregular_files(package) if name not in sides.left_aside)
    for name in sides.names:
        copy_renamed(package, sides.folder(side, name), name)


def remove_leftovers(root: Path) -> list[Path]:
    """Remove the folders of comparisons that were killed, and git's notes of their worktrees.

    A folder is in use while its lock is held; the system releases the lock when the process ends, in whatever way.
    """
    removed = []
    for folder in Path(tempfile.gettempdir()).resolve().glob(PREFIX + "*"):
        if not _is_ours(folder):
            continue  # somebody else's, or made this very moment
        try:
            with FileLock(folder / LOCK, timeout=0):
                _remove(root, folder)
        except (Timeout, PermissionError):
            continue  # in use, or another user's
        removed.append(folder)
    return removed


def _is_ours(folder: Path) -> bool:
    """Whether a folder is what `mkdtemp` and our lock make of one: no links, this user's, closed to others, an empty lock file."""
    try:
        made, lock = folder.lstat(), (folder / LOCK).lstat()
    except OSError:
        return False
    user = os.getuid() if hasattr(os, "getuid") else made.st_uid
    closed = os.name == "nt" or made.st_mode & 0o077 == 0
    return stat.S_ISDIR(made.st_mode) and made.st_uid == user and closed and stat.S_ISREG(lock.st_mode) and lock.st_size == 0


def _remove(root: Path, folder: Path) -> None:
    """Remove a temporary folder with its worktrees, and git's notes of them."""
    shutil.rmtree(folder, ignore_errors=True)
    _git(root, "worktree", "prune")


def _resolve(root: Path, given: str | None) -> Revision:
    if given is None:
        return Revision("working tree", None)
    if given.startswith("-"):
        raise RevisionError("unknown revision", f"revision {given!r} begins with a dash: it must be what git calls a commit")
    try:
        commit = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{given}^{{commit}}").strip()
    except RevisionError:
        message = f"revision {given!r} is unknown in {root}: it must be what git calls a commit"
        raise RevisionError("unknown revision", message) from None
    return Revision(given, commit)


def _package(root: Path, revision: Revision, worktree: Path) -> Path:
    """Check out a revision; returns the folder of the package in it."""
    if revision.commit is not None:
        # hooks of the repository must not run
        _git(root, "-c", "core.hooksPath=/dev/null", "worktree", "add", "--detach", str(worktree), revision.commit)
    package = (root if revision.commit is None else worktree) / PACKAGE
    if not (package / "__init__.py").is_file():
        raise RevisionError(f"no {PACKAGE}", f"revision {revision} has no {PACKAGE}: there is no {PACKAGE}/__init__.py in it")
    return package


def _git(folder: Path, *arguments: str) -> str:
    """The standard output of a git command.

    Raises
    ------
    RevisionError
        If git is missing or fails.

    """
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            env=_environment(),
            timeout=GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RevisionError("git failed", f"git can't be run: {error}") from error
    if done.returncode != 0:
        said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise RevisionError("git failed", f"git {arguments[0]} in {folder}: {said}")
    return done.stdout


def _environment() -> dict[str, str]:
    """The environment of git, without the variables that a git hook sets for its repository, and without downloads of git LFS."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")}
    return {**inherited, "LC_ALL": "C", "GIT_LFS_SKIP_SMUDGE": "1"}
