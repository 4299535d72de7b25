"""The time of a step: one estimator for the headline, the tables, the map of the scaling studies, the history and `agree`.

A disturbance makes an epoch longer, never shorter, and what disturbs an epoch for a few milliseconds is seen by no meter. A step is
therefore the quickest tenth (a low quantile) of the undisturbed epochs of a launch, not their median; launches are averaged on the
log scale. Between launches of Keras the quickest tenth differs by a third of what the median does (`docs/statistics.md`).

Epochs come from turns. Older records, grids, and workloads in which each contestant has its own training have whole fits instead:
each round then stands for itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from bench.analysis.selection import succeeded
from bench.records import RunData, Trial, Turn
from bench.records.disturbance import SLOWEST_CANARY, Quiet, meters_known, quiet, reasons

QUANTILE = 0.1
STEP_ESTIMATOR = f"the quickest tenth ({100 * QUANTILE:g} % quantile) of a launch's undisturbed epochs"
FEWEST_TURNS = 4
"""Undisturbed turns of a contestant in a launch. With fewer, the launch's figure is of all its turns, and counts as disturbed."""


class StepTime(NamedTuple):
    """A contestant's step in one launch, or in one whole fit."""

    trial: Trial
    step_seconds: float
    epoch_seconds: float
    disturbed: bool
    """Whether disturbed turns had to be used; such a figure counts only where there are too few others."""


class TurnsRow(NamedTuple):
    """A row of `Analysis.turns`."""

    workload: str
    contestant: str
    launch: int
    turn: int
    epochs: int
    quickest_tenth_seconds: float
    canary: float
    wait_share: float
    other_cpu_share: float
    reason: str | None


class TurnStep(NamedTuple):
    """A contestant's step in one turn."""

    workload: str
    contestant: str
    step_seconds: float
    disturbed: bool


def turn_steps(data: RunData) -> list[TurnStep]:
    """The step of every turn: the dots of the plots, of which no figure is made."""
    known = quiet_figures(data)
    found = []
    for trial in succeeded(data, "turns"):
        turns = trial.turns or []
        steps_an_epoch = trial.steps / max(len(_epochs(turns)), 1)
        figures = known[trial.machine]
        if figures is not None and steps_an_epoch > 0:
            for turn, reason in zip(turns, reasons(turns, figures), strict=True):
                seconds = quickest_tenth(turn.epoch_seconds) / steps_an_epoch
                found.append(TurnStep(trial.workload, trial.contestant, seconds, reason is not None))
    return found


def step_times(data: RunData) -> list[StepTime]:
    """The step of every contestant outside grids: of each launch with turns; in a workload without, of each timed trial."""
    in_turns = [trial for trial in succeeded(data, "turns") if trial.turns]
    with_turns = {trial.workload for trial in in_turns}
    whole_fits = [trial for trial in succeeded(data, "timed") if trial.workload not in with_turns]
    known = quiet_figures(data)
    found = [_of_turns(trial, figures) for trial in in_turns if (figures := known[trial.machine]) is not None]
    return found + [step for trial in whole_fits if (step := _of_fit(trial)) is not None]


def quiet_figures(data: RunData) -> dict[str | None, Quiet | None]:
    """Each machine's canary and meters while nothing disturbed it; None if there were no turns."""
    cores: dict[str | None, int] = {None: data.run.environment.cores, **{one.name: one.cores for one in data.run.machines}}
    turns: dict[str | None, list[Turn]] = {trial.machine: [] for trial in data.trials}
    for trial in data.trials:
        turns[trial.machine] += trial.turns or []
    return {machine: quiet(own, cores.get(machine, cores[None])) for machine, own in turns.items()}


def quickest_tenth(epoch_seconds: Sequence[float]) -> float:
    """The quantile that stands for the epochs of a launch."""
    return float(np.quantile(epoch_seconds, QUANTILE))


def steady_epochs(trial: Trial) -> list[float]:
    """A timed trial's epochs in seconds, without the first, which isn't steady."""
    return list(trial.epoch_seconds or [])[1:]


def in_quiet_moments(trials: Sequence[Trial]) -> list[bool]:
    """Which timed trials of a run began and ended while the canary was quick; True where it isn't known."""
    canaries = [[trial.load[f"canary_{when}_seconds"] for when in ("before", "after") if _has_canary(trial)] for trial in trials]
    known = [seconds for pair in canaries for seconds in pair]
    if not known:
        return [True] * len(trials)
    slowest = SLOWEST_CANARY * float(np.quantile(known, 0.1))
    return [max(pair, default=0.0) <= slowest for pair in canaries]


def turns_table(data: RunData) -> pd.DataFrame:
    """`Analysis.turns`."""
    known = quiet_figures(data)
    rows = [
        row
        for trial in succeeded(data, "turns")
        if (figures := known[trial.machine]) is not None
        for row in _turn_rows(trial, figures)
    ]
    return pd.DataFrame(rows, columns=TurnsRow._fields).astype({"reason": object})


def disturbance_warnings(data: RunData) -> list[str]:
    """Whose figures are of disturbed turns, and where the system doesn't tell what else ran."""
    launches: dict[tuple[str, str], list[bool]] = {}
    for step in step_times(data):
        launches.setdefault((step.trial.workload, step.trial.contestant), []).append(step.disturbed)
    found = [
        f"In {sum(disturbed)} of {len(disturbed)} launches of `{workload}`, fewer than {FEWEST_TURNS} turns of `{contestant}` were "
        "undisturbed: such launches count only where there are too few others. Close other programs, or measure at another hour."
        for (workload, contestant), disturbed in launches.items()
        if any(disturbed)
    ]
    turns = [turn for trial in data.trials for turn in trial.turns or []]
    if turns and not any(map(meters_known, turns)):
        found.append(
            "This system doesn't tell how long threads wait or what other processes do: turns were judged by the canary alone, and "
            "whether more of them were disturbed could not be known."
        )
    return found


def _of_turns(trial: Trial, known: Quiet) -> StepTime:
    turns = trial.turns or []
    undisturbed = [turn for turn, reason in zip(turns, reasons(turns, known), strict=True) if reason is None]
    disturbed = len(undisturbed) < FEWEST_TURNS
    seconds = quickest_tenth(_epochs(turns if disturbed else undisturbed))
    return StepTime(trial, seconds * len(_epochs(turns)) / max(trial.steps, 1), seconds, disturbed)


def _of_fit(trial: Trial) -> StepTime | None:
    epochs = steady_epochs(trial)
    if not epochs or not trial.steps:
        return None
    seconds = quickest_tenth(epochs)
    return StepTime(trial, seconds * (len(epochs) + 1) / trial.steps, seconds, disturbed=False)


def _turn_rows(trial: Trial, known: Quiet) -> Iterator[TurnsRow]:
    turns = trial.turns or []
    for number, (turn, reason) in enumerate(zip(turns, reasons(turns, known), strict=True)):
        slowest = max(turn.canary_before_seconds, turn.canary_after_seconds)
        yield TurnsRow(
            trial.workload,
            trial.contestant,
            trial.launch,
            number,
            len(turn.epoch_seconds),
            quickest_tenth(turn.epoch_seconds),
            slowest / known.canary_seconds,
            _share(turn.wait_seconds, turn.wall_seconds),
            _share(turn.other_cpu_seconds, turn.wall_seconds * known.cores),
            reason,
        )


def _epochs(turns: Sequence[Turn]) -> list[float]:
    return [seconds for turn in turns for seconds in turn.epoch_seconds]


def _has_canary(trial: Trial) -> bool:
    return {"canary_before_seconds", "canary_after_seconds"} <= trial.load.keys()


def _share(seconds: float | None, whole: float) -> float:
    return float("nan") if seconds is None or whole <= 0 else seconds / whole
