"""Callbacks: early stopping, termination on NaN, your own; and the history that `fit` returns.

The methods are Keras': override those you need. `model` is the `Sequential` in training; set `model.stop_training` to end it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from numpy_nn._engine.arrays import Array

if TYPE_CHECKING:
    from numpy_nn.sequential import Sequential

Logs = Mapping[str, float]


class Callback:
    """Base class, whose methods do nothing."""

    model: Sequential

    def set_model(self, model: Sequential) -> None:
        self.model = model

    def on_train_begin(self) -> None: ...

    def on_epoch_begin(self, epoch: int) -> None: ...

    def on_train_batch_end(self, batch: int) -> None: ...

    def on_epoch_end(self, epoch: int, logs: Logs) -> None: ...

    def on_train_end(self) -> None: ...


class History(Callback):
    """The history of a training: `history["loss"]` and the other logs, a float an epoch."""

    def __init__(self) -> None:
        self.epoch: list[int] = []
        self.history: dict[str, list[float]] = {}

    def __repr__(self) -> str:
        return f"History({len(self.epoch)} epochs of {', '.join(self.history) or 'nothing yet'})"

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        self.epoch.append(epoch)
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)


class TerminateOnNaN(Callback):
    """Ends the training after an epoch whose loss is NaN or infinite."""

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if not math.isfinite(logs["loss"]):
            self.model.stop_training = True


class EarlyStopping(Callback):
    """Ends the training when `monitor` hasn't improved by more than `min_delta` for `patience` epochs.

    Parameters
    ----------
    monitor
        A key of the logs; a larger accuracy is better, of all else a smaller value.
    restore_best_weights
        Whether the weights of the best epoch are restored when the training ends, for whatever reason.

    """

    def __init__(
        self, monitor: str = "val_loss", min_delta: float = 0.0, patience: int = 0, restore_best_weights: bool = False
    ) -> None:
        self.monitor = monitor
        self.min_delta = abs(min_delta)
        self.patience = patience
        self.restore_best_weights = restore_best_weights
        self.stopped_epoch = 0
        self._sign = 1.0 if monitor.endswith("accuracy") else -1.0

    def on_train_begin(self) -> None:
        self.best = -self._sign * math.inf
        self.best_epoch = 0
        self.stopped_epoch = 0
        self._wait = 0
        self._best_weights: list[Array] | None = None

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if self.monitor not in logs:
            raise ValueError(f"monitor was {self.monitor!r}: the logs have {', '.join(logs)}")
        value = logs[self.monitor]
        self._wait += 1
        if self._sign * value - self.min_delta > self._sign * self.best:
            self.best, self.best_epoch, self._wait = value, epoch, 0
            self._best_weights = self.model.get_weights() if self.restore_best_weights else None
        elif self._wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self) -> None:
        if self._best_weights is not None and all(np.isfinite(weights).all() for weights in self._best_weights):
            self.model.set_weights(self._best_weights)


def as_list(callbacks: Sequence[Callback] | None) -> list[Callback]:
    """The argument `callbacks` of `fit` as a list.

    Raises
    ------
    ValueError
        If it is not a sequence.

    """
    if not isinstance(callbacks or [], Sequence):
        raise ValueError(f"callbacks was {callbacks!r}: it must be a list of numpy_nn.callbacks.Callback")
    return list(callbacks or [])


class CallbackList:
    """Several callbacks as one; at the end of a batch, only those that override the method are called."""

    def __init__(self, callbacks: Iterable[Callback], model: Sequential) -> None:
        self._callbacks = list(callbacks)
        for callback in self._callbacks:
            if not isinstance(callback, Callback):
                raise ValueError(f"callbacks had {callback!r}: each must be a numpy_nn.callbacks.Callback")
            callback.set_model(model)
        self.on_batch = [c for c in self._callbacks if type(c).on_train_batch_end is not Callback.on_train_batch_end]

    def on_train_begin(self) -> None:
        for callback in self._callbacks:
            callback.on_train_begin()

    def on_epoch_begin(self, epoch: int) -> None:
        for callback in self._callbacks:
            callback.on_epoch_begin(epoch)

    def on_train_batch_end(self, batch: int) -> None:
        for callback in self.on_batch:
            callback.on_train_batch_end(batch)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        for callback in self._callbacks:
            callback.on_epoch_end(epoch, logs)

    def on_train_end(self) -> None:
        for callback in self._callbacks:
            callback.on_train_end()
