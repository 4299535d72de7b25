"""Scores several seeds of a study's cell in one training: the worker's side of `bench.execution.ensembles`.

Called by the trial session, inside the contestant's process. Imports NumPy, contestants and the standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.contestants.base import Array, Task, accuracy
from bench.execution import metrics
from bench.execution.messages import Request
from bench.execution.trial_checks import (
    DivergedError,
    check_first_weights,
    check_history,
    check_outputs,
    check_trained,
)

MOST_BYTES = 256 * 2**20
"""Of the data files of networks that are trained together."""


def requests_of(request: Request) -> list[Request]:
    """Return the requests of all seeds that a request is for, its own first; only that if the files are too large or not here."""
    others = [
        replace(
            request,
            together=(),
            data_sha256=one["sha256"],
            paths=replace(request.paths, data=one["data"]),
            task=replace(request.task, seed=one["seed"]),
        )
        for one in request.together
    ]
    found = [replace(request, together=()), *others]
    paths = [Path(one.paths.data) for one in found]
    fit = all(path.is_file() for path in paths) and sum(path.stat().st_size for path in paths) <= MOST_BYTES
    return found if fit else found[:1]


def scored_together(contestant_class: Any, tasks: Sequence[Task]) -> list[dict[str, Any] | None]:
    """Train the tasks at once and score each after every epoch; return the figures of each, None of one that diverged.

    Raises
    ------
    DivergedError
        If the first diverged.

    """
    group = contestant_class.TOGETHER(tasks)
    for number, task in enumerate(tasks):
        check_first_weights(group.get_weights(number), task.weights)
    x_test = np.stack([task.x_test for task in tasks])
    curves: list[dict[str, list[float]]] = [{"val_loss": [], "val_accuracy": []} for _ in tasks]
    outputs: list[Array] = []

    def on_epoch_end(_epoch: int) -> None:
        outputs[:] = list(np.array(group.predict(x_test)))
        for task, curve, own in zip(tasks, curves, outputs, strict=True):
            curve["val_loss"].append(metrics.loss(task.loss, task.y_test, own))
            curve["val_accuracy"].append(accuracy(task.y_test, own))

    histories = group.fit(on_epoch_end)
    found: list[dict[str, Any] | None] = []
    for number, (task, history, curve) in enumerate(zip(tasks, histories, curves, strict=True)):
        try:
            figures = _figures(task, {**history, **curve}, outputs[number], group.get_weights(number))
            found.append({**figures, "details": {"fast_path": f"ensemble of {len(tasks)} networks"}})
        except DivergedError:
            if number == 0:
                raise
            found.append(None)
    return found


def _figures(task: Task, history: Mapping[str, Sequence[float]], outputs: Array, weights: Sequence[Array]) -> dict[str, Any]:
    check_history(history)
    check_outputs(outputs, task.epochs)
    test_loss = metrics.loss(task.loss, task.y_test, outputs)
    if task.optimizer.get("learning_rate") != 0:
        check_trained(weights, task.weights, test_loss)
    return {
        "steps": task.steps,
        "history": {name: [float(value) for value in values] for name, values in history.items()},
        "test_accuracy": accuracy(task.y_test, outputs),
        "test_loss": test_loss,
        "test_predictions": [float(value) for value in outputs.ravel()],
    }
