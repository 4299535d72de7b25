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
import math
import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np

from bench.child_processes import die_with_parent, take_over_standard_streams
from bench.micro.benchmark import Array, NotRunError, UnsupportedUseError, Work
from bench.micro.suite import IMPORT_TIME, PRELOADED, PROCESS_BENCHMARKS
from bench.regression.compare.forks import forked
from bench.regression.compare.loading import enter_worlds, load, load_sides, load_suites, plugins
from bench.regression.compare.long_blocks import BlockEnd, ended_where_it_gets_on
from bench.regression.compare.position import SIDES, Position
from bench.regression.compare.timing import (
    Libraries,
    Pace,
    SideError,
    Suites,
    is_cut,
    measure,
    probe_processes,
    random_order,
    type_and_message,
)
from bench.regression.compare.touched import called_functions
from bench.regression.compare.waiting import waiting_seconds

CHECK_BLOCKS = 3
LONG_CHECK_SECONDS = 0.2
"""After which a variant is compared as it is, with fewer blocks."""
PATIENCE_RATIO, PATIENCE_SECONDS, LEAST_PATIENCE_RATIO = 1000.0, 30.0, 4.0
"""HEAD may take a thousand times what BASE took, up to 30 s, or four times that where it is longer, and never less than the limit
of the check: after that it hangs."""
ENDED_SECONDS, ENDED_RATIO = 5.0, 20.0
"""A block of HEAD's that takes longer than these seconds, and so many times what BASE took, is ended if it gets on."""
LONG_IMPORT_SECONDS = 0.25
SAME_WITHIN = 1e-5
"""Outcomes that differ by at most this share of the largest value differ by rounding: 1e-7 in float32, accumulated over steps."""

SKIPPED, UNSUPPORTED = "skipped: ", "not supported: "
"""How the reason of a benchmark begins that doesn't want to run, and of one that can't be timed."""

Item = dict[str, Any]


def main() -> None:
    """Answer requests until there are no more."""
    die_with_parent()
    sys.dont_write_bytecode = True  # the copies are compiled; on a full disk Python would leave half a file, and fail to read it
    requests, descriptor = take_over_standard_streams()
    answers = os.fdopen(descriptor, "w", encoding="utf-8")
    for number, line in enumerate(iter(requests.readline, "")):
        request = json.loads(line)
        if not number and not request["suites"]:
            answer_for_copies(request["package"], [Path(path).stem for path in request["packages"]["base"]])
        _answer(request, answers)
    answers.close()
    os._exit(0)


def _answer(request: Mapping[str, Any], answers: IO[str]) -> None:
    """Make the launches of a request."""
    position = Position(Path(request["position"]), request["benchmarks"])
    position.most_patience_seconds = request["most_patience_seconds"]
    if request["suites"]:
        plugins()
    for module in dict.fromkeys(each for name in request["benchmarks"] for each in PRELOADED.get(name, ())):
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
    """One item: the names of the benchmarks of both sides, and why some can't be timed."""
    try:
        load(request["packages"], random_order(), SIDES, enter_worlds(request, position))
        suites = load_suites(request, position, SIDES)
    except SideError as error:
        yield _not_imported(error)
        return
    both = [suites[side] for side in SIDES]
    yield {
        "names": list(dict.fromkeys(name for suite in both for name in suite.benchmarks)),
        "unsupported": {name: reason for suite in both for name, reason in suite.unsupported.items()},
        "failures": {file: error for file, error in both[0].failures.items() if file in both[1].failures},
    }


def check_all(request: Mapping[str, Any], position: Position) -> Iterator[Item]:
    """An item for each benchmark, up to one that is ended; instead, one that says which side can't be imported."""
    imports = dict.fromkeys(SIDES, 0.0)
    try:
        libraries, suites = load_sides(request, random_order(), position, SIDES, imports)
    except SideError as error:
        yield _not_imported(error)
        return
    for name in request["benchmarks"]:
        if name in PROCESS_BENCHMARKS:
            seconds = {"seconds": imports} if name == IMPORT_TIME and _differ_much(imports) else {}
            yield {"benchmark": name, "variants": [], "errors": {}, "difference": 0.0, "same": True, **seconds}
        else:
            found = check(name, suites, libraries, position)
            if found.get("variants") and not found["errors"] and sum(found["seconds"].values()) < LONG_CHECK_SECONDS:
                position.enter("check", "head", name)
                found["touched"] = touched(name, found["variants"], suites, libraries, set(request["changed"]))
            yield {"benchmark": name, **found}
            if found.get("ended"):  # in the middle of a side's work: what follows has a fork of its own
                return
    position.enter("start")
    if request["package"] in sys.modules and not request["suites"]:
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
            builds.update(
                _attempt(errors, processes, partial(probe_processes, copies, position, processes, request["cut_seconds"])) or {}
            )
        if blocks:
            libraries, suites = load_sides(request, named, position, random_order())
            waited = waiting_seconds()
            gc.disable()
            gc.freeze()  # a collection after a build needn't look at the loaded modules
            for name in random.sample(blocks, len(blocks)):
                variants = request["variants"][name]
                most = max((suites[side][name].most_pairs for side in SIDES if name in suites[side]), default=0) or request["pairs"]
                pairs = max(1, min(most, request["pairs"] // min(3, len(variants))))
                pace = Pace(request["rounds"], pairs, request["cut_seconds"], waited=waited)
                timed = partial(measure, name, variants, suites, libraries, position, pace)
                if found := _attempt(errors, [name], timed):
                    builds[name] = found
    except SideError as error:
        yield _not_imported(error)
        return
    cut = [name for name, found in builds.items() if is_cut(found, request["cut_seconds"])]
    yield {"builds": builds, "errors": errors, "cut": cut}


def run_alone(request: Mapping[str, Any], position: Position) -> Iterator[Item]:
    """An item for each benchmark: whether it fails where one side is imported without the other, which may be in its way."""
    side = request["side"]
    try:
        libraries, suites = load_sides(request, SIDES, position, [side])
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


def check(name: str, suites: Suites, libraries: Libraries, position: Position) -> Item:
    """Whether both sides compute the same in a benchmark.

    Returns
    -------
    dict
        "variants" that run on both sides, why those that don't run at BASE are "dropped", "errors" by side, the largest
        "difference" of the outcomes, whether that is the "same", whether those of BASE differ among themselves ("is_random"), the
        "seconds" of a block by side, and why it is "skipped" or "unsupported" on both sides, if it is. Where HEAD is hopelessly
        slow, it ends with that variant, and "ended" after so many seconds.

    """
    variants: list[str] = []
    dropped: dict[str, str] = {}
    errors: dict[str, str] = {}
    skipped = ""
    difference, same, is_random, seconds = 0.0, True, False, dict.fromkeys(SIDES, 0.0)
    known = [suites[side][name].variants for side in SIDES if name in suites[side]]
    for number, variant in enumerate(dict.fromkeys(variant for of_side in known for variant in of_side)):
        enter = partial(position.enter, "check", benchmark=name, variant=number)
        try:
            found, failed = _outcomes(name, variant, suites, libraries, enter)
        except _EndedError as error:
            item = {"variants": [*variants, variant], "dropped": dropped, "errors": errors, "seconds": error.seconds}
            return {**item, "difference": difference, "same": same, "is_random": False, "ended": error.seconds["head"]}
        if len(failed) == len(SIDES) and all(SKIPPED in reason for reason in failed.values()):
            skipped = failed["head"]
        elif len(failed) == len(SIDES) and all(UNSUPPORTED in reason for reason in failed.values()):
            return {"errors": {}, "unsupported": failed["head"].partition(UNSUPPORTED)[2]}
        elif failed:
            if variant and "base" in failed:
                dropped[variant] = failed["base"]
            else:
                errors.update(failed)
        if failed:
            continue
        variants.append(variant)
        by, is_same = compare_outcomes(found["base"][0], found["head"][0])
        if not is_same:
            again, _ = _outcomes(name, variant, suites, libraries, enter, ["base"])
            if again and not compare_outcomes(found["base"][0], again["base"][0])[1]:
                is_random, by, is_same = True, 0.0, True
        difference, same = max(difference, by), same and is_same
        seconds = {side: seconds[side] + found[side][1] for side in SIDES}
    if not variants and not errors and not skipped:
        errors = {"base": next(iter(dropped.values()), "no such benchmark")}
    item = {"variants": variants, "dropped": dropped, "errors": errors}
    item |= {"skipped": skipped} if skipped and not variants and not errors else {}
    return {**item, "difference": difference, "same": same, "is_random": is_random, "seconds": seconds}


class _EndedError(Exception):
    """HEAD's block was ended, since it is hopelessly slow; with the seconds of both sides."""

    def __init__(self, seconds: Mapping[str, float]) -> None:
        self.seconds = seconds


def compare_outcomes(base: Sequence[Array], head: Sequence[Array]) -> tuple[float, bool]:
    """The largest difference, and whether it is rounding."""
    difference, largest = largest_difference(base, head)
    return difference, difference <= SAME_WITHIN * largest


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
    name: str, variant: str, suites: Suites, libraries: Libraries, enter: Callable[..., None], sides: Sequence[str] = SIDES
) -> tuple[dict[str, tuple[list[Array], float]], dict[str, str]]:
    """Of each side the values after as many blocks and the seconds of the fastest; and of each side that fails the error.

    Raises
    ------
    _EndedError
        If a block of HEAD's is hopelessly slow.

    """
    failed: dict[str, str] = {}
    works: dict[str, Work] = {}
    sides = [side for side in sides if side in libraries]
    fastest = dict.fromkeys(sides, float("inf"))
    outcomes: dict[str, list[Array]] = {}

    def prepare(side: str) -> None:
        works[side] = suites[side][name].prepare(libraries[side], 0, variant)

    def block(side: str) -> None:
        works[side].before_block()
        start = time.perf_counter()
        try:
            with ended_where_it_gets_on(max(ENDED_SECONDS, ENDED_RATIO * base_seconds)) if base_seconds else nullcontext():
                works[side]()
        except BlockEnd:
            raise _EndedError({"base": fastest["base"], "head": time.perf_counter() - start}) from None
        fastest[side] = min(fastest[side], time.perf_counter() - start)

    def end(side: str) -> None:
        outcomes[side] = works[side].outcome()
        works[side].close()

    begin = time.perf_counter()
    for number, part in enumerate((prepare, *[block] * CHECK_BLOCKS, end)):
        if part is block and number > 1 and time.perf_counter() - begin > LONG_CHECK_SECONDS:
            continue
        base_seconds = 0.0
        for side in sides:
            enter(side=side, patience_seconds=_patience_seconds(base_seconds))
            start = time.perf_counter()
            try:
                if side not in failed:
                    part(side)
                base_seconds = time.perf_counter() - start if side == "base" and side not in failed else 0.0
            except _EndedError:
                raise
            except BaseException as error:  # a revision may fail in any way; the report names it
                failed[side] = f"{variant}: {_reason_of(error)}".removeprefix(": ")
    return {side: (outcome, fastest[side]) for side, outcome in outcomes.items()}, failed


def _patience_seconds(base_seconds: float) -> int:
    """How long HEAD may take for what took BASE so long; 0 where the limit of the check is enough."""
    return math.ceil(min(PATIENCE_RATIO * base_seconds, max(PATIENCE_SECONDS, LEAST_PATIENCE_RATIO * base_seconds)))


def _reason_of(error: BaseException) -> str:
    mark = SKIPPED if isinstance(error, NotRunError) else UNSUPPORTED if isinstance(error, UnsupportedUseError) else ""
    return f"{mark}{error}" if mark else type_and_message(error)


def largest_difference(base: Sequence[Array], head: Sequence[Array]) -> tuple[float, float]:
    """The largest absolute difference, and the largest value; infinite where shapes, types, or NaNs, differ."""
    if [(array.shape, array.dtype) for array in base] != [(array.shape, array.dtype) for array in head]:
        return float("inf"), 0.0
    if not base:
        return 0.0, 0.0
    first, second = (np.concatenate([array.ravel() for array in arrays]).astype(np.float64) for arrays in (base, head))
    is_equal = (first == second) | (np.isnan(first) & np.isnan(second))
    if is_equal.all():
        return 0.0, float(np.nanmax(np.abs(first), initial=0.0))
    difference = float(np.abs(first[~is_equal] - second[~is_equal]).max())
    return (difference if np.isfinite(difference) else float("inf")), float(np.nanmax(np.abs(first), initial=0.0))


if __name__ == "__main__":
    main()
