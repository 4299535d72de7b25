"""The benchmarks of the algorithm in plain lines: each function of `textbook`."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from bench.micro.calls import Call, MakeCall, family
from bench.micro.networks import SMALL_LAYERS, as_architecture, two_moons

ROWS = 32
X, Y = (values.T for values in two_moons(ROWS, 0, "float64"))
Z = np.linspace(-3, 3, 25 * ROWS).reshape(25, ROWS)
OUTPUTS = np.linspace(0.1, 0.9, ROWS)[None]


def _of(name: str, *arguments: Any, **settings: Any) -> MakeCall:
    return lambda package: partial(getattr(_textbook(package), name), *arguments, **settings)


def _textbook(package: ModuleType) -> ModuleType:
    return importlib.import_module(f"{package.__name__}.textbook")


def _of_network(use: Callable[[ModuleType, Any], Call]) -> MakeCall:
    def make(package: ModuleType) -> Call:
        textbook = _textbook(package)
        return use(textbook, textbook.init(as_architecture(SMALL_LAYERS), seed=0))

    return make


def _backward(textbook: ModuleType, layers: Any) -> Call:
    return partial(textbook.backward, layers, textbook.forward(layers, X)[1], np.ones((1, ROWS)))


def _update(textbook: ModuleType, layers: Any) -> Call:
    gradients = _backward(textbook, layers)()
    return partial(textbook.update, layers, gradients, 1e-9)


CALLS: dict[str, MakeCall] = {
    "relu": _of("relu", Z),
    "relu_backward": _of("relu_backward", Z, Z),
    "sigmoid": _of("sigmoid", Z),
    "sigmoid_backward": _of("sigmoid_backward", Z, Z),
    "init": _of("init", as_architecture(SMALL_LAYERS), seed=0),
    "loss": _of("loss", Y, OUTPUTS),
    "loss_gradient": _of("loss_gradient", Y, OUTPUTS),
    "accuracy": _of("accuracy", Y, OUTPUTS),
    "forward": _of_network(lambda textbook, layers: partial(textbook.forward, layers, X)),
    "backward": _of_network(_backward),
    "update": _of_network(_update),
    "train_step": _of_network(lambda textbook, layers: partial(textbook.train_step, layers, X, Y[None], 1e-9)),
    "train": _of_network(lambda textbook, layers: partial(textbook.train, layers, X, Y[None], learning_rate=1e-9)),
}

BENCHMARKS = (family("textbook", "each function of the algorithm in plain lines", CALLS, calls_a_block=1),)
