"""A contestant of your own: a network of tanh layers in textbook NumPy.

Try it with

    python -m bench run --workload examples/spirals.toml --contestants numpy_nn,examples/my_net.py:MyNet --quick

A contestant inherits from `Contestant` (see `bench/contestants/base.py`) and has four methods: `__init__`, `fit`, `predict` and
`get_weights`. It is made anew for every trial, inside a process that runs nothing else, and gets a `Task`: the arrays, the first
weights, and how to train.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.contestants.base import Contestant, Task, accuracy, batches

Array = NDArray[Any]


class MyNet(Contestant):
    """Plain stochastic gradient descent on any stack of tanh layers under a sigmoid, by textbook backpropagation."""

    # Optional: what the report's tables say of it.
    SUMMARY = "an example: textbook backpropagation for tanh layers, in forty lines"
    # Other attributes: BATCH_ORDER and CLOCK_INCLUDES (a line each for the report), PARITY = False where it can't start from the
    # weights that it is given, and ENVIRONMENT = {"OMP_NUM_THREADS": "1"}, set before its process imports anything.
    # Other methods, each with a default in `Contestant`: `warm_up` (do what only the first step costs, such as compiling, and leave
    # the weights as they were), `tune`, `details`, `predictor` and `compiled_predictor`. What is random must come from
    # `task.seed`: two fits of one seed are compared.

    def __init__(self, task: Task) -> None:
        # Build the model and give it the first weights. A framework is imported here, so that its import counts as cold start.
        activations = [layer["activation"] for layer in task.architecture]
        if activations != ["tanh"] * (len(activations) - 1) + ["sigmoid"]:
            raise ValueError(f"activations were {activations}: MyNet has tanh in its hidden layers and sigmoid at the output")
        if task.loss != "binary_crossentropy" or task.optimizer["name"] != "sgd":
            raise ValueError(
                f"loss and optimizer were {task.loss}, {task.optimizer['name']}: MyNet has binary_crossentropy and sgd"
            )
        self.task = task
        self.learning_rate = task.optimizer["learning_rate"]
        self.weights = [weight.copy() for weight in task.weights]  # kernel (in, out), bias (out,), layer by layer

    def fit(self, on_epoch_end: Callable[[int], None]) -> Mapping[str, Sequence[float]]:
        task = self.task
        history: dict[str, list[float]] = {"loss": [], "accuracy": []}
        for epoch in range(task.epochs):
            outputs = np.concatenate([self._step(task.x[rows], task.y[rows]) for rows in batches(task)])
            p = np.clip(outputs, 1e-7, 1 - 1e-7)
            # An epoch's figures are of the outputs before each update, as Keras has them.
            history["loss"].append(float(-np.mean(task.y * np.log(p) + (1 - task.y) * np.log1p(-p))))
            history["accuracy"].append(accuracy(task.y, outputs))
            on_epoch_end(epoch)  # once all of the epoch's updates are done: this is where the clock is read
        return history

    def predict(self, x: Array) -> Array:
        return self._forward(x)[-1]

    def get_weights(self) -> Sequence[Array]:
        return self.weights

    def _forward(self, x: Array) -> list[Array]:
        """The input and each layer's outputs, (samples, outputs)."""
        outputs = [x]
        last = len(self.weights) - 2
        for layer in range(0, len(self.weights), 2):
            z = outputs[-1] @ self.weights[layer] + self.weights[layer + 1]
            outputs.append(0.5 + 0.5 * np.tanh(0.5 * z) if layer == last else np.tanh(z))  # a sigmoid that can't overflow
        return outputs

    def _step(self, x: Array, y: Array) -> Array:
        """One update; returns the outputs from before it."""
        outputs = self._forward(x)
        delta = (outputs[-1] - y) / y.size  # of a sigmoid under the cross-entropy
        for layer in range(len(self.weights) - 2, -1, -2):
            below = outputs[layer // 2]
            kernel_gradient, bias_gradient = below.T @ delta, delta.sum(axis=0)
            delta = (delta @ self.weights[layer].T) * (1 - below * below)  # tanh' = 1 − tanh²; unused below the first layer
            self.weights[layer] -= self.learning_rate * kernel_gradient
            self.weights[layer + 1] -= self.learning_rate * bias_gradient
        return outputs[-1]
