"""Times and ratios of times: cold start, first epoch, steady state, the whole fit; and peak memory.

Called by `bench.analysis.summary` and `bench.analysis.precision`. `bench.analysis.targets` computes times to a target, and hands
them to `ratio_rows` as measurements.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import permutations
from typing import NamedTuple, TypeVar

import numpy as np
import pandas as pd

from bench.analysis.selection import by_name, succeeded
from bench.analysis.statistics import REPEATED_LOOKS, ratio_interval, time_interval
from bench.analysis.steps import step_times
from bench.records import RunData, Trial

_Figure = TypeVar("_Figure")
Place = tuple[str, int, int]
"""What two figures of a pair have in common: the machine, the launch, the round."""

MEASURES = ("cold start", "first epoch", "step", "epoch", "fit")
"""step and epoch are steady state (`bench.analysis.steps`); the others come from whole fits."""
STEADY = ("step", "epoch")
FEWEST_UNDISTURBED = 3
"""Undisturbed figures; with fewer, disturbed ones count too."""

FIT_ESTIMATOR = "geometric mean over the launches of each launch's median round"
"""The name of the estimator behind times and ratios of whole fits (see `bench.analysis.statistics.nested_interval`)."""


class TimeMeasurement(NamedTuple):
    """One figure of one timed trial, or of a contestant's turns in one launch."""

    workload: str
    contestant: str
    measure: str
    round: int
    launch: int
    seconds: float
    disturbed: bool = False
    machine: str | None = None
    """As a trial's record has it."""


class TimeRow(NamedTuple):
    """A row of `Analysis.times`."""

    workload: str
    contestant: str
    measure: str
    median: float
    low: float
    high: float
    trials: int
    launches: int


class RatioRow(NamedTuple):
    """A row of `Analysis.ratios`."""

    workload: str
    contestant: str
    reference: str
    measure: str
    ratio: float
    low: float
    high: float
    pairs: int
    launches: int


class MemoryRow(NamedTuple):
    """A row of `Analysis.memory`."""

    workload: str
    contestant: str
    peak_memory_bytes: int


def measurements(data: RunData) -> list[TimeMeasurement]:
    """Every figure outside grids. Only the first trial of a launch has a cold start, be it of a whole fit or of turns."""
    of_fits = [
        TimeMeasurement(trial.workload, trial.contestant, measure, trial.round, trial.launch, seconds, machine=trial.machine)
        for trial in [*succeeded(data, "timed"), *succeeded(data, "turns")]
        for measure, seconds in _figures(trial)
    ]
    return of_fits + [
        TimeMeasurement(trial.workload, trial.contestant, measure, trial.round, trial.launch, seconds, disturbed, trial.machine)
        for trial, step_seconds, epoch_seconds, disturbed in step_times(data)
        for measure, seconds in zip(STEADY, (step_seconds, epoch_seconds), strict=True)
    ]


def _figures(trial: Trial) -> Iterator[tuple[str, float]]:
    """The figures of a trial but those of its steady state, in seconds, with their names in `MEASURES`."""
    epochs = trial.epoch_seconds or []
    if trial.cold_start_seconds is not None:
        yield "cold start", trial.cold_start_seconds
    if epochs:
        yield "first epoch", epochs[0]
    if trial.fit_seconds is not None:
        yield "fit", trial.fit_seconds


def time_rows(measured: Iterable[TimeMeasurement]) -> list[TimeRow]:
    """Rows of `Analysis.times`: the median and interval of each workload, contestant and measure."""
    groups: dict[tuple[str, str, str], list[TimeMeasurement]] = {}
    for one in measured:
        groups.setdefault((one.workload, one.contestant, one.measure), []).append(one)
    rows = []
    for key, whole in groups.items():
        group = _undisturbed(whole, [one.disturbed for one in whole])
        launches = [one.launch for one in group]
        interval = time_interval([one.seconds for one in group], launches, _widening(key[2]))
        rows.append(TimeRow(*key, *interval, len(group), len(set(launches))))
    return rows


def ratio_rows(measured: Iterable[TimeMeasurement]) -> list[RatioRow]:
    """Rows of `Analysis.ratios`: each contestant to each other contestant, over the rounds that both had on one machine."""
    groups: dict[tuple[str, str], dict[str, dict[Place, TimeMeasurement]]] = {}
    for one in measured:
        place = (one.machine or "", one.launch, one.round)
        groups.setdefault((one.workload, one.measure), {}).setdefault(one.contestant, {})[place] = one
    rows = []
    for (workload, measure), contestants in groups.items():
        for name, reference in permutations(contestants, 2):
            pairs = _pairs(contestants[name], contestants[reference])
            if pairs:
                rows.append(ratio_row(workload, name, reference, measure, pairs))
    return rows


def ratio_row(
    workload: str, contestant: str, reference: str, measure: str, pairs: Sequence[tuple[TimeMeasurement, TimeMeasurement]]
) -> RatioRow:
    """The ratio over pairs of one round each. All contestants of a round have the same launch number."""
    pairs = _undisturbed(pairs, [own.disturbed or other.disturbed for own, other in pairs])
    launches = [own.launch for own, _ in pairs]
    numerators, denominators = [own.seconds for own, _ in pairs], [other.seconds for _, other in pairs]
    interval = ratio_interval(numerators, denominators, launches, _widening(measure))
    return RatioRow(workload, contestant, reference, measure, *interval, len(pairs), len(set(launches)))


def memory_table(data: RunData) -> pd.DataFrame:
    """`Analysis.memory`."""
    rows = []
    for (workload, contestant), trials in by_name(succeeded(data, "timed")).items():
        peaks = [trial.peak_memory_bytes for trial in trials if trial.peak_memory_bytes is not None]
        if peaks:
            rows.append(MemoryRow(workload, contestant, max(peaks)))
    return pd.DataFrame(rows, columns=MemoryRow._fields)


def harness_share(trials: Iterable[Trial]) -> float:
    """The median share of the harness' own time in the trials' training time; NaN if it wasn't measured."""
    shares = [
        trial.harness_seconds / trial.fit_seconds for trial in trials if trial.harness_seconds is not None and trial.fit_seconds
    ]
    return float(np.median(shares)) if shares else float("nan")


def _undisturbed(found: Sequence[_Figure], disturbed: Sequence[bool]) -> list[_Figure]:
    """The undisturbed figures; all of them where fewer than `FEWEST_UNDISTURBED` are."""
    kept = [one for one, is_disturbed in zip(found, disturbed, strict=True) if not is_disturbed]
    return kept if len(kept) >= FEWEST_UNDISTURBED else list(found)


def _widening(measure: str) -> float:
    """Steps are looked at after each launch, and may end the run."""
    return REPEATED_LOOKS if measure in STEADY else 1.0


def _pairs(own: dict[Place, TimeMeasurement], other: dict[Place, TimeMeasurement]) -> list[tuple[TimeMeasurement, TimeMeasurement]]:
    return [(own[place], other[place]) for place in sorted(own.keys() & other.keys())]
