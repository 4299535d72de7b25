"""A package under another name, so that two revisions of it can be loaded into one process.

Called by `revisions`, once a comparison. The sources are rewritten instead of using an import hook: the copy is an ordinary
package, compiled to bytecode once, and nothing of the harness runs while it is measured.
"""

from __future__ import annotations

import ast
import compileall
import os
import shutil
from pathlib import Path

BYTECODE = "__pycache__"


def copy_renamed(package: Path, destination: Path, name: str) -> Path:
    """Copy `package` to `destination / name`, with every absolute import of itself renamed, and compile it.

    What is no regular file or folder (a link that leads nowhere or to a folder, a pipe) is left aside; `irregular_files` names it.
    A file that can't be parsed is copied unchanged, and fails when it is imported. Imports by a name in a string are not renamed;
    `comparison_worker` looks for them.

    Returns
    -------
    Path
        The copy.

    """
    copy = Path(shutil.copytree(package, destination / name, ignore=_not_copied))
    for path in copy.rglob("*.py"):
        source = path.read_bytes()
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        path.write_text(ast.unparse(_Renamer(package.name, name).visit(tree)), encoding="utf-8")
    compileall.compile_dir(copy, quiet=2)
    return copy


def irregular_files(package: Path) -> list[str]:
    """The names in `package` that `copy_renamed` leaves aside, relative to its parent; folders of bytecode aren't named."""
    return [
        path.relative_to(package.parent).as_posix()
        for folder, _, _ in os.walk(package)
        for path in sorted(Path(folder).iterdir())
        if not _is_copied(path) and path.name != BYTECODE
    ]


def _not_copied(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if not _is_copied(Path(folder) / name)]


def _is_copied(path: Path) -> bool:
    return path.name != BYTECODE and (path.is_file() or (path.is_dir() and not path.is_symlink()))


class _Renamer(ast.NodeTransformer):
    """Renames absolute imports of a package; relative ones need none."""

    def __init__(self, old: str, new: str) -> None:
        self._old, self._new = old, new

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom:
        if node.level == 0 and node.module is not None:
            node.module = self._renamed(node.module)
        return node

    def visit_Import(self, node: ast.Import) -> list[ast.stmt]:
        statements: list[ast.stmt] = []
        for alias in node.names:
            name = self._renamed(alias.name)
            statements.append(ast.Import([ast.alias(name, alias.asname)]))
            if name != alias.name and alias.asname is None:  # `import old.part` binds `old`
                statements.append(ast.Import([ast.alias(self._new, self._old)]))
        return statements

    def _renamed(self, module: str) -> str:
        ours = module == self._old or module.startswith(self._old + ".")
        return self._new + module[len(self._old) :] if ours else module
