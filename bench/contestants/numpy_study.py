"""`numpy_nn` in a study, where no clock runs: the seeds of a cell are trained at once, in one `numpy_nn.Ensemble`.

Each network gives what it gives alone, up to rounding. `bench.execution.fast_paths` chooses this class, and
`bench.execution.together` trains with it; a seed that stands alone is trained as by `NumpyNetwork`.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import numpy as np

from bench.contestants.base import Array, EpochEnd, Task
from bench.contestants.numpy_network import NumpyNetwork
from numpy_nn import Ensemble, optimizers


class NumpyTogether:
    """The networks of several tasks that differ in their data, first weights and seeds alone."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._tasks = tasks
        first = tasks[0]
        self._ensemble = Ensemble(first.architecture, seeds=[task.seed for task in tasks], dtype=first.dtype)
        arguments = dict(first.optimizer)
        optimizer = type(optimizers.get(arguments.pop("name")))(**arguments)
        self._ensemble.compile(optimizer=optimizer, loss=first.loss, metrics=["accuracy"])
        for number, task in enumerate(tasks):
            self._ensemble.set_weights(number, list(task.weights))

    def fit(self, on_epoch_end: EpochEnd) -> list[Mapping[str, Sequence[float]]]:
        """Train all networks; return the history of each."""
        first = self._tasks[0]
        x, y = (np.stack([getattr(task, name) for task in self._tasks]) for name in ("x", "y"))
        logs = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of a network that diverges, which the harness finds
            for epoch in range(first.epochs):
                logs.append(self._ensemble.fit(x, y, batch_size=first.batch_size, epochs=1, shuffle=False).history)
                on_epoch_end(epoch)
        curves = {name: np.concatenate([log[name] for log in logs]) for name in ("loss", "accuracy")}
        return [{name: curve[:, number].tolist() for name, curve in curves.items()} for number in range(len(self._tasks))]

    def predict(self, x: Array) -> Array:
        """The outputs (networks, samples, outputs) for each network's own rows (networks, samples, features)."""
        return self._ensemble.predict(x).outputs

    def get_weights(self, number: int) -> Sequence[Array]:
        """The weights of a network."""
        return self._ensemble.get_weights(number)


class NumpyStudy(NumpyNetwork):
    """Trains by `fit`, or several tasks together."""

    TOGETHER = NumpyTogether
