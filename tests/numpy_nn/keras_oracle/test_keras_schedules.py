"""Every schedule against Keras', by itself and in a training."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from keras_oracle_parts import EXACT

import numpy_nn
from numpy_nn import Sequential

SCHEDULES: dict[str, tuple[str, dict[str, Any]]] = {
    "exponential": ("ExponentialDecay", {"initial_learning_rate": 0.5, "decay_steps": 8, "decay_rate": 0.5}),
    "exponential_staircase": (
        "ExponentialDecay",
        {"initial_learning_rate": 0.5, "decay_steps": 8, "decay_rate": 0.5, "staircase": True},
    ),
    "cosine": ("CosineDecay", {"initial_learning_rate": 0.5, "decay_steps": 16}),
    "cosine_alpha": ("CosineDecay", {"initial_learning_rate": 0.5, "decay_steps": 16, "alpha": 0.25}),
    "cosine_warmup": (
        "CosineDecay",
        {"initial_learning_rate": 0.0, "decay_steps": 16, "warmup_target": 0.5, "warmup_steps": 4},
    ),
    "piecewise": ("PiecewiseConstantDecay", {"boundaries": [3, 9], "values": [0.5, 0.25, 0.125]}),
}


def schedule(name: str, package: Any) -> Callable[[int], Any]:
    class_name, options = SCHEDULES[name]
    module = numpy_nn.schedules if package is numpy_nn else package.optimizers.schedules
    return getattr(module, class_name)(**options)


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_learning_rate_of_a_step_is_that_of_keras(name: str, keras64: ModuleType) -> None:
    steps = range(40)
    ours, theirs = ([float(schedule(name, package)(step)) for step in steps] for package in (numpy_nn, keras64))
    # Keras computes it in float32.
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
def test_a_training_follows_the_schedule_from_step_to_step(name: str, optimizer: str, keras64: ModuleType) -> None:
    x, y = np.random.default_rng(0).normal(size=(12, 3)), np.arange(12.0) % 2
    theirs = keras64.Sequential([keras64.Input((3,)), keras64.layers.Dense(1, activation="sigmoid")])
    ours = Sequential([{"input_dim": 3, "output_dim": 1, "activation": "sigmoid"}], dtype="float64")
    ours.set_weights(theirs.get_weights())
    for model, package in ((ours, numpy_nn), (theirs, keras64)):
        made = getattr(package.optimizers, optimizer)(learning_rate=schedule(name, package), **EXACT[optimizer])
        model.compile(made, "binary_crossentropy")
        model.fit(x, y.reshape(-1, 1), batch_size=5, epochs=8, shuffle=False, verbose=0)
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)
    assert float(ours.optimizer.learning_rate) == pytest.approx(float(theirs.optimizer.learning_rate), rel=1e-6)
