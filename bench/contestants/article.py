"""The article's network as a contestant: `numpy_nn.textbook`, which has its formulas and nothing optimized.

It trains what the article trains: relu and sigmoid, binary cross-entropy on one output, plain gradient descent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from bench.contestants.base import Array, Contestant, EpochEnd, Task
from bench.contestants.capabilities import activation_of, check_task, hyperparameters
from numpy_nn import textbook


class Article(Contestant):
    """Trains the textbook network on full batches or minibatches, in the precision of the task's arrays."""

    def __init__(self, task: Task) -> None:
        activations = tuple(textbook.ACTIVATIONS)
        check_task(task, "article", activations=activations, losses=("binary_crossentropy",), optimizers=("sgd",))
        if task.y.shape[1] != 1:
            raise ValueError(f"article has a single output: y had {task.y.shape[1]}")
        settings = hyperparameters(task)
        if settings["momentum"]:
            raise ValueError(f"article descends without momentum: the optimizer's momentum was {settings['momentum']!r}")
        self._task = task
        self._learning_rate = settings["learning_rate"]
        self._rng = np.random.default_rng(task.seed)
        self._set_weights()

    def _set_weights(self) -> None:
        kernels, biases = self._task.weights[::2], self._task.weights[1::2]
        self._layers = [
            textbook.Layer(kernel.T.copy(), bias.reshape(-1, 1).copy(), *textbook.ACTIVATIONS[activation_of(layer)])
            for layer, kernel, bias in zip(self._task.architecture, kernels, biases, strict=True)
        ]

    def warm_up(self) -> None:
        rows = self._task.rows_a_step
        textbook.train_step(self._layers, self._task.x[:rows].T, self._task.y[:rows].T, self._learning_rate)
        self._set_weights()

    def fit(self, on_epoch_end: EpochEnd) -> Mapping[str, Sequence[float]]:
        history: dict[str, list[float]] = {"loss": [], "accuracy": []}
        x, y = self._task.x.T, self._task.y.T
        for epoch in range(self._task.epochs):
            if self._task.shuffle:
                order = self._rng.permutation(x.shape[1])
                x, y = x[:, order], y[:, order]
            trained = textbook.train(self._layers, x, y, learning_rate=self._learning_rate, batch_size=self._task.batch_size)
            for name, values in trained.items():
                history[name] += values
            on_epoch_end(epoch)
        return history

    def predict(self, x: Array) -> Array:
        return textbook.forward(self._layers, x.T)[0].T

    def get_weights(self) -> Sequence[Array]:
        return [part for layer in self._layers for part in (layer.W.T, layer.b.ravel())]
