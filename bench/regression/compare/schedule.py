"""Which benchmarks the next launches measure, and for how long: those of which a regression is most likely come first.

Called by `comparison`. The choice rests on what earlier launches showed alone, so that the bets of `e_process` stay fair.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

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
LEADING_LOG_WEALTH = 3.0
"""Benchmarks whose bets on a regression have won this much are measured by themselves, until a verdict or a loss: with equal sides
one of twenty ever gets there."""
FOCUS_SHARE = 0.2
"""Of the benchmarks: every other process measures only those that look most like a regression."""


@dataclass(frozen=True)
class Plan:
    """What the next process measures."""

    benchmarks: Sequence[str]
    rounds: int


def next_plan(undecided: Sequence[Compared], calls: int, tolerance: float) -> Plan:
    """The benchmarks of the next process, after `calls` others.

    One that looked many times slower in the check is measured alone, and so are those that are close to the verdict *regressed*.
    Otherwise all take turns with the few whose bets on a regression stand best; before the first launch those are the ones that
    run code which differs between the sides.
    """
    suspects = [benchmark for benchmark in undecided if _is_suspect(benchmark)]
    if suspects:
        quickest = min(suspects, key=lambda benchmark: benchmark.first_seconds)
        return Plan([quickest.name], ROUNDS)  # so large a change needs no precision
    leading = [benchmark for benchmark in undecided if _wealth(benchmark, tolerance) > LEADING_LOG_WEALTH]
    if leading:
        return _plan([benchmark.name for benchmark in leading])
    if calls % 2:
        return _plan([benchmark.name for benchmark in undecided])
    ranked = sorted(undecided, key=lambda benchmark: _rank(benchmark, tolerance), reverse=True)
    touched = [benchmark for benchmark in undecided if benchmark.touched > 0 and not benchmark.log_ratios]
    if not any(benchmark.log_ratios for benchmark in undecided) and not touched:
        return _plan([benchmark.name for benchmark in undecided])
    return _plan([benchmark.name for benchmark in ranked[: max(1, round(FOCUS_SHARE * len(undecided)))]])


def _is_suspect(benchmark: Compared) -> bool:
    seen = len(benchmark.log_ratios) >= ACQUITTING_LAUNCHES
    return (math.exp(median(benchmark.log_ratios)) if seen else benchmark.first_ratio) >= SUSPECT_RATIO


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
