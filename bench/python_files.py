"""Parses and compiles Python files that others wrote, without running them: one that can't be parsed merely has nothing to tell.

Called by whatever looks for imports, functions or benchmarks in the files of contestants and of packages under comparison.
"""

from __future__ import annotations

import ast
import compileall
import marshal
import warnings
from contextlib import suppress
from pathlib import Path

from bench.files import read_regular

LIMIT_BYTES = 10_000_000
_BYTECODE_HEADER_BYTES = 16
UNPARSABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What `ast` raises for text that is no Python, or is nested too deeply; the latter also where a tree is walked by recursion."""


def compile_files(place: Path) -> None:
    """Compile a file, or the files of a folder; what can't be compiled, or not written, is left to the import.

    Bytecode that a full disk has cut short is removed: Python writes it without a look at how much was written, and would then fail
    to import the module.
    """
    compileall.compile_file(place, quiet=2) if place.is_file() else compileall.compile_dir(place, quiet=2)
    for bytecode in (place.parent if place.is_file() else place).rglob("__pycache__/*.pyc"):
        try:
            marshal.loads(bytecode.read_bytes()[_BYTECODE_HEADER_BYTES:])
        except (EOFError, ValueError, TypeError, OSError):
            with suppress(OSError):
                bytecode.unlink()


def parsed(source: str | bytes) -> ast.Module | None:
    """Return the tree of a source; None if it can't be parsed. What Python has to warn of in it is the author's business."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except UNPARSABLE:
        return None


def parsed_file(path: Path) -> ast.Module | None:
    """Return the tree of a file; None if it can't be parsed, isn't regular, or has more than `LIMIT_BYTES`."""
    try:
        return parsed(read_regular(path, LIMIT_BYTES))
    except OSError:
        return None
