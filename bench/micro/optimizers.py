"""The benchmarks of optimizers by themselves: made, described, built, and their state. Their steps are in `training`."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from operator import attrgetter
from types import ModuleType
from typing import Any

import numpy as np

from bench.micro.calls import Call, MakeCall, family, repeated, short_family
from bench.micro.parts import found, made_again, of_part

NAMES = ("sgd", "adam", "adamw", "rmsprop", "adagrad")
WEIGHTS = 1000


def built(package: ModuleType, name: str) -> Any:
    """An optimizer with state."""
    optimizer = package.optimizers.get(name)
    optimizer.build(WEIGHTS, np.dtype("float32"))
    return optimizer


def _of_built(name: str, method: str, *arguments: Any) -> MakeCall:
    return lambda package: partial(getattr(built(package, name), method), *arguments)


def _attribute(name: str) -> MakeCall:
    return lambda package: partial(attrgetter(name), built(package, "adam"))


def _state_set(package: ModuleType) -> Call:
    optimizer = built(package, "adam")
    return partial(optimizer.set_state, optimizer.get_state())


def _with(name: str, use: Callable[[Any], Any]) -> MakeCall:
    return lambda package: partial(use, built(package, name))


OBJECTS: dict[str, MakeCall] = {
    "get": found("optimizers", "sgd"),
    **{name: made_again("optimizers", name) for name in NAMES},
    **{f"configuration of {name}": of_part("optimizers", name, "get_config") for name in NAMES if name != "adamw"},
    "from a configuration": of_part("optimizers", "sgd", "from_config", {"learning_rate": 0.01}),
}
STATE: dict[str, MakeCall] = {
    "build": of_part("optimizers", "adam", "build", WEIGHTS, np.dtype("float32")),
    "refresh": _of_built("adam", "refresh"),
    "get_state": _of_built("adam", "get_state"),
    "set_state": _state_set,
    "state": _of_built("adam", "state"),
    "copy": _with("adam", copy.copy),
    "what a copy is made from": _of_built("adam", "__getstate__"),
    "factor of the gradient": repeated(_of_built("sgd", "factor")),
    "factor of the gradient, adam": repeated(_of_built("adam", "factor")),
}
CONSTANTS: dict[str, MakeCall] = {
    **{f"constants of {name}": _of_built(name, "constants") for name in NAMES if name != "adamw"},
    **{f"first state of {name}": _of_built(name, "first_state") for name in NAMES if name != "adamw"},
}
ATTRIBUTES: dict[str, MakeCall] = {name: _attribute(name) for name in ("learning_rate", "rate", "is_built", "needs_whole_gradient")}

BENCHMARKS = (
    family("optimizer-objects", "optimizers by name, made, and their configurations", OBJECTS),
    family("optimizer-state", "an optimizer's state made, read, set and copied", STATE),
    short_family("optimizer-constants", "what an optimizer's step starts from, and computes with", CONSTANTS),
    short_family("optimizer-attributes", "an optimizer's learning rate and other attributes", ATTRIBUTES),
)
