"""Imports both revisions of a package, and the benchmarks of another package. Called by `comparison_worker` in a launch."""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from bench.micro.suite import BENCHMARKS
from bench.regression.compare.position import SIDES, Position
from bench.regression.compare.timing import Libraries, SideError, Suites, type_and_message
from bench.regression.compare.worlds import Worlds

if TYPE_CHECKING:
    from bench.micro import external

Copies = Mapping[str, Sequence[str]]
"""Of each side, the paths of its copies under the first and the second name."""


def load_sides(
    request: Mapping[str, Any],
    named: Sequence[str],
    position: Position,
    order: Sequence[str],
    seconds: dict[str, float] | None = None,
) -> tuple[Libraries, Suites]:
    """The packages, and the benchmarks of each side: those of `numpy_nn`, or of a file, which imports that side's package.

    `order` has the sides in the order of their imports.
    """
    libraries = load(request["packages"], named, order, enter_worlds(request, position), seconds)
    if not request["suites"]:
        return libraries, dict.fromkeys(order, BENCHMARKS)
    return libraries, _external().complete(load_suites(request, position, order))


def enter_worlds(request: Mapping[str, Any], position: Position) -> Position:
    """Have `position` change the modules with the side, where both packages have one name."""
    if request["suites"]:
        roots = {side: (str(Path(request["packages"][side][0]).parent), request["suites"][side]["root"]) for side in SIDES}
        _external()
        position.on_side = Worlds(roots, request["own"], request["folders"]).enter
    return position


def load(
    copies: Copies, named: Sequence[str], order: Sequence[str], position: Position, seconds: dict[str, float] | None = None
) -> Libraries:
    """Import both sides.

    Parameters
    ----------
    copies
        The packages.
    named
        The side that gets the first name, and the side that gets the second.
    order
        The order of the imports.
    seconds
        Where the seconds of the imports are written, by side.

    Raises
    ------
    SideError
        If an import fails for any reason.

    """
    paths = {side: Path(copies[side][place]) for place, side in enumerate(named)}
    sys.path[:0] = [str(paths[side].parent) for side in order]
    libraries = {}
    for side in order:
        position.enter("import", side)
        start = time.perf_counter()
        try:
            libraries[side] = importlib.import_module(paths[side].stem)
        except SystemExit as error:
            raise SideError(side, f"fails to import: sys.exit({error.code!r})") from error
        except BaseException as error:
            raise SideError(side, f"fails to import: {type_and_message(error)}") from error
        if seconds is not None:
            seconds[side] = time.perf_counter() - start
    return libraries


def load_suites(request: Mapping[str, Any], position: Position, order: Sequence[str]) -> dict[str, external.Suite]:
    """The benchmarks of another package, by side, in the order in which they are imported."""
    suites = {}
    for side in order:
        position.enter("import", side)
        place = request["suites"][side]
        temporary = Path(request["position"]).with_name(f"{os.getpid()}-{side}")
        try:
            suites[side] = _external().load_suite(Path(place["path"]), Path(place["root"]), temporary, plugins())
        except BaseException as error:
            raise SideError(side, f"does not run the benchmarks: {type_and_message(error)}") from error
    return suites


@cache
def plugins() -> list[Any]:
    """The pytest plugins that a project's tests may have, looked for once."""
    found: list[Any] = _external().find_plugins()
    return found


@cache
def _external() -> ModuleType:
    """The module that needs pytest, imported before the sides: one may have a `bench` of its own."""
    from bench.micro import external

    return external
