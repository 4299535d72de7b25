"""The network: compile, fit, evaluate, predict, with Keras' names, defaults and meanings.

Samples are rows. `textbook` has the algorithm in plain lines; here `_engine` computes it: `minibatches` trains, `prediction`
computes the outputs for any number of rows, `one_row` for one. Several threads must not use one model at the same time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import ndarray

from numpy_nn import activations, initializers, losses, optimizers, validation
from numpy_nn._engine.arrays import Array
from numpy_nn._engine.buffers import Parameters
from numpy_nn._engine.minibatches import Trainer
from numpy_nn._engine.one_row import OneRow
from numpy_nn._engine.prediction import Prediction
from numpy_nn._engine.threads import check_threads
from numpy_nn.architecture import as_dicts, parse_architecture
from numpy_nn.callbacks import Callback, CallbackList, History, as_list
from numpy_nn.losses import Loss
from numpy_nn.metrics import METRICS, score
from numpy_nn.name_lookup import find
from numpy_nn.optimizers import Optimizer
from numpy_nn.validation import Rows

if TYPE_CHECKING:
    from pathlib import Path


class Sequential:
    """A stack of dense layers.

    Parameters
    ----------
    architecture
        A dict a layer: `input_dim`, `output_dim`, `activation` (a name of `numpy_nn.activations`; "linear" if left out).
    initializer
        A name of `numpy_nn.initializers`, or a callable of its kind.
    seed
        Of the first weights, and of the order in which `fit` shuffles; None: a different one every time.
    dtype
        "float32" or "float64", of the weights and of all computations.
    threads
        How many cores may be used; None: all. Small networks use one in any case.

    Raises
    ------
    ValueError
        If the layers' dimensions don't fit one another, or an argument is not one of those allowed.

    """

    def __init__(
        self,
        architecture: Sequence[Mapping[str, Any]],
        *,
        initializer: str | initializers.Initializer = "glorot_uniform",
        seed: int | None = None,
        dtype: Any = "float32",
        threads: int | None = None,
    ) -> None:
        self.layers = parse_architecture(architecture)
        self.dtype = validation.dtype(dtype)
        self.seed = validation.seed(seed)
        self.threads = check_threads(threads)
        self.stop_training = False
        self._generator = np.random.default_rng(self.seed)
        self.optimizer: Optimizer | None = None
        self.loss: Loss | None = None
        self.metrics: list[str] = []
        self._parameters = Parameters(self.layers, self.dtype)
        self._parameters.set_weights(initializers.get(initializer)(self.layers, self.seed))
        self._prediction = Prediction(self._parameters, self.threads)
        self._one_row = OneRow(self._parameters)
        self._row_shape = (1, self.layers[0].input_dim)
        self._batch_trainer: tuple[tuple[int, bool], Trainer] | None = None

    def __repr__(self) -> str:
        sizes = " → ".join(str(size) for size in (self.layers[0].input_dim, *(layer.output_dim for layer in self.layers)))
        return f"<Sequential {sizes}, {self.count_params():,} parameters, {self.dtype}>"

    @property
    def architecture(self) -> list[dict[str, Any]]:
        """The list of dicts that describes this network."""
        return as_dicts(self.layers)

    # --- weights ---------------------------------------------------------------------------------------------------------------

    def get_weights(self) -> list[Array]:
        """Copies of all weights: kernel (in, out), bias (out,), layer by layer."""
        return self._parameters.get_weights()

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Copy the values of `weights`, in the order of `get_weights`.

        Raises
        ------
        ValueError
            If the count or a shape differs, or a value is not finite.

        """
        self._parameters.set_weights(weights)

    def count_params(self) -> int:
        """The number of weights and biases."""
        return len(self._parameters.vector)

    def summary(self, print_fn: Callable[[str], object] = print) -> None:
        """Print a table of the layers: shapes, activations, parameters."""
        print_fn(f"{self!r}, threads ≤ {self.threads}")
        print_fn(f"{'layer':<8}{'kernel':<16}{'activation':<14}{'parameters':>10}")
        for number, layer in enumerate(self.layers):
            shape = f"({layer.input_dim}, {layer.output_dim})"
            print_fn(f"{number:<8}{shape:<16}{layer.activation:<14}{layer.parameter_count:>10,}")

    # --- training --------------------------------------------------------------------------------------------------------------

    def compile(
        self, optimizer: str | Optimizer = "rmsprop", loss: str | Loss | None = None, metrics: Sequence[str] | None = None
    ) -> None:
        """Set how the network is trained, and what is reported of it.

        Parameters
        ----------
        optimizer
            A name of `numpy_nn.optimizers`, or one of its objects.
        loss
            A name of `numpy_nn.losses`, or one of its objects.
        metrics
            `["accuracy"]`, or nothing.

        Raises
        ------
        ValueError
            If one of them is unknown.

        """
        if loss is None:
            raise ValueError(f"loss was None: it may be one of {', '.join(losses.LOSSES)}")
        found, last = losses.get(loss), self.layers[-1].activation
        if found.from_logits and not found.takes_logits(last):
            raise ValueError(f"loss was {found!r}: after {last!r} there are no logits, the output layer must be 'linear'")
        if isinstance(metrics, str) or not isinstance(metrics or [], Sequence):
            raise ValueError(f"metrics was {metrics!r}: it must be a list, as ['accuracy']")
        names = list(metrics or [])
        for name in names:
            find("metrics", name, dict.fromkeys(METRICS))
        self.optimizer, self.loss, self.metrics = optimizers.get(optimizer), found, names
        self.optimizer.build(self.count_params(), self.dtype, self._parameters)
        self._batch_trainer = None

    def fit(
        self,
        x: Any,
        y: Any,
        batch_size: int | None = 32,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: Sequence[Callback] | None = None,
        validation_split: float = 0.0,
        validation_data: tuple[Any, ...] | None = None,
        shuffle: bool = True,
        sample_weight: Any = None,
    ) -> History:
        """Train for `epochs` over the rows of `x`.

        Parameters
        ----------
        x, y, sample_weight
            (samples, features); (samples,) or (samples, outputs); and (samples,), the weight of each row in the loss.
        batch_size
            Rows of a minibatch; the last of an epoch may have fewer. None is the full batch (in Keras it is 32).
        verbose, callbacks
            0 is silent, anything else prints a line an epoch; objects of `numpy_nn.callbacks`.
        validation_split, validation_data
            The fraction of rows, the last ones, or other rows as `(x, y)` or `(x, y, sample_weight)`, to evaluate after each epoch.
        shuffle
            Whether each epoch takes the rows in a new order, drawn from the model's seed.

        Returns
        -------
        History
            `history["loss"]`, "accuracy", and with validation "val_loss", "val_accuracy": a float an epoch, the mean over its rows,
            each as it was before its minibatch's update.

        Raises
        ------
        ValueError, RuntimeError
            If an argument is not one of those allowed, or the model has not been compiled; nothing is changed then.

        """
        rows = self._rows(x, y, sample_weight)
        epochs = validation.positive_integer("epochs", epochs)
        rows, held_out = self._hold_out(rows, validation_split, validation_data)
        samples = len(rows.x)
        size = samples if batch_size is None else min(validation.positive_integer("batch_size", batch_size), samples)
        history = History()
        watchers = CallbackList([history, *as_list(callbacks), *([_Printer(epochs)] if verbose else [])], self)
        trainer = self._trainer(samples, size)
        self._train(trainer, rows, held_out, watchers, epochs=epochs, shuffle=shuffle)
        return history

    def _train(
        self, trainer: Trainer, rows: Rows, held_out: Rows | None, callbacks: CallbackList, *, epochs: int, shuffle: bool
    ) -> None:
        """The training loop; a step is forward, loss, backward and update, which `Trainer.step` explains."""
        self.stop_training = False
        with trainer.threads():
            callbacks.on_train_begin()
            for epoch in range(epochs):
                callbacks.on_epoch_begin(epoch)
                order = self._generator.permutation(len(rows.x)) if shuffle else None
                trainer.start_epoch(rows, order)
                for batch in range(trainer.batches):
                    trainer.step(batch)
                    if callbacks.on_batch:
                        callbacks.on_train_batch_end(batch)
                logs = self._named(*trainer.score())
                if held_out is not None:
                    logs |= {f"val_{name}": value for name, value in self._evaluate(held_out).items()}
                callbacks.on_epoch_end(epoch, logs)
                if self.stop_training:
                    break
            callbacks.on_train_end()

    def train_on_batch(self, x: Any, y: Any, sample_weight: Any = None) -> dict[str, float]:
        """Train one step on all rows of `x`; the loss and metrics are those before the update.

        Raises
        ------
        ValueError, RuntimeError
            As in `fit`.

        """
        rows = self._rows(x, y, sample_weight)
        samples = len(rows.x)
        kind = samples, rows.weights is not None
        if self._batch_trainer is None or self._batch_trainer[0] != kind:
            self._batch_trainer = kind, self._trainer(samples, samples)
        trainer = self._batch_trainer[1]
        with trainer.threads():
            trainer.start_epoch(rows, None, same_rows=False)
            trainer.step(0)
        return self._named(*trainer.score())

    # --- outputs ---------------------------------------------------------------------------------------------------------------

    def predict(self, x: Any, batch_size: int | None = None) -> Array:
        """The outputs (samples, outputs) for `x` (samples, features).

        Parameters
        ----------
        batch_size
            Rows computed at once; None: as many as fit in the cache. It changes the outputs by rounding at most.

        Raises
        ------
        ValueError
            If `x` has the wrong shape, is empty, or has a value that is not finite.

        """
        if type(x) is ndarray and x.shape == self._row_shape and x.dtype == self.dtype and batch_size is None:
            one_row = self._one_row
            outputs = one_row.quietly(one_row.predict, x)
            if outputs is not None:
                return outputs
        chunk_rows = None if batch_size is None else validation.positive_integer("batch_size", batch_size)
        rows = validation.features("x", x, self.layers[0].input_dim, self.dtype)
        return self._prediction(rows, chunk_rows=chunk_rows)

    def evaluate(self, x: Any, y: Any, batch_size: int | None = None, sample_weight: Any = None) -> dict[str, float]:
        """The mean loss, and the metrics, of the network's outputs for `x` against `y`.

        Parameters
        ----------
        batch_size
            Rows computed at once; None: as many as fit in the cache.

        Raises
        ------
        ValueError, RuntimeError
            As in `fit`.

        """
        self._compiled()
        rows = self._rows(x, y, sample_weight)
        return self._evaluate(rows, None if batch_size is None else validation.positive_integer("batch_size", batch_size))

    # --- on disk ---------------------------------------------------------------------------------------------------------------

    def save(self, path: str | Path) -> None:
        """Write architecture, weights, optimizer, loss and metrics to an `.npz` file, without pickle."""
        from numpy_nn import serialization  # whose imports take long, and are needed only here

        serialization.save(self, path)

    @classmethod
    def load(cls, path: str | Path) -> Sequential:
        """The model that `save` wrote.

        Raises
        ------
        ValueError
            If the file isn't one that `save` wrote.

        """
        from numpy_nn import serialization

        return serialization.load(cls, path)

    def __getstate__(self) -> dict[str, Any]:
        """What a copy or a pickle is made from: no buffers, and no views, which would be views no longer."""
        kept = ("architecture", "dtype", "seed", "threads", "optimizer", "loss", "metrics", "_generator")
        return {**{name: getattr(self, name) for name in kept}, "vector": self._parameters.vector}

    def __setstate__(self, state: dict[str, Any]) -> None:
        construction = {name: state.pop(name) for name in ("architecture", "dtype", "seed", "threads")}
        Sequential.__init__(self, **construction, initializer="zeros")
        self._parameters.vector[:] = state.pop("vector")
        self.__dict__.update(state)

    # --- private ----------------------------------------------------------------------------------------------------------------

    def _compiled(self) -> tuple[Optimizer, Loss]:
        if self.optimizer is None or self.loss is None:
            raise RuntimeError("the model has not been compiled: call compile(optimizer=..., loss=...) first")
        return self.optimizer, self.loss

    def _trainer(self, samples: int, batch_size: int) -> Trainer:
        optimizer, loss = self._compiled()
        sizes = {"samples": samples, "batch_size": batch_size, "threads": self.threads}
        return Trainer(self._parameters, optimizer, loss, **sizes, generator=self._generator)

    def _rows(self, x: Any, y: Any, sample_weight: Any, names: tuple[str, str] = ("x", "y")) -> Rows:
        """The arguments of those names, checked."""
        _, loss = self._compiled()
        features = validation.features(names[0], x, self.layers[0].input_dim, self.dtype)
        labels = validation.numbers(names[1], y)
        if labels.ndim == 0 or len(labels) != len(features):
            raise ValueError(f"{names[1]} had the shape {labels.shape}: it must have {len(features)} rows, as {names[0]} has")
        targets = np.ascontiguousarray(loss.encode(names[1], labels, self.layers[-1].output_dim), self.dtype)
        weights = None if sample_weight is None else validation.sample_weights(sample_weight, len(features), self.dtype)
        return Rows(features, targets, weights)

    def _hold_out(self, rows: Rows, split: float, data: tuple[Any, ...] | None) -> tuple[Rows, Rows | None]:
        """The rows to train on, and those to evaluate after each epoch."""
        if isinstance(split, bool) or not isinstance(split, (int, float, np.number)) or not 0 <= split < 1:
            raise ValueError(f"validation_split was {split!r}: it must be at least 0 and below 1")
        if data is not None:
            if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
                raise ValueError("validation_data must be (x, y) or (x, y, sample_weight)")
            x, y, weights = (*data, None)[:3]
            return rows, self._rows(x, y, weights, ("validation_data[0]", "validation_data[1]"))
        if split == 0:
            return rows, None
        kept = int(len(rows.x) * (1 - split))
        if not 0 < kept < len(rows.x):
            raise ValueError(f"validation_split was {split!r}: of {len(rows.x)} rows it leaves {kept} to train on")
        return rows.take(slice(kept)), rows.take(slice(kept, None))

    def _evaluate(self, rows: Rows, chunk_rows: int | None = None) -> dict[str, float]:
        _, loss = self._compiled()
        activation = activations.get(self.layers[-1].activation)
        given = self._prediction(rows.x, chunk_rows=chunk_rows, logits=loss.takes_logits(activation.name))
        with np.errstate(all="ignore"):
            mean, accuracy = score(loss, activation, rows, given.T)
        return self._named(mean + self._parameters.penalty(len(rows.x)), accuracy)

    def _named(self, loss: float, accuracy: float) -> dict[str, float]:
        """The logs: the loss, and the accuracy if it was asked for."""
        return {"loss": loss, **dict.fromkeys(self.metrics, accuracy)}


class _Printer(Callback):
    """A line an epoch on standard output."""

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        print(f"Epoch {epoch + 1}/{self._epochs} - " + " - ".join(f"{name}: {value:.4f}" for name, value in logs.items()))
