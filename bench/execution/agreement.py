"""Whether a contestant trains alike in all kinds of trials: timed and scored ones of a seed must end at one loss and accuracy, and
turns must go as far, and as fast, as whole fits.

Called by the runner when a trial has ended; `bench.execution.answer_checks` has scored the predictions by then.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench.execution import turn_checks
from bench.execution.environment import cores
from bench.execution.executors.work import Answer
from bench.execution.schedule import PlannedTrial, TrialKey, key_of
from bench.execution.trial_checks import NO_UPDATE
from bench.execution.worker_process import Outcome
from bench.records import Trial, Turn

SHARE_OF_SPREAD = {"float64": 0.05, "float32": 0.25}
"""How far timed and scored trials may be apart, in units of how far the test loss goes from its largest to its smallest value:
threads sum in other orders, and many epochs make much of a rounding error."""
LEAST_LOSS = 0.01
LEAST_ACCURACY = 0.1
LEAST_ROWS = 3
"""Of the test set, which the two may classify differently in any case."""

_Training = tuple[str, str, str | None]
"""Workload, contestant, machine."""
_Place = tuple[str, str, int, tuple[tuple[str, int], ...]]


@dataclass(frozen=True)
class _Scored:
    loss: float
    accuracy: float
    losses: list[float]
    rows: int

    @property
    def spread(self) -> float:
        return max(self.losses) - min(self.losses)


class Agreement:
    """Knows how the scored trials ended, and how quick the whole fits and the turns were."""

    def __init__(self) -> None:
        self._scored: dict[_Place, _Scored] = {}
        self._failed: dict[tuple[str, str], str] = {}
        """By workload and contestant: the error of a whole fit that failed."""
        self._turns: dict[_Training, list[Turn]] = {}
        self._fits: dict[_Training, turn_checks.Fit] = {}
        """The last one."""

    def observe(self, trial: Trial) -> None:
        """Remember a scored trial, and a whole fit that failed."""
        if trial.kind == "timed" and trial.status in ("failed", "diverged") and not trial.point:
            self._failed[trial.workload, trial.contestant] = trial.error or trial.status
        training = trial.workload, trial.contestant, trial.machine
        if trial.kind == "turns" and trial.status == "ok":
            self._turns.setdefault(training, []).extend(trial.turns or ())
        fit = turn_checks.fit_of(trial.epoch_seconds, trial.load, is_disturbed=bool(trial.disturbed))
        if trial.kind == "timed" and trial.status == "ok" and not trial.point and fit is not None:
            self._fits[training] = fit
        losses = trial.history.get("val_loss")
        if trial.kind == "scored" and trial.status == "ok" and losses:
            if trial.test_loss is None or trial.test_accuracy is None:
                return
            rows = max(len(trial.test_predictions or ()), 1)
            found = _Scored(trial.test_loss, trial.test_accuracy, losses, rows)
            self._scored[_place(key_of(trial))] = found

    def judge(self, planned: PlannedTrial, answer: Answer, *, threads: int) -> Outcome:
        """Return the outcome of a trial; a failed one with both figures if it doesn't agree with the contestant's others.

        Turns are epochs of the same fit: where a whole fit has failed, they aren't believed either.
        """
        outcome = answer.outcomes[0]
        if planned.kind == "turns":
            error = self._turns_doubt(planned, answer, threads) if outcome.status == "ok" else None
            return outcome if error is None else Outcome("failed", error=error)
        outcome = self._as_scored(planned, outcome)
        if planned.kind != "timed" or planned.point or outcome.status != "ok":
            return outcome
        turns = self._turns.get((planned.workload.name, planned.spec.name, answer.machine), [])
        is_disturbed = outcome.doubt is not None  # in the attempt that counts
        fit = turn_checks.fit_of(outcome.figures.get("epoch_seconds"), dict(answer.load), is_disturbed=is_disturbed)
        error = None if fit is None else turn_checks.pace_doubt(turns, fit, cores())
        return outcome if error is None else Outcome("failed", error=error)

    def _turns_doubt(self, planned: PlannedTrial, answer: Answer, threads: int) -> str | None:
        names = planned.workload.name, planned.spec.name
        if names in self._failed:
            return f"its whole fit failed: {self._failed[names]}"
        turns = list(answer.outcomes[0].figures.get("turns") or ())
        fit = self._fits.get((*names, answer.machine))
        scored = self._scored.get(_place(planned.key))
        training = planned.workload.training_of(planned.spec.name)
        doubts = [turn_checks.cores_doubt(turns, threads)]
        if fit is not None:
            doubts.append(turn_checks.pace_doubt(turns, fit, cores()))
        if scored is not None and not training.shuffle:
            doubts.append(turn_checks.progress_doubt(turns, scored.losses, scored.loss, _most_gap(planned, scored)))
        return next((doubt for doubt in doubts if doubt is not None), None)

    def _as_scored(self, planned: PlannedTrial, outcome: Outcome) -> Outcome:
        """Return the outcome of a timed trial; a failed one if it doesn't end where the scored trial of its seed does."""
        scored = self._scored.get(_place(planned.key))
        training = planned.workload.training_of(planned.spec.name)
        if scored is None or planned.kind != "timed" or training.shuffle or planned.point:  # in a grid, fits train on
            return outcome
        if outcome.error and NO_UPDATE in outcome.error:
            return Outcome("failed", error=f"{outcome.error}; that of the scored fit is {scored.loss:.4g}")
        loss, accuracy = outcome.figures.get("test_loss"), outcome.figures.get("test_accuracy")
        if outcome.status != "ok" or loss is None or accuracy is None:
            return outcome
        most_loss = _most_gap(planned, scored)
        most_accuracy = max(LEAST_ACCURACY, LEAST_ROWS / scored.rows)
        if abs(loss - scored.loss) <= most_loss and abs(accuracy - scored.accuracy) <= most_accuracy:
            return outcome
        error = (
            f"the timed fit of seed {planned.seed} ends at a test loss of {loss:.4g} and an accuracy of {accuracy:.1%}, "
            f"the scored one at {scored.loss:.4g} and {scored.accuracy:.1%}: they must train alike, "
            "and draw what is random from task.seed"
        )
        return Outcome("failed", error=error)


def _most_gap(planned: PlannedTrial, scored: _Scored) -> float:
    """Return how far two test losses of a training may be apart."""
    return LEAST_LOSS + SHARE_OF_SPREAD[planned.workload.training_of(planned.spec.name).dtype] * scored.spread


def _place(key: TrialKey) -> _Place:
    workload, contestant, _kind, seed, _round, point = key
    return workload, contestant, seed, point
