"""The trials of a run and their order, computed before anything is started. Called by the runner and run selection.

A *launch* is a set of fresh worker processes, one for each contestant, for one workload, so that no library's caches carry over
from another precision or size. Each workload first has a launch for the trials without a clock: tuning, parity, scores. Further
launches share its timed rounds, and each ends with rounds of predictions; in a round every contestant has one trial, in an order
drawn from the run's seed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bench.contestants.registry import Spec
from bench.records import REFERENCE, Trial, TrialKind
from bench.workloads.grid import points
from bench.workloads.models import Workload

PREDICTION_ROUNDS = 3
"""Of each launch."""

TrialKey = tuple[str, str, str, int, int, tuple[tuple[str, int], ...]]
"""Identifies a trial, also after a run has been resumed: workload, contestant, kind, seed, round, point."""

Entries = Sequence[tuple[Workload, Sequence[Spec]]]
"""The workloads of a run, each with its contestants."""


@dataclass(frozen=True)
class PlannedTrial:
    """A trial that is to run."""

    workload: Workload
    spec: Spec
    kind: TrialKind
    seed: int
    round: int
    launch: int
    point: Mapping[str, int] = field(default_factory=dict)

    @property
    def key(self) -> TrialKey:
        return (self.workload.name, self.spec.name, self.kind, self.seed, self.round, tuple(sorted(self.point.items())))


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
    for workload, specs in entries:
        for index in range(_launches(workload)):
            rounds = [number for number in range(workload.rounds) if number * _launches(workload) // workload.rounds == index]
            trials += timed_rounds(workload, specs, rounds, launch=launch, seed=seed)
            trials += _prediction_rounds(workload, specs, index, launch=launch, seed=seed)
            launch += 1
    return trials


def _launches(workload: Workload) -> int:
    """Return how many launches a workload has besides the one without a clock."""
    if workload.rounds:
        return min(workload.launches, workload.rounds)
    return workload.launches if workload.prediction_rows else 0


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


def extra_rounds(entries: Entries, planned: Sequence[PlannedTrial], *, seed: int) -> list[PlannedTrial]:
    """Return one more launch of each workload whose ratios are quoted: the same training for all contestants, and no grid."""
    trials: list[PlannedTrial] = []
    launch = 1 + max((trial.launch for trial in planned), default=0)
    for workload, specs in entries:
        if workload.rounds == 0 or workload.settings or workload.grid:
            continue
        done = [trial.round for trial in planned if trial.workload.name == workload.name and trial.kind == "timed"]
        first = 1 + max(done, default=-1)
        count = -(-workload.rounds // min(workload.launches, workload.rounds))
        trials += timed_rounds(workload, specs, range(first, first + count), launch=launch, seed=seed)
        launch += 1
    return trials


def _untimed(workload: Workload, specs: Sequence[Spec], reference: str, launch: int) -> list[PlannedTrial]:
    """Return the trials without a clock, cell by cell; where rounds are timed, contestants that train are tuned first."""
    trials: list[PlannedTrial] = []
    for point in points(workload):
        cell = [
            PlannedTrial(workload, spec, kind, seed, 0, launch, point) for kind, seed, spec in _asked(workload, specs, reference)
        ]
        trials += [
            PlannedTrial(workload, spec, "tune", seed=0, round=0, launch=launch, point=point)
            for spec in specs
            if spec.trains and workload.rounds > 0
        ]
        trials += cell
    return trials


def _asked(workload: Workload, specs: Sequence[Spec], reference: str) -> Iterator[tuple[TrialKind, int, Spec]]:
    """Yield kind, seed and contestant of parity and scored trials; the reference of parity comes first."""
    if workload.parity and any(spec.name == reference for spec in specs):
        able = [spec for spec in specs if spec.trains and spec.parity]
        yield from (("parity", 0, spec) for spec in sorted(able, key=lambda spec: spec.name != reference))  # sorted() is stable
    for seed in range(max(workload.scored_seeds, workload.peer_scored_seeds)):
        for spec in specs:
            if spec.trains and spec.learns and seed < (workload.peer_scored_seeds if spec.peer else workload.scored_seeds):
                yield "scored", seed, spec


def _shuffled(specs: Sequence[Spec], seed: str) -> list[Spec]:
    # Seeded by a text that names the round, so that a resumed run draws the same order.
    return random.Random(seed).sample(specs, len(specs))
