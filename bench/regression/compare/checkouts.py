"""The files of a commit in a folder, as a checkout would have them. Called by `revisions`.

They are read through an index of their own: shallow, sparse and blobless clones, worktrees and detached heads will do, nothing of
the repository changes, and nothing is left when a comparison is killed. What a checkout of one folder lacks is filled in: files
that links lead to, submodules, and the files of git LFS that are in this clone.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from posixpath import dirname, join, normpath

from bench.regression.compare.git import Entry, GitError, Repository, run_git, run_git_bytes

_LFS_POINTER = re.compile(rb"version https://git-lfs\S*\n(?:.*\n)*?oid sha256:([0-9a-f]{64})\n")
_LFS_POINTER_BYTES = 1024
"""No pointer is longer."""


@dataclass(frozen=True)
class Lacking:
    """A file or folder that the clone doesn't have."""

    path: str
    reason: str
    """What is lacking, and what to type."""


def check_out(repository: Repository, commit: str, path: str, destination: Path) -> list[Lacking]:
    """Write a folder or a file of a commit to `destination`, without hooks, and return what is lacking."""
    return list(_check_out(repository, commit, repository.entry(commit, path), destination, ()))


def restore(repository: Repository, commit: str | None, entries: Sequence[str], destination: Path) -> None:
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
    said = run_git(repository.root, "diff-index", *settings, commit, "--", *places)  # `diff` writes the index
    changed = said.split("\0")[:-1]
    for entry in entries:
        if any(f"{file}/".startswith(f"{entry}/") for file in changed):
            (destination / entry).unlink()
            if repository.entry(commit, entry).kind in ("file", "folder"):
                check_out(repository, commit, entry, destination / entry)


def _check_out(repository: Repository, commit: str, entry: Entry, destination: Path, around: tuple[str, ...]) -> Iterator[Lacking]:
    """`around`: the folders that are being written, in which a link leads in a circle."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    if entry.kind == "file":
        destination.write_bytes(run_git_bytes(repository.root, "cat-file", "blob", entry.name))
        return
    index = {"GIT_INDEX_FILE": str(destination.with_name(f"{destination.name}.index"))}
    run_git_bytes(repository.root, "read-tree", entry.name, **index)
    run_git_bytes(repository.root, "checkout-index", "--all", "--quiet", f"--prefix={destination}{os.sep}", **index)
    yield from _fill_pointers(repository, commit, destination)
    inside = (*around, entry.path)
    for each in repository.entries(commit, entry.path):
        place = destination / (each.path if entry.path == "." else each.path.removeprefix(f"{entry.path}/"))
        if each.kind == "submodule":
            yield from _fill_submodule(repository, each, place)
        elif each.kind == "link":
            target = normpath(join(dirname(each.path), repository.target(each)))
            if not target.startswith(("/", "..", f"{entry.path}/")) and entry.path != ".":
                yield from _fill_link(repository, commit, repository.entry(commit, target), place, inside)


def _fill_link(repository: Repository, commit: str, target: Entry, place: Path, around: tuple[str, ...]) -> Iterator[Lacking]:
    """Put what a link leads to, elsewhere in the repository, in its place."""
    if target.kind in ("file", "folder") and not any(f"{each}/".startswith(f"{target.path}/") for each in around):
        place.unlink()
        yield from _check_out(repository, commit, target, place, around)


def _fill_submodule(repository: Repository, module: Entry, place: Path) -> Iterator[Lacking]:
    """Put the files of a submodule's commit in its place, where this clone has them."""
    folder = repository.root / module.path
    try:
        found = Repository(folder)
    except GitError:
        found = repository
    if found.root.resolve() != folder.resolve():
        yield Lacking(module.path, "a submodule that is not in this clone; type `git submodule update --init --recursive`")
    elif not found.has_commit(module.name):
        hint = f"type `git -C {folder} fetch origin {module.name}`"
        yield Lacking(module.path, f"this clone has not that commit of the submodule; {hint}")
    else:
        for each in _check_out(found, module.name, Entry("folder", ".", module.name), place, ()):
            yield Lacking(f"{module.path}/{each.path}", each.reason)


def _fill_pointers(repository: Repository, commit: str, folder: Path) -> Iterator[Lacking]:
    """Put the files of git LFS that are in this clone in the place of their pointers."""
    regular = (file for file in folder.rglob("*") if file.is_file() and not file.is_symlink())
    files = (file for file in regular if file.stat().st_size <= _LFS_POINTER_BYTES)
    pointers = {file: found[1].decode() for file in files if (found := _LFS_POINTER.match(file.read_bytes()))}
    if not pointers:
        return
    stored = repository.root / run_git(repository.root, "rev-parse", "--git-common-dir").removesuffix("\n") / "lfs" / "objects"
    for file, name in pointers.items():
        content = stored / name[:2] / name[2:4] / name
        if content.is_file():
            shutil.copyfile(content, file)
        else:
            reason = f"only a pointer of git LFS is in this clone; type `git lfs fetch origin {commit}`"
            yield Lacking(str(file.relative_to(folder.parent)), reason)
