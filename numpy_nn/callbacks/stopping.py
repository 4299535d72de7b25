"""Callbacks that end a training: when it no longer improves, and when it diverges."""

from __future__ import annotations

import math
from typing import Any

from numpy_nn.callbacks.base import Callback, Logs
from numpy_nn.callbacks.monitor import Monitor


class TerminateOnNaN(Callback):
    """Ends the training after a batch whose loss is NaN or infinite.

    Parameters
    ----------
    raise_error
        Whether to raise a RuntimeError instead, so that no `on_train_end` is called.

    """

    def __init__(self, raise_error: bool = False) -> None:
        self.raise_error = raise_error

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        loss = (logs or {}).get("loss", 0.0)
        if math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(
                f"NaN or Inf loss encountered: the loss was {loss} after batch {batch}; a smaller learning rate may help"
            )
        self.model.stop_training = True


class EarlyStopping(Monitor):
    """Ends the training when `monitor` hasn't improved by more than `min_delta` for `patience` epochs.

    Parameters
    ----------
    monitor, mode
        A key of the logs, and whether a smaller ("min") or larger ("max") value is better; "auto" takes it from the metric.
    verbose
        1 says when the training is ended, and which weights are restored.
    baseline
        The training ends, too, when it is not better than this after `patience` epochs.
    restore_best_weights
        Whether the weights of the best epoch are restored when the training ends, for whatever reason.
    start_from_epoch
        The epochs before are not counted.

    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0.0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self._reset()

    def _reset(self) -> None:
        self.wait = 0
        self.stopped_epoch = 0
        self.best: float | None = None
        self.best_epoch = 0
        self.best_weights: Any = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._reset()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        value = self.value_in(logs or {})
        if value is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self._keep(epoch)
        self.wait += 1
        if self.is_better(value, self.best):
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self._keep(epoch)
            if self.baseline is None or self.is_better(value, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def _keep(self, epoch: int) -> None:
        self.best_weights, self.best_epoch = self.model.get_weights(), epoch

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.stopped_epoch > 0 and self.verbose > 0:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is None:
            return
        if self.verbose > 0:
            print(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
        try:
            self.model.set_weights(self.best_weights)
        except ValueError:  # the best epoch diverged: its weights are not finite
            return
