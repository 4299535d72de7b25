"""Two revisions of a package side by side in a temporary folder, which is removed afterwards.

Called by the command `compare`. A commit's files are read from git; the working tree is copied with its uncommitted changes. Each
is then copied under two names, so that the name of a revision can be drawn at random in each launch.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.error_messages import one_line
from bench.files import is_file
from bench.locks import locked
from bench.regression.compare.checkouts import Lacking, check_out, restore
from bench.regression.compare.git import GitError, Repository
from bench.regression.compare.leftovers import LOCK, PACKAGES, PREFIX, files_folder, remove_leftovers
from bench.regression.compare.project_copies import (
    HARNESS,
    MOST_NAMED,
    NOT_OWN,
    NOT_PACKAGES,
    add_built_files,
    copy_benchmarks,
    copy_packages,
    has_own_bench,
    imported_names,
    link_data,
    link_folder,
    named_benchmarks,
)
from bench.regression.compare.renaming import copy_renamed, irregular_files

PACKAGE = "numpy_nn"
COMPILED_SUFFIXES = frozenset((".so", ".pyd", ".pyx", ".pxd", ".c", ".cc", ".cpp", ".rs", ".f90"))
COMPILING = re.compile(r"ext_modules\s*=|cythonize\(|build-backend\s*=\s*['\"](?:maturin|mesonpy|scikit_build_core\.build)")
"""What builds of compiled modules have in `setup.py` or `pyproject.toml`."""


class RevisionError(ValueError):
    """A revision that does not exist, or has no usable package.

    Parameters
    ----------
    kind
        For programs: "unknown revision", "no PACKAGE", "compiled", "can't be loaded", "not copied" or "git failed".
    message
        For people.

    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(one_line(message))
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
    """Both revisions, in folders of their own.

    `numpy_nn` can be imported from either by two names. Another package keeps its name; beside it are the packages of the project
    that it imports, and a copy of the project's tests.
    """

    root: Path
    base: Revision
    head: Revision
    package: str = PACKAGE
    benchmarks: Path | None = None
    """A file or a folder; None for the benchmarks of `numpy_nn`."""
    project: Path = Path()
    """The folder of the project in the working tree."""
    own: list[str] = field(default_factory=list)
    """The top-level names of another package's project."""
    suites: dict[str, tuple[Path, Path]] = field(default_factory=dict)
    """Of each side the root of its copied tests, and the benchmarks in it."""
    places: dict[str, Path] = field(default_factory=dict)
    """Of each side the folder with its packages, from the repository's root."""
    folders: dict[str, Path] = field(default_factory=dict)
    """Of each side the folder that its tests run in: the project's, by links, with the packages of the side."""
    notes: list[str] = field(default_factory=list)
    """What was left aside."""

    @property
    def names(self) -> tuple[str, str]:
        return (f"{self.package}_a", f"{self.package}_b") if self.benchmarks is None else (self.package, self.package)

    def folder(self, side: str, name: str) -> Path:
        return self.root / (name if self.benchmarks is None else "packages") / side / self.places.get(side, "")

    def copy(self, side: str, name: str) -> Path:
        """The package under that name: a folder, or a file."""
        path = self.folder(side, name) / name
        return path if path.is_dir() else path.with_suffix(".py")


@contextmanager
def side_by_side(
    repository: Path, base: str, head: str | None, package: str = PACKAGE, benchmarks: Path | None = None
) -> Iterator[Sides]:
    """Both revisions, in a temporary folder that exists during the block; folders left by killed comparisons are removed first.

    Parameters
    ----------
    repository
        Any folder of the git repository.
    base, head
        What git calls a commit; `head` None: the working tree.
    package, benchmarks
        What is compared, and a file or a folder with what is timed; those of `numpy_nn` by default.

    Raises
    ------
    RevisionError
        If there is no git repository, no such revision, or no such package of pure Python in it.

    """
    try:
        found = Repository(repository)
    except GitError as error:
        raise RevisionError("git failed", str(error)) from error
    remove_leftovers()
    revisions = {"base": _resolve(found, base), "head": _resolve(found, head)}
    with _temporary_folder() as folder:
        project = (found.root / found.prefix).resolve()
        sides = Sides(folder / PACKAGES, revisions["base"], revisions["head"], package, benchmarks, project)
        for name in dict.fromkeys(each.given for each in revisions.values() if found.is_ambiguous(each.given)):
            sides.notes.append(f"{name} is a tag and a branch: the tag is compared; refs/heads/{name} is the branch")
        try:
            for side, revision in revisions.items():
                path, lacking = _check_out(found, revision, package, folder / "checkouts" / side)
                for reason in dict.fromkeys(each.reason for each in lacking):
                    files = [each.path for each in lacking if each.reason == reason][:MOST_NAMED]
                    sides.notes.append(f"{', '.join(files)} at {revision}: {reason}")
                if benchmarks is None:
                    add_side(sides, side, path)
                else:
                    _add_project(sides, side, found, path, folder / "checkouts" / side)
            _note_removed(sides, found)
        except OSError as error:  # `shutil.Error` too, which has a list of all that failed
            raise RevisionError("not copied", f"{package} can't be copied to {folder}: {_reason(error)}") from error
        yield sides


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    """A folder that is locked, so that no other comparison takes it for one that a kill has left."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX)).resolve()
    except OSError as error:
        raise RevisionError("not copied", f"there is no folder for temporary files: {_reason(error)}") from error
    try:
        with ExitStack() as lock:
            try:
                lock.enter_context(locked(folder / LOCK))
            except OSError as error:
                raise RevisionError("not copied", f"{folder} can't be locked: {_reason(error)}") from error
            yield folder
    finally:
        shutil.rmtree(files_folder(folder / PACKAGES), ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


def _reason(error: Exception) -> str:
    first = error.args[0] if error.args else ""
    if isinstance(first, list) and first:  # of `shutil.Error`: (source, copy, reason)
        return one_line(first[0][-1])
    return one_line(error)


def _note_irregular(sides: Sides, package: Path) -> None:
    for file in irregular_files(package):
        sides.notes.append(f"{file} is left aside: it is neither a file nor a folder, or a link that leads nowhere or in a circle")


def add_side(sides: Sides, side: str, package: Path) -> None:
    """Copy a package into the folders of `sides`, under both names."""
    _note_irregular(sides, package)
    for name in sides.names:
        copy_renamed(package, sides.folder(side, name), name)


def _add_project(sides: Sides, side: str, repository: Repository, package: Path, checkouts: Path) -> None:
    """Copy a package, the packages of its project that it imports, and the benchmarks into the folders of `sides`."""
    assert sides.benchmarks is not None
    _note_irregular(sides, package)
    revision = sides.base if side == "base" else sides.head
    place = _place(repository, revision, sides.package)
    asked = imported_names(package) | (imported_names(sides.benchmarks) - {sides.benchmarks.stem})
    packages = {sides.package: package}
    while missing := sorted(asked - set(packages) - NOT_OWN):
        for name in missing:
            asked.discard(name)
            found = _beside(repository, revision, place, name, checkouts)
            if found is not None and sides.benchmarks != found and not sides.benchmarks.is_relative_to(found):
                packages[name] = found
                asked |= imported_names(found) - set(packages)
    sides.places[side] = Path(place).parent
    folder = sides.folder(side, sides.package)
    copy_packages(packages.values(), folder)
    linked = link_data(repository.root, sides.places[side], sides.root / "packages" / side)
    restore(repository, revision.commit, linked, sides.root / "packages" / side)
    sides.own.extend(name for name in packages if name not in sides.own)
    try:
        in_working_tree = repository.root / _place(repository, Revision("working tree", None), sides.package)
    except RevisionError:
        in_working_tree = sides.project / sides.package
    ignored = repository.ignored_files(in_working_tree.with_name(name) for name in packages)
    for name in packages:
        for files in add_built_files(in_working_tree.with_name(name), folder, name, ignored):
            sides.notes.append(f"{files} is not in git at {revision}: it is taken from the working tree, or from what is installed")
    if HARNESS not in sides.own and has_own_bench(sides.benchmarks, sides.project):
        sides.own.append(HARNESS)
    copies = {in_working_tree.with_name(copy.name): copy for copy in folder.iterdir() if copy.stem in packages}
    sides.suites[side] = copy_benchmarks(sides.benchmarks, sides.project, in_working_tree, copies, sides.root / "tests" / side)
    whole = sides.root / "projects" / side
    link_folder(repository.root.resolve(), whole, copies, sides.project)
    sides.folders[side] = whole / sides.project.relative_to(repository.root.resolve())


def _note_removed(sides: Sides, repository: Repository) -> None:
    """Note the benchmarks that BASE has and the working tree, whose benchmarks are compared, has not."""
    root, path = repository.root.resolve(), sides.benchmarks
    if sides.base.commit is None or path is None or not path.is_relative_to(root):
        return
    place = path.relative_to(root).as_posix()
    before = [
        repository.text(sides.base.commit, file)
        for file in repository.files_with(sides.base.commit, "benchmark", place)
        if file.endswith(".py")
    ]
    files = [path] if path.is_file() else filter(Path.is_file, path.rglob("*.py")) if before else []
    now = named_benchmarks(file.read_text(encoding="utf-8", errors="replace") for file in files)
    if gone := sorted(named_benchmarks(before) - now):
        sides.notes.append(f"{sides.base} has benchmarks that the working tree has not; they are not compared: {', '.join(gone)}")


def _beside(repository: Repository, revision: Revision, place: str, name: str, checkouts: Path) -> Path | None:
    """A package or a module that stands beside the one at `place` at a revision; None if there is none."""
    parent = place.rpartition("/")[0]
    for path in (f"{parent}/{name}/__init__.py".lstrip("/"), f"{parent}/{name}.py".lstrip("/")):
        if revision.commit is None and not is_file(repository.root / path):
            continue
        if revision.commit is not None and not repository.has_file(revision.commit, path):
            continue
        whole = path.removesuffix("/__init__.py")
        if revision.commit is None:
            return repository.root / whole
        check_out(repository, revision.commit, whole, checkouts / Path(whole).name)
        return checkouts / Path(whole).name
    return None


def _resolve(repository: Repository, given: str | None) -> Revision:
    if given is None:
        return Revision("working tree", None)
    try:
        return Revision(given, repository.commit(given))
    except GitError as error:
        raise RevisionError("unknown revision", str(error)) from error


def _check_out(repository: Repository, revision: Revision, package: str, destination: Path) -> tuple[Path, list[Lacking]]:
    """The package's folder, or file, at a revision, and those of its files that this clone doesn't have.

    Raises
    ------
    RevisionError
        If it has none, or one with compiled modules.

    """
    try:
        place = _place(repository, revision, package)
        if revision.commit is None:
            path, lacking = repository.root / place, list[Lacking]()
            builds = [repository.root / repository.prefix / name for name in ("setup.py", "pyproject.toml")]
            texts = [file.read_text(encoding="utf-8", errors="replace") for file in builds if file.is_file()]
        else:
            path = destination / Path(place).name
            lacking = check_out(repository, revision.commit, place, path)
            texts = [repository.text(revision.commit, repository.prefix + name) for name in ("setup.py", "pyproject.toml")]
    except GitError as error:
        raise RevisionError("git failed", str(error)) from error
    compiled = next((str(file.relative_to(path.parent)) for file in path.rglob("*") if file.suffix in COMPILED_SUFFIXES), "")
    if compiled or any(COMPILING.search(text) for text in texts):
        where = f" ({compiled})" if compiled else ", by its setup.py or pyproject.toml"
        message = f"{package} at {revision} has compiled modules{where}: only packages of pure Python can be compared"
        raise RevisionError("compiled", message)
    return path, lacking


def _has_modules(repository: Repository, revision: Revision, folder: str) -> bool:
    if revision.commit is None:
        return any((repository.root / folder).rglob("*.py"))
    return any(name.endswith(".py") for name in repository.files(revision.commit, folder))


def _place(repository: Repository, revision: Revision, package: str) -> str:
    """Where the package is below the repository's root."""
    parts = repository.prefix.split("/")[:-1]
    above = ["".join(f"{part}/" for part in parts[:count]) for count in range(len(parts), -1, -1)]
    parents = dict.fromkeys(folder for prefix in above for folder in (prefix, f"{prefix}src/"))
    places = [f"{parent}{package}" for parent in parents] + [f"{parent}{package}.py" for parent in parents]
    for place in places:
        file = place if place.endswith(".py") else f"{place}/__init__.py"
        commit = revision.commit
        if (repository.root / file).is_file() if commit is None else repository.has_file(commit, file):
            return place
    for parent in parents:  # a namespace package
        folder = f"{parent}{package}"
        if _has_modules(repository, revision, folder):
            return folder
    if found := _elsewhere(repository, revision, package):
        return found
    module = repository.submodule_of(revision.commit or "HEAD", places)
    hint = f"; it is in the submodule {module}: compare there, with --repository {module}" if module else ""
    left_out = next((place for place in places if revision.commit is None and repository.is_left_out(place)), "")
    if left_out:
        hint = f"; this checkout is sparse: type `git sparse-checkout add {left_out}`, or compare with HEAD"
    hint = hint or ("; name another package by --package NAME --benchmarks FILE_OR_FOLDER" if package == PACKAGE else "")
    message = f"revision {revision} has no {package}: there is no {package}/__init__.py in it, nor in src/{hint}"
    raise RevisionError(f"no {package}", message)


def _elsewhere(repository: Repository, revision: Revision, package: str) -> str:
    """Where the package is, in any folder of the project; empty if it is nowhere.

    Raises
    ------
    RevisionError
        If it is in several.

    """
    files = repository.all_files(revision.commit)
    names = (f"/{package}/__init__.py", f"/{package}.py")
    found = [file for file in files if file.startswith(repository.prefix) and file.endswith(names)]
    found = [file.removesuffix("/__init__.py") for file in found if NOT_PACKAGES.isdisjoint(Path(file).parent.parts[:-1])]
    found = [place for place in found if not any(place.startswith(f"{Path(other).parent}/{package}/") for other in found)]
    least = min((place.count("/") for place in found), default=0)
    nearest = [place for place in found if place.count("/") == least]
    if len(nearest) > 1:
        where = ", ".join(str(Path(place).parent) for place in nearest)
        raise RevisionError(f"no {package}", f"{package} is in several folders of {revision}: {where}; name one by --repository")
    return nearest[0] if nearest else ""
