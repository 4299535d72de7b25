"""Which points of a scaling study aren't measured, or not again: by rules that each such trial's record states.

Called by the runner. Without them most of a study's time would go to contestants that are tens of times behind, in cells where
nobody asks by how much exactly; and with a limit in seconds instead, it would depend on the machine who is left out. What is left
of the time goes to the cells that were disturbed: another process makes some rounds of a cell slower, never faster, so a cell is
timed until some of each contestant's rounds were as quick as its quickest. The rule looks at no ratio, and favours nobody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from bench.execution.schedule import PlannedTrial
from bench.execution.worker_process import Outcome
from bench.records import Trial

HOPELESS = 5.0
"""Times the fastest step of a cell. A step doesn't get shorter in a larger cell, so who needed that long in a smaller one can't
come near in this one."""
AGAIN_WITHIN = 2.0
"""Times the fastest step of a cell in its first round: who is further behind isn't timed there again, since it takes no interval to
tell who is first."""

FEWEST_ROUNDS = 4
QUICK_ROUNDS = 3
QUICK_WITHIN = 1.05
"""Times a contestant's quickest epoch: where each had so many rounds with an epoch that quick, a cell isn't timed again."""

Cell = tuple[tuple[str, int], ...]


@dataclass
class Pace:
    """The steps of a run's grids so far, by workload and cell: each contestant's quickest in the cell's first round.

    The quickest rather than the median, since whatever disturbs a trial makes it slower, and nobody is to be left out for that.
    """

    contestants: Collection[str]
    """Those that may be first: all that learn."""
    _steps: defaultdict[tuple[str, Cell], dict[str, float]] = field(default_factory=lambda: defaultdict(dict))
    _rounds: defaultdict[tuple[str, Cell], list[tuple[int, str, float]]] = field(default_factory=lambda: defaultdict(list))
    """Of each cell: number, contestant and quickest step of the rounds so far."""

    def add(self, trial: Trial) -> None:
        """Take note of a trial that has ended."""
        epochs = trial.epoch_seconds or []
        if not trial.point or trial.kind != "timed" or trial.status != "ok" or len(epochs) < 2 or not trial.steps:
            return
        place, step = (trial.workload, _cell(trial.point)), min(epochs[1:]) * len(epochs) / trial.steps
        if trial.round == 0:
            self._steps[place][trial.contestant] = step
        self._rounds[place].append((trial.round, trial.contestant, step))

    def left_out(self, planned: PlannedTrial) -> Outcome | None:
        """The outcome of a trial that isn't worth its time; None where it is, which the first ones in a cell always are."""
        if not planned.point or planned.kind != "timed":
            return None
        workload, name = planned.workload.name, planned.spec.name
        here = self._steps.get((workload, _cell(planned.point)), {})
        fastest = min((seconds for other, seconds in here.items() if other in self.contestants), default=None)
        if fastest is None:
            return None
        if name in here and here[name] > AGAIN_WITHIN * fastest:
            return Outcome(
                "skipped", error=f"not timed again: over {AGAIN_WITHIN:g} times the fastest step of the cell's first round"
            )
        if self._is_steady(planned, AGAIN_WITHIN * fastest):
            near = f"{QUICK_ROUNDS} rounds are within {QUICK_WITHIN - 1:.0%} of the quickest"
            return Outcome("skipped", error=f"not timed again: of each contestant {near}")
        for (other, cell), steps in self._steps.items():
            if other == workload and name in steps and _smaller(dict(cell), planned.point) and steps[name] > HOPELESS * fastest:
                return Outcome(
                    "skipped", error=f"left out: in a smaller cell a step took over {HOPELESS:g} times this cell's fastest"
                )
        return None

    def _is_steady(self, planned: PlannedTrial, slowest: float) -> bool:
        """Whether the cell's rounds before this one agree, of all that are timed again: a step of theirs is no longer than that."""
        if planned.round < FEWEST_ROUNDS:
            return False
        place = planned.workload.name, _cell(planned.point)
        rounds = defaultdict[str, list[float]](list)
        for number, name, seconds in self._rounds[place]:
            if number < planned.round and name in self.contestants and self._steps[place].get(name, slowest) <= slowest:
                rounds[name].append(seconds)
        return all(sorted(steps)[:QUICK_ROUNDS][-1] <= QUICK_WITHIN * min(steps) for steps in rounds.values())


def _smaller(cell: Mapping[str, int], other: Mapping[str, int]) -> bool:
    """Whether `cell` is less work than `other` on as many threads."""
    return cell != other and all(
        value == other[axis] if axis == "threads" else value <= other[axis] for axis, value in cell.items()
    )


def _cell(point: Mapping[str, int]) -> Cell:
    return tuple(sorted(point.items()))
