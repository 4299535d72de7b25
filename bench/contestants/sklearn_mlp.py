"""scikit-learn's `MLPClassifier` as a contestant, through its public interface: one `fit` for all epochs.

Its experts would do just that: `partial_fit` epoch by epoch takes longer (`docs/contestants.md`). `warm_start` lets it begin from
the task's weights, and `shuffle=False` takes the task's batches. `loss_curve_`, which it appends to after each epoch, tells where
epochs end. It computes no accuracy while it trains: the history's is NaN, and parity can be had of loss and weights only.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bench.contestants.base import Array, Contestant, EpochEnd, Task
from bench.contestants.capabilities import OUTPUT_OF_LOSS, activation_of, check_task, hyperparameters

ACTIVATIONS = {"linear": "identity", "relu": "relu", "sigmoid": "logistic", "tanh": "tanh"}
"""Ours, and scikit-learn's name: one for all hidden layers."""


class _LossCurve(list[float]):
    """A list that tells when another epoch has been put at its end."""

    def __init__(self, on_epoch_end: EpochEnd) -> None:
        super().__init__()
        self._on_epoch_end = on_epoch_end

    def append(self, loss: float) -> None:
        super().append(loss)
        self._on_epoch_end(len(self) - 1)


class SklearnMLP(Contestant):
    """Trains by `MLPClassifier.fit`."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._hidden_activation = _hidden_activation(task)
        from sklearn.neural_network import MLPClassifier

        self._labels = task.y[:, 0].astype(int) if task.y.shape[1] == 1 else task.y.argmax(axis=1)
        self._model = MLPClassifier(
            hidden_layer_sizes=[layer["output_dim"] for layer in task.architecture[:-1]],
            activation=self._hidden_activation,
            batch_size=task.rows_a_step,
            shuffle=task.shuffle,
            alpha=0,
            tol=0,
            n_iter_no_change=np.inf,  # together: never stops before its last epoch
            max_iter=1,
            warm_start=True,
            random_state=task.seed,
            **_solver(task),
        )
        self._fit(1, lambda _: None)  # the only way to make its arrays; it also leaves nothing to warm up
        self._set_first_weights()

    def _set_first_weights(self) -> None:
        kernels, biases = self._task.weights[::2], self._task.weights[1::2]
        self._model.coefs_ = [kernel.copy() for kernel in kernels]
        self._model.intercepts_ = [bias.copy() for bias in biases]

    def fit(self, on_epoch_end: EpochEnd) -> Mapping[str, Sequence[float]]:
        losses = self._fit(self._task.epochs, on_epoch_end)
        return {"loss": [float(loss) for loss in losses], "accuracy": [math.nan] * len(losses)}

    def _fit(self, epochs: int, on_epoch_end: EpochEnd) -> list[float]:
        """Train from the weights as they are; the loss of every epoch."""
        from sklearn.exceptions import ConvergenceWarning

        curve = self._model.loss_curve_ = _LossCurve(on_epoch_end)
        self._model.max_iter = epochs
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # it warns whenever its last epoch was reached, as asked for
            self._model.fit(self._task.x, self._labels)
        return curve

    def predict(self, x: Array) -> Array:
        probabilities: Array = self._model.predict_proba(x)
        return probabilities[:, 1:] if self._task.y.shape[1] == 1 else probabilities

    def get_weights(self) -> Sequence[Array]:
        return [part for pair in zip(self._model.coefs_, self._model.intercepts_, strict=True) for part in pair]


def _hidden_activation(task: Task) -> str:
    """scikit-learn's name of the one activation that all hidden layers have.

    Raises
    ------
    ValueError
        If `MLPClassifier` can't have the task's layers, loss or optimiser.

    """
    cross_entropies = tuple(loss for loss, output in OUTPUT_OF_LOSS.items() if output)
    check_task(task, "sklearn", losses=cross_entropies)
    if task.loss == "binary_crossentropy" and task.y.shape[1] != 1:
        raise ValueError(f"sklearn has a single output for binary_crossentropy: y had {task.y.shape[1]}")
    hidden = {activation_of(layer) for layer in task.architecture[:-1]} or {"relu"}
    if len(hidden) > 1 or not hidden <= ACTIVATIONS.keys():
        raise ValueError(
            f"sklearn has one activation for all hidden layers, of {', '.join(ACTIVATIONS)}: they were {', '.join(sorted(hidden))}"
        )
    return ACTIVATIONS[hidden.pop()]


def _solver(task: Task) -> dict[str, Any]:
    """The task's optimiser as arguments of `MLPClassifier`, which has Keras' formulas for both."""
    settings = hyperparameters(task)
    rate = {"solver": task.optimizer["name"], "learning_rate_init": settings.pop("learning_rate")}
    if rate["solver"] == "adam":
        return rate | settings
    return rate | {"learning_rate": "constant", "momentum": settings["momentum"], "nesterovs_momentum": settings["nesterov"]}
