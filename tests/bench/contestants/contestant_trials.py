"""Tiny tasks, and what is done with a contestant in a process of its own: a Keras backend is fixed for a process."""

import os
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bench.contestants.base import Task


def layers(sizes, activations):
    return [
        {"input_dim": inputs, "output_dim": outputs, "activation": activation}
        for inputs, outputs, activation in zip(sizes, sizes[1:], activations, strict=False)
    ]


def make_task(sizes=(2, 8, 1), activations=("relu", "sigmoid"), samples=64, **changes):
    rng = np.random.default_rng(0)
    architecture = layers(sizes, activations)
    weights = []
    for layer in architecture:
        weights += [rng.normal(size=(layer["input_dim"], layer["output_dim"])), rng.normal(size=layer["output_dim"]) * 0.1]
    x = rng.normal(size=(samples + 10, sizes[0]))
    classes = (x[:, 0] * x[:, 1] > 0).astype(int) if sizes[-1] == 1 else rng.integers(0, sizes[-1], len(x))
    y = classes.reshape(-1, 1).astype(float) if sizes[-1] == 1 else np.eye(sizes[-1])[classes]
    task = Task(
        architecture=architecture,
        weights=weights,
        x=x[:samples],
        y=y[:samples],
        x_test=x[samples:],
        y_test=y[samples:],
        loss="binary_crossentropy",
        optimizer={"name": "sgd", "learning_rate": 0.125},
        batch_size=20,  # 64 rows: the last batch has 4
        epochs=3,
        dtype="float64",
        threads=1,
        seed=0,
    )
    return replace(task, **changes)


# Every number that Keras would pass through float32 is dyadic.
TASKS = {
    "mini-batch": make_task(),
    "full batch": make_task(batch_size=None),
    "mean squared error, linear": make_task((2, 5, 2), ("tanh", "linear"), loss="mean_squared_error"),
    "classes": make_task((2, 6, 5, 3), ("sigmoid", "tanh", "softmax"), loss="categorical_crossentropy"),
    "classes, one activation": make_task((2, 6, 5, 3), ("tanh", "tanh", "softmax"), loss="categorical_crossentropy"),
    "momentum": make_task(optimizer={"name": "sgd", "learning_rate": 0.125, "momentum": 0.75}),
    "nesterov": make_task(optimizer={"name": "sgd", "learning_rate": 0.125, "momentum": 0.5, "nesterov": True}),
    "adam": make_task(optimizer={"name": "adam", "learning_rate": 0.0625, "beta_1": 0.5, "beta_2": 0.75, "epsilon": 2.0**-20}),
}


@dataclass
class Outcome:
    history: dict[str, list[float]]
    epochs_told: list[int]
    warm_weights: list[Any]
    weights: list[Any]
    predictions: Any
    row_predictions: list[Any]
    """By the contestant's own fastest call, and by what is compiled by hand, as far as there are any."""
    details: dict[str, Any]


def run_trial(target: str, task: Task) -> Outcome:
    """Build, warm up, fit, predict; what the worker does with a contestant, without its clocks."""
    from bench.contestants.registry import load

    contestant = load(target)(task)
    contestant.warm_up()
    warm_weights = [np.array(weight) for weight in contestant.get_weights()]
    epochs_told: list[int] = []
    history = dict(contestant.fit(epochs_told.append))
    calls = [contestant.predictor(), contestant.compiled_predictor()]
    return Outcome(
        history,
        epochs_told,
        warm_weights,
        [np.array(weight) for weight in contestant.get_weights()],
        contestant.predict(task.x_test),
        [np.array(call(task.x_test[:1])) for call in calls if call is not None],
        dict(contestant.details()),
    )


def run_tune(target: str, task: Task) -> dict[str, Any]:
    from bench.contestants.registry import load

    return load(target).tune(task)


def start_process(environment):
    """What a fresh process does first."""
    os.environ.update(environment)
