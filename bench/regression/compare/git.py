"""What `compare` asks of git: commits by their names, and what is in them. Called by `revisions` and `checkouts`.

Nothing of the repository changes.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from posixpath import dirname, join, normpath

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
MOST_LINKS = 40
"""In a path, as Linux has it."""
_COMMIT_NAME = re.compile(r"[0-9a-f]{7,64}")
_REFERENCE = re.compile(r"\w[\w./+-]*")


class GitError(Exception):
    """git is missing or fails; the message is one line."""


@dataclass(frozen=True)
class Entry:
    """What a commit has at a path: `kind` is "file", "folder", "link", "submodule", or empty where there is nothing."""

    kind: str
    path: str
    name: str
    """git's name of the file, the folder, or the submodule's commit."""


_KINDS = {"120000": "link", "160000": "submodule", "040000": "folder"}


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
        """Two calls, as `:/text^{commit}` looks for that text; none has --end-of-options, which git knows since 2.30."""
        if name.startswith(("-", "^")):
            return ""
        try:
            found = run_git(self.root, "rev-parse", "--verify", "--quiet", name).strip()
            return run_git(self.root, "rev-parse", "--verify", "--quiet", f"{found}^{{commit}}").strip()
        except GitError:
            return ""

    def has_commit(self, name: str) -> bool:
        return bool(self._commit(name))

    def is_ambiguous(self, name: str) -> bool:
        """Whether a tag and a branch have that name, and are two commits; git takes the tag."""
        tag, branch = (self._commit(f"refs/{kind}/{name}") for kind in ("tags", "heads"))
        return bool(tag and branch) and tag != branch

    def entry(self, commit: str, path: str) -> Entry:
        """What a commit has at a path; links in it are followed as far as they stay in the repository."""
        for _ in range(MOST_LINKS):
            parts = path.split("/")
            above = ["/".join(parts[: count + 1]) for count in range(len(parts))]
            found = {each.path: each for each in self._listed(commit, *above)}
            link = next((found[each] for each in above if each in found and found[each].kind == "link"), None)
            if link is None:
                return found.get(path, Entry("", path, ""))
            target = normpath(join(dirname(link.path), self.target(link), *parts[link.path.count("/") + 1 :]))
            if target.startswith(("/", "..")):
                break
            path = target
        return Entry("", path, "")

    def entries(self, commit: str, folder: str) -> list[Entry]:
        """The files, links and submodules below a folder; the root is "."."""
        return self._listed(commit, "-r", *([f"{folder}/"] if folder != "." else []))

    def target(self, link: Entry) -> str:
        return run_git(self.root, "cat-file", "blob", link.name)

    def _listed(self, commit: str, *arguments: str) -> list[Entry]:
        lines = (
            line.partition("\t") for line in run_git(self.root, "ls-tree", "-z", "--full-tree", commit, *arguments).split("\0")
        )
        fields = ((*before.split(), path) for before, _, path in lines if path)
        return [Entry(_KINDS.get(mode, "file"), path, name) for mode, _, name, path in fields]

    def has_file(self, commit: str, path: str) -> bool:
        try:
            return self.entry(commit, path).kind == "file"
        except GitError:
            return False

    def files(self, commit: str, folder: str) -> list[str]:
        """The files below a folder, from the repository's root; none where there is no such folder."""
        return [each.path for each in self.entries(commit, self.entry(commit, folder).path)]

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
        found = self.entry(commit, path)
        return run_git(self.root, "cat-file", "blob", found.name) if found.kind == "file" else ""

    def files_with(self, commit: str, word: str, path: str) -> list[str]:
        """The files with a word in them, which are below `path` or are `path`, from the repository's root."""
        try:
            said = run_git(self.root, "grep", "-lzw", "-e", word, commit, "--", f":(top,literal){path}")
        except GitError:  # there is none, which is exit code 1
            return []
        return [name.removeprefix(f"{commit}:") for name in said.split("\0")[:-1]]

    def is_left_out(self, path: str) -> bool:
        """Whether the index has `path`, and a sparse checkout leaves it out."""
        return run_git(self.root, "ls-files", "-t", "--", path).startswith("S ")

    def submodule_of(self, commit: str, paths: list[str]) -> str:
        """The submodule that has the first of `paths` that is in one; empty if none is."""
        modules = [each.path for each in self.entries(commit, ".") if each.kind == "submodule"]
        return next((module for module in modules for path in paths if f"{path}/".startswith(f"{module}/")), "")

    def _advice(self, name: str) -> str:
        """What to type instead of a name that is unknown, after a semicolon; empty where that can't be told."""
        remotes = run_git(self.root, "remote").split()
        remote = next(iter(sorted(remotes, key=lambda each: each != "origin")), "")
        shallow = run_git(self.root, "rev-parse", "--is-shallow-repository").strip() == "true"
        depth = " --depth=1" if shallow else ""
        branch = name.removeprefix(f"{remote}/") if remote else name
        descends_from = re.sub(r"([\^~]\d*)+$", "", name)
        if not name.strip():
            return (
                "; it is empty: a variable that isn't set, or a `git merge-base` that finds none"
                f"{', as this clone is shallow: type `git fetch --unshallow`' if shallow else ''}"
            )
        if ".." in name:
            first, second = (end or "HEAD" for end in re.split(r"\.{2,3}", name, maxsplit=1))
            return f'; a range is no commit: type  compare "$(git merge-base {first} {second})" {second}'
        if descends_from in ("HEAD", "@") and not self._commit("HEAD"):
            return "; this branch has no commit yet"
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
    return run_git_bytes(folder, *arguments).decode(errors="surrogateescape")


def run_git_bytes(folder: Path, *arguments: str, **variables: str) -> bytes:
    """`run_git` without decoding, and with environment variables of the caller's."""
    inherited = {name: value for name, value in os.environ.items() if name not in OF_A_HOOK}
    environment = {**inherited, "LC_ALL": "C", "GIT_LFS_SKIP_SMUDGE": "1", "GIT_TERMINAL_PROMPT": "0", **variables}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *_SETTINGS, *arguments],
            stdin=subprocess.DEVNULL,
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
        return f"{folder} is a bare repository: compare in a worktree or a clone of it, as by `git worktree add DIR`"
    return message
