"""Callbacks that set the learning rate: by a function of the epoch, and where the training no longer improves."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import numpy as np

from numpy_nn.callbacks.base import Callback, Logs
from numpy_nn.callbacks.monitor import Monitor
from numpy_nn.checks import finite
from numpy_nn.optimizers import Optimizer


class LearningRateScheduler(Callback):
    """Sets the learning rate at the beginning of each epoch, and adds "learning_rate" to the logs.

    Parameters
    ----------
    schedule
        `schedule(epoch)` or `schedule(epoch, learning_rate)`, the learning rate of now, gives that of the epoch, a float.
    verbose
        1 prints it.

    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        self.schedule = schedule
        self.verbose = verbose

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        optimizer = _optimizer(self)
        arguments = (epoch, optimizer.learning_rate)
        rate = self.schedule(*arguments[: _taken(self.schedule)])
        if not isinstance(rate, (float, np.floating)):
            raise ValueError(f"schedule gave {rate!r} for epoch {epoch}: it must give a float")
        optimizer.learning_rate = float(rate)
        if self.verbose > 0:
            print(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {rate}.")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if logs is not None:
            logs["learning_rate"] = float(_optimizer(self).learning_rate)


class ReduceLROnPlateau(Monitor):
    """Multiplies the learning rate by `factor` when `monitor` hasn't improved by more than `min_delta` for `patience` epochs.

    Parameters
    ----------
    monitor, mode
        A key of the logs, and whether a smaller ("min") or larger ("max") value is better; "auto" takes it from the metric.
    verbose
        1 prints each reduction.
    cooldown
        Epochs after a reduction that are not counted.
    min_lr
        The learning rate is never set below.

    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        if not 0 < finite("factor", factor) < 1:
            raise ValueError(f"factor was {factor!r}: it must be above 0 and below 1")
        self.factor = factor
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.min_lr = min_lr
        self._reset()

    def _reset(self) -> None:
        self.best: float | None = None
        self.wait = 0
        self.cooldown_counter = 0

    def in_cooldown(self) -> bool:
        return self.cooldown_counter > 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._reset()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = {} if logs is None else logs
        logs["learning_rate"] = float(_optimizer(self).learning_rate)
        value = self.value_in(logs)
        if value is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self.is_better(value, self.best):
            self.best, self.wait = value, 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and self._reduce(epoch):
                self.cooldown_counter, self.wait = self.cooldown, 0

    def _reduce(self, epoch: int) -> bool:
        """Set a smaller learning rate, where there is one."""
        optimizer = _optimizer(self)
        if optimizer.learning_rate <= self.min_lr:
            return False
        optimizer.learning_rate = max(optimizer.learning_rate * self.factor, self.min_lr)
        if self.verbose > 0:
            print(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {optimizer.learning_rate}.")
        return True


def _optimizer(callback: Callback) -> Optimizer:
    optimizer = callback.model.optimizer
    assert optimizer is not None  # a model in training has been compiled
    return optimizer


def _taken(schedule: Callable[..., float]) -> int:
    """How many of the epoch and the learning rate `schedule` takes."""
    try:
        inspect.signature(schedule).bind(0, 0.0)
    except (TypeError, ValueError):  # it takes one, or is a built-in without a signature
        return 1
    return 2
