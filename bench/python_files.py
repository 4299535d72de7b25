"""Parses Python files that others wrote, without running them: what can't be parsed is no error, it merely has nothing to tell.

Called by whatever looks for imports, functions or benchmarks in the files of contestants and of packages under comparison.
"""

from __future__ import annotations

import ast
import warnings
from pathlib import Path

from bench.files import read_regular

LIMIT_BYTES = 10_000_000
UNPARSABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What `ast` raises for text that is no Python, or is nested too deeply; the latter also where a tree is walked by recursion."""


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
