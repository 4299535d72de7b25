"""The parameters of both estimators, checked before anything is trained; an error names the parameter."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from numpy_nn import activations, validation
from numpy_nn.checks import shown
from numpy_nn.estimators.tasks import ACTIVATIONS
from numpy_nn.optimizers import Optimizer

SOLVERS = ("lbfgs", "sgd", "adam")
SCHEDULES = ("constant", "invscaling", "adaptive")

Check = tuple[Callable[[Any], bool], str]


def _number(value: object) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)


def _integer(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _between(low: float, high: float, *, ends: bool = True) -> Callable[[Any], bool]:
    return lambda value: _number(value) and low <= value <= high and (ends or low < value < high)


_COUNT: Check = (lambda value: _integer(value) and value >= 1, "a positive integer")
_POSITIVE: Check = (_between(0, math.inf, ends=False), "a positive number")
_NOT_NEGATIVE: Check = (lambda value: _number(value) and 0 <= value < math.inf, "a number of at least 0")
_FRACTION: Check = (lambda value: _number(value) and 0 <= value < 1, "at least 0 and below 1")
_SWITCH: Check = (lambda value: isinstance(value, (bool, np.bool_)), "True or False")

CHECKS: dict[str, Check] = {
    "solver": (
        lambda value: isinstance(value, Optimizer) or (isinstance(value, str) and value in SOLVERS),
        f"one of {', '.join(SOLVERS)}, or an optimizer of numpy_nn.optimizers",
    ),
    "alpha": _NOT_NEGATIVE,
    "batch_size": (lambda value: value == "auto" if isinstance(value, str) else _COUNT[0](value), "a positive integer, or 'auto'"),
    "learning_rate": (
        lambda value: isinstance(value, str) and value in SCHEDULES,
        f"one of {', '.join(SCHEDULES)}; the number is learning_rate_init",
    ),
    "learning_rate_init": _POSITIVE,
    "power_t": _NOT_NEGATIVE,
    "max_iter": _COUNT,
    "shuffle": _SWITCH,
    "tol": _NOT_NEGATIVE,
    "verbose": (lambda value: _SWITCH[0](value) or (_integer(value) and value >= 0), "True, False or an integer of at least 0"),
    "warm_start": _SWITCH,
    "momentum": _FRACTION,
    "nesterovs_momentum": _SWITCH,
    "early_stopping": _SWITCH,
    "validation_fraction": (_between(0, 1, ends=False), "above 0 and below 1"),
    "beta_1": _FRACTION,
    "beta_2": _FRACTION,
    "epsilon": _POSITIVE,
    "n_iter_no_change": (
        lambda value: _COUNT[0](value) or (_number(value) and value == math.inf),
        "a positive integer, or infinity",
    ),
    "max_fun": _COUNT,
    "loss": (
        lambda value: isinstance(value, str) and value in ("squared_error", "poisson"),
        "one of squared_error, poisson; the layers are hidden_layer_sizes",
    ),
}

NAMES = ("hidden_layer_sizes", "activation", *CHECKS)


def check(parameters: dict[str, Any]) -> None:
    """Raise a ValueError for the first parameter that is not allowed."""
    for name, (allowed, what) in CHECKS.items():
        if name not in parameters:
            continue
        value = parameters[name]
        if not allowed(value):
            raise ValueError(f"{name} was {shown(value)}: it must be {what}")
    hidden_layer_sizes(parameters["hidden_layer_sizes"])
    hidden_activation(parameters["activation"])


def refuse_masks(**arrays: Any) -> None:
    """Raise a ValueError for an array with masked values, which scikit-learn takes for numbers."""
    for name, value in arrays.items():
        if np.ma.is_masked(value):
            raise ValueError(f"{name} had masked values: fill them, or leave their rows out")


def hidden_layer_sizes(value: int | Iterable[int]) -> list[int]:
    """The units of each hidden layer."""
    sizes = value if isinstance(value, Iterable) else [value]
    return [validation.positive_integer("hidden_layer_sizes", size) for size in sizes]


def hidden_activation(value: str) -> str:
    """Our name of the activation: scikit-learn's names, and all of `numpy_nn.activations` besides."""
    name = ACTIVATIONS.get(value, value) if isinstance(value, str) else value
    if not isinstance(name, str) or name not in activations.ACTIVATIONS:
        allowed = ["identity", "logistic", *activations.ACTIVATIONS]
        raise ValueError(f"activation was {shown(value)}: it may be one of {', '.join(allowed)}")
    return name
