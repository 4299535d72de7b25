"""What `compare` asks of git: commits by their names, and files of a commit without a worktree. Called by `revisions`.

Nothing of the repository changes: a commit's files are read through an index of their own, so that shallow, sparse and blobless
clones, worktrees and detached heads do, and nothing is left when a comparison is killed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from posixpath import normpath

from bench.child_processes import OF_A_HOOK
from bench.error_messages import short
from bench.files import in_words

GIT_SECONDS = 120.0
_SETTINGS = tuple(
    word
    for setting in (
        *("core.hooksPath=/dev/null", "core.fsmonitor=false", "core.splitIndex=false", "core.sparseCheckout=false"),
        *("filter.lfs.smudge=", "filter.lfs.process=", "filter.lfs.required=false"),  # git-lfs may not be installed
    )
    for word in ("-c", setting)
)
"""Nothing of the user's runs, and nothing is left in the repository."""
_LFS_POINTER = re.compile(rb"version https://git-lfs\S*\n(?:.*\n)*?oid sha256:([0-9a-f]{64})\n")
_LFS_POINTER_BYTES = 1024
"""No pointer is longer."""
_COMMIT_NAME = re.compile(r"[0-9a-f]{7,64}")
_REFERENCE = re.compile(r"\w[\w./+-]*")


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
        top, prefix = (run_git(folder, "rev-parse", what).removesuffix("\n") for what in ("--show-toplevel", "--show-prefix"))
        self.root, self.prefix = Path(top), prefix

    def commit(self, name: str) -> str:
        """The full name of the commit that git knows as `name`.

        Raises
        ------
        GitError
            If there is none; the message says what to type.

        """
        if name.startswith("-"):
            raise GitError(f"revision {name!r} begins with a dash: it must be what git calls a commit")
        found = self._commit(name) if name.strip() else ""
        if not found:
            raise GitError(
                f"revision {short(name)} is unknown in {self.root}: it must be what git calls a commit{self._advice(name)}"
            )
        return found

    def _commit(self, name: str) -> str:
        try:
            found = run_git(self.root, "rev-parse", "--verify", "--quiet", "--end-of-options", name).strip()
            return run_git(self.root, "rev-parse", "--verify", "--quiet", f"{found}^{{commit}}").strip()
        except GitError:
            return ""

    def has_file(self, commit: str, path: str) -> bool:
        return self._object(commit, path)[1] == "blob"

    def _object(self, commit: str, path: str) -> tuple[str, str]:
        """The name and the type of what is at `path`, or where the links there lead; two empty texts if that is nothing."""
        asked = f"{commit}:{path}\n".encode(errors="surrogateescape")
        try:
            said = _run_git(self.root, "cat-file", "--batch-check=%(objectname) %(objecttype)", "--follow-symlinks", asks=asked)
        except GitError:  # beyond the root
            return "", ""
        name, _, kind = said.decode(errors="replace").partition("\n")[0].partition(" ")
        return (name, kind) if kind in ("blob", "tree") else ("", "")

    def files(self, commit: str, folder: str) -> list[str]:
        """The files below a folder, from the repository's root; none where there is no such folder."""
        return run_git(self.root, "ls-tree", "-rz", "--name-only", "--full-tree", commit, f"{folder}/").split("\0")

    def all_files(self, commit: str | None) -> list[str]:
        """All files of a commit, or those of the working tree that git doesn't ignore, from the repository's root."""
        if commit is None:
            said = run_git(self.root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
        else:
            said = run_git(self.root, "ls-tree", "-r", "-z", "--name-only", "--full-tree", commit)
        return said.split("\0")[:-1]

    def ignored_files(self, folders: Iterable[Path]) -> set[Path]:
        """The files of the working tree below folders of it that git ignores."""
        places = [f":(literal){folder}" for folder in folders]
        said = run_git(self.root, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--", *places)
        return {self.root / name for name in said.split("\0")[:-1]}

    def text(self, commit: str, path: str) -> str:
        """A file's text; empty if there is none."""
        name, kind = self._object(commit, path)
        return run_git(self.root, "cat-file", "blob", name) if kind == "blob" else ""

    def files_with(self, commit: str, word: str, path: str) -> list[str]:
        """The files with a word in them, which are below `path` or are `path`, from the repository's root."""
        try:
            said = run_git(self.root, "grep", "-lzw", "-e", word, commit, "--", f":(top,literal){path}")
        except GitError:  # there is none, which is exit code 1
            return []
        return [name.removeprefix(f"{commit}:") for name in said.split("\0")[:-1]]

    def check_out(self, commit: str, path: str, destination: Path, above: Sequence[str] = ()) -> list[str]:
        """Write a folder or a file of a commit to `destination`, without hooks, and what links in it point to elsewhere.

        Returns
        -------
        list
            The files that git LFS has not downloaded, of which only the pointer is written.

        """
        destination.parent.mkdir(parents=True, exist_ok=True)
        name, kind = self._object(commit, path)
        if kind == "blob":
            destination.write_bytes(_run_git(self.root, "cat-file", "blob", name))
            return []
        index = str(destination.with_name(f"{destination.name}.index"))
        _run_git(self.root, "read-tree", name or f"{commit}:{path}", index=index)
        _run_git(self.root, "checkout-index", "--all", "--quiet", f"--prefix={destination}{os.sep}", index=index)
        lacking = self._fill_pointers(destination)
        for link in [file for file in destination.rglob("*") if file.is_symlink() and not file.exists()]:
            place = f"{path}/{link.parent.relative_to(destination).as_posix()}/{os.readlink(link)}"  # noqa: PTH115  # no Path of it
            target = normpath(place)
            around = [*above, path]
            if self._object(commit, target)[1] and not any(f"{each}/".startswith(f"{target}/") for each in around):
                link.unlink()
                lacking += self.check_out(commit, target, link, around)
        return lacking

    def restore(self, commit: str | None, entries: Sequence[str], destination: Path) -> None:
        """Put files and folders of a commit in the place of links to those of the working tree, where the two differ.

        Parameters
        ----------
        commit
            None: the working tree, where nothing differs.
        entries
            From the repository's root, and from `destination`.

        """
        if commit is None or not entries:
            return
        places = [f":(top,literal){entry}" for entry in entries]
        settings = ("--name-only", "-z", "--no-renames", "--ignore-submodules")
        changed = run_git(self.root, "diff-index", *settings, commit, "--", *places).split("\0")[:-1]  # `diff` writes the index
        for entry in entries:
            if any(f"{file}/".startswith(f"{entry}/") for file in changed):
                (destination / entry).unlink()
                if self._object(commit, entry)[1]:
                    self.check_out(commit, entry, destination / entry)

    def _fill_pointers(self, folder: Path) -> list[str]:
        """Put the files of git LFS that are in this clone in the place of their pointers; the names of the others."""
        regular = (file for file in folder.rglob("*") if file.is_file() and not file.is_symlink())
        files = (file for file in regular if file.stat().st_size <= _LFS_POINTER_BYTES)
        pointers = {file: found[1].decode() for file in files if (found := _LFS_POINTER.match(file.read_bytes()))}
        if not pointers:
            return []
        stored = self.root / run_git(self.root, "rev-parse", "--git-common-dir").removesuffix("\n") / "lfs" / "objects"
        lacking = []
        for file, name in pointers.items():
            content = stored / name[:2] / name[2:4] / name
            if content.is_file():
                shutil.copyfile(content, file)
            else:
                lacking.append(str(file.relative_to(folder.parent)))
        return lacking

    def is_left_out(self, path: str) -> bool:
        """Whether the index has `path`, and a sparse checkout leaves it out."""
        return run_git(self.root, "ls-files", "-t", "--", path).startswith("S ")

    def submodule_of(self, commit: str, paths: list[str]) -> str:
        """The submodule that has the first of `paths` that is in one; empty if none is."""
        modules = [
            line.partition("\t")[2]
            for line in run_git(self.root, "ls-tree", "-rz", commit).split("\0")
            if line.startswith("160000")
        ]
        return next((module for module in modules for path in paths if f"{path}/".startswith(f"{module}/")), "")

    def _advice(self, name: str) -> str:
        """What to type instead of a name that is unknown, after a semicolon; empty where that can't be told."""
        remotes = run_git(self.root, "remote").split()
        remote = next(iter(sorted(remotes, key=lambda each: each != "origin")), "")
        shallow = run_git(self.root, "rev-parse", "--is-shallow-repository").strip() == "true"
        depth = " --depth=1" if shallow else ""
        branch = name.removeprefix(f"{remote}/") if remote else name
        descends_from = re.split(r"[\^~]", name)[0]
        if not name.strip():
            return (
                "; it is empty: a variable that isn't set, or a `git merge-base` that finds none"
                f"{', as this clone is shallow: type `git fetch --unshallow`' if shallow else ''}"
            )
        if ".." in name:
            first, second = (end or "HEAD" for end in re.split(r"\.{2,3}", name, maxsplit=1))
            return f'; a range is no commit: type  compare "$(git merge-base {first} {second})" {second}'
        if set(name) == {"0"}:
            return "; CI has zeros where there is no commit before: compare with `git merge-base` of the default branch, or HEAD^"
        if shallow and descends_from != name:
            return "; this clone is shallow, type `git fetch --deepen=1` (in GitHub Actions: `fetch-depth: 2` for actions/checkout)"
        if descends_from != name and self._commit(descends_from):
            return f"; {descends_from} has no such parent"
        if known := [f"{each}/{branch}" for each in remotes if self._commit(f"{each}/{branch}")]:
            return f"; did you mean {' or '.join(known)}?"
        if name in ("main", "master") and (default := self._default_branch(remote)):
            return f"; the default branch of {remote} is {default}: did you mean {remote}/{default}?"
        if not remote or not _REFERENCE.fullmatch(name):
            return ""
        if _COMMIT_NAME.fullmatch(name):
            return f"; if {remote} still has it, type `git fetch{depth} {remote} {name}`, with its whole name"
        also = f", and compare with {remote}/{branch} or FETCH_HEAD" if name == branch else ""
        return f"; if {remote} has it, type `git fetch{depth} {remote} {branch}`{also}"

    def _default_branch(self, remote: str) -> str:
        """The default branch of a remote, where this clone has it; empty otherwise."""
        try:
            name = run_git(self.root, "rev-parse", "--abbrev-ref", f"{remote}/HEAD").strip().removeprefix(f"{remote}/")
        except GitError:
            return ""
        return name if self._commit(f"{remote}/{name}") else ""


def run_git(folder: Path, *arguments: str) -> str:
    """The standard output of a git command.

    Raises
    ------
    GitError
        If git is missing or fails.

    """
    return _run_git(folder, *arguments).decode(errors="surrogateescape")


def _run_git(folder: Path, *arguments: str, asks: bytes = b"", index: str | None = None) -> bytes:
    inherited = {name: value for name, value in os.environ.items() if name not in OF_A_HOOK}
    environment = {**inherited, "LC_ALL": "C", "GIT_LFS_SKIP_SMUDGE": "1", "GIT_TERMINAL_PROMPT": "0"}
    if index is not None:  # one of its own
        environment["GIT_INDEX_FILE"] = index
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *_SETTINGS, *arguments],
            input=asks,
            capture_output=True,
            env=environment,
            timeout=GIT_SECONDS,
            check=False,
        )
    except FileNotFoundError as error:
        raise GitError("git can't be run: it is not installed, or not on PATH") from error
    except subprocess.TimeoutExpired as error:
        raise GitError(f"git {arguments[0]} in {folder} is not done after {GIT_SECONDS:g} s") from error
    except OSError as error:
        raise GitError(f"git can't be run: {in_words(error)}") from error
    if done.returncode != 0:
        said = " ".join(done.stderr.decode(errors="replace").split()) or f"exit code {done.returncode}"
        raise GitError(_hint(f"git {arguments[0]} in {folder}: {said}", folder))
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
