"""Checks an answer in the runner: it has a trial's figures, the times that the runner saw, and the scores that the runner finds.

Called by `worker_process`. What runs in a contestant's process can be changed by the contestant; this can't.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from pydantic import ValidationError

from bench.contestants.base import Array, accuracy
from bench.execution import metrics
from bench.execution.messages import FIT_BEGINS, FIT_ENDED, Request
from bench.execution.shown_weights import AFTER, MIDWAY, check_predictions
from bench.execution.trial_checks import CheatError, check_file, read_arrays
from bench.records import Trial

TRAINING_KINDS = ("timed", "scored", "parity")
SCORE_TOLERANCE = 1e-5
"""Between the worker's loss and the runner's, from the same predictions."""
TIED_ROWS = 3
"""So many predictions may lie so near the cut that the worker's precision puts them on the other side."""

MOST_CLOCK_SHARE = 0.1
CLOCK_SECONDS = 0.01
"""The runner's time of a fit may be longer by this share and so many seconds: a busy machine takes some to wake it."""


def clock_doubt(figures: Mapping[str, Any], marks: Mapping[str, float]) -> str | None:
    """Return in words why the worker's clock isn't believed; the runner saw the fit begin and end."""
    shown = figures.get("fit_seconds")
    if shown is None or not {FIT_BEGINS, FIT_ENDED} <= marks.keys():
        return None
    seen = marks[FIT_ENDED] - marks[FIT_BEGINS]
    if seen <= shown * (1 + MOST_CLOCK_SHARE) + CLOCK_SECONDS:
        return None
    return f"the worker's clock showed {shown:.3g} s for a fit that took {seen:.3g} s by the runner's"


def malformed(figures: object) -> str | None:
    """Return why figures can't be those of a trial; None if they can."""
    plain = {
        "run_id": "run",
        "workload": "workload",
        "contestant": "Contestant",
        "kind": "timed",
        "seed": 0,
        "round": 0,
        "launch": 0,
    }
    plain |= {"status": "ok", "dtype": "float32", "threads": 1, "started_at": "2026-01-01T00:00:00+00:00"}
    if not isinstance(figures, Mapping) or plain.keys() & figures.keys():
        return "an object with other keys"
    try:
        Trial.model_validate({**plain, **figures})
    except ValidationError as error:
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return None


def checked_figures(
    figures: Mapping[str, Any], request: Request, shown: Mapping[str, Any] = MappingProxyType({})
) -> dict[str, Any]:
    """Return the figures of a trial to record, its input file and its scores checked.

    `shown` has the `weights` after the fit, and from the middle of a scored one those and the predictions at that moment.

    Raises
    ------
    CheatError
        If the file has been changed, or the scores aren't what the predictions give.

    """
    path = Path(request.paths.data)
    if request.kind != "turns":  # whose contestants have all read it before the first turn, and answer for their own trials only
        check_file(path, request.data_sha256)
    found: dict[str, Any] = {}
    if request.kind in (*TRAINING_KINDS, "turns") and request.rows:
        _check_steps(figures, request)
    if request.kind in TRAINING_KINDS and request.learns:
        arrays = read_arrays(path)
        y_test = arrays["y_test"]
        outputs = _check_scores(figures, y_test, request.task.loss)
        if request.shows_weights:
            first = [arrays[f"weights_{index}"] for index in range(sum(name.startswith("weights_") for name in arrays))]
            task, x_test = request.task, arrays["x_test"]
            if request.kind == "scored":
                check_predictions(*_midway(shown, y_test), first, task, x_test, MIDWAY)
            check_predictions(shown.get("weights"), outputs, first, task, x_test, AFTER)
        found["majority_accuracy"] = majority_accuracy(y_test)
    left_out = {"test_predictions"} if request.kind == "timed" else set()  # of which there are many
    return {name: value for name, value in {**figures, **found}.items() if name not in left_out}


def _midway(shown: Mapping[str, Any], y_test: Array) -> tuple[Any, Array]:
    """Return weights and predictions of the middle of a fit."""
    midway = shown.get("midway")
    try:
        outputs = np.array(midway["test_predictions"], np.float64).reshape(y_test.shape)  # type: ignore[index]
        return midway["weights"], outputs  # type: ignore[index]
    except (TypeError, KeyError, ValueError):
        raise CheatError("the answer has no weights and predictions of the middle of the fit") from None


def steps_an_epoch(request: Request) -> int:
    """Return the updates in an epoch."""
    size = request.rows if request.task.batch_size is None else min(request.task.batch_size, request.rows)
    return -(-request.rows // size)


def _check_steps(figures: Mapping[str, Any], request: Request) -> None:
    """Raise CheatError if the answer is that of another number of updates or epochs."""
    epochs = request.task.epochs
    due = epochs * steps_an_epoch(request)
    if (steps := figures.get("steps", due)) != due:
        raise CheatError(f"the answer is of {steps} steps: the task has {due}")
    told = {**figures.get("history", {}), "epoch_seconds": figures.get("epoch_seconds")}
    for name, values in told.items():
        if values is not None and len(values) != epochs:
            raise CheatError(f"the answer has {len(values)} values of {name}: the task has {epochs} epochs")


def majority_accuracy(y_test: Array) -> float | None:
    """Return the accuracy of the answer that is the most frequent class for every row; None for targets that are no classes."""
    if not np.isin(y_test, (0, 1)).all() or (y_test.shape[1] > 1 and (y_test.sum(axis=1) != 1).any()):
        return None
    shares = y_test.mean(axis=0, dtype=np.float64)
    return float(max(*shares, *(1 - shares)) if len(shares) == 1 else shares.max())


def _check_scores(figures: Mapping[str, Any], y_test: Array, loss: str) -> Array:
    """Return the predictions for the test set, whose scores are those that they were said to have."""
    outputs = np.array(figures.get("test_predictions") or (), np.float64)
    if outputs.size != y_test.size:
        raise CheatError(f"the answer has {outputs.size} predictions for the test set: it must have {y_test.size}")
    outputs = outputs.reshape(y_test.shape)
    own = {"test_accuracy": accuracy(y_test, outputs), "test_loss": metrics.loss(loss, y_test, outputs)}
    for name, value in own.items():
        told = figures.get(name)
        tolerance = TIED_ROWS / len(y_test) if name == "test_accuracy" else SCORE_TOLERANCE * max(1.0, abs(value))
        if told is None or not abs(told - value) <= tolerance:
            raise CheatError(f"the worker's {name} was {told}, and is {value:.6g} by the runner's own y_test")
    return outputs
