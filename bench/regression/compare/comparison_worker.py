"""The process in which two revisions take turns: `python -m bench.regression.compare.comparison_worker`.

Started by `comparison_processes`. Reads one request (JSON) on stdin, answers on stdout, and ends. Imports the standard library,
NumPy and greenlet, and the two revisions under two names. A launch is a fork of this process, which saves the start of Python and
NumPy; the fork imports the revisions itself. Everything that might favour one revision (its name; whether it is loaded, built or
run first) is drawn at random in each launch, so that equal revisions differ by chance only.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from bench.regression.compare.benchmarks import BENCHMARKS, Array, Work

SIDES = ("base", "head")
WARM_UP_BLOCKS = 2
CHECK_BLOCKS = 3
TIME_LIMIT_SECONDS = 120
"""For one launch, which takes a third of a second. A fork ends itself after this time, also when its parent is gone."""
SAME_WITHIN = 1e-5
"""Outcomes that differ by at most this share of the largest value differ by rounding: 1e-7 in float32, accumulated over steps."""

Libraries = Mapping[str, ModuleType]
"""The package of each side."""


def main() -> None:
    """Answer the one request."""
    request = json.load(sys.stdin)
    names, folders = request["benchmarks"], request["folders"]
    answer: Any
    if request["task"] == "check":
        libraries = load(folders, random_order(), random_order())
        answer = {name: check(name, libraries) for name in names}
        if "numpy_nn" in sys.modules:
            raise ImportError("a revision imports numpy_nn by a name in a string: its copy under another name can't be told apart")
    else:
        launch = partial(_launch, folders, names, rounds=request["rounds"], pairs=request["pairs"])
        several = request["launches"]
        answer = [launch()] if several == 1 else [forked(launch) for _ in range(several)]
    json.dump(answer, sys.stdout)


def _launch(folders: Mapping[str, Sequence[str]], names: Sequence[str], *, rounds: int, pairs: int) -> Any:
    libraries = load(folders, random_order(), random_order())
    gc.disable()
    gc.freeze()  # a collection after a build needn't look at the loaded modules
    return measure(names, libraries, rounds=rounds, pairs=pairs)


def forked(task: Callable[[], Any]) -> Any:
    """The result of `task()` in a fork of this process, passed back as JSON; the fork's `random` has another seed.

    Raises
    ------
    RuntimeError
        If the fork fails; its traceback is on stderr.

    """
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        code = 1
        try:
            signal.alarm(TIME_LIMIT_SECONDS)
            os.close(reader)
            with os.fdopen(writer, "w", encoding="utf-8") as file:
                json.dump(task(), file)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)  # skips the parent's clean-up
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as file:
        answer = file.read()
    _, status = os.waitpid(child, 0)
    if status:
        raise RuntimeError(f"a launch ended with code {os.waitstatus_to_exitcode(status)}")
    return json.loads(answer)


def random_order() -> list[str]:
    """Both sides in random order."""
    return random.sample(SIDES, 2)


def load(folders: Mapping[str, Sequence[str]], named: Sequence[str], order: Sequence[str]) -> Libraries:
    """Import both sides.

    Parameters
    ----------
    folders
        Of each side, the folders of its copies under the first and the second name.
    named
        The side that gets the first name, and the side that gets the second.
    order
        The order of the imports.

    Raises
    ------
    ImportError
        If an import fails for any reason; the message names the side.

    """
    copies = {side: Path(folders[side][place]) for place, side in enumerate(named)}
    sys.path[:0] = [str(copies[side].parent) for side in order]
    libraries = {}
    for side in order:
        try:
            libraries[side] = importlib.import_module(copies[side].name)
        except Exception as error:
            raise ImportError(f"numpy_nn at {side.upper()} fails to import: {type_and_message(error)}") from error
    return libraries


def check(name: str, libraries: Libraries) -> dict[str, Any]:
    """Whether both sides compute the same: {"errors": {side: message}, "difference": largest, "same": bool}."""
    outcomes: dict[str, list[Array]] = {}
    errors: dict[str, str] = {}
    for side, library in libraries.items():
        try:
            work = BENCHMARKS[name].prepare(library, 0)
            for _ in range(CHECK_BLOCKS):
                work()
            outcomes[side] = work.outcome()
            work.close()
        except Exception as error:  # a revision may fail in any way; the report names it
            errors[side] = type_and_message(error)
    if errors:
        return {"errors": errors}
    difference, largest = largest_difference(outcomes["base"], outcomes["head"])
    return {"errors": {}, "difference": difference, "same": difference <= SAME_WITHIN * largest}


def largest_difference(base: Sequence[Array], head: Sequence[Array]) -> tuple[float, float]:
    """The largest absolute difference, and the largest value; infinite where shapes, or NaNs, differ."""
    if [array.shape for array in base] != [array.shape for array in head]:
        return float("inf"), 0.0
    first, second = (np.concatenate([array.ravel() for array in arrays]).astype(np.float64) for arrays in (base, head))
    if np.array_equal(first, second, equal_nan=True):
        return 0.0, float(np.nanmax(np.abs(first), initial=0.0))
    difference = float(np.abs(first - second).max())
    return (difference if np.isfinite(difference) else float("inf")), float(np.nanmax(np.abs(first), initial=0.0))


def measure(
    names: Sequence[str],
    libraries: Libraries,
    *,
    rounds: int,
    pairs: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[dict[str, Any]]]:
    """Time each benchmark once a round, on new networks, in `pairs` blocks of both sides in random order.

    Every other round builds the sides in the opposite order of the round before, which cancels the effect of that order.

    Returns
    -------
    dict
        For each benchmark a list of {side: seconds of each block} over the rounds.

    """
    answer: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    orders: dict[str, list[str]] = {}
    for number in range(rounds):
        orders = {name: order[::-1] for name, order in orders.items()} if number % 2 else {name: random_order() for name in names}
        for name in random.sample(names, len(names)):
            answer[name].append(_time_build(name, libraries, orders[name], pairs, clock))
            gc.collect()
    return answer


def _time_build(
    name: str, libraries: Libraries, order: Sequence[str], pairs: int, clock: Callable[[], float]
) -> dict[str, list[float]]:
    seed = random.getrandbits(32)
    works: dict[str, Work] = {side: BENCHMARKS[name].prepare(libraries[side], seed) for side in order}
    for _ in range(WARM_UP_BLOCKS):
        for work in works.values():
            work()
    seconds: dict[str, list[float]] = {side: [] for side in order}
    for _ in range(pairs):
        for side in random_order():
            block = works[side]
            start = clock()
            block()
            seconds[side].append(clock() - start)
    for work in works.values():
        work.close()
    return seconds


def type_and_message(error: BaseException) -> str:
    """The type and message of `error`, on one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


if __name__ == "__main__":
    try:
        main()
    except ImportError as error:
        traceback.print_exc()
        json.dump({"error": str(error)}, sys.stdout)
