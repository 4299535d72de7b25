"""Which benchmarks are checked and measured next, and for how long: those of which a regression is most likely come first.

Called by `comparison`. The choice rests on what earlier launches showed alone, so that the bets of `e_process` stay fair.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from bench.micro.suite import IMPORT_TIME, PROCESS_BENCHMARKS
from bench.regression.compare.e_process import log_wealth

if TYPE_CHECKING:
    from bench.regression.compare.comparison import Compared

ROUNDS = 2
"""Of a launch with many benchmarks: even, since rounds come in pairs that cancel the effect of the order of building."""
MOST_ROUNDS = 8
"""Of a launch with few. In shorter launches the start costs more than the measurement; longer ones delay large changes, as any
verdict takes at least some 16 launches."""
LAUNCH_BENCHMARKS = 12
"""So many benchmarks in `ROUNDS` rounds make a launch of about a third of a second."""
SUSPECT_RATIO = 2.0
"""A benchmark whose first blocks took so many times as long at HEAD is measured by itself, until its verdict is sure."""
ACQUITTING_LAUNCHES = 2
"""After so many launches, these speak in place of the first blocks."""
FIRST_CUT = 100.0
"""The first launches of a suspect end a side's block after so many times the quicker one's in the check: then it is "more than 20
times", although a first block takes some times as long as those after it, on both sides."""
FIRST_CUT_OF_LONG, LONG_CUT_SECONDS = 25.0, 5.0
"""A block that would be ended later than this is ended after so many times the quicker one's: of a long block the first one takes
hardly longer than others, and a launch has a limit."""
LATER_CUT = 2.0
"""The others end it after so many times the time at BASE, which is as telling."""
LEAST_CUT_SECONDS, LEAST_PROCESS_CUT_SECONDS = 0.05, 5.0
"""No block is ended earlier: there would be little to gain, and a first block is longer than the others. The check, by which a
first cut is reckoned, doesn't know what an import of NumPy takes."""
FIRST_CHECKED = 8
"""So many benchmarks are checked at first, then twice as many each time: what runs changed functions is measured in between."""
LEAST_PARTED_CHECK_SECONDS = 15.0
"""With less time than this for the check, it is made at once: each part of it imports both sides."""
EARLY_BENCHMARKS, EARLY_FOCUS = 6, 3
"""So many benchmarks that run changed functions have their turn before the others are checked, so many of them at a time."""
LEADING_LOG_WEALTH = 3.0
"""The benchmark whose bets on a regression have won most is measured by itself if that is as much as this, until a verdict or a
loss: with equal sides one of twenty ever gets there."""
FOCUS_SHARE = 0.2
"""Of the benchmarks: every other process measures only those that look most like a regression."""


@dataclass(frozen=True)
class Plan:
    """What the next launches measure."""

    benchmarks: Sequence[str]
    rounds: int
    launches: int | None = None
    """How many; None: as many as fit one request."""
    cut_seconds: float | None = None
    """After which a side's first block is ended, so that a side that is hopelessly slow takes no more."""


def check_order(benchmarks: Iterable[str]) -> list[str]:
    """Those of whole processes first: their first look costs nothing, as the check has to import both sides anyway."""
    return sorted(benchmarks, key=lambda name: name not in PROCESS_BENCHMARKS)


def early(undecided: Sequence[Compared], tolerance: float) -> list[Compared]:
    """The benchmarks to be measured before the others are checked, the most likely regression first.

    They look many times slower, or run changed functions, and their bets on a regression haven't lost, or not been made so far.
    """
    touched = [benchmark for benchmark in undecided if benchmark.touched > 0]
    untried = sorted((benchmark for benchmark in touched if not benchmark.log_ratios), key=lambda benchmark: -benchmark.touched)
    chosen = untried[: max(0, EARLY_BENCHMARKS - (len(touched) - len(untried)))]
    chosen += [benchmark for benchmark in touched if _wealth(benchmark, tolerance) > 0]
    chosen += [benchmark for benchmark in undecided if is_suspect(benchmark) and benchmark not in chosen]
    return sorted(chosen, key=lambda benchmark: _rank(benchmark, tolerance), reverse=True)


def next_plan(undecided: Sequence[Compared], calls: int, tolerance: float) -> Plan:
    """The benchmarks of the next process, after `calls` others.

    One that looked many times slower in the check is measured alone, and so is the one that is closest to the verdict *regressed*.
    Until all have been measured once, the `early` ones come first; then all take turns with the few whose bets on a regression
    stand best.
    """
    suspects = [benchmark for benchmark in undecided if is_suspect(benchmark)]
    if suspects:
        return _plan_of_suspect(min(suspects, key=lambda benchmark: benchmark.first_seconds))
    leading = [benchmark for benchmark in undecided if _wealth(benchmark, tolerance) > LEADING_LOG_WEALTH]
    if leading:
        return _plan([max(leading, key=lambda benchmark: _rank(benchmark, tolerance)).name])
    if not all(benchmark.log_ratios for benchmark in undecided) and (first := early(undecided, tolerance)):
        return _plan([benchmark.name for benchmark in first[:EARLY_FOCUS]])
    if calls % 2 or not any(benchmark.log_ratios for benchmark in undecided):
        return _plan([benchmark.name for benchmark in undecided])
    ranked = sorted(undecided, key=lambda benchmark: _rank(benchmark, tolerance), reverse=True)
    return _plan([benchmark.name for benchmark in ranked[: max(1, round(FOCUS_SHARE * len(undecided)))]])


def _plan_of_suspect(benchmark: Compared) -> Plan:
    """A benchmark by itself. So large a change needs no precision: the first launches say how large, the others that it is sure."""
    if benchmark.name in PROCESS_BENCHMARKS and benchmark.name != IMPORT_TIME:
        return Plan([benchmark.name], ROUNDS)  # of memory, there is no block to end
    later = LATER_CUT * benchmark.longest_base_seconds
    if len(benchmark.log_ratios) < ACQUITTING_LAUNCHES:
        quicker = benchmark.first_seconds / (1 + benchmark.first_ratio)
        least = LEAST_CUT_SECONDS if benchmark.name not in PROCESS_BENCHMARKS else LEAST_PROCESS_CUT_SECONDS
        first = min(FIRST_CUT * quicker, max(LONG_CUT_SECONDS, FIRST_CUT_OF_LONG * quicker))
        return Plan([benchmark.name], ROUNDS, ACQUITTING_LAUNCHES, max(least, first, later))
    return Plan([benchmark.name], ROUNDS, cut_seconds=max(LEAST_CUT_SECONDS, later))


def is_suspect(benchmark: Compared) -> bool:
    """Whether it looks so much slower that it is measured by itself."""
    if len(benchmark.log_ratios) < ACQUITTING_LAUNCHES:
        return benchmark.first_ratio >= SUSPECT_RATIO
    whole = median(benchmark.whole_log_ratios or benchmark.log_ratios)
    return whole >= math.log(SUSPECT_RATIO) and median(benchmark.log_ratios) > math.log(LATER_CUT) / 2


def _rank(benchmark: Compared, tolerance: float) -> tuple[float, float]:
    return (_wealth(benchmark, tolerance), benchmark.touched)


def _wealth(benchmark: Compared, tolerance: float) -> float:
    """The log wealth of the bets on a regression."""
    if not benchmark.log_ratios:
        return 0.0
    return log_wealth(benchmark.log_ratios, math.log1p(max(tolerance, benchmark.least_tolerance)), above=True)


def _plan(names: Sequence[str]) -> Plan:
    rounds = 2 * round(ROUNDS / 2 * LAUNCH_BENCHMARKS / len(names))
    return Plan(names, min(MOST_ROUNDS, max(ROUNDS, rounds)))
