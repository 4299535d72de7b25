"""Checks an answer against what the runner knows by itself: its own test targets, the input files, the other trials of the seed.

Called by the runner when a trial has ended. What runs in a contestant's process can be changed by the contestant; this can't.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.contestants.base import Array, accuracy
from bench.execution import metrics
from bench.execution.messages import Request
from bench.execution.trial_checks import NO_UPDATE, CheatError, check_file, read_arrays
from bench.execution.worker_process import Outcome
from bench.records import Trial

SCORED_KINDS = ("timed", "scored", "parity")
SCORE_TOLERANCE = 1e-5
"""Between the worker's scores and the runner's, from the same predictions."""
SHARE_OF_SPREAD = {"float64": 0.05, "float32": 0.25}
"""How far timed and scored trials may be apart, in units of how far the test loss goes from its largest to its smallest value:
threads sum in other orders, and many epochs make much of a rounding error."""
LEAST_LOSS = 0.01
LEAST_ACCURACY = 0.1
LEAST_ROWS = 3
"""Of the test set, that timed and scored trials may classify differently in any case."""

_Place = tuple[str, str, int, tuple[tuple[str, int], ...]]


@dataclass(frozen=True)
class _Scored:
    loss: float
    accuracy: float
    spread: float


class Agreement:
    """Knows how the scored trials ended."""

    def __init__(self) -> None:
        self._scored: dict[_Place, _Scored] = {}

    def observe(self, trial: Trial) -> None:
        """Remember a scored trial that is right."""
        losses = trial.history.get("val_loss", [])
        if trial.kind == "scored" and trial.status == "ok" and losses and None not in (trial.test_loss, trial.test_accuracy):
            found = _Scored(float(trial.test_loss or 0), float(trial.test_accuracy or 0), max(losses) - min(losses))
            self._scored[_place(trial.workload, trial.contestant, trial.seed, trial.point)] = found

    def judge(self, outcome: Outcome, request: Request, place: tuple[str, str, dict[str, int]]) -> Outcome:
        """Return the outcome, or a failed one if a check finds it wrong; `place` is workload, contestant and point."""
        try:
            check_file(Path(request.paths.data), request.data_sha256)
            place_of_seed = _place(place[0], place[1], request.task.seed, place[2])
            if outcome.error and NO_UPDATE in outcome.error and (scored := self._scored.get(place_of_seed)):
                raise CheatError(f"{outcome.error}; the scored one's is {scored.loss:.4g}")
            if outcome.status != "ok" or request.kind not in SCORED_KINDS or not request.learns:
                return _without_predictions(outcome, request)
            _check_scores(outcome.figures, request)
            if request.kind == "timed" and not request.task.shuffle and not request.keep:  # what is kept trains on
                self._check_agreement(outcome, request, place_of_seed)
        except CheatError as error:
            return Outcome("failed", error=str(error))
        return _without_predictions(outcome, request)

    def _check_agreement(self, outcome: Outcome, request: Request, place: _Place) -> None:
        scored = self._scored.get(place)
        if scored is None:
            return
        loss, found = float(outcome.figures["test_loss"]), float(outcome.figures["test_accuracy"])
        most_loss = LEAST_LOSS + SHARE_OF_SPREAD.get(request.task.dtype, max(SHARE_OF_SPREAD.values())) * scored.spread
        rows = len(outcome.figures.get("test_predictions", ())) or 1
        most_accuracy = max(LEAST_ACCURACY, LEAST_ROWS / rows)
        if abs(loss - scored.loss) > most_loss or abs(found - scored.accuracy) > most_accuracy:
            raise CheatError(
                f"the timed fit of seed {request.task.seed} ends at a test loss of {loss:.4g} and an accuracy of {found:.1%}, "
                f"the scored one at {scored.loss:.4g} and {scored.accuracy:.1%}: they must train alike"
            )


def _place(workload: str, contestant: str, seed: int, point: dict[str, int]) -> _Place:
    return workload, contestant, seed, tuple(sorted(point.items()))


def _check_scores(figures: Any, request: Request) -> None:
    """Score the predictions by the runner's own targets, in the runner's own process."""
    y_test: Array = read_arrays(Path(request.paths.data), ["y_test"])["y_test"]
    outputs = np.array(figures.get("test_predictions", ()), np.float64)
    if outputs.size != y_test.size:
        raise CheatError(f"the answer has {outputs.size} predictions for the test set: it must have {y_test.size}")
    outputs = outputs.reshape(y_test.shape)
    own = {"test_accuracy": accuracy(y_test, outputs), "test_loss": metrics.loss(request.task.loss, y_test, outputs)}
    for name, value in own.items():
        told = figures.get(name)
        tolerance = LEAST_ROWS / len(y_test) if name == "test_accuracy" else SCORE_TOLERANCE * max(1.0, abs(value))
        if told is None or not abs(told - value) <= tolerance:
            raise CheatError(f"the worker's {name} was {told}, and is {value:.6g} by the runner's own y_test")


def _without_predictions(outcome: Outcome, request: Request) -> Outcome:
    """Leave the predictions out of the record of a timed trial, of which there are many."""
    if request.kind != "timed":
        return outcome
    return replace(outcome, figures={name: value for name, value in outcome.figures.items() if name != "test_predictions"})
