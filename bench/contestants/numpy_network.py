"""The project's own network as a contestant: `numpy_nn.Sequential`, used as anybody would.

There is no other path inside for benchmarks: `compile`, `fit` with a callback, `predict`. Nothing but NumPy is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bench.contestants.base import Array, Contestant, EpochEnd, Task
from numpy_nn import Callback, Sequential, optimizers


class _EpochEnds(Callback):
    def __init__(self, on_epoch_end: EpochEnd) -> None:
        self._notify = on_epoch_end

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._notify(epoch)


class NumpyNetwork(Contestant):
    """Trains by `fit`."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._model = Sequential(task.architecture, seed=task.seed, dtype=task.dtype, threads=task.threads)
        self._compile()

    def _compile(self) -> None:
        """Compile anew, so that the optimiser starts from nothing, and take the task's weights."""
        arguments = dict(self._task.optimizer)
        optimizer = type(optimizers.get(arguments.pop("name")))(**arguments)
        self._model.compile(optimizer=optimizer, loss=self._task.loss, metrics=["accuracy"])
        self._model.set_weights(list(self._task.weights))

    def warm_up(self) -> None:
        rows = self._task.rows_a_step
        self._model.train_on_batch(self._task.x[:rows], self._task.y[:rows])
        self._compile()

    def fit(self, on_epoch_end: EpochEnd) -> Mapping[str, Sequence[float]]:
        history = self._model.fit(
            self._task.x,
            self._task.y,
            batch_size=self._task.batch_size,
            epochs=self._task.epochs,
            shuffle=self._task.shuffle,
            callbacks=[_EpochEnds(on_epoch_end)],
            verbose=0,
        )
        return history.history

    def predict(self, x: Array) -> Array:
        return self._model.predict(x)

    def predictor(self) -> Callable[[Array], Array]:
        return self._model.predict

    def get_weights(self) -> Sequence[Array]:
        return self._model.get_weights()
