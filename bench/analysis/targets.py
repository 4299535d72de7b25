"""The time to a target test accuracy: the epoch from a scored trial, its time from the timed trial of the same seed.

Called by `bench.analysis.summary`. Scoring takes time, so no trial has both; the two must train alike, which is checked here. A
trial that doesn't reach the target is censored after its last epoch, and is never dropped.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from bench.analysis.selection import by_name, succeeded, workload_named
from bench.analysis.survival import kaplan_meier, median_interval
from bench.analysis.timing import TimeMeasurement, TimeRow
from bench.records import RunData, Trial

_ROUNDING = 1e-12
"""Tolerance for the rounding of an accuracy, which is the ratio of two counts."""
SAME_TRAINING = 1e-4
"""The largest relative difference between the losses of a seed's scored and timed trials that train alike."""


class TimeToTarget(NamedTuple):
    """The time at which a timed trial reached a target, or at which it ended without reaching it."""

    workload: str
    contestant: str
    target: float
    round: int
    launch: int
    cold_start_seconds: float | None
    """Of the trial's process."""
    fit_seconds: float
    """Training until the end of the epoch that reached the target, or of the last epoch."""
    reached: bool
    machine: str | None = None


class TargetRow(NamedTuple):
    """A row of `Analysis.targets`."""

    workload: str
    contestant: str
    target: float
    seeds: int
    reached: int
    median_epoch: float


class ReachedRow(NamedTuple):
    """A row of `Analysis.reached`."""

    workload: str
    contestant: str
    target: float
    seconds: float
    share: float


def times_to_target(data: RunData) -> list[TimeToTarget]:
    """One for each target and each timed trial whose seed has a scored trial."""
    scored = {(trial.workload, trial.contestant, trial.seed): trial for trial in succeeded(data, "scored")}
    cold_starts = {
        (trial.workload, trial.contestant, trial.launch, trial.machine): trial.cold_start_seconds
        for trial in [*succeeded(data, "turns"), *succeeded(data, "timed")]
        if trial.cold_start_seconds is not None
    }
    targets = {workload["name"]: list(workload.get("targets", [])) for workload in data.run.workloads}
    found = []
    for trial in succeeded(data, "timed"):
        process = (trial.workload, trial.contestant, trial.launch, trial.machine)
        scored_trial = scored.get((trial.workload, trial.contestant, trial.seed))
        if scored_trial is None or not trial.epoch_seconds:
            continue
        for target in targets.get(trial.workload, ()):
            epoch = first_epoch_at(scored_trial, target)
            epochs = trial.epoch_seconds if epoch is None else trial.epoch_seconds[: epoch + 1]
            found.append(
                TimeToTarget(
                    trial.workload,
                    trial.contestant,
                    target,
                    trial.round,
                    trial.launch,
                    cold_starts.get(process),
                    sum(epochs),
                    epoch is not None,
                    trial.machine,
                )
            )
    return found


def first_epoch_at(scored: Trial, target: float) -> int | None:
    """The first epoch (from 0) with a test accuracy of at least `target`; None if there is none."""
    reached = np.asarray(scored.history.get("val_accuracy", []), dtype=float) >= target - _ROUNDING
    return int(reached.argmax()) if reached.any() else None


def target_measurements(found: list[TimeToTarget]) -> list[TimeMeasurement]:
    """Measurements for ratios by round, of the trials that reached their target: a censored time can't be divided."""
    return [
        TimeMeasurement(one.workload, one.contestant, measure, one.round, one.launch, seconds, machine=one.machine)
        for one in found
        if one.reached
        for measure, seconds in _clocks(one)
    ]


def target_time_rows(found: list[TimeToTarget]) -> list[TimeRow]:
    """Rows of `Analysis.times`: medians and intervals from the survival function, with censored times included."""
    return [
        TimeRow(
            workload,
            contestant,
            measure,
            *median_interval(seconds, [one.reached for one in group]),
            len(group),
            len({one.launch for one in group}),
        )
        for (workload, contestant, measure), (group, seconds) in _by_measure(found).items()
    ]


def targets_table(data: RunData) -> pd.DataFrame:
    """`Analysis.targets`, over the scored seeds. The median epoch counts from 1, and is NaN if fewer than half reach the target."""
    rows = []
    for (workload, contestant), trials in by_name(succeeded(data, "scored")).items():
        for target in _targets(data, workload):
            epochs = [first_epoch_at(trial, target) for trial in trials]
            median = float(np.median([np.inf if epoch is None else epoch + 1 for epoch in epochs]))
            reached = sum(epoch is not None for epoch in epochs)
            rows.append(
                TargetRow(workload, contestant, target, len(trials), reached, median if np.isfinite(median) else float("nan"))
            )
    return pd.DataFrame(rows, columns=TargetRow._fields)


def reached_table(found: list[TimeToTarget]) -> pd.DataFrame:
    """`Analysis.reached`, in seconds since the start of the process."""
    rows = []
    for (workload, contestant, measure), (group, seconds) in _by_measure(found).items():
        if measure.startswith("to "):
            times, survivors = kaplan_meier(seconds, [one.reached for one in group])
            rows += [
                ReachedRow(workload, contestant, group[0].target, time, 1 - share)
                for time, share in zip(times.tolist(), survivors.tolist(), strict=True)
            ]
    return pd.DataFrame(rows, columns=ReachedRow._fields)


def target_warnings(data: RunData) -> list[str]:
    """Warnings of seeds whose scored and timed trials train differently, and of ratios that leave censored trials out."""
    return [*_mismatch_warnings(data), *_censored_warnings(times_to_target(data))]


def _mismatch_warnings(data: RunData) -> list[str]:
    timed = {(trial.workload, trial.contestant, trial.seed): trial for trial in succeeded(data, "timed")}
    sentences = []
    for (workload, contestant), trials in by_name(succeeded(data, "scored")).items():
        different = [
            trial.seed
            for trial in trials
            if (other := timed.get((workload, contestant, trial.seed))) is not None and not _same_training(trial, other)
        ]
        if different:
            seeds = ", ".join(map(str, different))
            sentences.append(
                f"`{contestant}` trained differently in the scored and the timed trial of `{workload}`'s seed {seeds}: its losses "
                f"differ by more than {SAME_TRAINING:g} of their size. Its times to a target are approximate; fix its seeds, or "
                "run it with `--threads 1`, to make the two match."
            )
    return sentences


def _censored_warnings(found: list[TimeToTarget]) -> list[str]:
    missed: dict[tuple[str, float], dict[str, list[bool]]] = {}
    for one in found:
        missed.setdefault((one.workload, one.target), {}).setdefault(one.contestant, []).append(not one.reached)
    return [
        f"{100 * target:g} % test accuracy was not reached in every timed trial of `{workload}`: {_counts(contestants)}. Such "
        "trials are censored in medians and shares, and ratios are of the rounds in which both reached it. Train more epochs."
        for (workload, target), contestants in missed.items()
        if any(any(misses) for misses in contestants.values())
    ]


def _counts(contestants: dict[str, list[bool]]) -> str:
    return ", ".join(f"`{name}` missed it in {sum(misses)} of {len(misses)}" for name, misses in contestants.items() if any(misses))


def _same_training(scored: Trial, timed: Trial) -> bool:
    losses = (scored.history.get("loss", []), timed.history.get("loss", []))
    return len(losses[0]) == len(losses[1]) and np.allclose(*losses, rtol=SAME_TRAINING, atol=SAME_TRAINING**2, equal_nan=True)


def _targets(data: RunData, workload: str) -> list[float]:
    return list(workload_named(data, workload).get("targets", []))


def _clocks(one: TimeToTarget) -> list[tuple[str, float]]:
    """The measures of a time to a target, with their seconds."""
    training = (f"fit to {one.target:g}", one.fit_seconds)
    if one.cold_start_seconds is None:
        return [training]
    return [(f"to {one.target:g}", one.cold_start_seconds + one.fit_seconds), training]


def _by_measure(found: list[TimeToTarget]) -> dict[tuple[str, str, str], tuple[list[TimeToTarget], list[float]]]:
    groups: dict[tuple[str, str, str], tuple[list[TimeToTarget], list[float]]] = {}
    for one in found:
        for measure, seconds in _clocks(one):
            group, clock = groups.setdefault((one.workload, one.contestant, measure), ([], []))
            group.append(one)
            clock.append(seconds)
    return groups
