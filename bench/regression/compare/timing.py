"""Times a benchmark of two packages in one process, in turns. Called by `comparison_worker` in a launch.

Everything that might favour one side (which is built or run first) is drawn at random, and what a launch does depends on both sides
alike, so that equal revisions differ by chance only.
"""

from __future__ import annotations

import gc
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import IO

from bench.error_messages import one_line, short
from bench.micro import process_probe
from bench.micro.benchmark import Benchmark, Work
from bench.micro.suite import IMPORT_TIME
from bench.regression.compare.forks import how_it_ended
from bench.regression.compare.long_blocks import BlockEnd, ended_after
from bench.regression.compare.position import SIDES, Position

WARM_UP_BLOCKS = 2
WARM_UP_SECONDS = 0.02
"""After which no further block is run for warming up."""
BUILD_SECONDS = 0.08
"""A build has fewer pairs of blocks where they would take longer, but one at least: a launch shrinks when a side is many times
slower. The noise of a build falls faster than with the root of its pairs, as more of the fastest ones are undisturbed."""
LONG_SECONDS = 0.4
"""A benchmark that takes longer has fewer rounds, but two at least."""
SLOWEST_SECONDS, SLOWEST_RATIO = 0.15, 4.0
"""Where the first blocks of both sides take longer, and one so many times as long as the other, they are the only ones of the
launch: a side that is hundreds of times slower still has its verdict within a minute."""
SHORTEST_BLOCK_SECONDS = 5e-5
"""Blocks of both sides are repeated until one takes this long."""
LONG_BLOCK_SECONDS = 3e-4
"""From a longer block, the time that it waited for a core is subtracted. Shorter ones are often enough undisturbed, and reading
that time would be much of theirs."""
PROBE_SECONDS = 30.0
START_SECONDS = 0.2
"""In which Python has started, on a busy machine too: it is no part of the time of an import."""
LONGEST_MESSAGE = 300
"""Of an error: a comment on a pull request may have 65,536 characters, with a message for each benchmark."""

Libraries = Mapping[str, ModuleType]
"""The package of each side."""
Suites = Mapping[str, Mapping[str, Benchmark]]
"""The benchmarks of each side, by name."""
Builds = list[dict[str, list[float]]]
"""Of each build the seconds of each block, by side."""


@dataclass(frozen=True)
class Pace:
    """How much of a benchmark is timed, and by what clock.

    Parameters
    ----------
    rounds
        In each of which every variant is built once.
    pairs
        Of blocks in a build, at most.
    cut_seconds
        After which a first block is ended; it is then the only one.
    clock, waited
        Seconds; for how long this thread has waited for a core so far.

    """

    rounds: int
    pairs: int
    cut_seconds: float | None = None
    clock: Callable[[], float] = time.perf_counter
    waited: Callable[[], float] = lambda: 0.0


class SideError(Exception):
    """A benchmark raises at one side.

    Parameters
    ----------
    side
        "base" or "head".
    message
        The type and the message of what was raised.

    """

    def __init__(self, side: str, message: str) -> None:
        super().__init__(one_line(message, LONGEST_MESSAGE))
        self.side = side


def random_order() -> list[str]:
    """Both sides in random order."""
    return random.sample(SIDES, 2)


def type_and_message(error: BaseException) -> str:
    """The type and message of `error`, on one line that is not too long for a table."""
    try:
        message = str(error)
    except BaseException as failure:
        message = f"its message can't be had: {type(failure).__name__}"
    return one_line(f"{type(error).__name__}: {message}", LONGEST_MESSAGE).removesuffix(": ").removesuffix(":")


def measure(name: str, variants: Sequence[str], suites: Suites, libraries: Libraries, position: Position, pace: Pace) -> Builds:
    """Time every variant of a benchmark once a round, on new objects, in pairs of blocks in random order.

    Every other round builds the sides in the opposite order of the round before, which cancels the effect of that order.

    Raises
    ------
    SideError
        If a side raises.

    """
    builds: Builds = []
    orders = {variant: random_order() for variant in variants}
    begin = pace.clock()
    for number in range(pace.rounds):
        if number and number % 2 == 0 and pace.clock() - begin > LONG_SECONDS:
            break
        if builds and all(
            _is_hopeless({side: sum(build[side]) for side in build}) or is_cut([build], pace.cut_seconds) for build in builds
        ):
            break
        orders = {variant: order[::-1] if number % 2 else random_order() for variant, order in orders.items()}
        for variant in random.sample(list(variants), len(variants)):
            position.enter("measure", "", name, variants.index(variant))
            builds.append(_time_build(name, variant, suites, libraries, position, orders[variant], pace))
            gc.collect()
    return builds


def _time_build(
    name: str,
    variant: str,
    suites: Suites,
    libraries: Libraries,
    position: Position,
    order: Sequence[str],
    pace: Pace,
) -> dict[str, list[float]]:
    seed = random.getrandbits(32)
    seconds: dict[str, list[float]] = {side: [] for side in order}
    works: dict[str, Work] = {}
    side = order[0]
    try:
        for side in order:
            position.at(side)
            works[side] = suites[side][name].prepare(libraries[side], seed, variant)
        first, ended = _warm_up(works, position, pace)
        repeats, pairs, is_long = _plan(works, first, pace.pairs)
        if ended or _is_hopeless(first):
            seconds, pairs = {side: [value] for side, value in first.items()}, 0
        for _ in range(pairs):
            for side in random_order():
                work = works[side]
                position.at(side)
                work.before_block()
                waited = pace.waited if is_long else _nothing
                seconds[side].append(_block_seconds(work, repeats, pace.clock, waited))
        for side in [side for side in order if side not in ended]:
            position.at(side)
            works[side].close()
    except SideError:
        raise
    except BaseException as error:  # a revision may fail in any way, SystemExit too
        raise SideError(side, type_and_message(error)) from error
    return seconds


def _is_hopeless(seconds: Mapping[str, float]) -> bool:
    """Whether one side is so much slower that a launch is short only with one block of each."""
    return sum(seconds.values()) > SLOWEST_SECONDS and max(seconds.values()) > SLOWEST_RATIO * min(seconds.values())


def _block_seconds(work: Work, repeats: int, clock: Callable[[], float], waited: Callable[[], float]) -> float:
    start = clock()
    before = waited()  # within the block: a wait just outside of it must not make it shorter
    if repeats == 1:
        work()
    else:
        for _ in range(repeats):
            work()
    waiting = waited() - before
    return clock() - start - waiting


def _nothing() -> float:
    return 0.0


def _warm_up(works: Mapping[str, Work], position: Position, pace: Pace) -> tuple[dict[str, float], set[str]]:
    """Run some blocks; the seconds of each side's fastest, and the sides whose block was ended."""
    fastest = dict.fromkeys(works, math.inf)
    ended: set[str] = set()
    begin = pace.clock()
    for _ in range(WARM_UP_BLOCKS):
        for side in works:
            try:
                position.at(side)
                works[side].before_block()
                with ended_after(pace.cut_seconds):
                    fastest[side] = min(fastest[side], _block_seconds(works[side], 1, pace.clock, pace.waited))
            except BlockEnd:
                fastest[side] = min(fastest[side], pace.cut_seconds or math.inf)
                ended.add(side)
            except BaseException as error:
                raise SideError(side, type_and_message(error)) from error
        if ended or pace.clock() - begin > WARM_UP_SECONDS:  # a first block is compared with a first block
            break
    return fastest, ended


def is_cut(builds: Builds, cut_seconds: float | None) -> bool:
    """Whether a block was ended: it is then of exactly `cut_seconds`."""
    return cut_seconds is not None and any(value == cut_seconds for build in builds for side in SIDES for value in build[side])


def _plan(works: Mapping[str, Work], fastest: Mapping[str, float], pairs: int) -> tuple[int, int, bool]:
    """How often a block is repeated, how many pairs there are to be, at most `pairs`, and whether a block is long."""
    repeatable = all(work.can_repeat for work in works.values())
    shortest = max(min(fastest.values()), 1e-7)
    repeats = max(1, math.ceil(SHORTEST_BLOCK_SECONDS / shortest)) if repeatable else 1
    affordable = max(1, int(BUILD_SECONDS / max(repeats * sum(fastest.values()), 1e-9)))
    return repeats, min(pairs, affordable), shortest > LONG_BLOCK_SECONDS


def probe_processes(
    folders: Mapping[str, Path], position: Position, names: Sequence[str], cut_seconds: float | None = None
) -> dict[str, Builds]:
    """Import each side's package in a new process, in random order, and return what `names` need of them.

    An import by itself is ended after `cut_seconds`.
    """
    task = "train" if "training-memory" in names else "import"
    seconds: dict[str, dict[str, list[float]]] = {name: {side: [] for side in SIDES} for name in names}
    for side in random_order():
        position.enter("measure", side, names[0])
        figures = _probe(side, folders[side], task, cut_seconds if names == [IMPORT_TIME] else None)
        for name in names:
            seconds[name][side].append(figures[name])
    return {name: [sides] for name, sides in seconds.items()}


def _probe(side: str, package: Path, task: str, cut_seconds: float | None) -> dict[str, float]:
    also = " and trains" if task == "train" else ""
    command = [sys.executable, "-P", process_probe.__file__, str(package.parent), package.stem, task]
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:  # no pipes: a child of its own may hold those
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                env=dict(os.environ),
                timeout=PROBE_SECONDS if cut_seconds is None else cut_seconds + START_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            if cut_seconds is not None:
                return {IMPORT_TIME: cut_seconds}
            raise SideError(side, f"a process that imports it{also} is not done after {PROBE_SECONDS:g} s") from None
        printed, said = (_last_line(file) for file in (output, errors))
    try:
        figures: dict[str, float] = json.loads(printed)
    except json.JSONDecodeError:
        raise SideError(side, said or f"a process that imports it{also} {how_it_ended(done.returncode)}") from None
    if not isinstance(figures, dict) or not set(figures) >= {"import-time", "import-memory"}:
        raise SideError(side, f"a process that imports it answers {short(figures)}")
    return figures


def _last_line(file: IO[bytes]) -> str:
    """The last line of what was written to `file` that isn't empty."""
    file.seek(max(0, file.seek(0, os.SEEK_END) - 10_000))
    lines = file.read().decode(errors="replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
