"""Whether a contestant's timed trials train as its scored ones do: both of a seed must end at one loss and accuracy.

Called by the runner when a trial has ended; `bench.execution.answer_checks` has scored the predictions by then.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench.execution.schedule import PlannedTrial, TrialKey, key_of
from bench.execution.trial_checks import NO_UPDATE
from bench.execution.worker_process import Outcome
from bench.records import Trial

SHARE_OF_SPREAD = {"float64": 0.05, "float32": 0.25}
"""How far timed and scored trials may be apart, in units of how far the test loss goes from its largest to its smallest value:
threads sum in other orders, and many epochs make much of a rounding error."""
LEAST_LOSS = 0.01
LEAST_ACCURACY = 0.1
LEAST_ROWS = 3
"""Of the test set, which the two may classify differently in any case."""

_Place = tuple[str, str, int, tuple[tuple[str, int], ...]]


@dataclass(frozen=True)
class _Scored:
    loss: float
    accuracy: float
    spread: float
    rows: int


class Agreement:
    """Knows how the scored trials ended."""

    def __init__(self) -> None:
        self._scored: dict[_Place, _Scored] = {}
        self._failed: dict[tuple[str, str], str] = {}
        """By workload and contestant: the error of a whole fit that failed."""

    def observe(self, trial: Trial) -> None:
        """Remember a scored trial, and a whole fit that failed."""
        if trial.kind == "timed" and trial.status in ("failed", "diverged") and not trial.point:
            self._failed[trial.workload, trial.contestant] = trial.error or trial.status
        losses = trial.history.get("val_loss")
        if trial.kind == "scored" and trial.status == "ok" and losses:
            if trial.test_loss is None or trial.test_accuracy is None:
                return
            rows = max(len(trial.test_predictions or ()), 1)
            found = _Scored(trial.test_loss, trial.test_accuracy, max(losses) - min(losses), rows)
            self._scored[_place(key_of(trial))] = found

    def judge(self, planned: PlannedTrial, outcome: Outcome) -> Outcome:
        """Return the outcome of a trial; a failed one with both figures if it doesn't agree with the scored trial of its seed.

        Turns are epochs of the same fit: where a whole fit has failed, they aren't believed either.
        """
        failed = self._failed.get((planned.workload.name, planned.spec.name))
        if planned.kind == "turns" and outcome.status == "ok" and failed is not None:
            return Outcome("failed", error=f"its whole fit failed: {failed}")
        scored = self._scored.get(_place(planned.key))
        training = planned.workload.training_of(planned.spec.name)
        if scored is None or planned.kind != "timed" or training.shuffle or planned.point:  # in a grid, fits train on
            return outcome
        if outcome.error and NO_UPDATE in outcome.error:
            return Outcome("failed", error=f"{outcome.error}; that of the scored fit is {scored.loss:.4g}")
        loss, accuracy = outcome.figures.get("test_loss"), outcome.figures.get("test_accuracy")
        if outcome.status != "ok" or loss is None or accuracy is None:
            return outcome
        most_loss = LEAST_LOSS + SHARE_OF_SPREAD[training.dtype] * scored.spread
        most_accuracy = max(LEAST_ACCURACY, LEAST_ROWS / scored.rows)
        if abs(loss - scored.loss) <= most_loss and abs(accuracy - scored.accuracy) <= most_accuracy:
            return outcome
        error = (
            f"the timed fit of seed {planned.seed} ends at a test loss of {loss:.4g} and an accuracy of {accuracy:.1%}, "
            f"the scored one at {scored.loss:.4g} and {scored.accuracy:.1%}: they must train alike"
        )
        return Outcome("failed", error=error)


def _place(key: TrialKey) -> _Place:
    workload, contestant, _kind, seed, _round, point = key
    return workload, contestant, seed, point
