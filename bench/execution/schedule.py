"""The trials of a run and their order, computed before anything is started. Called by the runner and run selection.

A *launch* is a set of fresh worker processes, one for each contestant, for one workload, so that no library's caches carry over
from another precision or size. What has no clock comes first: all tuning, all parity, all scores. Then each workload has its
launches. In each launch of a workload whose ratios are quoted, the contestants take turns; the first launches share its whole fits,
in rounds in which every contestant has one trial, in an order drawn from the run's seed; each launch ends with predictions.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from bench.contestants.registry import Spec
from bench.records import OURS, REFERENCE, Trial, TrialKind
from bench.workloads.grid import Point, points
from bench.workloads.models import Workload
from bench.workloads.study import cell

PREDICTION_ROUNDS = 1
"""Of each launch."""

UNTIMED: tuple[TrialKind, ...] = ("parity", "parts", "scored")
"""Trials without a clock, which may run side by side."""

TrialKey = tuple[str, str, str, int, int, tuple[tuple[str, Any], ...]]
"""Identifies a trial, also after a run has been resumed: workload, contestant, kind, seed, round, point."""

Entries = Sequence[tuple[Workload, Sequence[Spec]]]
"""The workloads of a run, each with its contestants."""


@dataclass(frozen=True, slots=True)
class PlannedTrial:
    """A trial that is to run."""

    workload: Workload
    """Of a study its cell's."""
    spec: Spec
    kind: TrialKind
    seed: int
    round: int
    launch: int
    point: Point = field(default_factory=dict)
    key: TrialKey = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        key = (self.workload.name, self.spec.name, self.kind, self.seed, self.round, tuple(sorted(self.point.items())))
        object.__setattr__(self, "key", key)


def key_of(trial: Trial) -> TrialKey:
    """Return the key of the planned trial that `trial` is the record of."""
    return (trial.workload, trial.contestant, trial.kind, trial.seed, trial.round, tuple(sorted(trial.point.items())))


def plan(entries: Entries, *, seed: int, reference: str = REFERENCE) -> list[PlannedTrial]:
    """Return all trials of a run, in their order."""
    trials: list[PlannedTrial] = []
    launch = 0
    for workload, specs in entries:
        untimed = _untimed(workload, specs, reference, launch)
        trials += untimed
        launch += bool(untimed)
    trials.sort(key=lambda trial: ("tune", *UNTIMED).index(trial.kind))  # a stable sort
    for workload, specs in entries:
        for index in range(_launches(workload)):
            if takes_turns(workload):
                trials += launch_of_turns(workload, specs, index, launch=launch)
            if index < _launches_with_fits(workload):
                trials += timed_rounds(workload, specs, _rounds_of(workload, index), launch=launch, seed=seed)
            trials += _prediction_rounds(workload, specs, index, launch=launch, seed=seed)
            launch += 1
    return trials


def takes_turns(workload: Workload) -> bool:
    """Whether the ratios of a workload's steps are quoted: the same training for all contestants, timed, and no grid."""
    return workload.rounds > 0 and not workload.settings and not workload.grid


def launch_of_turns(workload: Workload, specs: Sequence[Spec], index: int, *, launch: int) -> list[PlannedTrial]:
    """Return the turns of a workload's launch number `index`: a trial for each contestant, which run as one."""
    return [PlannedTrial(workload, spec, "turns", seed=0, round=index, launch=launch) for spec in specs if spec.trains]


def _launches(workload: Workload) -> int:
    """Return how many launches a workload has besides the one without a clock."""
    if takes_turns(workload):
        return workload.launches
    return _launches_with_fits(workload) if workload.rounds else workload.launches * bool(workload.prediction_rows)


def _launches_with_fits(workload: Workload) -> int:
    return min(workload.launches, workload.rounds)


def _rounds_of(workload: Workload, index: int) -> range:
    """Return the numbers of the timed rounds of launch number `index`: launches share them evenly."""
    first, after = (-(-number * workload.rounds // _launches_with_fits(workload)) for number in (index, index + 1))
    return range(first, after)


def _prediction_rounds(workload: Workload, specs: Sequence[Spec], index: int, *, launch: int, seed: int) -> list[PlannedTrial]:
    """Return the predictions of a workload's launch number `index`."""
    if not workload.prediction_rows:
        return []
    first = index * PREDICTION_ROUNDS
    return [
        PlannedTrial(workload, spec, "predict", seed=0, round=number, launch=launch, point=point)
        for point in points(workload)
        for number in range(first, first + PREDICTION_ROUNDS)
        for spec in _shuffled([spec for spec in specs if spec.learns], f"{seed} {workload.name} {point} predict {number}")
    ]


def timed_rounds(workload: Workload, specs: Sequence[Spec], rounds: Sequence[int], *, launch: int, seed: int) -> list[PlannedTrial]:
    """Return the timed rounds of one launch; round r trains seed r.

    A grid's cells follow one another, the smallest first. All rounds of a cell train seed 0, so that a contestant is built and
    compiled once; the first round has the contestants in the workload's order, likely the fastest first, so that the skip rules
    know the cell's fastest step early.
    """
    able = [spec for spec in specs if spec.trains]
    return [
        PlannedTrial(workload, spec, "timed", seed=0 if point else number, round=number, launch=launch, point=point)
        for point in points(workload)
        for number in rounds
        for spec in (able if point and number == 0 else _shuffled(able, f"{seed} {workload.name} {point} {number}"))
    ]


def added_launch(workload: Workload, specs: Sequence[Spec], planned: Sequence[PlannedTrial]) -> list[PlannedTrial]:
    """Return one more launch of turns, its numbers next to those in `planned`."""
    launch = 1 + max((trial.launch for trial in planned), default=0)
    done = [trial.round for trial in planned if trial.workload.name == workload.name and trial.kind == "turns"]
    return launch_of_turns(workload, specs, 1 + max(done, default=-1), launch=launch)


def groups(trials: Sequence[PlannedTrial]) -> Iterator[list[PlannedTrial]]:
    """Yield the trials that run together: those without a clock in a row, and the turns of a launch; others are alone."""

    def group(indexed: tuple[int, PlannedTrial]) -> tuple[str, int]:
        place, planned = indexed
        if planned.kind in UNTIMED:
            return "untimed", 0
        return ("turns", planned.launch) if planned.kind == "turns" else ("alone", place)

    for _, found in groupby(enumerate(trials), group):
        yield [planned for _, planned in found]


def _untimed(workload: Workload, specs: Sequence[Spec], reference: str, launch: int) -> list[PlannedTrial]:
    """Return the trials without a clock, cell by cell; where rounds are timed, contestants that train are tuned first."""
    if workload.is_study:
        return _study(workload, specs, launch)
    trials: list[PlannedTrial] = []
    for point in points(workload):
        untimed = [
            PlannedTrial(workload, spec, kind, seed, 0, launch, point) for kind, seed, spec in _asked(workload, specs, reference)
        ]
        trials += [
            PlannedTrial(workload, spec, "tune", seed=0, round=0, launch=launch, point=point)
            for spec in specs
            if spec.trains and workload.rounds > 0 and workload.tuned
        ]
        trials += untimed
    return trials


def _study(workload: Workload, specs: Sequence[Spec], launch: int) -> list[PlannedTrial]:
    """Return the trials of a study: one contestant after the other, so that each needs few processes, all seeds cell by cell."""
    cells = [(point, cell(workload, point)) for point in points(workload)]
    return [
        PlannedTrial(own, spec, "scored", seed, 0, launch, point)
        for spec in sorted(specs, key=lambda spec: spec.peer)
        if spec.trains and spec.learns
        for point, own in cells
        for seed in range(workload.peer_scored_seeds if spec.peer else workload.scored_seeds)
    ]


def _asked(workload: Workload, specs: Sequence[Spec], reference: str) -> Iterator[tuple[TrialKind, int, Spec]]:
    """Yield kind, seed and contestant of parity and scored trials; the reference of parity comes first."""
    if workload.parity and any(spec.name == reference for spec in specs):
        able = [spec for spec in specs if spec.trains and spec.parity]
        able.sort(key=lambda spec: spec.name != reference)  # a stable sort
        yield from (("parity", 0, spec) for spec in able)
        if workload.parts:
            yield from (("parts", 0, spec) for spec in able if spec.name in (OURS, reference))
    for spec in sorted(specs, key=lambda spec: spec.peer):  # one after the other, so that each needs few processes
        if spec.trains and spec.learns:
            yield from (
                ("scored", seed, spec) for seed in range(workload.peer_scored_seeds if spec.peer else workload.scored_seeds)
            )


def _shuffled(specs: Sequence[Spec], seed: str) -> list[Spec]:
    # Seeded by a text that names the round, so that a resumed run draws the same order.
    return random.Random(seed).sample(specs, len(specs))
