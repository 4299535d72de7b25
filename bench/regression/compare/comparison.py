"""Measures two revisions, launch after launch, until every verdict is sure or the time budget ends.

Called by the command `compare` and by `certify.real_runs`. The processes, the clock and the observer are arguments, so that a test
needs none. What a launch does is in `comparison_worker`; when a verdict is certain is in `e_process`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bench.regression.compare.e_process import WIDEST_LOG_RATIO, DecisionRule
from bench.regression.compare.schedule import FIRST_CHECKED, LEAST_PARTED_CHECK_SECONDS, Plan, check_order, early, next_plan
from bench.regression.compare.verdicts import Verdict, overall

if TYPE_CHECKING:
    from bench.regression.compare.comparison_processes import Launch

TOLERANCE = 0.005
BUDGET_SECONDS = 240.0
"""All benchmarks of equal revisions take a third of it on two quiet cores; the rest is for busy ones."""
CHECK_SHARE, MOST_CHECK_SECONDS = 0.5, 60.0
"""The check of sameness ends after this share of the budget, or these seconds if they are fewer."""

Blocks = NDArray[Any]
"""Seconds of the blocks of a launch, (builds, 2, pairs): BASE, then HEAD; a pair ran next to one another. NaN where a build has
fewer pairs than another."""


class ComparisonRunner(Protocol):
    """Makes launches, one or more at a time: `comparison_processes.ComparisonProcesses`, or a test's own."""

    def check(self, benchmarks: Sequence[str], seconds: float) -> Mapping[str, Mapping[str, Any]]: ...

    def measure(self, plan: Plan) -> Iterable[Launch]: ...


@dataclass(frozen=True)
class Compared:
    """What is known of one benchmark."""

    name: str
    verdict: Verdict
    note: str = ""
    """Why it was not timed, or by how much the outcomes of the two sides differ, if they do; variants that BASE doesn't have."""
    least_tolerance: float = 0.0
    """Changes up to this share are ignored, whatever the comparison's tolerance is."""
    first_ratio: float = 1.0
    first_seconds: float = 0.0
    """HEAD / BASE, and the seconds of both, in the check: for the order of measuring alone."""
    touched: float = 0.0
    """The share of its functions that differ between the sides: for the order of measuring alone."""
    log_ratios: tuple[float, ...] = ()
    """log(HEAD / BASE), one a launch."""
    whole_log_ratios: tuple[float, ...] = ()
    """Those of launches of which no block was ended, or only one that took too long to look how much it takes."""
    base_seconds: float | None = None
    """Median of a block at BASE, in the last launch."""
    longest_base_seconds: float = 0.0
    """The same of the variant with the longest blocks."""
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    """The interval of the ratio; None: not bounded yet."""

    @property
    def timed(self) -> bool:
        return self.verdict not in (Verdict.DIFFERENT, Verdict.LEFT_OUT, Verdict.BROKEN)

    @property
    def is_beyond_range(self) -> bool:
        """Whether the ratio is larger than is looked for: it is then the largest one."""
        return self.ratio is not None and math.log(self.ratio) > WIDEST_LOG_RATIO - 0.01


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
    package: str = "numpy_nn"
    skipped: tuple[str, ...] = ()
    """The benchmarks that don't want to run on either side."""
    blocks: tuple[Mapping[str, Blocks], ...] = field(default=(), repr=False)
    """The measurements of each launch."""

    @property
    def verdict(self) -> Verdict:
        return overall([benchmark.verdict for benchmark in self.benchmarks])

    @property
    def undecided(self) -> list[str]:
        return [benchmark.name for benchmark in self.benchmarks if benchmark.verdict is Verdict.INCONCLUSIVE]

    def of_verdict(self, verdict: Verdict) -> list[Compared]:
        return [benchmark for benchmark in self.benchmarks if benchmark.verdict is verdict]


def compare(
    runner: ComparisonRunner,
    benchmarks: Mapping[str, float],
    *,
    base: str,
    head: str,
    package: str = "numpy_nn",
    tolerance: float = TOLERANCE,
    budget_seconds: float = BUDGET_SECONDS,
    clock: Callable[[], float] = time.perf_counter,
    watch: Callable[[Comparison], object] = lambda _: None,
) -> Comparison:
    """Check that both sides compute the same, then measure launch after launch until the verdict is certain.

    A benchmark that fails at HEAD is broken; the others are still measured.

    Parameters
    ----------
    runner
        Makes the launches of both sides.
    benchmarks
        By name the least tolerance, which holds where `tolerance` is smaller.
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
    unchecked = check_order(benchmarks)
    state = Comparison(base, head, rule, (), package=package)
    check_seconds = min(CHECK_SHARE * budget_seconds, MOST_CHECK_SECONDS)
    checked_at_once = FIRST_CHECKED if check_seconds >= LEAST_PARTED_CHECK_SECONDS else len(benchmarks)
    launch_seconds, calls, reason = 0.0, 0, ""
    while not reason:
        if unchecked and not _is_urgent(state):
            begin = clock()
            found = runner.check(unchecked[:checked_at_once], check_seconds)
            checked_at_once *= 2
            check_seconds -= clock() - begin
            left = [name for name in unchecked if name not in found]
            unchecked = left if len(left) < len(unchecked) and check_seconds > 0 else []
            state = replace(_with_first_looks(state, found, benchmarks), elapsed_seconds=clock() - start)
            watch(state)
            if unchecked and not _is_urgent(state):
                continue
        if reason := _stop_reason(state, state.elapsed_seconds + launch_seconds > budget_seconds):
            break
        plan = next_plan([benchmark for benchmark in state.benchmarks if _is_measured(benchmark)], calls, tolerance)
        calls += 1
        launches = iter(runner.measure(plan))
        for launch in launches:
            elapsed = clock() - start
            launch_seconds = elapsed - state.elapsed_seconds
            state = _after(state, launch, elapsed)
            watch(state)
            if _stop_reason(state, elapsed + launch_seconds > budget_seconds):
                break
        launches.close() if isinstance(launches, Generator) else None
    return replace(state, stop_reason=reason)


def log_ratio(blocks: Blocks) -> NDArray[Any]:
    """log(HEAD / BASE) of a launch: from the mean of each side's fastest third of blocks, averaged over the builds.

    A disturbance only makes a block longer, so the fastest blocks are the most precise: undisturbed ones agree within a per cent.
    Swapping the sides changes the sign of the result, which is the only property that the test needs.

    Parameters
    ----------
    blocks
        (..., builds, 2, pairs), seconds; NaN at the end of builds with fewer pairs.

    Returns
    -------
    NDArray
        Of shape (...).

    """
    counted = -(-np.isfinite(blocks).sum(axis=-1, keepdims=True) // 3)
    ordered = np.sort(blocks, axis=-1)  # NaN last
    fastest = np.where(np.arange(blocks.shape[-1]) < counted, ordered, 0).sum(axis=-1) / counted[..., 0]
    return np.asarray(np.log(fastest[..., 1] / fastest[..., 0]).mean(axis=-1))


def _is_urgent(state: Comparison) -> bool:
    """Whether a regression is sure, or likely enough to let the check wait."""
    measured = [benchmark for benchmark in state.benchmarks if _is_measured(benchmark)]
    return bool(state.of_verdict(Verdict.REGRESSED) or early(measured, state.rule.tolerance))


def _with_first_looks(state: Comparison, found: Mapping[str, Mapping[str, Any]], benchmarks: Mapping[str, float]) -> Comparison:
    """`state` with what the check has found of some benchmarks; the others are as they were."""
    known = {benchmark.name: benchmark for benchmark in state.benchmarks if benchmark.name not in found}
    skipped = (*state.skipped, *(name for name, item in found.items() if item.get("skipped")))
    wanted = {name: least for name, least in benchmarks.items() if name not in skipped} or benchmarks
    looked = tuple(known.get(name) or _first_look(name, found.get(name), least) for name, least in wanted.items())
    return replace(state, benchmarks=looked, skipped=skipped)


def _first_look(name: str, found: Mapping[str, Any] | None, least_tolerance: float) -> Compared:
    if found is None:
        return Compared(name, Verdict.LEFT_OUT, "not checked so far")
    if found.get("skipped"):
        return Compared(name, Verdict.LEFT_OUT, found["skipped"])
    if found["errors"]:
        return _failed(Compared(name, Verdict.INCONCLUSIVE), found["errors"])
    difference = found["difference"]
    if not found["same"]:
        how = f"the outcomes differ by up to {difference:.2g}" if math.isfinite(difference) else "shapes, types or NaNs differ"
        return Compared(name, Verdict.DIFFERENT, f"computes something else: {how}")
    notes = [f"outcomes differ by up to {difference:.2g}"] if difference else []
    if found.get("ended"):
        notes.append(f"a call at HEAD was ended after {found['ended']:.0f} s in the check: it and what follows are not compared")
    if found.get("is_random"):
        notes.append("its results differ from run to run at BASE, and are not compared")
    if found.get("dropped"):
        notes.append(f"not at BASE, and so not timed: {', '.join(found['dropped'])}")
    seconds = found.get("seconds", {"base": 0.0, "head": 0.0})
    return Compared(
        name,
        Verdict.INCONCLUSIVE,
        "; ".join(notes),
        least_tolerance=least_tolerance,
        first_ratio=seconds["head"] / seconds["base"] if seconds["base"] else 1.0,
        first_seconds=seconds["base"] + seconds["head"],
        touched=found.get("touched", 0.0),
    )


def _failed(benchmark: Compared, errors: Mapping[str, str]) -> Compared:
    """Broken if it fails at HEAD alone; otherwise it is left out, as there is nothing to compare with."""
    if list(errors) == ["head"]:
        return replace(benchmark, verdict=Verdict.BROKEN, note=f"HEAD: {errors['head']}")
    where = "; ".join(f"{side.upper()}: {error}" for side, error in sorted(errors.items()))
    note = f"runs on neither side: {where}" if len(errors) == 2 else f"doesn't run at {where}"
    return replace(benchmark, verdict=Verdict.LEFT_OUT, note=note)


def _is_measured(benchmark: Compared) -> bool:
    return benchmark.verdict is Verdict.INCONCLUSIVE


def _stop_reason(state: Comparison, time_is_over: bool) -> str:
    """Why no more launches are made; empty if there are to be more."""
    if state.of_verdict(Verdict.REGRESSED):
        return "a regression is sure"
    if not state.undecided:
        return "every verdict is sure" if any(benchmark.timed for benchmark in state.benchmarks) else "nothing could be timed"
    return "the time budget ended" if time_is_over else ""


def _after(state: Comparison, launch: Launch, elapsed_seconds: float) -> Comparison:
    return replace(
        state,
        benchmarks=tuple(_updated(benchmark, launch, state.rule) for benchmark in state.benchmarks),
        launches=state.launches + 1,
        elapsed_seconds=elapsed_seconds,
        blocks=(*state.blocks, launch.blocks),
    )


def _updated(benchmark: Compared, launch: Launch, rule: DecisionRule) -> Compared:
    if not _is_measured(benchmark):
        return benchmark
    if benchmark.name in launch.errors:
        return _failed(benchmark, launch.errors[benchmark.name])
    blocks = launch.blocks.get(benchmark.name)
    if blocks is None:
        return benchmark
    is_cut = benchmark.name in launch.cut
    if is_cut and float(log_ratio(blocks)) == 0:  # ended on both sides, which tells nothing: the next ones are ended later
        return replace(benchmark, longest_base_seconds=_longest_base_seconds(blocks))
    return _judged(benchmark, blocks, rule, is_cut=is_cut)


def _longest_base_seconds(blocks: Blocks) -> float:
    return float(np.nanmedian(blocks[:, 0], axis=-1).max())


def _judged(benchmark: Compared, blocks: Blocks, rule: DecisionRule, *, is_cut: bool) -> Compared:
    rule = replace(rule, tolerance=max(rule.tolerance, benchmark.least_tolerance))
    last = float(log_ratio(blocks))
    log_ratios = (*benchmark.log_ratios, last)
    is_whole = not is_cut or abs(last) > WIDEST_LOG_RATIO
    whole = (*benchmark.whole_log_ratios, last) if is_whole else benchmark.whole_log_ratios
    every_one_is_whole = len(whole) == len(log_ratios)
    low, high = rule.interval(log_ratios)
    return replace(
        benchmark,
        verdict=rule.verdict(log_ratios),
        log_ratios=log_ratios,
        whole_log_ratios=whole,
        base_seconds=float(np.nanmedian(blocks[:, 0])),
        longest_base_seconds=_longest_base_seconds(blocks),
        ratio=rule.estimate(log_ratios if every_one_is_whole or not whole else whole),
        low=low if low > 0 else None,
        high=high if math.isfinite(high) and every_one_is_whole else None,
    )
