"""The loops over batches, with the callbacks at their moments: an epoch's training, an evaluation, a prediction.

Called by `Sequential`, which checks the arguments first. `_engine.minibatches` makes the steps, `_engine.prediction` the outputs.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from numpy_nn._engine.arrays import Array
from numpy_nn._engine.minibatches import Trainer
from numpy_nn._engine.prediction import Prediction
from numpy_nn.callbacks.base import CallbackList
from numpy_nn.callbacks.progress import Progress
from numpy_nn.metrics import Report, RunningMeans
from numpy_nn.validation import Rows

if TYPE_CHECKING:
    from numpy_nn.compiled import Compiled
    from numpy_nn.sequential import Sequential

Results = float | list[float] | dict[str, float]
"""The loss; the loss and the metrics in the order of `Sequential.metrics_names`; or both by name."""
HOOK_BATCH_ROWS = 32
"""Rows of a batch where callbacks count batches and none were asked for, as in Keras."""


class Validation(NamedTuple):
    """What is evaluated between the epochs, if anything, how many rows at once, and after which epochs, counted from 1."""

    rows: Rows | None
    batch_size: int | None
    is_due: Callable[[int], bool]


class Training:
    """A call of `fit`: the epochs over `rows`, each with its logs."""

    def __init__(
        self, model: Sequential, compiled: Compiled, trainer: Trainer, rows: Rows, callbacks: CallbackList, progress: Progress
    ) -> None:
        self._model, self._compiled, self._trainer, self._rows = model, compiled, trainer, rows
        self._callbacks, self._progress = callbacks, progress
        self._by_batch = callbacks.wants("on_train_batch_begin", "on_train_batch_end")

    def run(self, epochs: range, generator: np.random.Generator | None, validation: Validation) -> None:
        """Train for `epochs`, each in an order that the generator gives, and warn once if the loss was not finite, or exploded."""
        callbacks, model, progress = self._callbacks, self._model, self._progress
        model.stop_training = False
        diverged: int | None = None
        first: float | None = None
        logs: dict[str, float] = {}
        with self._trainer.threads():
            callbacks.call("on_train_begin", {})
            for epoch in epochs:
                callbacks.call("on_epoch_begin", epoch, {})
                if progress.verbose:
                    progress.title(f"Epoch {epoch + 1}/{epochs.stop}")
                self._trainer.start_epoch(self._rows, None if generator is None else generator.permutation(len(self._rows.x)))
                batches = self._steps()
                logs = self._trainer.end_epoch(batches)
                first = logs["loss"] if first is None else first
                if diverged is None and not math.isfinite(logs["loss"]):
                    diverged = epoch
                if validation.rows is not None and validation.is_due(epoch + 1):
                    found = self._compiled.evaluate(validation.rows, validation.batch_size, callbacks)
                    logs |= {f"val_{name}": value for name, value in found.items()}
                callbacks.call("on_epoch_end", epoch, logs)
                if progress.verbose:
                    progress.finish(logs, batches)
                if model.stop_training:
                    break
            callbacks.call("on_train_end", logs)
        if diverged is not None:
            warn_of_divergence(f"in epoch {diverged + 1}", stacklevel=4)
        elif first is not None and exploded(first, logs["loss"], model.dtype):
            warn_of_explosion(f"from {first:.3g} to {logs['loss']:.3g}", stacklevel=4)

    def _steps(self) -> int:
        """Train on the minibatches of an epoch, until a callback stops the training; how many there were."""
        trainer, callbacks, progress = self._trainer, self._callbacks, self._progress
        if not self._by_batch and not progress.redraws:
            batches = 1 if self._model.stop_training else trainer.batches  # one, as in Keras, where it was set before the epoch
            for batch in range(batches):
                trainer.step(batch)
            return batches
        wants_logs = callbacks.wants("on_train_batch_end")
        for batch in range(trainer.batches):
            callbacks.call("on_train_batch_begin", batch, {})
            trainer.step(batch)
            if wants_logs:
                callbacks.call("on_train_batch_end", batch, trainer.running_logs(batch))
            if progress.is_due():
                progress.draw(batch + 1, trainer.logs(batch + 1))
            if self._model.stop_training:
                return batch + 1
        return trainer.batches


def results(logs: dict[str, float], names: Sequence[str], return_dict: bool) -> Results:
    """The logs in the form that Keras has: a number where there is but one, and a list in the order of `names`."""
    return logs if return_dict else [logs[name] for name in names] if len(names) > 1 else logs["loss"]


def steps(rows: int, batch_size: int | None) -> int:
    """How many batches `rows` rows are."""
    return -(-rows // (batch_size or HOOK_BATCH_ROWS))


def warn_of_divergence(where: str, *, stacklevel: int) -> None:
    """Say that a loss was not finite, to the caller so many calls above."""
    warnings.warn(
        f"the training diverged: the loss was NaN or infinite {where}; a smaller learning rate, or scaled features, may help",
        RuntimeWarning,
        stacklevel=stacklevel,
    )


def exploded(first: Any, last: Any, dtype: np.dtype[Any]) -> Any:
    """Whether losses have grown, from the first epoch to the last, by more than the precision of `dtype`.

    The updates are then so large that nothing is left in the weights of what they were.
    """
    return last > np.maximum(first, 1.0) / np.finfo(dtype).eps


def warn_of_explosion(how: str, *, stacklevel: int) -> None:
    """Say that a loss is finite, and far too large, to the caller so many calls above."""
    warnings.warn(
        f"the loss grew {how}; a smaller learning rate, or scaled features, may help", RuntimeWarning, stacklevel=stacklevel
    )


def evaluate(
    prediction: Prediction, report: Report, rows: Rows, batch_size: int | None, penalty: float, callbacks: CallbackList
) -> dict[str, float]:
    """The logs of `rows`: the loss, with the penalty, and the metrics; batch by batch where a callback wants it."""
    callbacks.call("on_test_begin", {})
    if callbacks.wants("on_test_batch_begin", "on_test_batch_end"):
        running, logs = RunningMeans(report), {}
        for batch, part in enumerate(_batches(len(rows.x), batch_size)):
            callbacks.call("on_test_batch_begin", batch, {})
            some = rows.take(part)
            with np.errstate(all="ignore"):
                logs = running.add(some, prediction(some.x, logits=report.takes_logits).T)
            logs["loss"] += penalty
            callbacks.call("on_test_batch_end", batch, logs)
    else:
        logs = means(prediction, report, rows, batch_size, penalty)
    callbacks.call("on_test_end", logs)
    return logs


def means(prediction: Prediction, report: Report, rows: Rows, batch_size: int | None, penalty: float) -> dict[str, float]:
    """The logs of `rows`, without callbacks."""
    given = prediction(rows.x, chunk_rows=batch_size, logits=report.takes_logits)
    with np.errstate(all="ignore"):
        logs = report.means(rows, given.T)
    logs["loss"] += penalty
    return logs


def predict(prediction: Prediction, x: Array, batch_size: int | None, callbacks: CallbackList) -> Array:
    """The outputs (samples, outputs) for `x`, batch by batch where a callback wants it."""
    callbacks.call("on_predict_begin", {})
    if callbacks.wants("on_predict_batch_begin", "on_predict_batch_end"):
        parts = []
        for batch, part in enumerate(_batches(len(x), batch_size)):
            callbacks.call("on_predict_batch_begin", batch, {})
            parts.append(prediction(x[part]))
            callbacks.call("on_predict_batch_end", batch, {"outputs": parts[-1]})
        outputs = np.concatenate(parts)
    else:
        outputs = prediction(x, chunk_rows=batch_size)
    callbacks.call("on_predict_end", {})
    return outputs


def _batches(samples: int, batch_size: int | None) -> Iterator[slice]:
    size = batch_size or HOOK_BATCH_ROWS
    return (slice(start, start + size) for start in range(0, samples, size))
