"""The network: compile, fit, evaluate, predict, with Keras' names, defaults and meanings.

Samples are rows. `textbook` has the algorithm in plain lines; here `training` has the loops, and `_engine` computes: `minibatches`
trains, `prediction` computes the outputs for any number of rows, `one_row` for one. Any number of threads may predict and evaluate
with one model at the same time; one trains it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Container, Mapping, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
from numpy import ndarray

from numpy_nn import initializers, keras_names, serialization, training, validation
from numpy_nn._engine.arrays import Array
from numpy_nn._engine.buffers import Parameters
from numpy_nn._engine.one_row import OneRow
from numpy_nn._engine.prediction import Prediction
from numpy_nn._engine.threads import check_threads
from numpy_nn.architecture import as_dicts, chained, parse_architecture, summary_lines
from numpy_nn.callbacks.base import Callback, CallbackList, History, as_list
from numpy_nn.callbacks.progress import Progress, verbosity
from numpy_nn.compiled import Compiled, Network, draw_first_weights
from numpy_nn.losses import Loss
from numpy_nn.metrics import Metric, Report
from numpy_nn.optimizers import Optimizer
from numpy_nn.training import Results, Training, Validation


class Sequential:
    """A stack of dense layers.

    Parameters
    ----------
    architecture
        A dict a layer: `input_dim`, `output_dim`, `activation` (of `numpy_nn.activations`); `numpy_nn.architecture` has all keys.
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
        self.all_cores = threads is None
        """Whether `threads` is the number of cores of this machine because none was asked for."""
        self.stop_training = False
        self.history: History | None = None
        self._compiled: Compiled | None = None
        self._initializer = initializer
        self._generator = np.random.default_rng(self.seed)
        self._parameters = Parameters(self.layers, self.dtype)
        draw_first_weights(self._parameters, initializer, self.seed)
        self._prediction = Prediction(self._parameters, self.threads)
        self._one_row = OneRow(self._parameters)
        self._row_shape = (1, self.layers[0].input_dim)
        self._network = Network(self._parameters, self._prediction, self.threads, threading.RLock())

    def __repr__(self) -> str:
        sizes = " → ".join(str(size) for size in (self.layers[0].input_dim, *(layer.output_dim for layer in self.layers)))
        return f"<Sequential {sizes}, {self.count_params():,} parameters, {self.dtype}>"

    @property
    def architecture(self) -> list[dict[str, Any]]:
        """The list of dicts that describes this network."""
        return as_dicts(self.layers)

    @property
    def optimizer(self) -> Optimizer | None:
        """What `compile` was given, as an object; None before."""
        return None if self._compiled is None else self._compiled.optimizer

    @property
    def loss(self) -> Loss | None:
        """What `compile` was given, as an object; None before."""
        return None if self._compiled is None else self._compiled.loss

    @property
    def report(self) -> Report | None:
        """What computes the loss and the metrics; None before `compile`."""
        return None if self._compiled is None else self._compiled.report

    @property
    def metrics_names(self) -> list[str]:
        """What the numbers of `evaluate` and `train_on_batch` are: "loss", and the metrics by the names they were given."""
        return [] if self.report is None else list(self.report.names)

    @property
    def metrics(self) -> list[str]:
        """The names of the metrics."""
        return self.metrics_names[1:]

    def add(self, *layers: Mapping[str, Any]) -> None:
        """Append layers, whose `input_dim` may be left out; the weights so far stay, and the network is to be compiled anew."""
        made = self._arguments()
        made["architecture"] += chained(layers, self.layers[-1].output_dim)
        longer = Sequential(**made, initializer=self._initializer)
        weights = self.get_weights()
        longer.set_weights([*weights, *longer.get_weights()[len(weights) :]])
        longer._generator = self._generator
        self.__dict__.update(longer.__dict__)

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

    def summary(self, print_fn: Callable[[str], object] | None = None, **keras: Any) -> None:
        """Print a table of the layers: shapes, activations, parameters; `print_fn` is called with each line."""
        keras_names.check_arguments("summary", keras)
        print_fn = print if print_fn is None else print_fn
        for line in (f"{self!r}, threads ≤ {self.threads}", *summary_lines(self.layers)):
            print_fn(line)

    def compile(
        self,
        optimizer: str | Optimizer = "rmsprop",
        loss: str | Loss | None = None,
        metrics: Sequence[str | Metric] | None = None,
        *,
        weighted_metrics: Sequence[str | Metric] | None = None,
        **keras: Any,
    ) -> None:
        """Set how the network is trained, and what is reported of it.

        Parameters
        ----------
        optimizer, loss
            A name of `numpy_nn.optimizers` and of `numpy_nn.losses`, or one of their objects.
        metrics, weighted_metrics
            A list of names of `numpy_nn.metrics`, or of its objects; those of the second are means with the samples' weights.
        **keras
            `run_eagerly`, `jit_compile`, `steps_per_execution` and `auto_scale_loss` are taken, and change nothing.

        Raises
        ------
        ValueError
            If one of them is unknown, or another model trains with that optimizer.

        """
        keras_names.check_arguments("compile", keras)
        self._compiled = Compiled(self._network, optimizer, loss, metrics, weighted_metrics)

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = 32,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: Callback | Sequence[Callback] | None = None,
        validation_split: float = 0.0,
        validation_data: tuple[Any, ...] | None = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        *,
        validation_batch_size: int | None = None,
        validation_freq: int | Container[int] = 1,
        **keras: Any,
    ) -> History:
        """Train over the rows of `x`, from `initial_epoch` to `epochs`.

        Parameters
        ----------
        x, y, sample_weight
            (samples, features); (samples,) or (samples, outputs); and (samples,), the weight of each row in the loss.
        batch_size
            Rows of a minibatch; the last of an epoch may have fewer. None is the full batch (in Keras it is 32).
        verbose, callbacks
            0 is silent, 1 or "auto" a progress bar, 2 a line an epoch; objects of `numpy_nn.callbacks`.
        validation_split, validation_data
            The fraction of rows, the last ones, or other rows as `(x, y)` or `(x, y, sample_weight)`, to evaluate after each epoch.
        shuffle
            Whether each epoch takes the rows in a new order, drawn from the model's seed.
        class_weight
            In place of `sample_weight`: the weight of each class's rows, 1 where it is left out.
        validation_batch_size, validation_freq
            Rows evaluated at once; after every how many epochs, or after which (counted from 1).

        Returns
        -------
        History
            `history["loss"]`, the metrics, and with validation "val_loss" and so on: a float an epoch, the mean over its rows, each
            as it was before its minibatch's update.

        Raises
        ------
        ValueError, RuntimeError
            If an argument is not one of those allowed, the model has not been compiled, or another thread trains it; nothing is
            changed then. If the loss becomes NaN or infinite, a RuntimeWarning says so.

        """
        keras_names.check_arguments("fit", keras)
        compiled = self._when_compiled()
        rows = compiled.rows(x, y, sample_weight)
        epoch_range = range(validation.count("initial_epoch", initial_epoch), validation.positive_integer("epochs", epochs))
        rows, held_out = compiled.hold_out(rows, validation_split, validation_data)
        rows = compiled.weigh(rows, class_weight)
        after = Validation(
            held_out,
            validation.optional_size("validation_batch_size", validation_batch_size) or batch_size,
            validation.frequency("validation_freq", validation_freq),
        )
        level, given, shuffle = verbosity(verbose), as_list(callbacks), validation.flag("shuffle", shuffle)
        self._network.start_training()
        try:
            trainer = compiled.trainer(rows, batch_size, self._generator)
            self.history = next((callback for callback in given if isinstance(callback, History)), None) or History()
            params = {"epochs": epoch_range.stop, "steps": trainer.batches, "verbose": level, "do_validation": held_out is not None}
            watchers = CallbackList(given if self.history in given else [*given, self.history], self, **params)
            run = Training(self, compiled, trainer, rows, watchers, Progress(trainer.batches, level))
            run.run(epoch_range, self._generator if shuffle else None, after)
        finally:
            self._network.lock.release()
        return self.history

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
    ) -> Results:
        """Train one step on all rows of `x`; the loss and metrics are those before the update.

        What it takes and raises is as in `fit`, what it gives as in `evaluate`.
        """
        compiled = self._when_compiled()
        rows = compiled.weigh(compiled.rows(x, y, sample_weight), class_weight)
        return training.results(compiled.step(rows, self._generator), compiled.report.names, return_dict)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        steps: None = None,
        callbacks: Callback | Sequence[Callback] | None = None,
    ) -> Array:
        """The outputs (samples, outputs) for `x` (samples, features); from any number of threads at once.

        Parameters
        ----------
        batch_size
            Rows computed at once; None: as many as fit in the cache. It changes the outputs by rounding at most.
        verbose
            0 and "auto" are silent (in Keras "auto" is a progress bar), 1 is a bar, 2 a line.

        Raises
        ------
        ValueError
            If `x` has the wrong shape, is empty, or has a value that is not finite.

        """
        if (
            type(x) is ndarray
            and x.shape == self._row_shape
            and (x.dtype is self.dtype or x.dtype == self.dtype)
            and batch_size is None
            and (verbose == "auto" or not verbose)
            and steps is None
            and callbacks is None
        ):
            one_row = self._one_row
            try:
                outputs = one_row.quietly(one_row.predict, x)
            except RuntimeError:  # another thread is in there
                outputs = one_row.in_turn(x)
            if outputs is not None:
                return outputs
        keras_names.check_arguments("predict", {} if steps is None else {"steps": steps})
        verbose = 0 if verbose == "auto" else verbosity(verbose)
        chunk_rows = validation.optional_size("batch_size", batch_size)
        rows = validation.features("x", x, self.layers[0].input_dim, self.dtype)
        if not verbose and callbacks is None:
            return self._prediction(rows, chunk_rows=chunk_rows)
        progress = Progress(training.steps(len(rows), chunk_rows), verbose)
        outputs = training.predict(self._prediction, rows, chunk_rows, CallbackList(as_list(callbacks), self, **progress.params))
        progress.finish({})
        return outputs

    predict_on_batch = predict

    def __call__(self, x: Any, training: bool | None = None, mask: None = None) -> Array:
        """`predict`; with `training=True` only where there is no dropout, which makes no difference then."""
        if mask is not None or (training and any(layer.dropout for layer in self.layers)):
            raise ValueError(f"training was {training!r}, mask {mask!r}: outputs are computed without dropout and without masks")
        return self.predict(x)

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        sample_weight: Any = None,
        *,
        callbacks: Callback | Sequence[Callback] | None = None,
        return_dict: bool = False,
        **keras: Any,
    ) -> Results:
        """The mean loss, and the metrics, of the network's outputs for `x` against `y`.

        `batch_size` is that of `predict`, `verbose` and what it raises that of `fit`.

        Returns
        -------
        float, list or dict
            The loss; with metrics a list of the loss and the metrics, in the order of `metrics_names`; with `return_dict` a dict.

        """
        keras_names.check_arguments("evaluate", keras)
        compiled = self._when_compiled()
        rows = compiled.rows(x, y, sample_weight)
        size = validation.optional_size("batch_size", batch_size)
        progress = Progress(training.steps(len(rows.x), size), verbosity(verbose))
        watchers = None if callbacks is None else CallbackList(as_list(callbacks), self, **progress.params)
        logs = compiled.evaluate(rows, size, watchers)
        progress.finish(logs)
        return training.results(logs, compiled.report.names, return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Results:
        """`evaluate`, silently."""
        return self.evaluate(x, y, verbose=0, sample_weight=sample_weight, return_dict=return_dict)

    save = serialization.save
    load = classmethod(serialization.load)
    save_weights = serialization.save_weights
    load_weights = serialization.load_weights

    def __getstate__(self) -> dict[str, Any]:
        """What a copy or a pickle is made from: no buffers, and no views, which would be views no longer."""
        compiled = None if self._compiled is None else self._compiled.arguments()
        vector, generator = self._parameters.vector, self._generator
        return {"made": self._arguments(), "compiled": compiled, "vector": vector, "generator": generator}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Sequential.__init__(self, **state["made"], initializer="zeros")
        self._parameters.vector[:] = state["vector"]
        self._generator = state["generator"]
        if state["compiled"] is not None:
            self._compiled = Compiled(self._network, **state["compiled"], keep_state=True)

    def __copy__(self) -> Sequential:
        return deepcopy(self)  # a shallow copy would train with the optimizer and the random numbers of the original

    def _arguments(self) -> dict[str, Any]:
        """What makes a network like this one, with other weights."""
        threads = None if self.all_cores else self.threads
        return {"architecture": self.architecture, "dtype": self.dtype, "seed": self.seed, "threads": threads}

    def _when_compiled(self) -> Compiled:
        if self._compiled is None:
            raise RuntimeError("the model has not been compiled: call compile(optimizer=..., loss=...) first")
        return self._compiled


keras_names.name_the_nearest(Sequential)
