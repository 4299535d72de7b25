"""How long a run will take, said before it starts, and how its time is shared among its parts.

Called by the command line, which prints the plan, and by the runner, which asks before each trial whether there is time for it. The
costs are those of one machine; the canary says how much slower or faster this one is.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from bench.execution.grid_costs import MOONS_WEIGHTS, expected_seconds
from bench.execution.schedule import UNTIMED, PlannedTrial, TrialKey
from bench.execution.turn_rounds import ENOUGH_TURNS, QUICK_ENOUGH_TURNS
from bench.records import HEADLINE_REFERENCES, HEADLINE_WORKLOAD, OURS, REFERENCE
from bench.workloads.grid import architecture_at
from bench.workloads.models import Workload


class Cost(NamedTuple):
    """Of a contestant, in seconds, for the network of `moons`, on the two cores that `docs/statistics.md` names."""

    start: float
    """Process, imports, build and first step."""
    step: float
    """Of a step, however few rows."""
    row: float = 0.0
    """Of each row in a step."""


COSTS = {
    "numpy_nn": Cost(0.3, 14e-6, 0.36e-6),
    "article": Cost(0.3, 100e-6, 2e-6),
    "keras": Cost(4.2, 2.3e-3),
    "keras-tuned": Cost(4.5, 0.25e-3),
    "keras-jax": Cost(5, 0.13e-3),
    "keras-torch": Cost(5, 3.1e-3),
    "tensorflow": Cost(4.3, 25e-6, 1.2e-6),
    "jax": Cost(2, 25e-6, 0.8e-6),
    "torch": Cost(2, 0.2e-3, 0.6e-6),
    "torch-compile": Cost(7, 0.17e-3, 0.4e-6),
    "sklearn": Cost(1.2, 0.15e-3, 1.1e-6),
    "onnxruntime": Cost(0.7, 0.0),
    "floor": Cost(0.7, 8e-6, 0.2e-6),
}
UNKNOWN_COST = Cost(3.0, 0.2e-3, 1e-6)
"""Of a contestant of your own."""
READING_SECONDS = 0.2e-3
"""Of a reading of the canary on the machine of the costs, on whatever core it is."""
SLOWNESS_SECONDS = 1.0
FASTEST = 0.2
"""The least slowness: nobody's Keras starts in a second."""
TUNING_SECONDS = {"keras-tuned": 10.0, "keras-jax": 19.0}
PARTS_SECONDS = {REFERENCE: 12.0}
"""Of the short trainings with every activation, loss and optimiser, nearly all of it for tracing and compiling."""
TURNS_SECONDS, TURN_EPOCHS = 0.7, 40
"""Of a contestant's turns in a launch, and in epochs where these are long."""
BUILD_SECONDS, PREDICTION_SECONDS, TRIAL_SECONDS = 0.3, 0.7, 0.15
"""Of building a contestant once more; of a round of predictions; of any trial besides."""
ADDED_LAUNCHES = 6
"""Launches of the headline besides those that are planned, which have a share of the time budget."""
LIKELY_LAUNCHES = {"keras": 6, "keras-tuned": 25}
"""Of a headline pair, planned and added, until its ratio is precise enough: `docs/statistics.md` has what launches differ by."""
LIKELY_QUICK_LAUNCHES = {"keras": 3, "keras-tuned": 5}
"""The same with `--quick`."""
LIKELY_OTHERS_LAUNCHES = 3
"""The same of any other pair: the fewest."""
SIDE_BY_SIDE = 1.3
"""How much longer a trial takes while others take the other cores."""
STUDY_COSTS = {"keras": Cost(5.5, 0.22e-3)}
"""By the path of a study."""
FAST_PATH = 0.2
"""The share of Keras' own time that its faster path takes."""
UNKNOWN_ROWS = 1000
REPORT_SECONDS = 4.0


@dataclass(frozen=True)
class Part:
    """A part of the run and its expected seconds."""

    name: str
    seconds: float


class TimePlan:
    """The expected seconds of a run's trials.

    Parameters
    ----------
    planned
        All trials, in their order.
    places
        Trials without a clock that run at once.
    slowness
        How much slower than the machine of `COSTS` this one is: the canary's ratio.
    quick
        Whether the run is a smaller one, whose planned launches are made ready on all cores, and whose ratios may be less precise.
    ended
        The trials of the run that have ended, where it is resumed.

    """

    def __init__(
        self,
        planned: Sequence[PlannedTrial],
        *,
        places: int,
        slowness: float = 1.0,
        quick: bool = False,
        ended: Sequence[PlannedTrial] = (),
    ) -> None:
        self._places = places
        self._quick = quick
        self._slowness = slowness
        self._started = set[tuple[str, int, Any]]()
        whole = [*ended, *planned]
        self._in_grids = _in_grids(whole)
        self.seconds = {trial.key: self._seconds(trial) for trial in planned}
        totals: dict[str, float] = {}
        for trial in planned:
            totals[part_of(trial)] = totals.get(part_of(trial), 0.0) + self.seconds[trial.key]
        self.parts = [Part(name, total) for name, total in totals.items() if total]
        self.adds_launches = any(trial.kind == "turns" for trial in whole)
        """Whether the run has ratios that more launches make more precise."""
        headline = {trial.spec.name: trial for trial in whole if _is_of_headline(trial)}
        self.launch_seconds = sum(self.seconds_of_launch([*headline.values()])) if len(headline) > 1 else 0.0
        """Of another launch for the headline; 0 for a run without headline."""
        self.set_aside_seconds = ADDED_LAUNCHES * self.launch_seconds
        """Of launches that have a share of a time budget."""
        self.likely_launches = self._likely_launches(whole)
        """The expected seconds of each launch that is likely to be added."""

    @property
    def added_seconds(self) -> float:
        return sum(self.likely_launches)

    @property
    def total_seconds(self) -> float:
        return sum(part.seconds for part in self.parts) + self.report_seconds

    @property
    def least_seconds(self) -> float:
        """Of a launch of the headline's contestants, and the report: less time gives no headline ratio."""
        return self.launch_seconds + self.report_seconds if self.launch_seconds else 0.0

    @property
    def report_seconds(self) -> float:
        return REPORT_SECONDS * self._slowness

    def seconds_of_launch(self, launch: Sequence[PlannedTrial]) -> list[float]:
        """Return the expected seconds of each trial of a launch of turns that is made ready on all cores."""
        starts = [_cost(one).start for one in launch]
        at_once = max(self._at_once(sum(starts)), *starts) / sum(starts)
        return [
            self._slowness * (TRIAL_SECONDS + at_once * start) + self._turns_seconds(one)
            for one, start in zip(launch, starts, strict=True)
        ]

    def _likely_launches(self, whole: Sequence[PlannedTrial]) -> list[float]:
        """Return the expected seconds of each launch after the planned ones, of `OURS` and those that are likely to need it."""
        workloads: dict[str, dict[str, list[PlannedTrial]]] = {}
        for trial in whole:
            if trial.kind == "turns":
                workloads.setdefault(trial.workload.name, {}).setdefault(trial.spec.name, []).append(trial)
        launches: list[float] = []
        for contestants in workloads.values():
            ours = contestants.pop(OURS, [])
            more = {name: self.likely(own[0]) - len(own) for name, own in contestants.items()}
            for number in range(max(more.values(), default=0) if ours else 0):
                wanted = [contestants[name][0] for name in more if more[name] > number]
                launches.append(sum(self.seconds_of_launch([*ours[:1], *wanted])))
        return launches

    def likely(self, planned: PlannedTrial) -> int:
        """Return how many launches a contestant's pair with `OURS` is likely to need until its ratio is precise enough."""
        if planned.workload.name != HEADLINE_WORKLOAD or planned.spec.name not in HEADLINE_REFERENCES:
            return LIKELY_OTHERS_LAUNCHES
        return (LIKELY_QUICK_LAUNCHES if self._quick else LIKELY_LAUNCHES)[planned.spec.name]

    def _seconds(self, planned: PlannedTrial) -> float:
        if planned.kind == "tune" and planned.spec.name not in TUNING_SECONDS:
            return 0.0
        if planned.key in self._in_grids:
            seconds = self._in_grids[planned.key]
            return self._slowness * (seconds + self._start_seconds(planned)) if seconds else 0.0
        alone = self._slowness * (TRIAL_SECONDS + self._start_seconds(planned) + self._work_seconds(planned))
        return self._at_once(alone) if planned.kind in UNTIMED else alone

    def _turns_seconds(self, planned: PlannedTrial) -> float:
        return turns_seconds(planned) * (QUICK_ENOUGH_TURNS / ENOUGH_TURNS if self._quick else 1)

    def _start_seconds(self, planned: PlannedTrial) -> float:
        key, start = (planned.spec.name, planned.launch, planned.point.get("threads")), _cost(planned).start
        if planned.kind == "tune":
            return BUILD_SECONDS
        if key in self._started and (planned.workload.is_study or planned.point):
            return 0.0
        if key in self._started:
            return start / 4 if planned.kind == "turns" else BUILD_SECONDS * bool(planned.kind != "predict")
        self._started.add(key)
        return self._at_once(start) if self._quick and planned.kind == "turns" else start

    def _at_once(self, seconds: float) -> float:
        """Return the seconds that a start takes of a launch whose contestants are made ready on all cores."""
        return seconds * (SIDE_BY_SIDE / self._places if self._places > 1 else 1.0)

    def _work_seconds(self, planned: PlannedTrial) -> float:
        if planned.kind == "tune":
            return TUNING_SECONDS.get(planned.spec.name, 0.0)
        if planned.kind == "parts":
            return PARTS_SECONDS.get(planned.spec.name, 0.0)
        if planned.kind == "predict":
            return PREDICTION_SECONDS
        if planned.kind == "turns":
            return self._turns_seconds(planned) / self._slowness  # a turn has its length on any machine
        tuned = planned.kind == "scored" and planned.spec.name == "keras" and not planned.workload.is_study
        faster = FAST_PATH if tuned else 1.0
        return faster * fit_seconds(planned)


def slowness_of(read_canary: Callable[[], float], clock: Callable[[], float] = time.perf_counter) -> float:
    """Return how much slower this machine is now than the one of `COSTS`, by canaries in a row.

    They wait as work does, and run where the system has them run: a canary that is held on each core in turn waits for a process
    that takes half of one core for longer than a contestant does.
    """
    began = clock()
    readings = 0
    while (seconds := clock() - began) < SLOWNESS_SECONDS:
        read_canary()
        readings += 1
    return max(seconds / max(readings, 1) / READING_SECONDS, FASTEST)


def plan_lines(plan: TimePlan, budget_seconds: float, *, goal: float, cuts_plan: bool = True) -> list[str]:
    """Return what the run will do and how long it takes, in words; `goal` is the half-width wanted of the headline ratios."""
    parts = [f"{part.name} {_text(part.seconds)}" for part in plan.parts] + [f"the report {_text(plan.report_seconds)}"]
    lines = [f"planned: {', '.join(parts)}; {_text(plan.total_seconds)} in all"]
    if math.isinf(budget_seconds):
        return lines
    if cuts_plan and budget_seconds < plan.least_seconds:
        return [
            *lines,
            f"! {_text(budget_seconds)} are too little for any ratio: a launch of its contestants and the report take about "
            f"{_text(plan.least_seconds)}",
        ]
    if not plan.adds_launches:
        if plan.total_seconds <= budget_seconds or not cuts_plan:
            return lines
        return [
            *lines,
            f"the time budget is {_text(budget_seconds)}: each part gets its share, and leaves out what would take longer",
        ]
    precise = f"precise, the headline's to ±{goal:.0%}".replace("%", " %") if plan.launch_seconds else "precise"
    if plan.total_seconds + plan.added_seconds <= budget_seconds:
        expected = plan.total_seconds + plan.added_seconds
        more = f"launches are added until the ratios are {precise}: about {_text(expected)} in all, {_text(budget_seconds)} at most"
        return [*lines, more]
    if not cuts_plan and plan.total_seconds > budget_seconds:
        return [*lines, f"that is longer than {_text(budget_seconds)}, after which no launch is added"]
    if not cuts_plan:
        return [
            *lines,
            f"then launches are added until the ratios are {precise}: likely until {_text(budget_seconds)} have gone by",
        ]
    return [
        *lines,
        f"with launches that are added until the ratios are {precise}, it takes the whole time budget of {_text(budget_seconds)}; "
        "each part gets its share, and leaves out what would take longer",
    ]


def _text(seconds: float) -> str:
    if seconds >= 360_000:
        return f"{seconds / 3600:.3g} h"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def part_of(planned: PlannedTrial) -> str:
    """Return the name of the part of a run that a trial belongs to."""
    if planned.kind == "tune":
        return "choosing settings"
    return "parity and accuracy" if planned.kind in UNTIMED else planned.workload.name


class Shares:
    """Says whether there is time for a trial: each part may use its share of the budget, and what earlier parts have left.

    Shares are in proportion to what is expected, and what added launches are likely to need is set aside.

    Parameters
    ----------
    plan
        The expected seconds.
    budget_seconds
        Of the whole run, its report included. Infinite: everything planned is run.
    clock
        Counts from the run's start.

    """

    def __init__(self, plan: TimePlan, budget_seconds: float, clock: Callable[[], float]) -> None:
        self._plan = plan
        self._clock = clock
        self.end = budget_seconds - plan.report_seconds
        wanted = plan.total_seconds - plan.report_seconds + plan.set_aside_seconds
        scale = self.end / max(wanted, 1e-9)
        self._ends: dict[str, float] = {}
        used = 0.0
        for part in plan.parts:
            used += part.seconds
            self._ends[part.name] = used * scale

    def allow(self, planned: PlannedTrial, expected_seconds: float) -> bool:
        """Whether a trial can end within its part's share.

        Turns, which the ratios come from, go before everything else, and only have to end within the budget.
        """
        end = self.end if planned.kind == "turns" else self._ends.get(part_of(planned), self.end)
        return self._clock() + expected_seconds <= end


def turns_seconds(planned: PlannedTrial) -> float:
    """Return the seconds of a contestant's turns in a launch while nothing disturbs them."""
    epoch_seconds = fit_seconds(planned) / planned.workload.training_of(planned.spec.name).epochs
    return TURNS_SECONDS + TURN_EPOCHS * epoch_seconds


def _cost(planned: PlannedTrial) -> Cost:
    known = {**COSTS, **STUDY_COSTS} if planned.workload.is_study else COSTS
    return known.get(planned.spec.name, UNKNOWN_COST)


def fit_seconds(planned: PlannedTrial) -> float:
    """Return the expected seconds of a whole fit on the machine of `COSTS`."""
    training, cost = planned.workload.training_of(planned.spec.name), _cost(planned)
    rows = _rows(planned.workload)
    batch = min(training.batch_size or rows, rows)
    layers = architecture_at(planned.workload, planned.point)
    size = sum(int(layer["input_dim"]) * int(layer["output_dim"]) for layer in layers) / MOONS_WEIGHTS
    return training.epochs * -(-rows // batch) * (cost.step + cost.row * batch * size)


def _rows(workload: Workload) -> int:
    """Return the expected rows of the training data."""
    return int((1 - workload.data.test_size) * int(workload.data.parameters.get("n_samples", UNKNOWN_ROWS)))


def _in_grids(whole: Sequence[PlannedTrial]) -> dict[TrialKey, float]:
    """Return the expected seconds of the timed trials in cells of grids."""
    grids: dict[str, list[PlannedTrial]] = {}
    for trial in whole:
        if trial.point and trial.kind == "timed":
            grids.setdefault(trial.workload.name, []).append(trial)
    found: dict[TrialKey, float] = {}
    for trials in grids.values():
        costs = {trial.spec.name: _cost(trial)[1:] for trial in trials}
        found |= expected_seconds(trials, costs, _rows(trials[0].workload))
    return found


def _is_of_headline(planned: PlannedTrial) -> bool:
    """Whether a trial is of the turns from which the headline comes."""
    names = (OURS, *HEADLINE_REFERENCES)
    return planned.kind == "turns" and planned.workload.name == HEADLINE_WORKLOAD and planned.spec.name in names
