"""Which benchmarks run functions that differ between the sides, so that these are measured first.

`changed_functions` is called by `comparison_processes`, `called_functions` by `comparison_worker` in the check. Comments and
docstrings are no difference.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

from bench.python_files import parsed_file


def changed_functions(base: Path, head: Path) -> list[str]:
    """The functions of a package, or of a file, that are new or other than in `base`, as "part/module.py:Class.method"."""
    before, after = _functions(base), _functions(head)
    return sorted(name for name, code in after.items() if before.get(name) != code)


def called_functions(task: Callable[[], object], package: Path) -> set[str]:
    """The functions of `package` that `task()` calls in this thread, named as `changed_functions` does."""
    called: set[str] = set()
    root = package if package.is_dir() else package.parent

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            called.add(f"{frame.f_code.co_filename}:{frame.f_code.co_qualname}")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        task()
    finally:
        sys.setprofile(before)
    prefix = f"{root}/"
    return {name.removeprefix(prefix).replace(".<locals>", "") for name in called if name.startswith(prefix)}


def _functions(package: Path) -> dict[str, str]:
    """The code of each function, by its name."""
    found: dict[str, str] = {}
    for path in [package] if package.is_file() else package.rglob("*.py"):
        tree = parsed_file(path)
        place = path.name if package.is_file() else path.relative_to(package).as_posix()
        if tree is not None:
            with suppress(RecursionError):  # a sum of thousands of terms, which nobody writes by hand
                _collect(tree, f"{place}:", found)
    return found


def _collect(node: ast.AST, prefix: str, found: dict[str, str]) -> None:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if ast.get_docstring(child) is not None:
                child.body = child.body[1:]
            found[f"{prefix}{child.name}"] = ast.dump(child)
            _collect(child, f"{prefix}{child.name}.", found)
        else:
            _collect(child, f"{prefix}{child.name}." if isinstance(child, ast.ClassDef) else prefix, found)
