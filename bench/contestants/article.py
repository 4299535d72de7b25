"""The textbook network in NumPy, as the article of 2018 has it, in our own words; deliberately not optimised.

Features in rows and samples in columns, kernels (out, in), a dict of parameters, a dict of what the forward pass leaves behind, new
arrays for every result, the loss differentiated before the sigmoid is. The cost takes its logarithms as they come: a probability of
exactly 0 or 1 makes it infinite, as it did there. The activations are the article's two, its loss and its plain gradient descent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from bench.contestants.base import Array, Contestant, EpochEnd, Task, batches
from bench.contestants.capabilities import activation_of, check_task, hyperparameters

Parameters = dict[str, Array]


def sigmoid(z: Array) -> Array:
    """1 / (1 + e⁻ᶻ)."""
    return np.asarray(1 / (1 + np.exp(-z)))


def relu(z: Array) -> Array:
    """max(0, z)."""
    return np.maximum(0, z)


def sigmoid_backward(da: Array, z: Array) -> Array:
    """The gradient by the logits, from the one by the sigmoid's output."""
    a = sigmoid(z)
    return np.asarray(da * a * (1 - a))


def relu_backward(da: Array, z: Array) -> Array:
    """The gradient by the logits, from the one by relu's output."""
    dz = np.array(da, copy=True)
    dz[z <= 0] = 0
    return dz


FORWARD = {"relu": relu, "sigmoid": sigmoid}
BACKWARD = {"relu": relu_backward, "sigmoid": sigmoid_backward}


def full_forward(x: Array, parameters: Parameters, activations: Sequence[str]) -> tuple[Array, dict[str, Array]]:
    """Outputs (outputs, samples) for `x` (features, samples), and every layer's input and logits."""
    memory = {}
    a = x
    for number, activation in enumerate(activations, start=1):
        memory[f"A{number - 1}"] = a
        z = np.dot(parameters[f"W{number}"], a) + parameters[f"b{number}"]
        memory[f"Z{number}"] = z
        a = FORWARD[activation](z)
    return a, memory


def full_backward(
    y_hat: Array, y: Array, memory: dict[str, Array], parameters: Parameters, activations: Sequence[str]
) -> dict[str, Array]:
    """The gradient of the cost by every parameter."""
    samples = y.shape[1]
    gradients = {}
    da = -(y / y_hat - (1 - y) / (1 - y_hat))
    for number in range(len(activations), 0, -1):
        dz = BACKWARD[activations[number - 1]](da, memory[f"Z{number}"])
        gradients[f"W{number}"] = np.dot(dz, memory[f"A{number - 1}"].T) / samples
        gradients[f"b{number}"] = np.sum(dz, axis=1, keepdims=True) / samples
        da = np.dot(parameters[f"W{number}"].T, dz)
    return gradients


def cost(y_hat: Array, y: Array) -> float:
    """Binary cross-entropy, the mean over the samples."""
    return float(-np.mean(y * np.log(y_hat) + (1 - y) * np.log(1 - y_hat)))


def accuracy(y_hat: Array, y: Array) -> float:
    """The share of samples whose probability, cut above 0.5, is the label."""
    return float(np.mean((y_hat > 0.5) == (y > 0.5)))


class Article(Contestant):
    """Trains the textbook network, by full or mini-batches, in the precision of the task's arrays."""

    def __init__(self, task: Task) -> None:
        check_task(task, "article", activations=("relu", "sigmoid"), losses=("binary_crossentropy",), optimizers=("sgd",))
        if task.y.shape[1] != 1:
            raise ValueError(f"article has a single output: y had {task.y.shape[1]}")
        settings = hyperparameters(task)
        if settings["momentum"]:
            raise ValueError(f"article descends without momentum: the optimizer's momentum was {settings['momentum']!r}")
        self._task = task
        self._learning_rate = settings["learning_rate"]
        self._activations = [activation_of(layer) for layer in task.architecture]
        self._rng = np.random.default_rng(task.seed)
        self._set_weights()

    def _set_weights(self) -> None:
        self._parameters: Parameters = {}
        for number in range(1, len(self._activations) + 1):
            kernel, bias = self._task.weights[2 * number - 2 : 2 * number]
            self._parameters[f"W{number}"] = kernel.T.copy()
            self._parameters[f"b{number}"] = bias.reshape(-1, 1).copy()

    def warm_up(self) -> None:
        rows = self._task.rows_a_step
        self._step(self._task.x[:rows].T, self._task.y[:rows].T)
        self._set_weights()

    def _step(self, x: Array, y: Array) -> tuple[float, float]:
        """One update; the cost and the accuracy before it."""
        y_hat, memory = full_forward(x, self._parameters, self._activations)
        gradients = full_backward(y_hat, y, memory, self._parameters, self._activations)
        for name, gradient in gradients.items():
            self._parameters[name] = self._parameters[name] - self._learning_rate * gradient
        return cost(y_hat, y), accuracy(y_hat, y)

    def fit(self, on_epoch_end: EpochEnd) -> Mapping[str, Sequence[float]]:
        history: dict[str, list[float]] = {"loss": [], "accuracy": []}
        x, y = self._task.x.T, self._task.y.T
        samples = x.shape[1]
        for epoch in range(self._task.epochs):
            if self._task.shuffle:
                order = self._rng.permutation(samples)
                x, y = x[:, order], y[:, order]
            total_cost = total_accuracy = 0.0
            for rows in batches(self._task):
                step_cost, step_accuracy = self._step(x[:, rows], y[:, rows])
                total_cost += step_cost * (rows.stop - rows.start)
                total_accuracy += step_accuracy * (rows.stop - rows.start)
            history["loss"].append(total_cost / samples)
            history["accuracy"].append(total_accuracy / samples)
            on_epoch_end(epoch)
        return history

    def predict(self, x: Array) -> Array:
        return full_forward(x.T, self._parameters, self._activations)[0].T

    def get_weights(self) -> Sequence[Array]:
        numbers = range(1, len(self._activations) + 1)
        return [part for n in numbers for part in (self._parameters[f"W{n}"].T, self._parameters[f"b{n}"].ravel())]
