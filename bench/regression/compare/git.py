"""What `compare` asks of git: commits by their names, and files of a commit without a worktree. Called by `revisions`.

Nothing of the repository changes: a commit's files are read through an index of their own, so that shallow, sparse and blobless
clones, worktrees and detached heads do, and nothing is left when a comparison is killed.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

GIT_SECONDS = 120.0
_OF_A_HOOK = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")


class GitError(Exception):
    """git is missing or fails; the message is one line."""


class Repository:
    """A git repository.

    Parameters
    ----------
    folder
        Any folder of it.

    Raises
    ------
    GitError
        If there is none.

    """

    def __init__(self, folder: Path) -> None:
        try:
            top, _, prefix = run_git(folder, "rev-parse", "--show-toplevel", "--show-prefix").partition("\n")
        except GitError as error:
            raise GitError(_hint(str(error), folder)) from error
        self.root, self.prefix = Path(top), prefix.strip()

    def commit(self, name: str) -> str:
        """The full name of the commit that git knows as `name`.

        Raises
        ------
        GitError
            If there is none; the message says what to type.

        """
        if name.startswith("-"):
            raise GitError(f"revision {name!r} begins with a dash: it must be what git calls a commit")
        try:
            return run_git(self.root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}").strip()
        except GitError:
            raise GitError(
                f"revision {name!r} is unknown in {self.root}: it must be what git calls a commit{self._advice(name)}"
            ) from None

    def has_file(self, commit: str, path: str) -> bool:
        try:
            return run_git(self.root, "cat-file", "-t", f"{commit}:{path}").strip() == "blob"
        except GitError:
            return False

    def files(self, commit: str, folder: str) -> list[str]:
        """The files below a folder, from the repository's root; none where there is no such folder."""
        return run_git(self.root, "ls-tree", "-r", "--name-only", "--full-tree", commit, f"{folder}/").splitlines()

    def all_files(self, commit: str | None) -> list[str]:
        """All files of a commit, or those of the working tree that git doesn't ignore, from the repository's root."""
        if commit is None:
            said = run_git(self.root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
        else:
            said = run_git(self.root, "ls-tree", "-r", "-z", "--name-only", "--full-tree", commit)
        return said.split("\0")[:-1]

    def text(self, commit: str, path: str) -> str:
        """A file's text; empty if there is none."""
        return run_git(self.root, "show", f"{commit}:{path}") if self.has_file(commit, path) else ""

    def check_out(self, commit: str, path: str, destination: Path) -> None:
        """Write a folder or a file of a commit to `destination`, without hooks and downloads of git LFS."""
        destination.parent.mkdir(parents=True, exist_ok=True)
        if self.has_file(commit, path):
            destination.write_bytes(_run_git(self.root, "cat-file", "blob", f"{commit}:{path}"))
            return
        index = {"GIT_INDEX_FILE": str(destination.with_name(f"{destination.name}.index"))}
        settings = ("-c", "core.sparseCheckout=false", "-c", "core.hooksPath=/dev/null")
        try:
            _run_git(self.root, *settings, "read-tree", f"{commit}:{path}", **index)
            _run_git(self.root, *settings, "checkout-index", "--all", "--quiet", f"--prefix={destination}{os.sep}", **index)
        except GitError as error:
            raise GitError(_hint(str(error), self.root)) from error

    def submodule_of(self, commit: str, paths: list[str]) -> str:
        """The submodule that has the first of `paths` that is in one; empty if none is."""
        modules = [
            line.partition("\t")[2]
            for line in run_git(self.root, "ls-tree", "-r", commit).splitlines()
            if line.startswith("160000")
        ]
        return next((module for module in modules for path in paths if f"{path}/".startswith(f"{module}/")), "")

    def _advice(self, name: str) -> str:
        remote = next(iter(run_git(self.root, "remote").split()), "")
        shallow = run_git(self.root, "rev-parse", "--is-shallow-repository").strip() == "true"
        branch = name.removeprefix(f"{remote}/") if remote else name
        if shallow and any(letter in name for letter in "^~"):
            return "; this clone is shallow, type `git fetch --deepen=1` (in GitHub Actions: `fetch-depth: 2` for actions/checkout)"
        if remote and self._knows(f"{remote}/{branch}"):
            return f"; did you mean {remote}/{branch}?"
        if remote:
            depth = " --depth=1" if shallow else ""
            also = f", and compare with {remote}/{branch} or FETCH_HEAD" if name == branch else ""
            return f"; if {remote} has it, type `git fetch{depth} {remote} {branch}`{also}"
        return ""

    def _knows(self, name: str) -> bool:
        try:
            run_git(self.root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        except GitError:
            return False
        return True


def run_git(folder: Path, *arguments: str) -> str:
    """The standard output of a git command.

    Raises
    ------
    GitError
        If git is missing or fails.

    """
    return _run_git(folder, *arguments).decode(errors="surrogateescape")


def _run_git(folder: Path, *arguments: str, **variables: str) -> bytes:
    inherited = {name: value for name, value in os.environ.items() if name not in _OF_A_HOOK}
    environment = {**inherited, "LC_ALL": "C", "GIT_LFS_SKIP_SMUDGE": "1", "GIT_TERMINAL_PROMPT": "0", **variables}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=environment,
            timeout=GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise GitError(f"git can't be run: {error}") from error
    if done.returncode != 0:
        said = " ".join(done.stderr.decode(errors="replace").split()) or f"exit code {done.returncode}"
        command = next(word for word in arguments if word[0] != "-" and "=" not in word)
        raise GitError(f"git {command} in {folder}: {said}")
    return done.stdout


def _hint(message: str, folder: Path) -> str:
    """`message`, or what to type where that is known."""
    if "dubious ownership" in message:
        place = message.partition("safe.directory ")[2].split(" ")[0] or str(folder.resolve())
        return f"{folder} belongs to another user: type `git config --global --add safe.directory {place}`"
    if "promisor" in message or "could not fetch" in message:
        return f"{folder} is a clone without all files, and its remote can't be reached: type `git fetch --refetch` ({message})"
    if "must be run in a work tree" in message:
        return f"{folder} is a bare repository: clone it, and compare in the clone"
    return message
