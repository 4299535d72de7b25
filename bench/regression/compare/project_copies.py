"""Copies of another package's project: its packages at a revision, and the tests of the working tree, for both sides the same.

Called by `revisions`. Python files are copied, so that an edit during a comparison changes nothing; other files are links.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import shutil
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from importlib.machinery import all_suffixes
from itertools import islice
from pathlib import Path

from bench.python_files import compile_files, parsed, parsed_file
from bench.regression.compare.renaming import is_around_itself

HARNESS = __name__.partition(".")[0]
VERSION_FILE = re.compile(r"_*(scm_)?version_*\.py")
"""Written when a project is built, and often not in git."""
NOT_PACKAGES = frozenset(("benchmarks", "conftest", "docs", "examples", "setup", "test", "tests"))
NOT_OWN = NOT_PACKAGES | sys.stdlib_module_names
"""Names beside a package that are none of its packages."""
TESTS_FOLDER, BENCHMARKS_FOLDER = re.compile(r"_*tests?_*"), re.compile(r"_*(bench(mark)?s?|perf(ormance)?|speed)_*")
"""Names of folders in a package that have tests, and what these need, and none of the code that is compared: the latter where the
benchmarks are said to be in that very folder."""
TEST_FILE = re.compile(r"conftest\.py|test_.*\.py|.*_test\.py")
IMPORTED_SUFFIXES = tuple(all_suffixes())
MOST_NAMED = 5
MOST_SEARCHED = 10_000
"""Files of a folder that are looked at."""
LEFT_ASIDE = ("__pycache__", "node_modules", "pyvenv.cfg")
"""Names of files and folders that are not copied, as those that begin with a dot; a folder that has one of the latter neither."""


def imported_names(path: Path) -> set[str]:
    """The top-level names of other packages that a file, or the files of a folder, import."""
    found: set[str] = set()
    for file in [path] if path.is_file() else path.rglob("*.py"):
        tree = parsed_file(file)
        for node in ast.walk(tree) if tree is not None else ():
            if isinstance(node, ast.Import):
                found.update(alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                found.add(node.module.partition(".")[0])
    return found - NOT_OWN


def named_benchmarks(sources: Iterable[str]) -> set[str]:
    """The functions with an argument `benchmark` in the sources of files of tests."""
    found: set[str] = set()
    for source in sources:
        tree = parsed(source)
        nodes = ast.walk(tree) if tree is not None else ()
        functions = [node for node in nodes if isinstance(node, ast.FunctionDef) and node.name.startswith("test")]
        found.update(node.name for node in functions if any(argument.arg == "benchmark" for argument in node.args.args))
    return found


def has_own_bench(benchmarks: Path, project: Path) -> bool:
    """Whether tests may import a module or a package `bench` of their own, and don't import that of the harness."""
    around = [folder for folder in benchmarks.parents if folder.is_relative_to(project)] or [benchmarks.parent]
    names = (f"{HARNESS}.py", f"{HARNESS}/__init__.py")
    found = any((folder / name).is_file() for folder in around for name in names)
    found = found or any(next(benchmarks.rglob(name), None) is not None for name in names)
    files = [benchmarks] if benchmarks.is_file() else benchmarks.rglob("*.py") if found else []
    return found and not any(f"{HARNESS}.micro".encode() in file.read_bytes() for file in files if file.is_file())


def copy_packages(packages: Iterable[Path], destination: Path) -> None:
    """Copy packages, folders or files, into a folder, and compile them."""
    destination.mkdir(parents=True, exist_ok=True)
    for package in packages:
        copy_tree(package, destination / package.name, links=False)
    compile_files(destination)


def add_built_files(package: Path, copies: Path, name: str, ignored: Collection[Path]) -> list[str]:
    """Add what a build writes and `copies / name` lacks; return a line with these files, if there are any.

    They are the files of `package` in the working tree that git ignores, and version files, also of the installed package.
    """
    added = []
    for source in filter(None, (package, _installed(name))):
        for file in sorted(source.rglob("*")) if source.is_dir() else ():
            target = copies / name / file.relative_to(source)
            is_built = VERSION_FILE.fullmatch(file.name) or (file in ignored and file.suffix != ".pyc")
            if is_built and file.is_file() and target.parent.is_dir() and not target.exists():
                shutil.copyfile(file, target)
                added.append(target.relative_to(copies).as_posix())
    more = [f"{len(added) - MOST_NAMED:,} more"] if len(added) > MOST_NAMED else []
    return [", ".join([*added[:MOST_NAMED], *more])] if added else []


def copy_benchmarks(
    benchmarks: Path, project: Path, package: Path, copies: Mapping[Path, Path], destination: Path
) -> tuple[Path, Path]:
    """Copy the project for its tests.

    Parameters
    ----------
    benchmarks
        The file or folder with the benchmarks.
    project, package
        The folder of the project and the package, in the working tree.
    copies
        The side's copies of packages, by their paths in the working tree: of the package, and of those beside it.
    destination
        The folder to copy into. The packages in it are the side's, too: tests may look for files of theirs.

    Returns
    -------
    tuple
        The root of the copied project, and the benchmarks in it.

    """
    benchmarks = package if package.is_dir() and _has_all_benchmarks(package, benchmarks) else benchmarks
    if package.is_dir() and benchmarks.is_relative_to(package):  # tests within the package: they import it relatively
        copied = copies[package]
        _copy_inner_benchmarks(benchmarks, package, copied)
        _copy_settings(project, copied.parent)
        return copied.parent, copied / benchmarks.relative_to(package)
    root = project if benchmarks.is_relative_to(project) else benchmarks.parent
    inside = benchmarks.relative_to(root)
    if not inside.parts:
        copy_tree(root, destination)
    else:
        destination.mkdir(parents=True)
    for entry in root.iterdir() if inside.parts else ():
        if entry.name == inside.parts[0] or (entry.suffix == ".py" and (len(inside.parts) == 1 or entry.name == "conftest.py")):
            copy_tree(entry, destination / entry.name)
        elif not _is_left_aside(entry) and root == project and entry not in copies:
            _link_around(entry, destination / entry.name, copies)
    for place, copy in copies.items():
        target = destination / place.relative_to(root) if place.is_relative_to(root) else destination
        if target.parent.resolve().is_relative_to(destination.resolve()):  # never by a link into the project
            _replace(target, copy)
    return destination, destination / inside


def _link_around(entry: Path, destination: Path, copies: Mapping[Path, Path]) -> None:
    if any(place.is_relative_to(entry) for place in copies):
        link_folder(entry, destination, copies, entry)
    else:
        _link(entry, destination)


def _replace(target: Path, copy: Path) -> None:
    """Put a side's package in the place of the working tree's; what is not there is linked, if its folder is."""
    if target.is_symlink():
        target.unlink()
    elif target.exists():
        shutil.rmtree(target) if target.is_dir() else target.unlink()
        copy_tree(copy, target, links=False)
        return
    if target.parent.is_dir():
        _link(copy, target)


def link_folder(source: Path, destination: Path, copies: Mapping[Path, Path], inside: Path) -> None:
    """Make a folder of links to what is in `source`, with copies in their places.

    Parameters
    ----------
    copies
        By the path of what they are of: the packages of a side, so that a program which a test starts has these.
    inside
        A folder of `source` that is to be a folder, too, since it is worked in.

    """
    destination.mkdir(parents=True, exist_ok=True)
    for entry in source.iterdir():
        if entry in copies:
            _link(copies[entry], destination / entry.name)
        elif entry.is_dir() and any(path.is_relative_to(entry) for path in (*copies, inside)):
            link_folder(entry, destination / entry.name, copies, inside)
        else:
            _link(entry, destination / entry.name)


def link_data(root: Path, place: Path, destination: Path) -> list[str]:
    """Link the data beside a package, and above: some read a VERSION, or pyproject.toml, by a path from their own `__file__`.

    Parameters
    ----------
    root, place
        The folder of the repository, and from there the folder that the package is in.
    destination
        The copy of `root`, which has `place` with the copied package.

    Returns
    -------
    list
        What is linked, from `root`.

    """
    linked = []
    for level in (Path(), *reversed(place.parents), place) if place.parts else (Path(),):
        for entry in (root / level).iterdir() if (root / level).is_dir() else ():
            target = destination / level / entry.name
            if not _is_left_aside(entry) and not target.exists() and not _has_code(entry):
                _link(entry, target)
                linked.append((level / entry.name).as_posix())
    return linked


def _has_code(entry: Path) -> bool:
    """Whether a file, or one of the first that a folder has, may be imported."""
    return any(file.name.endswith(IMPORTED_SUFFIXES) for file in (entry, *islice(entry.rglob("*"), MOST_SEARCHED)))


def copy_tree(source: Path, destination: Path, *, links: bool = True) -> None:
    """Copy a file or a folder over what is there; where `links`, files other than Python's are links."""
    if source.is_dir():
        destination.mkdir(parents=True, exist_ok=True)
        for entry in _entries(source):
            copy_tree(entry, destination / entry.name, links=links)
    elif source.is_file():
        destination.parent.mkdir(parents=True, exist_ok=True)
        if links and source.suffix != ".py":
            _link(source, destination)
        else:
            shutil.copyfile(source, destination)
            if source.suffix == ".py":  # bytecode of what was there before looks valid for a second
                Path(importlib.util.cache_from_source(str(destination))).unlink(missing_ok=True)


def _entries(folder: Path) -> Iterator[Path]:
    return (entry for entry in sorted(folder.iterdir()) if not _is_left_aside(entry))


def _is_left_aside(entry: Path) -> bool:
    if entry.is_symlink() and is_around_itself(entry):
        return True
    return entry.name in LEFT_ASIDE or entry.name.startswith(".") or (entry / "pyvenv.cfg").exists()


def _has_all_benchmarks(package: Path, benchmarks: Path) -> bool:
    """Whether the benchmarks in a folder that the package is in are all within the package."""
    if package == benchmarks or not package.is_relative_to(benchmarks):
        return False
    found = [file for file in benchmarks.rglob("*.py") if _is_test(file)]
    return bool(found) and all(file.is_relative_to(package) for file in found)


def _copy_inner_benchmarks(benchmarks: Path, package: Path, copied: Path) -> None:
    """Copy benchmarks within a package into a side's copy of it, whose own code must stay.

    A folder of tests is copied whole. Elsewhere code stands beside the tests: these are copied, and what the side lacks.
    """
    place = benchmarks if benchmarks.is_dir() else benchmarks.parent
    inside = [folder for folder in (place, *place.parents) if folder.is_relative_to(package) and folder != package]
    outermost = next((folder for folder in reversed(inside) if TESTS_FOLDER.fullmatch(folder.name)), None)
    if outermost is None and benchmarks in inside and BENCHMARKS_FOLDER.fullmatch(benchmarks.name):
        outermost = benchmarks
    if outermost is not None:
        copy_tree(outermost, copied / outermost.relative_to(package), links=False)
        return
    for file in sorted(place.rglob("*")):
        target = copied / file.relative_to(package)
        is_lacking = benchmarks in inside and not target.exists()
        is_wanted = file == benchmarks or is_lacking or _is_test(file)
        if is_wanted and file.is_file() and not any(_is_left_aside(part) for part in _up_to(file, place)):
            copy_tree(file, target, links=False)


def _up_to(file: Path, folder: Path) -> list[Path]:
    """A file and the folders that it is in below `folder`."""
    return [file, *(parent for parent in file.parents if parent.is_relative_to(folder) and parent != folder)]


def _is_test(file: Path) -> bool:
    """Whether a file has tests, by its name or for pytest-benchmark, or fixtures of such."""
    if file.suffix != ".py" or not file.is_file():
        return False
    return bool(TEST_FILE.fullmatch(file.name) or named_benchmarks([file.read_text(encoding="utf-8", errors="replace")]))


def _copy_settings(project: Path, destination: Path) -> None:
    for name in ("conftest.py", "pyproject.toml", "pytest.ini", "setup.cfg", "tox.ini"):
        if (project / name).is_file() and not (destination / name).exists():
            shutil.copyfile(project / name, destination / name)


def _link(source: Path, destination: Path) -> None:
    try:
        os.symlink(source, destination)  # noqa: PTH211  # the same
    except OSError:  # Windows without the right to
        if source.is_file():
            shutil.copyfile(source, destination)


def _installed(name: str) -> Path | None:
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    return Path(found.origin).parent if found is not None and found.origin and found.submodule_search_locations else None
