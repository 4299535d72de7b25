"""Checks in the runner that predictions come from the weights that a fit ends with, which the worker has encoded into its answer.

Called by `answer_checks`.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.contestants.base import Array
from bench.execution.messages import TaskSpec
from bench.execution.trial_checks import NO_UPDATE, CheatError

AFTER, MIDWAY = "after the fit", "in the middle of the fit"
_DTYPES = {f"<f{size}": np.dtype(f"<f{size}") for size in (2, 4, 8)}
SAME_OUTPUT = {"float64": 1e-6, "float32": 1e-2}
"""Between the contestant's outputs and those of the runner from the same weights: as a share of the largest output, or of 1."""


def check_predictions(shown: Any, outputs: Array, first: Sequence[Array], task: TaskSpec, x_test: Array, when: str) -> None:
    """Check that outputs for `x_test` come from the weights that are shown, and these from a training in the task's precision.

    Raises
    ------
    CheatError
        If they don't.

    """
    weights = _decoded(shown, first)
    if not all(np.isfinite(array).all() for array in weights):
        raise CheatError(f"the weights {when} aren't finite, and the predictions are: they must come from the weights")
    if task.dtype == "float64" and all(np.array_equal(array, array.astype(np.float32)) for array in weights):
        raise CheatError(f"the weights {when} have the precision of float32, and the workload's dtype is float64")
    if when == AFTER and all(map(np.array_equal, weights, first)) and task.optimizer.get("learning_rate") != 0:
        raise CheatError(f"{NO_UPDATE}: the weights after it are those before it")
    own = _predictions(task, weights, x_test)
    gap, scale = float(np.max(np.abs(own - outputs), initial=0.0)), max(1.0, float(np.max(np.abs(own), initial=0.0)))
    if not gap <= SAME_OUTPUT[task.dtype] * scale:
        raise CheatError(f"the predictions are up to {gap:.3g} away from those of the weights that get_weights returned {when}")


def _decoded(shown: Any, first: Sequence[Array]) -> list[Array]:
    """Return the arrays, in the shapes of the first weights."""
    try:
        arrays = [np.frombuffer(base64.b64decode(one["data"]), _DTYPES[one["dtype"]]) for one in shown]
        return [array.reshape(like.shape).astype(np.float64) for array, like in zip(arrays, first, strict=True)]
    except (TypeError, KeyError, ValueError):
        raise CheatError(f"the answer has no weights: it must have the {len(first)} arrays of task.weights") from None


def _predictions(task: TaskSpec, weights: Sequence[Array], x: Array) -> Array:
    from numpy_nn import Sequential  # the runner's: a worker has only its contestant

    model = Sequential([dict(layer) for layer in task.architecture], dtype="float64", threads=1)
    model.set_weights(list(weights))
    return model.predict(np.asarray(x, np.float64))
