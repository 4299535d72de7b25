"""Keras' updates as plain arithmetic on one array, for the frameworks that trace a function into a graph.

Called by the contestants `jax`, `tensorflow` and `torch-compile`, whose arrays all have NumPy's operators. Gradients are theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bench.contestants.base import Task
from bench.contestants.capabilities import hyperparameters

Update = Callable[[Any, Sequence[Any], Any, Any], tuple[Any, tuple[Any, ...]]]
"""(weight, slots, gradient, number of the step counted from 1) -> (weight, slots)."""


def make_update(task: Task, sqrt: Callable[[Any], Any]) -> tuple[int, Update]:
    """How many slots (arrays of state, zeros at first) the task's optimiser keeps for an array of weights, and its update.

    Parameters
    ----------
    sqrt
        The framework's square root, elementwise.

    """
    settings = hyperparameters(task)
    rate = settings["learning_rate"]
    if task.optimizer["name"] == "adam":
        return 2, _adam(sqrt, **settings)
    if settings["momentum"]:
        return 1, _momentum(**settings)
    return 0, lambda weight, _slots, gradient, _step: (weight - rate * gradient, ())


def _momentum(*, learning_rate: float, momentum: float, nesterov: bool) -> Update:
    def update(weight: Any, slots: Sequence[Any], gradient: Any, _step: Any) -> tuple[Any, tuple[Any, ...]]:
        velocity = momentum * slots[0] - learning_rate * gradient
        change = momentum * velocity - learning_rate * gradient if nesterov else velocity
        return weight + change, (velocity,)

    return update


def _adam(sqrt: Callable[[Any], Any], *, learning_rate: float, beta_1: float, beta_2: float, epsilon: float) -> Update:
    def update(weight: Any, slots: Sequence[Any], gradient: Any, step: Any) -> tuple[Any, tuple[Any, ...]]:
        rate = learning_rate * sqrt(1 - beta_2**step) / (1 - beta_1**step)
        mean = slots[0] + (gradient - slots[0]) * (1 - beta_1)
        square = slots[1] + (gradient * gradient - slots[1]) * (1 - beta_2)
        return weight - rate * mean / (sqrt(square) + epsilon), (mean, square)

    return update
