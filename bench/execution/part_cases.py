"""The short trainings of a `parts` trial: every activation, loss and optimiser that `numpy_nn` and Keras both have.

Called by `bench.execution.parts_parity`, in the contestant's process. Each activation and each optimiser is trained on two classes,
on three, and on regression, each loss on its own task, and the last batch of every epoch is smaller. Hyper-parameters are exact in
binary, since Keras keeps them in float32. NumPy and the standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from bench.contestants.base import Array, Task

ROWS, BATCH, EPOCHS = 100, 8, 3
"""Thirteen steps an epoch, the last of four rows."""
FEATURES, UNITS = 3, 5
TOLERANCE = 1e-12
"""The largest difference that rounding explains; 39 steps give about 1e-16."""
ROUNDED_TOLERANCE = 1e-7
"""The same where Keras has a constant of an activation in float32, also in a float64 network."""
ROUNDED = ("leaky_relu", "gelu")

ACTIVATIONS = (
    ("linear", "relu", "elu"),
    ("tanh", "softplus", "softmax"),
    ("sigmoid", "hard_sigmoid", "selu"),
    ("silu", "softsign", "mish"),
    ("exponential", "leaky_relu", "gelu"),
)
"""The hidden layers of a network."""

_ADAM = {"learning_rate": 2.0**-7, "beta_1": 0.75, "beta_2": 0.875, "epsilon": 2.0**-10}
_ADAGRAD = {"learning_rate": 2.0**-5, "initial_accumulator_value": 0.125, "epsilon": 2.0**-10}
_RMSPROP = {"learning_rate": 2.0**-8, "rho": 0.875, "epsilon": 2.0**-6}
OPTIMIZERS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "sgd": (
        {"learning_rate": 0.125},
        {"learning_rate": 0.0625, "momentum": 0.75},
        {"learning_rate": 0.0625, "momentum": 0.75, "nesterov": True, "clipvalue": 2.0**-4},
    ),
    "rmsprop": (_RMSPROP, {**_RMSPROP, "momentum": 0.5}, {**_RMSPROP, "centered": True}),
    "adam": (_ADAM, {**_ADAM, "amsgrad": True}, {**_ADAM, "clipnorm": 2.0**-4}),
    "adamw": ({**_ADAM, "weight_decay": 2.0**-6}, {**_ADAM, "weight_decay": 2.0**-4}, {**_ADAM, "weight_decay": 2.0**-2}),
    "adagrad": (_ADAGRAD, {**_ADAGRAD, "weight_decay": 2.0**-6}, {**_ADAGRAD, "global_clipnorm": 2.0**-2}),
}
"""By name, the arguments on each of `TASKS`."""

TASKS = ("two classes", "three classes", "regression")
OUTPUTS: dict[str, tuple[tuple[str, str], ...]] = {
    "two classes": (("sigmoid", "binary_crossentropy"),),
    "three classes": (
        ("softmax", "categorical_crossentropy"),
        ("softmax", "sparse_categorical_crossentropy"),
        ("sigmoid", "categorical_crossentropy"),
    ),
    "regression": (("linear", "mean_squared_error"), ("linear", "huber"), ("tanh", "mean_absolute_error")),
}
"""By task, the activation of the last layer and the loss."""
QUICK = (2, 8, 9, 10, 11)
"""The trainings that have each activation and each optimiser once."""


@dataclass(frozen=True)
class PartCase:
    """One short training."""

    number: int
    task: str
    activations: tuple[str, ...]
    """Of the hidden layers and the last one."""
    loss: str
    optimizer: dict[str, Any]

    @property
    def tolerance(self) -> float:
        """The largest difference that rounding explains."""
        return ROUNDED_TOLERANCE if set(self.activations) & set(ROUNDED) else TOLERANCE

    @property
    def description(self) -> dict[str, Any]:
        """What is trained, as it stands in the record."""
        options = ", ".join(f"{name}={value:g}" for name, value in self.optimizer.items() if name != "name")
        return {
            "case": self.number,
            "task": self.task,
            "activations": ", ".join(self.activations),
            "loss": self.loss,
            "optimizer": f"{self.optimizer['name']}({options})",
        }

    def training(self, threads: int) -> Task:
        """Return the training with its data and first weights, the same in every process."""
        generator = np.random.default_rng(self.number)
        x = generator.normal(size=(ROWS, FEATURES))
        y = self._targets(generator)
        units = [FEATURES, *(UNITS for _ in self.activations[1:]), _outputs(self.task)]
        layers = list(zip(pairwise(units), self.activations, strict=True))
        return Task(
            architecture=[{"input_dim": i, "output_dim": o, "activation": name} for (i, o), name in layers],
            weights=[0.5 * generator.normal(size=shape) for (i, o), _ in layers for shape in ((i, o), (o,))],
            x=x,
            y=y,
            x_test=x,
            y_test=y,
            loss=self.loss,
            optimizer=self.optimizer,
            batch_size=BATCH,
            epochs=EPOCHS,
            dtype="float64",
            threads=threads,
            seed=self.number,
        )

    def _targets(self, generator: np.random.Generator) -> Array:
        if self.task == "regression":
            return generator.normal(size=(ROWS, _outputs(self.task)))
        if self.task == "two classes":
            return generator.integers(0, 2, (ROWS, 1)).astype(np.float64)
        classes = generator.integers(0, _outputs(self.task), (ROWS, 1))
        if self.loss.startswith("sparse"):
            return classes.astype(np.float64)
        return np.eye(_outputs(self.task))[classes[:, 0]]


def part_cases(*, quick: bool) -> list[PartCase]:
    """Return the trainings; `quick` returns a third of them, with each activation and optimiser on one task only."""
    cases: list[PartCase] = []
    names = list(OPTIMIZERS)
    for place, task in enumerate(TASKS):
        for index, hidden in enumerate(ACTIVATIONS):
            last, loss = OUTPUTS[task][index % len(OUTPUTS[task])]
            name = names[(index + place) % len(names)]
            optimizer = {"name": name, **OPTIMIZERS[name][place]}
            cases.append(PartCase(len(cases) + 1, task, (*hidden, last), loss, optimizer))
    return [case for case in cases if case.number in QUICK] if quick else cases


def _outputs(task: str) -> int:
    return {"two classes": 1, "three classes": 3, "regression": 2}[task]
