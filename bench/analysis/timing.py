"""Times and ratios of times: cold start, first epoch, steady state, the whole fit; and peak memory.

Called by `bench.analysis.summary` and `bench.analysis.precision`. `bench.analysis.targets` computes times to a target, and hands
them to `ratio_rows` as measurements.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import permutations
from typing import NamedTuple

import numpy as np
import pandas as pd

from bench.analysis.selection import by_name, succeeded
from bench.analysis.statistics import ratio_interval, time_interval
from bench.records import RunData, Trial

MEASURES = ("cold start", "first epoch", "step", "epoch", "fit")
"""step and epoch are steady state: the median over a trial's epochs but the first."""

STEP_ESTIMATOR = "geometric mean over the launches of each launch's median round"
"""The name of the estimator behind every time and ratio outside grids (see `bench.analysis.statistics.nested_interval`)."""


class Measurement(NamedTuple):
    """One figure of one timed trial."""

    workload: str
    contestant: str
    measure: str
    round: int
    launch: int
    seconds: float


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


def measurements(data: RunData) -> list[Measurement]:
    """Every figure of every timed trial outside grids. Only the first trial of a launch has a cold start."""
    return [
        Measurement(trial.workload, trial.contestant, measure, trial.round, trial.launch, seconds)
        for trial in succeeded(data, "timed")
        for measure, seconds in figures(trial)
    ]


def figures(trial: Trial) -> Iterator[tuple[str, float]]:
    """The figures of a timed trial, in seconds, with their names in `MEASURES`."""
    epochs = trial.epoch_seconds or []
    if trial.cold_start_seconds is not None:
        yield "cold start", trial.cold_start_seconds
    if epochs:
        yield "first epoch", epochs[0]
    if len(epochs) > 1 and trial.steps:
        steady = float(np.median(epochs[1:]))
        yield "step", steady * len(epochs) / trial.steps
        yield "epoch", steady
    if trial.fit_seconds is not None:
        yield "fit", trial.fit_seconds


def time_rows(measured: Iterable[Measurement]) -> list[TimeRow]:
    """Rows of `Analysis.times`: the median and interval of each workload, contestant and measure."""
    groups: dict[tuple[str, str, str], list[Measurement]] = {}
    for one in measured:
        groups.setdefault((one.workload, one.contestant, one.measure), []).append(one)
    return [
        TimeRow(
            *key,
            *time_interval([one.seconds for one in group], [one.launch for one in group]),
            len(group),
            len({one.launch for one in group}),
        )
        for key, group in groups.items()
    ]


def ratio_rows(measured: Iterable[Measurement]) -> list[RatioRow]:
    """Rows of `Analysis.ratios`: each contestant to each other contestant, over the rounds of both."""
    groups: dict[tuple[str, str], dict[str, dict[int, Measurement]]] = {}
    for one in measured:
        groups.setdefault((one.workload, one.measure), {}).setdefault(one.contestant, {})[one.round] = one
    rows = []
    for (workload, measure), contestants in groups.items():
        for name, reference in permutations(contestants, 2):
            pairs = _pairs(contestants[name], contestants[reference])
            if pairs:
                rows.append(ratio_row(workload, name, reference, measure, pairs))
    return rows


def ratio_row(
    workload: str, contestant: str, reference: str, measure: str, pairs: Sequence[tuple[Measurement, Measurement]]
) -> RatioRow:
    """The ratio over pairs of one round each. All contestants of a round have the same launch number."""
    launches = [own.launch for own, _ in pairs]
    interval = ratio_interval([own.seconds for own, _ in pairs], [other.seconds for _, other in pairs], launches)
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


def _pairs(own: dict[int, Measurement], other: dict[int, Measurement]) -> list[tuple[Measurement, Measurement]]:
    return [(own[number], other[number]) for number in sorted(own.keys() & other.keys())]
