"""Measures two revisions, launch after launch, until every verdict is sure or the time budget ends.

Called by the command `compare` and by `certify.real_runs`. The processes, the clock and the observer are arguments, so that a test
needs none. What a launch does is in `comparison_worker`; when a verdict is certain is in `e_process`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bench.regression.compare.e_process import DecisionRule
from bench.regression.compare.verdicts import Verdict, overall

TOLERANCE = 0.005
BUDGET_SECONDS = 120.0
ROUNDS = 4
"""Of a launch with every benchmark, which takes about 0.25 s: the ratio of equal sides then varies by about the tolerance. In
shorter launches the start costs more than the measurement; longer ones delay large changes, as any verdict takes at least 16
launches."""

Blocks = NDArray[Any]
"""Seconds of the blocks of a launch, (builds, 2, pairs): BASE, then HEAD; a pair ran next to one another."""


class ComparisonRunner(Protocol):
    """Makes launches, one or more at a time: `comparison_processes.ComparisonProcesses`, or a test's own."""

    def check(self, benchmarks: Sequence[str]) -> Mapping[str, Mapping[str, Any]]: ...

    def measure(self, benchmarks: Sequence[str], rounds: int) -> Sequence[Mapping[str, Blocks]]: ...


@dataclass(frozen=True)
class Compared:
    """What is known of one benchmark."""

    name: str
    verdict: Verdict
    note: str = ""
    """Why it was not timed, or by how much the outcomes of the two sides differ, if they do."""
    log_ratios: tuple[float, ...] = ()
    """log(HEAD / BASE), one a launch."""
    base_seconds: float | None = None
    """Median of a block at BASE, in the last launch."""
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    """The interval of the ratio; None: not bounded yet."""

    @property
    def timed(self) -> bool:
        return self.verdict not in (Verdict.DIFFERENT, Verdict.LEFT_OUT)


@dataclass(frozen=True)
class Comparison:
    """Everything known after a number of launches."""

    base: str
    head: str
    rule: DecisionRule
    benchmarks: tuple[Compared, ...]
    launches: int = 0
    elapsed_seconds: float = 0.0
    stop_reason: str = ""
    """Empty while the comparison continues."""
    blocks: tuple[Mapping[str, Blocks], ...] = field(default=(), repr=False)
    """The measurements of each launch."""

    @property
    def verdict(self) -> Verdict:
        return overall([benchmark.verdict for benchmark in self.benchmarks])

    @property
    def undecided(self) -> list[str]:
        return [benchmark.name for benchmark in self.benchmarks if benchmark.verdict is Verdict.INCONCLUSIVE]


def compare(
    runner: ComparisonRunner,
    benchmarks: Sequence[str],
    *,
    base: str,
    head: str,
    tolerance: float = TOLERANCE,
    budget_seconds: float = BUDGET_SECONDS,
    clock: Callable[[], float] = time.perf_counter,
    watch: Callable[[Comparison], object] = lambda _: None,
) -> Comparison:
    """Check that both sides compute the same, then measure launch after launch until the verdict is certain.

    Parameters
    ----------
    runner
        Makes the launches of both sides.
    base, head
        The names of the sides in the report.
    tolerance
        Changes up to this share are ignored.
    budget_seconds
        No launch is started that would end later than this after the call.
    watch
        Is called with the state after the check and after each measurement.

    """
    start = clock()
    rule = DecisionRule(len(benchmarks), tolerance)
    checked = runner.check(benchmarks)
    state = Comparison(base, head, rule, tuple(_first_look(name, checked[name]) for name in benchmarks))
    state = replace(state, elapsed_seconds=clock() - start)
    watch(state)
    launch_seconds = 0.0
    while not (reason := _stop_reason(state, state.elapsed_seconds + launch_seconds > budget_seconds)):
        launches = runner.measure(state.undecided, rounds_of(state))
        elapsed = clock() - start
        launch_seconds = elapsed - state.elapsed_seconds
        for blocks in launches:
            state = _after(state, blocks, elapsed)
        watch(state)
    return replace(state, stop_reason=reason)


def rounds_of(state: Comparison) -> int:
    """The number of rounds of the next launch: decided benchmarks leave their time to the others.

    It is even, since rounds come in pairs that cancel the effect of the order of building.
    """
    return 2 * round(ROUNDS / 2 * len(state.benchmarks) / len(state.undecided))


def log_ratio(blocks: Blocks) -> NDArray[Any]:
    """log(HEAD / BASE) of a launch: from the mean of each side's fastest third of blocks, averaged over the builds.

    A disturbance only makes a block longer, so the fastest blocks are the most precise: undisturbed ones agree within a per cent.
    Swapping the sides changes the sign of the result, which is the only property that the test needs.

    Parameters
    ----------
    blocks
        (..., builds, 2, pairs), seconds.

    Returns
    -------
    NDArray
        Of shape (...).

    """
    fastest = np.sort(blocks, axis=-1)[..., : -(-blocks.shape[-1] // 3)].mean(axis=-1)
    return np.asarray(np.log(fastest[..., 1] / fastest[..., 0]).mean(axis=-1))


def _first_look(name: str, found: Mapping[str, Any]) -> Compared:
    if found["errors"]:
        where = "; ".join(f"{side.upper()}: {error}" for side, error in sorted(found["errors"].items()))
        sides = "neither side" if len(found["errors"]) == 2 else "one side only"
        return Compared(name, Verdict.LEFT_OUT, f"runs on {sides}: {where}")
    difference = found["difference"]
    if not found["same"]:
        return Compared(name, Verdict.DIFFERENT, f"computes something else: the outcomes differ by up to {difference:.2g}")
    return Compared(name, Verdict.INCONCLUSIVE, f"outcomes differ by up to {difference:.2g}" if difference else "")


def _stop_reason(state: Comparison, time_is_over: bool) -> str:
    """Why no more launches are made; empty if there are to be more."""
    if state.verdict is Verdict.REGRESSED:
        return "a regression is sure"
    if not state.undecided:
        return "every verdict is sure" if any(benchmark.timed for benchmark in state.benchmarks) else "nothing could be timed"
    return "the time budget ended" if time_is_over else ""


def _after(state: Comparison, blocks: Mapping[str, Blocks], elapsed_seconds: float) -> Comparison:
    undecided = state.undecided
    benchmarks = tuple(
        _judged(benchmark, blocks[benchmark.name], state.rule) if benchmark.name in undecided else benchmark
        for benchmark in state.benchmarks
    )
    return replace(
        state,
        benchmarks=benchmarks,
        launches=state.launches + 1,
        elapsed_seconds=elapsed_seconds,
        blocks=(*state.blocks, blocks),
    )


def _judged(benchmark: Compared, blocks: Blocks, rule: DecisionRule) -> Compared:
    log_ratios = (*benchmark.log_ratios, float(log_ratio(blocks)))
    low, high = rule.interval(log_ratios)
    return replace(
        benchmark,
        verdict=rule.verdict(log_ratios),
        log_ratios=log_ratios,
        base_seconds=float(np.median(blocks[:, 0])),
        ratio=rule.estimate(log_ratios),
        low=low if low > 0 else None,
        high=high if math.isfinite(high) else None,
    )
