"""The process in which two revisions take turns: `python -m bench.regression.compare.comparison_worker`.

Started by `launch_process`. Reads requests, a line of JSON each, on stdin, and answers with lines of JSON that have the request's
id on a descriptor of its own. Imports the standard library, NumPy and greenlet. It never imports a revision itself: a launch is a
fork of this process, which saves the start of Python and NumPy, and in which a revision may do what it likes. The names of the
revisions, and which is imported first, are drawn at random in each launch.
"""

from __future__ import annotations

import gc
import importlib
import importlib.metadata
import json
import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np

from bench.child_processes import die_with_parent, take_over_standard_streams
from bench.micro.benchmark import Array, Work
from bench.micro.suite import BENCHMARKS, IMPORT_TIME, PRELOADED, PROCESS_BENCHMARKS
from bench.regression.compare.forks import forked
from bench.regression.compare.position import SIDES, Position
from bench.regression.compare.timing import Libraries, SideError, Suites, measure, probe_processes, random_order, type_and_message
from bench.regression.compare.touched import called_functions
from bench.regression.compare.waiting import waiting_seconds

CHECK_BLOCKS = 3
LONG_CHECK_SECONDS = 0.2
"""After which a variant is compared as it is, with fewer blocks."""
LONG_IMPORT_SECONDS = 0.25
SAME_WITHIN = 1e-5
"""Outcomes that differ by at most this share of the largest value differ by rounding: 1e-7 in float32, accumulated over steps."""

Item = dict[str, Any]
Copies = Mapping[str, Sequence[str]]
"""Of each side, the paths of its copies under the first and the second name."""


def main() -> None:
    """Answer requests until there are no more."""
    die_with_parent()
    requests, descriptor = take_over_standard_streams()
    answers = os.fdopen(descriptor, "w", encoding="utf-8")
    for number, line in enumerate(iter(requests.readline, "")):
        request = json.loads(line)
        if not number:
            answer_for_copies(request["package"], [Path(path).stem for path in request["packages"]["base"]])
        _answer(request, answers)
    answers.close()
    os._exit(0)


def _answer(request: Mapping[str, Any], answers: IO[str]) -> None:
    """Make the launches of a request."""
    position = Position(Path(request["position"]), request["benchmarks"])
    needed = ["pytest"] if request["suites"] else [each for name in request["benchmarks"] for each in PRELOADED.get(name, ())]
    for module in dict.fromkeys(needed):
        with suppress(ImportError):
            importlib.import_module(module)

    def answer(**fields: Any) -> None:
        answers.write(json.dumps({"id": request["id"], **fields}) + "\n")
        answers.flush()

    tasks = {"names": list_names, "check": check_all, "measure": launch, "alone": run_alone}
    task = partial(tasks[request["task"]], request, position)
    for _ in range(request["launches"]):
        position.enter("start")
        items = forked(task, position, request["limits_seconds"])
        while True:
            try:
                answer(item=next(items))
            except StopIteration as end:
                place = position.read()
                answer(end=end.value, phase=place.phase, side=place.side, benchmark=place.benchmark, variant=place.variant)
                break


def list_names(request: Mapping[str, Any], position: Position) -> Iterator[Item]:
    """One item: the names of the benchmarks of both sides."""
    try:
        libraries = load(request["packages"], random_order(), random_order(), position)
        suites = load_suites(request["suites"], libraries, position)
    except SideError as error:
        yield _not_imported(error)
        return
    yield {"names": list(dict.fromkeys(name for side in SIDES for name in suites[side]))}


def check_all(request: Mapping[str, Any], position: Position) -> Iterator[Item]:
    """An item for each benchmark, as it is checked; instead, one that says which side can't be imported."""
    needed_by_others = request["package"] in sys.modules  # as pytest needs packaging
    imports = dict.fromkeys(SIDES, 0.0)
    try:
        libraries = load(request["packages"], random_order(), random_order(), position, imports)
        suites = load_suites(request["suites"], libraries, position)
    except SideError as error:
        yield _not_imported(error)
        return
    for name in request["benchmarks"]:
        if name in PROCESS_BENCHMARKS:
            seconds = {"seconds": imports} if name == IMPORT_TIME and _differ_much(imports) else {}
            yield {"benchmark": name, "variants": [], "errors": {}, "difference": 0.0, "same": True, **seconds}
        else:
            found = check(name, suites, libraries, position)
            if found["variants"] and not found["errors"] and sum(found["seconds"].values()) < LONG_CHECK_SECONDS:
                position.enter("check", "head", name)
                found["touched"] = touched(name, found["variants"], suites, libraries, set(request["changed"]))
            yield {"benchmark": name, **found}
    position.enter("start")
    if request["package"] in sys.modules and not needed_by_others:
        message = f"imports {request['package']} by a name in a string: its copy under another name can't be told apart"
        yield {"not_imported": "base or head", "message": message}


def launch(request: Mapping[str, Any], position: Position) -> Iterator[Item]:
    """One item: the seconds of each block of each benchmark, and the errors of those that failed."""
    names: Sequence[str] = request["benchmarks"]
    named = random_order()
    builds: dict[str, Any] = {}
    errors: dict[str, dict[str, str]] = {}
    processes = [name for name in names if name in PROCESS_BENCHMARKS]
    blocks = [name for name in names if name not in PROCESS_BENCHMARKS]
    try:
        if processes:
            copies = {side: Path(request["packages"][side][place]) for place, side in enumerate(named)}
            builds.update(_attempt(errors, processes, partial(probe_processes, copies, position, processes)) or {})
        if blocks:
            libraries = load(request["packages"], named, random_order(), position)
            suites = load_suites(request["suites"], libraries, position)
            waited = waiting_seconds()
            gc.disable()
            gc.freeze()  # a collection after a build needn't look at the loaded modules
            for name in random.sample(blocks, len(blocks)):
                variants = request["variants"][name]
                most = max((suites[side][name].most_pairs for side in SIDES if name in suites[side]), default=0) or request["pairs"]
                pairs = max(1, min(most, request["pairs"] // min(3, len(variants))))
                options = {"rounds": request["rounds"], "pairs": pairs, "waited": waited}
                timed = partial(measure, name, variants, suites, libraries, position, **options)
                if found := _attempt(errors, [name], timed):
                    builds[name] = found
    except SideError as error:
        yield _not_imported(error)
        return
    yield {"builds": builds, "errors": errors}


def run_alone(request: Mapping[str, Any], position: Position) -> Iterator[Item]:
    """An item for each benchmark: whether it fails where one side is imported without the other, which may be in its way."""
    side = request["side"]
    try:
        libraries = load(request["packages"], SIDES, [side], position)
        suites = load_suites(request["suites"], libraries, position)
    except SideError as error:
        yield _not_imported(error)
        return
    for name in request["benchmarks"]:
        enter = partial(position.enter, "check", benchmark=name)
        variants = suites[side][name].variants if name in suites[side] else ()
        works = [not _outcomes(name, variant, suites, libraries, enter)[1] for variant in variants]
        yield {"benchmark": name, "fails": not works or not all(works)}


def _not_imported(error: SideError) -> Item:
    return {"not_imported": error.side, "message": str(error)}


def _attempt(errors: dict[str, dict[str, str]], names: Sequence[str], task: Any) -> Any:
    """The result of `task()`; None, with an error for each of `names`, if a side fails in it."""
    try:
        return task()
    except SideError as error:
        errors.update({name: {error.side: str(error)} for name in names})
        return None


def answer_for_copies(package: str, names: Sequence[str]) -> None:
    """Have `importlib.metadata` give a copy the installed package's version, which many ask for by their own name."""
    of_name = importlib.metadata.distribution
    importlib.metadata.distribution = lambda distribution_name: of_name(
        package if distribution_name in names else distribution_name
    )


def _differ_much(imports: Mapping[str, float]) -> bool:
    """Whether one import took so much longer that it isn't for being the first, which imports modules for both."""
    return max(imports.values()) - min(imports.values()) > LONG_IMPORT_SECONDS


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
            raise SideError(side, f"its import ended the process: sys.exit({error.code!r})") from error
        except BaseException as error:
            raise SideError(side, f"fails to import: {type_and_message(error)}") from error
        if seconds is not None:
            seconds[side] = time.perf_counter() - start
    return libraries


def load_suites(copies: Copies | None, libraries: Libraries, position: Position) -> Suites:
    """The benchmarks of each side: those of `numpy_nn`, or of copies of a file, which import that side's package."""
    if copies is None:
        return dict.fromkeys(SIDES, BENCHMARKS)
    from bench.micro.external import load_benchmarks

    suites = {}
    for side, library in libraries.items():
        position.enter("import", side)
        place = [Path(path).parent.name for path in copies[side]].index(library.__name__)
        try:
            suites[side] = load_benchmarks(Path(copies[side][place]))
        except BaseException as error:
            raise SideError(side, f"does not run the benchmarks' file: {type_and_message(error)}") from error
    return suites


def check(name: str, suites: Suites, libraries: Libraries, position: Position) -> Item:
    """Whether both sides compute the same in a benchmark.

    Returns
    -------
    dict
        "variants" that run on both sides, why those that don't run at BASE are "dropped", "errors" by side, the largest
        "difference" of the outcomes, whether that is the "same", and the "seconds" of a block by side.

    """
    variants: list[str] = []
    dropped: dict[str, str] = {}
    errors: dict[str, str] = {}
    difference, same, seconds = 0.0, True, dict.fromkeys(SIDES, 0.0)
    known = [suites[side][name].variants for side in SIDES if name in suites[side]]
    for number, variant in enumerate(dict.fromkeys(variant for of_side in known for variant in of_side)):
        found, failed = _outcomes(
            name, variant, suites, libraries, partial(position.enter, "check", benchmark=name, variant=number)
        )
        if failed:
            if variant and "base" in failed:
                dropped[variant] = failed["base"]
            else:
                errors.update(failed)
            continue
        variants.append(variant)
        by, largest = largest_difference(found["base"][0], found["head"][0])
        difference, same = max(difference, by), same and by <= SAME_WITHIN * largest
        seconds = {side: seconds[side] + found[side][1] for side in SIDES}
    if not variants and not errors:
        errors = {"base": next(iter(dropped.values()), "no such benchmark")}
    item = {"variants": variants, "dropped": dropped, "errors": errors}
    return {**item, "difference": difference, "same": same, "seconds": seconds}


def touched(name: str, variants: Sequence[str], suites: Suites, libraries: Libraries, changed: set[str]) -> float:
    """The share of the functions that a benchmark calls at HEAD which are in `changed`; 0 where that can't be told."""
    library = libraries["head"]
    if not changed or library.__file__ is None:
        return 0.0
    package = Path(library.__file__)

    def run() -> None:
        for variant in variants:
            work = suites["head"][name].prepare(library, 0, variant)
            work.before_block()
            work()
            work.close()

    try:
        called = called_functions(run, package.parent if package.name == "__init__.py" else package)
    except Exception:  # it only sets the order
        return 0.0
    return len(called & changed) / max(1, len(called))


def _outcomes(
    name: str, variant: str, suites: Suites, libraries: Libraries, enter: Callable[..., None]
) -> tuple[dict[str, tuple[list[Array], float]], dict[str, str]]:
    """Of each side the values after as many blocks and the seconds of the fastest; and of each side that fails the error."""
    failed: dict[str, str] = {}
    works: dict[str, Work] = {}
    sides = [side for side in SIDES if side in libraries]
    fastest = dict.fromkeys(sides, float("inf"))
    outcomes: dict[str, list[Array]] = {}

    def prepare(side: str) -> None:
        works[side] = suites[side][name].prepare(libraries[side], 0, variant)

    def block(side: str) -> None:
        works[side].before_block()
        start = time.perf_counter()
        works[side]()
        fastest[side] = min(fastest[side], time.perf_counter() - start)

    def end(side: str) -> None:
        outcomes[side] = works[side].outcome()
        works[side].close()

    begin = time.perf_counter()
    for number, part in enumerate((prepare, *[block] * CHECK_BLOCKS, end)):
        if part is block and number > 1 and time.perf_counter() - begin > LONG_CHECK_SECONDS:
            continue
        for side in sides:
            enter(side=side)
            try:
                if side not in failed:
                    part(side)
            except BaseException as error:  # a revision may fail in any way; the report names it
                failed[side] = f"{variant}: {type_and_message(error)}".removeprefix(": ")
    return {side: (outcome, fastest[side]) for side, outcome in outcomes.items()}, failed


def largest_difference(base: Sequence[Array], head: Sequence[Array]) -> tuple[float, float]:
    """The largest absolute difference, and the largest value; infinite where shapes, types, or NaNs, differ."""
    if [(array.shape, array.dtype) for array in base] != [(array.shape, array.dtype) for array in head]:
        return float("inf"), 0.0
    if not base:
        return 0.0, 0.0
    first, second = (np.concatenate([array.ravel() for array in arrays]).astype(np.float64) for arrays in (base, head))
    if np.array_equal(first, second, equal_nan=True):
        return 0.0, float(np.nanmax(np.abs(first), initial=0.0))
    difference = float(np.abs(first - second).max())
    return (difference if np.isfinite(difference) else float("inf")), float(np.nanmax(np.abs(first), initial=0.0))


if __name__ == "__main__":
    main()
