"""The modules of two revisions of a package, and of the tests that time it, in one process under the same names.

Called by `comparison_worker` for packages other than `numpy_nn`. While a side runs, `sys.modules`, `sys.path` and `sys.meta_path`
are that side's, and so are the working folder and the environment variables, which a fixture may set: an import by a name in a
string, one in a function that is being timed, a pickle, `__name__` and a program that is started are what they are in an ordinary
process. Modules of other packages are shared. Sides change between timed blocks only.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

_ENVIRONMENT = os.environ
"""A fixture may put another object in its place."""


@dataclass(frozen=True)
class PackageFinder:
    """Finds the packages of a side in their folder, whatever else is on the path."""

    folder: str

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """The top-level module `name`; a namespace is left to the path, as others may have parts of it."""
        found = PathFinder.find_spec(name, [self.folder]) if path is None else None
        return None if found is None or found.origin is None else found


@dataclass
class World:
    """What the import system knows while a side runs."""

    roots: tuple[str, ...]
    path: list[str]
    finders: list[Any]
    streams: tuple[Any, Any]
    """Standard output and error, which a fixture may have replaced."""
    folder: str
    """The working folder."""
    environment: dict[Any, Any]
    """The variables, as `os.environ` holds them: of the programs that the side starts, `PYTHONPATH` has its packages."""
    modules: dict[str, ModuleType] = field(default_factory=dict)
    count: int = 0
    """Of all modules when the side was entered: more are looked for only where there are others."""

    def has(self, module: object) -> bool:
        """Whether a module comes from one of the folders of the side."""
        try:
            places = [getattr(module, "__file__", None), *(getattr(module, "__path__", None) or ())]
        except Exception:  # whatever a package puts there
            return False
        return any(isinstance(place, str) and place.startswith(self.roots) for place in places)


class Worlds:
    """The worlds of both sides, of which one is entered at a time.

    Parameters
    ----------
    roots
        Of each side the folder with its packages, and the folder with the tests.
    names
        The top-level names of the packages: whatever this process has imported of them for others is forgotten.
    folders
        Of each side the folder to work in.

    """

    def __init__(self, roots: Mapping[str, tuple[str, str]], names: Collection[str], folders: Mapping[str, str]) -> None:
        self._names = frozenset(names)
        for name in [name for name in sys.modules if self._is_named(name)]:
            del sys.modules[name]
        inherited = os.environ.get("PYTHONPATH", "")
        plain = _variables()
        self._worlds = {
            side: World(
                tuple(f"{root}/" for root in of_side),
                [of_side[0], *sys.path],
                [PackageFinder(of_side[0]), *sys.meta_path],
                (sys.stdout, sys.stderr),
                folders[side],
                {**plain, _ENVIRONMENT.encodekey("PYTHONPATH"): _ENVIRONMENT.encodevalue(_search_path(of_side[0], inherited))},
            )
            for side, of_side in roots.items()
        }
        self._current: World | None = None

    def enter(self, side: str) -> None:
        """Put the modules, the path and the finders of `side` in the place of the other side's."""
        world = self._worlds[side]
        if world is self._current:
            return
        if self._current is not None:
            self._leave(self._current)
        sys.path[:], sys.meta_path[:] = world.path, world.finders
        sys.stdout, sys.stderr = world.streams
        with suppress(OSError):  # a test's own folder that is gone
            os.chdir(world.folder)
        _set_variables(world.environment)
        sys.modules.update(world.modules)
        world.count = len(sys.modules)
        self._current = world

    def _leave(self, world: World) -> None:
        world.path[:], world.finders[:] = sys.path, sys.meta_path
        world.streams = sys.stdout, sys.stderr
        world.environment = _variables()
        with suppress(OSError):
            world.folder = os.getcwd()  # noqa: PTH109  # called between blocks
        names = list(world.modules)
        if len(sys.modules) != world.count:
            names = [name for name, module in list(sys.modules.items()) if self._is_named(name) or world.has(module)]
        world.modules = {name: sys.modules.pop(name) for name in names if name in sys.modules}

    def _is_named(self, name: str) -> bool:
        return name.partition(".")[0] in self._names


def _search_path(*folders: str) -> str:
    return os.pathsep.join(filter(None, folders))


def _variables() -> dict[Any, Any]:
    """The variables in their own coding: a copy of `os.environ` itself would take as long as a block."""
    return dict(_ENVIRONMENT._data)  # type: ignore[attr-defined]


def _set_variables(wanted: Mapping[Any, Any]) -> None:
    present = _variables()
    for name in present.keys() - wanted.keys():
        del _ENVIRONMENT[os.fsdecode(name)]
    for name, value in wanted.items() - present.items():
        _ENVIRONMENT[os.fsdecode(name)] = os.fsdecode(value)
