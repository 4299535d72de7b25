"""Which points of a scaling study aren't measured, since they are too far behind: by rules that each such trial's record states.

Called by the runner. Without them most of a study's time would go to contestants that are tens of times behind, in cells where
nobody asks by how much exactly; and with a limit in seconds instead, it would depend on the machine who is left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from bench.launcher import Outcome
from bench.records import Trial
from bench.schedule import PlannedTrial

HOPELESS = 5.0
"""Times the fastest step of a cell. A step doesn't get shorter in a larger cell, so who needed that long in a smaller one can't
come near in this one."""
AGAIN_WITHIN = 2.0
"""Times the fastest step of a cell in its first round: who is further behind isn't timed there again, since it takes no interval to
tell who is first."""

Cell = tuple[tuple[str, int], ...]


@dataclass
class Pace:
    """The steps of a run's grids so far, by workload and cell: each contestant's quickest in the cell's first round.

    The quickest rather than the median, since whatever disturbs a trial makes it slower, and nobody is to be left out for that.
    """

    contestants: Collection[str]
    """Those that may be first: all that learn."""
    _steps: defaultdict[tuple[str, Cell], dict[str, float]] = field(default_factory=lambda: defaultdict(dict))

    def add(self, trial: Trial) -> None:
        """Take note of a trial that has ended."""
        epochs = trial.epoch_seconds or []
        if trial.point and trial.round == 0 and trial.kind == "timed" and trial.status == "ok" and len(epochs) > 1 and trial.steps:
            steps = self._steps[trial.workload, _cell(trial.point)]
            steps[trial.contestant] = min(epochs[1:]) * len(epochs) / trial.steps

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
        for (other, cell), steps in self._steps.items():
            if other == workload and name in steps and _smaller(dict(cell), planned.point) and steps[name] > HOPELESS * fastest:
                return Outcome(
                    "skipped", error=f"left out: in a smaller cell a step took over {HOPELESS:g} times this cell's fastest"
                )
        return None


def _smaller(cell: Mapping[str, int], other: Mapping[str, int]) -> bool:
    """Whether `cell` is less work than `other` on as many threads."""
    return cell != other and all(
        value == other[axis] if axis == "threads" else value <= other[axis] for axis, value in cell.items()
    )


def _cell(point: Mapping[str, int]) -> Cell:
    return tuple(sorted(point.items()))
