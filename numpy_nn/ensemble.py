"""Many networks of one architecture, trained at once: each with its own weights, minibatches and learning rate.

The networks share nothing but the calls that compute them: each gives what it gives alone, as a `Sequential` of its seed, and one
that diverges leaves the others as they are. With small networks and minibatches that is faster than one after another.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, NamedTuple, Self

import numpy as np

from numpy_nn import activations, initializers, optimizers, validation
from numpy_nn._engine.arrays import Array, full
from numpy_nn._engine.blas import blas_threads
from numpy_nn._engine.buffers import Parameters
from numpy_nn._engine.stacked import StackedParameters, largest_group
from numpy_nn._engine.stacked_penalties import penalties
from numpy_nn._engine.stacked_prediction import StackedPrediction
from numpy_nn._engine.stacked_training import StackedRows, StackedTrainer, alone, part_of, totals
from numpy_nn.architecture import as_dicts, parse_architecture
from numpy_nn.callbacks.progress import Progress, verbosity
from numpy_nn.checks import shown
from numpy_nn.compiled import draw_first_weights, loss_after
from numpy_nn.losses import Loss
from numpy_nn.metrics import Metric, Report, named
from numpy_nn.optimizers import Optimizer
from numpy_nn.sequential import Sequential
from numpy_nn.training import exploded, steps, warn_of_divergence, warn_of_explosion

ALONE = "train Sequential networks one by one, network(i) is one"
INSTEAD = {"validation_split": "give validation_data=(x, y)"}
"""What there is in place of an argument of `Sequential.fit`; else `ALONE`."""


class Predictions(NamedTuple):
    """What an ensemble predicts: (samples, outputs) each, and of every network (networks, samples, outputs)."""

    mean: Array
    std: Array
    """The standard deviation over the networks, their spread."""
    outputs: Array


class EnsembleHistory(NamedTuple):
    """The history of a training: `history["loss"]` and the other logs, (epochs, networks) each."""

    epoch: list[int]
    history: dict[str, Array]


class Ensemble:
    """Networks of one architecture that are trained at once.

    Parameters
    ----------
    architecture, initializer, dtype
        As of a `Sequential`; there is no dropout.
    n
        How many networks; left out, as many as there are `seeds`.
    seeds
        Of each network, as `Sequential` has one; None: different ones every time.

    Raises
    ------
    ValueError
        If an argument is not one of those allowed.

    """

    def __init__(
        self,
        architecture: Sequence[Mapping[str, Any]],
        n: int | None = None,
        *,
        seeds: Sequence[int | None] | None = None,
        initializer: str | initializers.Initializer = "glorot_uniform",
        dtype: Any = "float32",
    ) -> None:
        self.layers = parse_architecture(architecture)
        if any(layer.dropout for layer in self.layers):
            raise ValueError(f"architecture had a dropout: an Ensemble has none, {ALONE}")
        self.dtype = validation.dtype(dtype)
        self.seeds = _check_seeds(n, seeds)
        self.history: EnsembleHistory | None = None
        self._generators = [np.random.default_rng(seed) for seed in self.seeds]
        self._optimizer: Optimizer | None = None
        self._report: Report | None = None
        self._metrics: list[str | Metric] = []
        parameters = Parameters(self.layers, self.dtype)
        self._vectors = full((len(self.seeds), len(parameters.vector)), 0, self.dtype)
        for vector, seed in zip(self._vectors, self.seeds, strict=True):
            draw_first_weights(parameters, initializer, seed)
            vector[:] = parameters.vector

    @classmethod
    def from_networks(cls, networks: Sequence[Sequential]) -> Self:
        """An ensemble that goes on from the weights and random numbers of `networks`; it is to be compiled.

        Raises
        ------
        ValueError
            If there is none, or they differ in their architecture or dtype.

        """
        if not networks or not all(isinstance(network, Sequential) for network in networks):
            raise ValueError(f"networks was {networks!r}: it must be a list of one Sequential at least")
        first = networks[0]
        for number, network in enumerate(networks):
            if network.layers != first.layers or network.dtype != first.dtype:
                raise ValueError(f"networks[{number}] was {network!r}: it must have the layers and dtype of networks[0], {first!r}")
        made = cls(first.architecture, seeds=[network.seed for network in networks], initializer="zeros", dtype=first.dtype)
        for number, network in enumerate(networks):
            made.set_weights(number, network.get_weights())
        made._generators = [deepcopy(network._generator) for network in networks]
        return made

    def __repr__(self) -> str:
        sizes = " → ".join(str(size) for size in (self.layers[0].input_dim, *(layer.output_dim for layer in self.layers)))
        return f"<Ensemble of {len(self)} networks {sizes}, {self.count_params():,} parameters, {self.dtype}>"

    def __len__(self) -> int:
        """How many networks there are."""
        return len(self.seeds)

    @property
    def architecture(self) -> list[dict[str, Any]]:
        """The list of dicts that describes each network."""
        return as_dicts(self.layers)

    @property
    def optimizer(self) -> Optimizer | None:
        """A copy of what `compile` was given, which holds the state of all networks; None before."""
        return self._optimizer

    @property
    def metrics_names(self) -> list[str]:
        """What `evaluate` gives: "loss", and the metrics by the names they were given."""
        return [] if self._report is None else list(self._report.names)

    def count_params(self) -> int:
        """The number of weights and biases of all networks."""
        return int(self._vectors.size)

    def get_weights(self, i: int) -> list[Array]:
        """Copies of the weights of network `i`: kernel (in, out), bias (out,), layer by layer."""
        return self._parameters(i).get_weights()

    def set_weights(self, i: int, weights: Sequence[Any]) -> None:
        """Copy the values of `weights` into network `i`; what it raises is as in `Sequential`."""
        parameters = self._parameters(i)
        parameters.set_weights(weights)
        self._vectors[i] = parameters.vector

    def network(self, i: int) -> Sequential:
        """Network `i` as a `Sequential` of its own, which trains on from here: weights, random numbers, optimizer and its state."""
        state = {"architecture": self.architecture, "dtype": self.dtype, "seed": self.seeds[i], "threads": None}
        compiled = None
        if self._report is not None and self._optimizer is not None:
            compiled = {"optimizer": alone(self._optimizer, i), "loss": self._report.loss, "metrics": self._metrics}
            compiled["weighted_metrics"] = None
        network = Sequential.__new__(Sequential)
        generator, vector = deepcopy(self._generators[i]), self._vectors[i]
        network.__setstate__({"made": state, "compiled": compiled, "vector": vector, "generator": generator})
        return network

    def compile(
        self,
        optimizer: str | Optimizer = "rmsprop",
        loss: str | Loss | None = None,
        metrics: Sequence[str | Metric] | None = None,
        *,
        learning_rates: Any = None,
    ) -> None:
        """Set how the networks are trained, and what is reported of them.

        Parameters
        ----------
        optimizer, loss, metrics
            As of a `Sequential`; the optimizer is copied.
        learning_rates
            (networks,): one for each network, in place of the optimizer's.

        Raises
        ------
        ValueError
            If one of them is unknown or not allowed.

        """
        last = activations.get(self.layers[-1].activation)
        report = Report(loss_after(loss, last), last, named("metrics", metrics), outputs=self.layers[-1].output_dim)
        own = deepcopy(optimizers.get(optimizer))
        own.learning_rates = None if learning_rates is None else self._check_rates(learning_rates, own)
        with np.errstate(all="ignore"):
            own.build(self._vectors.shape, self.dtype)
        self._optimizer, self._report, self._metrics = own, report, list(metrics or [])

    def fit(
        self,
        x: Any,
        y: Any,
        batch_size: int | None = 32,
        epochs: int = 1,
        *,
        shuffle: bool = True,
        validation_data: tuple[Any, Any] | None = None,
        verbose: int | str = 0,
        **others: Any,
    ) -> EnsembleHistory:
        """Train every network for `epochs` over its rows.

        Parameters
        ----------
        x, y
            (samples, features) and (samples,) or (samples, outputs), which all networks train on; or each one's own, with a first
            axis for the networks: (networks, samples, features), and (networks, samples) or (networks, samples, outputs).
        batch_size
            Rows of a minibatch; the last of an epoch may have fewer. None is the full batch.
        shuffle
            Whether each network takes the rows of each epoch in a new order, drawn from its seed.
        validation_data
            Other rows as `(x, y)`, of either form, to evaluate after each epoch.
        verbose
            0 is silent, 1 or "auto" a progress bar, 2 a line an epoch, with the means over the networks.

        Returns
        -------
        EnsembleHistory
            As of a `Sequential`, with an array (epochs, networks) in place of each list.

        Raises
        ------
        ValueError, RuntimeError
            If an argument is not one of those allowed, or the ensemble has not been compiled; nothing is changed then. If the loss
            of a network becomes NaN or infinite, a RuntimeWarning names the network.

        """
        report, optimizer = self._when_compiled()
        for name, value in others.items():
            raise ValueError(f"{name} was {shown(value)}: Ensemble.fit has no such argument, {INSTEAD.get(name, ALONE)}")
        rows, held_out = self._rows(x, y), self._held_out(validation_data)
        epoch_count = validation.positive_integer("epochs", epochs)
        size = min(validation.optional_size("batch_size", batch_size) or rows.samples, rows.samples)
        batches = steps(rows.samples, size)
        progress = Progress(batches, verbosity(verbose))
        prediction = StackedPrediction(self.layers, self._vectors, logits=report.takes_logits)
        with blas_threads(1), np.errstate(all="ignore"):
            trainers = self._trainers(rows, size)
            logs: list[dict[str, Array]] = []
            for epoch in range(epoch_count):
                if progress.verbose:
                    progress.title(f"Epoch {epoch + 1}/{epoch_count}")
                logs.append(self._epoch(trainers, rows.samples if shuffle else None))
                optimizer.iterations = trainers[0][1].optimizer.iterations
                if held_out is not None:
                    logs[-1] |= {f"val_{name}": value for name, value in self._evaluate(prediction, held_out).items()}
                if progress.verbose:
                    progress.finish({name: float(values.mean()) for name, values in logs[-1].items()}, batches)
        self.history = EnsembleHistory(list(range(epoch_count)), {name: np.stack([log[name] for log in logs]) for name in logs[0]})
        _warn_of_losses(self.history.history["loss"], self.dtype)
        return self.history

    def predict(self, x: Any) -> Predictions:
        """The mean and the spread of the networks' outputs for `x`, and these outputs.

        Parameters
        ----------
        x
            (samples, features), or each network's own (networks, samples, features).

        Raises
        ------
        ValueError
            If `x` has the wrong shape, is empty, or has a value that is not finite.

        """
        values = self._features("x", x)
        rows = StackedRows(values.reshape(-1, values.shape[-1]), values, values.shape[-2], shared=values.ndim == 2)
        with blas_threads(1), np.errstate(all="ignore"):
            outputs = StackedPrediction(self.layers, self._vectors, logits=False)(rows)
            each = np.ascontiguousarray(outputs.transpose(1, 2, 0))
            return Predictions(each.mean(axis=0), each.std(axis=0), each)

    def evaluate(self, x: Any, y: Any, *, return_dict: bool = False) -> Array | list[Array] | dict[str, Array]:
        """The mean loss, and the metrics, of each network for `x` against `y`, which are as in `fit`.

        Returns
        -------
        array, list or dict
            The losses (networks,); with metrics a list of the losses and of each metric, in the order of `metrics_names`; with
            `return_dict` a dict.

        """
        report, _ = self._when_compiled()
        rows = self._rows(x, y)
        with blas_threads(1), np.errstate(all="ignore"):
            logs = self._evaluate(StackedPrediction(self.layers, self._vectors, logits=report.takes_logits), rows)
        return logs if return_dict else [logs[name] for name in report.names] if len(logs) > 1 else logs["loss"]

    # --- arguments -------------------------------------------------------------------------------------------------------------

    def _when_compiled(self) -> tuple[Report, Optimizer]:
        if self._report is None or self._optimizer is None:
            raise RuntimeError("the ensemble has not been compiled: call compile(optimizer=..., loss=...) first")
        return self._report, self._optimizer

    def _check_rates(self, value: Any, optimizer: Optimizer) -> Array:
        rates = validation.numbers("learning_rates", value)
        if optimizer.schedule is not None:
            raise ValueError(f"learning_rates was given beside a schedule, {optimizer.schedule!r}: it may be one of them")
        if rates.shape != (len(self),):
            raise ValueError(f"learning_rates had the shape {rates.shape}: it must be ({len(self)},), one for each network")
        if (rates < 0).any():
            raise ValueError(f"learning_rates had {rates.min()}: each must be at least 0")
        return rates.astype(float)[:, None]

    def _features(self, name: str, x: Any) -> Array:
        values = validation.numbers(name, x)
        features = self.layers[0].input_dim
        if values.shape[-1:] != (features,) or values.ndim not in (2, 3) or (values.ndim == 3 and len(values) != len(self)):
            wanted = f"(samples, {features}) for all networks, or ({len(self)}, samples, {features})"
            raise ValueError(f"{name} had the shape {values.shape}: it must be {wanted}")
        return validation.cast(name, values, self.dtype)

    def _rows(self, x: Any, y: Any, names: tuple[str, str] = ("x", "y")) -> StackedRows:
        """The arguments of those names, checked."""
        report, _ = self._when_compiled()
        features, labels = self._features(names[0], x), validation.numbers(names[1], y)
        lead = features.shape[:-1]
        if labels.shape[: len(lead)] != lead:
            raise ValueError(f"{names[1]} had the shape {labels.shape}: it must begin with {lead}, as {names[0]} does")
        flat = labels.reshape(math.prod(lead), *labels.shape[len(lead) :])
        with np.errstate(all="ignore"):
            targets = np.ascontiguousarray(report.loss.encode(names[1], flat, self.layers[-1].output_dim), self.dtype)
        return StackedRows(features.reshape(len(flat), -1), targets, lead[-1], shared=len(lead) == 1)

    def _held_out(self, data: Any) -> StackedRows | None:
        if data is None:
            return None
        if not isinstance(data, (tuple, list)) or len(data) != 2:
            raise ValueError("validation_data must be (x, y): an Ensemble has no sample weights")
        return self._rows(data[0], data[1], ("validation_data[0]", "validation_data[1]"))

    # --- training and evaluation -----------------------------------------------------------------------------------------------

    def _trainers(self, rows: StackedRows, batch_size: int) -> list[tuple[slice, StackedTrainer]]:
        """The networks in groups that fit in the cache, each with its trainer."""
        report, optimizer = self._when_compiled()
        size = largest_group(self.layers, batch_size, self.dtype.itemsize)
        groups = [slice(first, min(first + size, len(self))) for first in range(0, len(self), size)]
        trainers: list[tuple[slice, StackedTrainer]] = []
        for group in groups:
            parameters = StackedParameters(self.layers, self._vectors[group])
            trainers.append((group, StackedTrainer(parameters, part_of(optimizer, group), report, rows.of(group), batch_size)))
        return trainers

    def _epoch(self, trainers: Sequence[tuple[slice, StackedTrainer]], shuffled: int | None) -> dict[str, Array]:
        """Train an epoch, in new orders of so many rows: the logs, (networks,) each."""
        logs: list[dict[str, Array]] = []
        for group, trainer in trainers:
            order = None if shuffled is None else np.stack([g.permutation(shuffled) for g in self._generators[group]])
            logs.append(trainer.epoch(order))
        return {name: np.concatenate([log[name] for log in logs]) for name in sorted(logs[0])}

    def _evaluate(self, prediction: StackedPrediction, rows: StackedRows) -> dict[str, Array]:
        report, _ = self._when_compiled()
        y = rows.stacked(rows.y, len(self), slice(None)).transpose(2, 0, 1)
        found = totals(report, y[:, None], prediction(rows)[:, None])
        logs = {name: found[name] / rows.samples for name in report.logged}
        logs["loss"] = logs["loss"] + penalties(StackedParameters(self.layers, self._vectors), rows.samples)
        return logs

    def _parameters(self, i: int) -> Parameters:
        """A copy of the weights of network `i`."""
        parameters = Parameters(self.layers, self.dtype)
        parameters.vector[:] = self._vectors[i]
        return parameters


def _check_seeds(n: int | None, seeds: Sequence[int | None] | None) -> list[int | None]:
    if seeds is None:
        if n is None:
            raise ValueError("n was None: give the number of networks, or seeds, one for each")
        return [None] * validation.positive_integer("n", n)
    if not isinstance(seeds, (Sequence, np.ndarray)) or isinstance(seeds, str) or not len(seeds):
        raise ValueError(f"seeds was {shown(seeds)}: it must be a list of one seed for each network")
    if n is not None and n != len(seeds):
        raise ValueError(f"n was {shown(n)} beside {len(seeds)} seeds: leave it out, or give as many seeds")
    return [validation.seed(seed) for seed in seeds]


def _warn_of_losses(losses: Array, dtype: np.dtype[Any]) -> None:
    """Say which networks' losses (epochs, networks) were not finite, or exploded, to the caller of `fit`."""
    finite = np.isfinite(losses).all(axis=0)
    for found, warn in ((~finite, warn_of_divergence), (finite & exploded(losses[0], losses[-1], dtype), warn_of_explosion)):
        if found.any():
            warn(f"in {found.sum()} of {losses.shape[1]} networks, {', '.join(map(str, np.flatnonzero(found)))}", stacklevel=4)
