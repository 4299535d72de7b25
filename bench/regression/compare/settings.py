"""What is to be compared and how: the options of the command, then `[tool.moons-bench.compare]` of the project's pyproject.toml.

Called by the command `compare`.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from keyword import iskeyword
from pathlib import Path
from typing import Any

from bench.error_messages import may_be, one_line, short
from bench.files import exists, read_regular
from bench.regression.compare.comparison import BUDGET_SECONDS, TOLERANCE
from bench.regression.compare.git import GitError, Repository
from bench.regression.compare.revisions import PACKAGE
from bench.regression.compare.verdicts import Verdict

LARGEST_TOLERANCE_PERCENT = 50.0
FAIL_ON = (Verdict.REGRESSED, Verdict.BROKEN, Verdict.DIFFERENT, Verdict.LEFT_OUT, Verdict.INCONCLUSIVE)
TABLE = "tool.moons-bench.compare"
TABLE_START = re.compile(r"^\s*\[\s*tool\s*\.\s*moons-bench\b", re.MULTILINE)
RUNNERS = ("pytest", "_pytest")
"""Of which a process has one."""
PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg")
LIMIT_BYTES = 10_000_000
"""Of a pyproject.toml that is read."""


@dataclass(frozen=True)
class Settings:
    """What a comparison is of; `benchmarks` None: those of `numpy_nn`."""

    package: str = PACKAGE
    benchmarks: Path | None = None
    tolerance: float = TOLERANCE
    budget_seconds: float = BUDGET_SECONDS


def find_project(folder: Path) -> Path:
    """The folder of the project that `folder` is in: the nearest above with the table, or else with a pyproject.toml or setup.py.

    Looks no further than the folder of the git repository.
    """
    above = [folder.absolute(), *folder.absolute().parents]
    above = above[: next((number + 1 for number, each in enumerate(above) if (each / ".git").exists()), 1)]
    tables = [each for each in above if TABLE_START.search(_text(each / "pyproject.toml"))]
    projects = [each for each in above if any((each / name).is_file() for name in PROJECT_FILES)]
    return next(iter([*tables, *projects]), folder)


def read_settings(
    project: Path, package: str | None, benchmarks: Path | None, tolerance_percent: float | None, budget_seconds: float | None
) -> Settings:
    """The settings of a comparison; what isn't given comes from the table in the pyproject.toml of `project`.

    Raises
    ------
    ValueError
        If the table has an unknown key or a wrong value, or a package has no benchmarks.

    """
    table = _table(project / "pyproject.toml")
    given = {"package": package, "benchmarks": benchmarks, "tolerance": tolerance_percent, "budget": budget_seconds}
    found: dict[str, Any] = {**table, **{key: value for key, value in given.items() if value is not None}}
    name = found.get("package", PACKAGE)
    if name in RUNNERS:
        raise ValueError(f"package was {name!r}: it must be another one, as pytest itself runs the benchmarks of both sides")
    if not name.isidentifier() or iskeyword(name):
        imported = name.partition(".")[0].replace("-", "_")
        hint = f" (perhaps {short(imported)})" if imported.isidentifier() and imported != name else ""
        raise ValueError(f"package was {short(name)}: it must be the name that is imported, without dots{hint}")
    path = found.get("benchmarks")
    if isinstance(path, str) or (path is not None and not exists(path) and exists(project / path)):
        path = project / path  # of the table, or of --repository
    if path is not None and not exists(path):
        raise ValueError(f"benchmarks was {short(str(path))}: it must be an existing file or folder{_sparse_hint(path)}")
    if path is not None and name != PACKAGE and find_spec("pytest") is None:
        raise ValueError(f"the benchmarks of {name} need pytest, which isn't installed:  python -m pip install pytest")
    if path is None and name != PACKAGE:
        raise ValueError(f"package was {name!r}: it needs --benchmarks FILE_OR_FOLDER, or `benchmarks` in [{TABLE}]")
    return Settings(
        name,
        path.resolve() if path is not None else None,
        found.get("tolerance", 100 * TOLERANCE) / 100,
        found.get("budget", BUDGET_SECONDS),
    )


def _sparse_hint(path: Path) -> str:
    """What to type where a sparse checkout leaves `path` out, after a semicolon; empty otherwise."""
    folder = next((each for each in path.absolute().parents if each.is_dir()), Path())
    try:
        left_out = Repository(folder).is_left_out(str(path.absolute()))
    except GitError:
        return ""
    return f"; this checkout is sparse: type `git sparse-checkout add {path.name}`" if left_out else ""


def read_fail_on(words: str | None) -> set[Verdict] | None:
    """The verdicts that a list of words with commas names.

    Raises
    ------
    ValueError
        If a word is none of them.

    """
    if words is None:
        return None
    found = set()
    for word in words.split(","):
        name = word.strip().replace("-", " ")
        if name not in list(FAIL_ON):
            raise ValueError(f"--fail-on was {words!r}: {may_be(word.strip(), [verdict.replace(' ', '-') for verdict in FAIL_ON])}")
        found.add(Verdict(name))
    return found


def _is_number(value: Any, low: float, high: float) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high


_KEYS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "package": (lambda value: isinstance(value, str), "a name, as 'numpy_nn'"),
    "benchmarks": (lambda value: isinstance(value, str), "the path of a file or a folder, from pyproject.toml"),
    "tolerance": (lambda value: _is_number(value, 0, LARGEST_TOLERANCE_PERCENT), "per cent, from 0 to 50"),
    "budget": (lambda value: _is_number(value, 0, math.inf), "seconds, at least 0"),
}


def _text(path: Path) -> str:
    try:
        return read_regular(path, LIMIT_BYTES).decode("utf-8-sig", errors="replace") if path.is_file() else ""
    except (OSError, ValueError):
        return ""


def _table(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        table: Any = tomllib.loads(read_regular(path, LIMIT_BYTES).decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:  # no TOML, no UTF-8, a number of thousands of digits, or tables too deep
        raise ValueError(f"{path} can't be read: {one_line(error)}") from error
    *outer, own = TABLE.split(".")
    for key in outer:
        table = table.get(key, {}) if isinstance(table, dict) else {}
    if isinstance(table, dict):
        for key in table:
            if key != own:
                raise ValueError(f"{short(key)} in [{'.'.join(outer)}] of {path} is unknown: {may_be(key, [own])}")
        table = table.get(own, {})
    if not isinstance(table, dict):
        raise ValueError(f"[{TABLE}] in {path} must be a table")
    for key, value in table.items():
        if key not in _KEYS:
            raise ValueError(f"{short(key)} in [{TABLE}] of {path} is unknown: {may_be(key, _KEYS)}")
        is_valid, what = _KEYS[key]
        if not is_valid(value):
            raise ValueError(f"{key} in [{TABLE}] of {path} was {short(value)}: it must be {what}")
    return table
