"""What a contestant written by hand can train, said in one line where a task asks for more.

Called by the contestants that have no library to refuse a task for them. NumPy and the standard library only.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from bench.contestants.base import Task

ACTIVATIONS = ("linear", "relu", "sigmoid", "tanh", "softmax")

OUTPUT_OF_LOSS = {"binary_crossentropy": "sigmoid", "categorical_crossentropy": "softmax", "mean_squared_error": None}
"""The output activation that a loss is computed together with, from the logits; None: any."""

OPTIMIZER_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "sgd": {"learning_rate": 0.01, "momentum": 0.0, "nesterov": False},
    "adam": {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7},
}
"""Keras' own."""


def check_task(
    task: Task,
    contestant: str,
    *,
    activations: Collection[str] = ACTIVATIONS,
    losses: Collection[str] = tuple(OUTPUT_OF_LOSS),
    optimizers: Collection[str] = tuple(OPTIMIZER_DEFAULTS),
) -> None:
    """Refuse a task that `contestant` can't train, or couldn't train as Keras does.

    Raises
    ------
    ValueError
        Naming what the task asks for, and what it may be.

    """
    used = [activation_of(layer) for layer in task.architecture]
    for activation in used:
        _among(contestant, "activation", activation, activations)
    _among(contestant, "loss", task.loss, losses)
    output = OUTPUT_OF_LOSS[task.loss]
    if output not in (None, used[-1]):
        raise ValueError(f"{contestant} trains {task.loss} after {output} only: the last layer's activation was {used[-1]!r}")
    name = task.optimizer["name"]
    _among(contestant, "optimizer", name, optimizers)
    for argument in task.optimizer.keys() - {"name"}:
        _among(contestant, f"argument of the optimizer {name}", argument, tuple(OPTIMIZER_DEFAULTS[name]))


def hyperparameters(task: Task) -> dict[str, Any]:
    """The optimiser's arguments, Keras' defaults where the task says nothing."""
    return {key: task.optimizer.get(key, default) for key, default in OPTIMIZER_DEFAULTS[task.optimizer["name"]].items()}


def activation_of(layer: Mapping[str, Any]) -> str:
    """A layer's activation; linear where it names none, as everywhere else."""
    return str(layer.get("activation", "linear"))


def _among(contestant: str, what: str, value: str, allowed: Collection[str]) -> None:
    if value not in allowed:
        raise ValueError(f"{contestant} can't train with the {what} {value!r}: it may be one of {', '.join(allowed)}")
