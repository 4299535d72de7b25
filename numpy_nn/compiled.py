"""A network with an optimizer, a loss and metrics: rows are checked for it, trained on and evaluated.

Made by `Sequential.compile`, and called by its methods; `training` has the loops over batches.
"""

from __future__ import annotations

import math
import threading
import weakref
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from numpy_nn import activations, initializers, losses, optimizers, training, validation
from numpy_nn._engine.buffers import Parameters
from numpy_nn._engine.minibatches import Trainer
from numpy_nn._engine.prediction import Prediction
from numpy_nn.activations import Activation
from numpy_nn.callbacks.base import CallbackList
from numpy_nn.losses import Loss
from numpy_nn.metrics import Metric, Report, named
from numpy_nn.optimizers import Optimizer
from numpy_nn.validation import Rows


class Network(NamedTuple):
    """What of a network its training needs."""

    parameters: Parameters
    prediction: Prediction
    threads: int
    lock: threading.RLock
    """Held by the thread that trains."""

    def start_training(self) -> None:
        """Take the lock.

        Raises
        ------
        RuntimeError
            If another thread has it.

        """
        if not self.lock.acquire(blocking=False):
            raise RuntimeError("the model is being trained by another thread: one at a time trains it, any number predict")


def draw_first_weights(parameters: Parameters, initializer: str | initializers.Initializer, seed: int | None) -> None:
    """Let the initializer, and those of the layers, draw the weights; what is not one of ours by name is checked."""
    draw = initializers.get(initializer)
    layers = parameters.layers
    with np.errstate(all="ignore"):
        weights = draw(layers, seed)
        if not isinstance(initializer, str) or any(layer.kernel_initializer or layer.bias_initializer for layer in layers):
            parameters.set_weights(weights)
            return
        for view, values in zip(parameters.views(), weights, strict=True):
            view[...] = values


def loss_after(loss: str | Loss | None, last: Activation) -> Loss:
    """The argument `loss` of `compile`, checked, for a network whose last activation is `last`."""
    if loss is None:
        raise ValueError(f"loss was None: it may be one of {', '.join(losses.LOSSES)}")
    found = losses.get(loss)
    if found.from_logits and not found.takes_logits(last.name):
        raise ValueError(f"loss was {found!r}: after {last.name!r} there are no logits, the output layer must be 'linear'")
    return found


class Compiled:
    """What `Sequential.compile` makes.

    Parameters
    ----------
    keep_state
        Whether the optimizer goes on with the state that it has.

    Raises
    ------
    ValueError
        If an argument is unknown, or another network trains with that optimizer.

    """

    def __init__(
        self,
        network: Network,
        optimizer: str | Optimizer,
        loss: str | Loss | None,
        metrics: Sequence[str | Metric] | None,
        weighted_metrics: Sequence[str | Metric] | None,
        *,
        keep_state: bool = False,
    ) -> None:
        last = activations.get(network.parameters.layers[-1].activation)
        self.loss = loss_after(loss, last)
        plain = named("metrics", metrics)
        weighted = named("weighted_metrics", weighted_metrics, plain)
        self.report = Report(self.loss, last, plain, weighted, network.parameters.layers[-1].output_dim)
        self.given = {"metrics": list(metrics or ()), "weighted_metrics": list(weighted_metrics or ())}
        """The metrics as they were given."""
        self.optimizer = optimizers.get(optimizer)
        self._network = network
        self._step_trainer: tuple[tuple[int, bool], Trainer] | None = None
        self._has_warned = False
        parameters = network.parameters
        if keep_state:
            self.optimizer._owner = weakref.ref(parameters)
            return
        network.start_training()
        try:
            with np.errstate(all="ignore"):
                self.optimizer.build(len(parameters.vector), parameters.vector.dtype, parameters)
        finally:
            network.lock.release()

    def arguments(self) -> dict[str, Any]:
        """What makes another like this one."""
        return {"optimizer": self.optimizer, "loss": self.loss, **self.given}

    # --- rows --------------------------------------------------------------------------------------------------------------------

    def rows(self, x: Any, y: Any, sample_weight: Any = None, names: tuple[str, str] = ("x", "y")) -> Rows:
        """The arguments of those names, checked."""
        layers, dtype = self._network.parameters.layers, self._network.parameters.vector.dtype
        features = validation.features(names[0], x, layers[0].input_dim, dtype)
        labels = validation.numbers(names[1], y)
        if labels.ndim == 0 or len(labels) != len(features):
            raise ValueError(f"{names[1]} had the shape {labels.shape}: it must have {len(features)} rows, as {names[0]} has")
        with np.errstate(all="ignore"):
            targets = np.ascontiguousarray(self.loss.encode(names[1], labels, layers[-1].output_dim), dtype)
        weights = None if sample_weight is None else validation.sample_weights(sample_weight, len(features), dtype)
        return Rows(features, targets, weights)

    def weigh(self, rows: Rows, class_weight: Mapping[int, float] | None) -> Rows:
        """The rows with the weights of their classes."""
        if class_weight is None:
            return rows
        if rows.weights is not None:
            raise ValueError("class_weight was given beside sample_weight: it may be one of them")
        return rows._replace(weights=validation.class_weights(class_weight, rows.y).astype(rows.y.dtype))

    def hold_out(self, rows: Rows, fraction: float, data: tuple[Any, ...] | None) -> tuple[Rows, Rows | None]:
        """The rows to train on, and those to evaluate after each epoch."""
        fraction = validation.split(fraction)
        if data is not None:
            if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
                raise ValueError("validation_data must be (x, y) or (x, y, sample_weight)")
            x, y, weights = (*data, None)[:3]
            return rows, self.rows(x, y, weights, ("validation_data[0]", "validation_data[1]"))
        if fraction == 0:
            return rows, None
        kept = int(len(rows.x) * (1 - fraction))
        if not 0 < kept < len(rows.x):
            raise ValueError(f"validation_split was {fraction!r}: of {len(rows.x)} rows it leaves {kept} to train on")
        return rows.take(slice(kept)), rows.take(slice(kept, None))

    # --- training and evaluation ---------------------------------------------------------------------------------------------

    def trainer(self, rows: Rows, batch_size: int | None, generator: np.random.Generator) -> Trainer:
        """The trainer for minibatches of that many of the rows; dropout draws from the generator."""
        samples = len(rows.x)
        size = samples if batch_size is None else min(validation.positive_integer("batch_size", batch_size), samples)
        network = self._network
        options: dict[str, Any] = {"threads": network.threads, "generator": generator, "report": self.report}
        return Trainer(network.parameters, self.optimizer, self.loss, samples=samples, batch_size=size, **options)

    def step(self, rows: Rows, generator: np.random.Generator) -> dict[str, float]:
        """Train one step on all rows; the logs are those before the update."""
        self._network.start_training()
        try:
            kind = len(rows.x), rows.weights is not None
            if self._step_trainer is None or self._step_trainer[0] != kind:
                self._step_trainer = kind, self.trainer(rows, None, generator)
            trainer = self._step_trainer[1]
            with trainer.threads():
                trainer.start_epoch(rows, None, same_rows=False)
                trainer.step(0)
                logs = trainer.end_epoch(1)
        finally:
            self._network.lock.release()
        if not self._has_warned and not math.isfinite(logs["loss"]):
            self._has_warned = True
            training.warn_of_divergence("in a step", stacklevel=4)
        return logs

    def evaluate(self, rows: Rows, batch_size: int | None, callbacks: CallbackList | None = None) -> dict[str, float]:
        """The logs of rows that are not trained on."""
        network = self._network
        penalty = network.parameters.penalty(len(rows.x))
        if callbacks is None:
            return training.means(network.prediction, self.report, rows, batch_size, penalty)
        return training.evaluate(network.prediction, self.report, rows, batch_size, penalty, callbacks)
