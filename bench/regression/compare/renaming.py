"""A package under another name, so that two revisions of it can be loaded into one process.

Called by `revisions`, once a comparison. The sources are rewritten instead of using an import hook: the copy is an ordinary
package, compiled to bytecode once, and nothing of the harness runs while it is measured.
"""

from __future__ import annotations

import ast
import os
import shutil
import stat
from functools import lru_cache
from pathlib import Path

from bench.files import read_regular
from bench.python_files import LIMIT_BYTES, UNPARSABLE, compile_files, parsed


def copy_renamed(package: Path, destination: Path, name: str) -> Path:
    """Copy `package`, a folder or a file, to `destination / name`, with every absolute import of itself renamed, and compile it.

    A file that can't be parsed is copied unchanged, and fails when it is imported. Imports by a name in a string are not renamed;
    `comparison_worker` looks for them.

    Returns
    -------
    Path
        The copy.

    """
    if package.is_file():
        destination.mkdir(parents=True, exist_ok=True)
        copy = Path(shutil.copyfile(package, destination / f"{name}.py"))
    else:
        copy = _copy_tree(package, destination / name)
    rename_imports(copy, package.stem, name)
    return copy


def rename_imports(copy: Path, old: str, new: str) -> None:
    """Rename the imports of `old` in a file, or in all files of a folder, and compile them."""
    for path in [copy] if copy.is_file() else sorted(copy.rglob("*.py")):
        try:
            source = read_regular(path, LIMIT_BYTES)
        except OSError:
            continue
        renamed = _with_imports_renamed(source, old, new)
        if renamed is not None:
            path.write_text(renamed, encoding="utf-8")
    compile_files(copy)


@lru_cache(maxsize=1024)
def _with_imports_renamed(source: bytes, old: str, new: str) -> str | None:
    """The source with other imports, None if it can't be parsed; of most files both sides have the same."""
    tree = parsed(source)
    try:
        return None if tree is None else ast.unparse(_Renamer(old, new).visit(tree))
    except UNPARSABLE:
        return None


def irregular_files(package: Path) -> list[str]:
    """What in a package is not copied: what is neither a file nor a folder, or a link that leads nowhere, or in a circle."""
    return [str(path.relative_to(package.parent)) for path in sorted(package.rglob("*")) if not _is_copied(path)]


def _copy_tree(folder: Path, destination: Path) -> Path:
    def ignored(parent: str, names: list[str]) -> list[str]:
        return [name for name in names if name == "__pycache__" or not _is_copied(Path(parent, name))]

    return Path(shutil.copytree(folder, destination, ignore=ignored))


def _is_copied(path: Path) -> bool:
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116  # as `Path.stat`, for a name that may be anything
    except OSError:
        return False
    return stat.S_ISREG(mode) or (stat.S_ISDIR(mode) and not is_around_itself(path))


def is_around_itself(folder: Path) -> bool:
    """Whether a folder is, by a link, one of those that it lies in: a copy of it would have no end."""
    place = os.path.realpath(folder)
    return any(os.path.realpath(parent) == place for parent in folder.absolute().parents)


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
