"""Metrics: what is reported of a network's outputs beside the loss.

A metric is called as Keras' are, `metric(y_true, y_pred, sample_weight=None) -> float`, samples in rows. `Report` has the loss and
the metrics of a compiled network, and computes them from the engine's arrays, samples in columns. One more metric is one small
class and its line in `METRICS`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from numpy_nn._engine.arrays import Array
from numpy_nn._engine.program import Program, run
from numpy_nn.activations import Activation
from numpy_nn.checks import shown
from numpy_nn.keras_names import finder
from numpy_nn.losses import Loss
from numpy_nn.name_lookup import Part, make
from numpy_nn.validation import Rows

Totals = dict[str, tuple[float, float]]
"""For each name of the logs, a sum and what it is divided by to be a mean."""


class Metric(Part, ABC):
    """`metric(y_true, y_pred, sample_weight=None) -> float`: the mean over the samples, each times its weight.

    Parameters
    ----------
    name
        What it is called in the logs; None: the name of its kind.
    dtype
        Taken, as Keras takes it; the sums are of float64.

    """

    larger_is_better = False
    takes_labels, takes_targets = True, True
    """Whether it is defined where there are several outputs, and of each sample the number of its class; or as many targets."""

    def __init__(self, name: str | None = None, dtype: Any = None) -> None:
        if name is not None and (not isinstance(name, str) or not name):
            raise ValueError(f"name was {shown(name)}: it must be text, or None")
        if name is not None and (name == "loss" or name.startswith("val_")):
            raise ValueError(f"name was {shown(name)}: the logs have the loss and the values of validation data under such names")
        self.name = type(self).name if name is None else name

    def get_config(self) -> dict[str, Any]:
        return {} if self.name == type(self).name else {"name": self.name}

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> float:
        """The metric of `y_pred` (samples,) or (samples, outputs) against `y_true`, of the same shape or (samples,) labels.

        Raises
        ------
        ValueError
            If the shapes don't fit one another.

        """
        outputs = np.atleast_1d(np.asarray(y_pred))
        outputs = outputs.reshape(len(outputs), -1)
        targets = np.atleast_1d(np.asarray(y_true))
        targets = targets.reshape(len(targets), -1)
        if len(targets) != len(outputs) or targets.shape[1] not in (1, outputs.shape[1]):
            raise ValueError(f"y_true had the shape {np.shape(y_true)}: y_pred's {np.shape(y_pred)} asks for {outputs.shape}")
        weights = None if sample_weight is None else np.asarray(sample_weight, float).reshape(-1)
        if weights is not None and len(weights) != len(outputs):
            raise ValueError(f"sample_weight had the shape {np.shape(sample_weight)}: it must be ({len(outputs)},)")
        with np.errstate(all="ignore"):
            if np.isnan(outputs).any():
                return math.nan
            total, count = self.total(targets.T, outputs.T, weights)
        return total / count if count else 0.0  # as Keras, where all weights are 0

    @abstractmethod
    def values(self, y: Array, a: Array) -> Array:
        """The metric of each sample, (samples,), from targets and outputs (outputs, samples)."""

    def total(self, y: Array, a: Array, weights: Array | None = None) -> tuple[float, float]:
        """The sum over the samples, each times its weight, and the sum of the weights."""
        values = self.values(y, a)
        if weights is not None:
            return float(np.vdot(values, weights)), float(weights.sum())
        return float(np.count_nonzero(values) if values.dtype.kind == "b" else values.sum()), len(values)


class BinaryAccuracy(Metric):
    """The share of outputs which, cut strictly above `threshold`, are their targets; other targets than 0 and 1 are never met."""

    name = "binary_accuracy"
    larger_is_better = True
    takes_labels = False

    def __init__(self, name: str | None = None, dtype: Any = None, threshold: float = 0.5) -> None:
        super().__init__(name, dtype)
        if isinstance(threshold, bool) or not isinstance(threshold, (int, float, np.number)) or not math.isfinite(threshold):
            raise ValueError(f"threshold was {shown(threshold)}: it must be a finite number")
        self.threshold = float(threshold)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "threshold": self.threshold}

    def values(self, y: Array, a: Array) -> Array:
        # Of one kind before they are compared: NumPy takes eight times as long to compare bools with floats.
        right: Array = (a > self.threshold).astype(y.dtype) == y
        values: Array = right[0] if len(a) == 1 else right.mean(axis=0)
        return values


class CategoricalAccuracy(Metric):
    """The share of samples whose largest output is that of the target's class, the first of equals."""

    name = "categorical_accuracy"
    larger_is_better = True
    takes_labels = False

    def values(self, y: Array, a: Array) -> Array:
        # Targets are the classes' numbers in one row, or one-hot.
        right: Array = a.argmax(axis=0) == (y[0] if len(y) < len(a) else y.argmax(axis=0))
        return right


class SparseCategoricalAccuracy(CategoricalAccuracy):
    """Categorical accuracy whose labels are the classes' numbers."""

    name = "sparse_categorical_accuracy"
    takes_labels, takes_targets = True, False

    def values(self, y: Array, a: Array) -> Array:
        return super().values(y, a) if len(y) > 1 else a.argmax(axis=0) == y[0]


class Accuracy(Metric):
    """The accuracy that fits the outputs, as Keras' "accuracy": binary for one output, categorical for more.

    (Keras' own class of this name counts the outputs that are equal to their targets.)
    """

    name = "accuracy"
    larger_is_better = True

    def __init__(self, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name, dtype)
        self._binary, self._categorical = BinaryAccuracy(), CategoricalAccuracy()

    def values(self, y: Array, a: Array) -> Array:
        return (self._binary if len(a) == 1 else self._categorical).values(y, a)

    def total(self, y: Array, a: Array, weights: Array | None = None) -> tuple[float, float]:
        if weights is None and len(a) == 1:  # as below, with fewer calls: every epoch makes them
            return float(np.count_nonzero((a > self._binary.threshold).astype(y.dtype) == y)), len(y[0])
        return super().total(y, a, weights)


class MeanAbsoluteError(Metric):
    """|a − y|, the mean over the outputs."""

    name = "mean_absolute_error"
    takes_labels = False

    def values(self, y: Array, a: Array) -> Array:
        values: Array = np.abs(a - y).mean(axis=0)
        return values


class MeanSquaredError(Metric):
    """(a − y)², the mean over the outputs."""

    name = "mean_squared_error"
    takes_labels = False

    def values(self, y: Array, a: Array) -> Array:
        values: Array = np.square(a - y).mean(axis=0)
        return values


METRICS: dict[str, type[Metric]] = {
    metric.name: metric
    for metric in (
        Accuracy,
        BinaryAccuracy,
        CategoricalAccuracy,
        SparseCategoricalAccuracy,
        MeanAbsoluteError,
        MeanSquaredError,
    )
}
ALIASES = {"acc": "accuracy", "mae": "mean_absolute_error", "mse": "mean_squared_error"}


def get(identifier: str | Mapping[str, Any] | Metric) -> Metric:
    """The metric of that name, of that dict of a class name and its arguments, or the metric itself.

    Raises
    ------
    ValueError
        If there is none of that name.

    """
    return identifier if isinstance(identifier, Metric) else make("metrics", identifier, METRICS, ALIASES)


def named(argument: str, metrics: Sequence[str | Metric] | None, taken: Collection[str] = ()) -> dict[str, Metric]:
    """The metrics of an argument of `Sequential.compile`, by the names that they have in the logs, as in Keras.

    Raises
    ------
    ValueError
        If the argument is not a list, or a metric is unknown.

    """
    if metrics is not None and not isinstance(metrics, (list, tuple)):
        raise ValueError(f"{argument} was {shown(metrics)}: it must be a list, as ['accuracy']")
    found: dict[str, Metric] = {}
    counts = dict.fromkeys(taken, 1)
    for metric in () if metrics is None else metrics:
        first = metric if isinstance(metric, str) else get(metric).name
        if first in counts and argument == "weighted_metrics":
            first = f"weighted_{first}"
        name = f"{first}_{counts[first]}" if first in counts else first
        while name in found or name in taken:  # one was given by such a name
            name += "_1"
        counts[first] = counts.get(first, 0) + 1
        found[name] = get(metric)
    return found


class Report:
    """What is reported of a network that was compiled: the loss, and metrics without and with the weights of the samples.

    Parameters
    ----------
    activation
        The last layer's.
    outputs
        How many there are; None: whether the metrics fit them isn't checked.

    Raises
    ------
    ValueError
        If a metric isn't defined for such targets.

    """

    def __init__(
        self,
        loss: Loss,
        activation: Activation,
        metrics: Mapping[str, Metric],
        weighted_metrics: Mapping[str, Metric] | None = None,
        outputs: int | None = None,
    ) -> None:
        self.loss, self._activation = loss, activation
        self.metrics, self.weighted_metrics = dict(metrics), dict(weighted_metrics or {})
        self.takes_logits = loss.takes_logits(activation.name)
        """Whether the loss is computed from the logits, so that these are what `totals` is to be given."""
        self.names = ["loss", *self.metrics, *self.weighted_metrics]
        self.logged = sorted(self.names)
        """The order of the logs, which is Keras'."""
        if outputs is not None and outputs > 1:
            self._check_metrics(outputs)

    def _check_metrics(self, outputs: int) -> None:
        of_classes = self.loss.target_count(outputs) == 1
        takes = "takes_labels" if of_classes else "takes_targets"
        for name, metric in {**self.metrics, **self.weighted_metrics}.items():
            if not getattr(metric, takes):
                targets = "the number of its class" if of_classes else f"{outputs} targets"
                fitting = ", ".join(each.name for each in METRICS.values() if getattr(each, takes))
                raise ValueError(f"metrics had {name!r}: {self.loss.name} takes of each sample {targets}, and so do {fitting}")

    def record_activation(self, given: Array, outputs: Array) -> Program:
        """Operations that compute the outputs of the logits `given`, where the metrics need them."""
        return self._activation.record_forward(given, outputs) if self.takes_logits and len(self.names) > 1 else []

    def totals(self, rows: Rows, given: Array, outputs: Array | None = None) -> Totals:
        """Sums over the samples, from the outputs or logits `given` (outputs, samples), and if computed the outputs of these."""
        y = rows.y.T
        values = self.loss.from_logit_values(y, given) if self.takes_logits else self.loss.values(y, given)
        total = float(np.add.reduce(values) if rows.weights is None else np.vdot(values, rows.weights))
        found: Totals = {"loss": (total, len(values))}
        if len(self.names) == 1:
            return found
        if outputs is None:
            outputs = np.empty_like(given) if self.takes_logits else given
            run(self.record_activation(given, outputs))
        if not math.isfinite(total) and np.isnan(outputs).any():  # outputs that are NaN have no class
            return found | dict.fromkeys(self.names[1:], (math.nan, 1.0))
        for name, metric in self.metrics.items():
            found[name] = metric.total(y, outputs)
        for name, metric in self.weighted_metrics.items():
            found[name] = metric.total(y, outputs, rows.weights)
        return found

    def means(self, rows: Rows, given: Array, outputs: Array | None = None) -> dict[str, float]:
        """The logs: the mean loss, and the metrics by their names."""
        return self.logs(self.totals(rows, given, outputs))

    def logs(self, totals: Totals) -> dict[str, float]:
        """The means of sums, in the order of the logs."""
        return {name: total / count if count else 0.0 for name in self.logged for total, count in (totals[name],)}


class RunningMeans:
    """The logs of all minibatches so far."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._totals: Totals = {}

    def copy(self) -> RunningMeans:
        """Another that goes on from here."""
        other = RunningMeans(self._report)
        other._totals = dict(self._totals)
        return other

    def add(self, rows: Rows, given: Array) -> dict[str, float]:
        """The logs of these samples and all before."""
        for name, (total, count) in self._report.totals(rows, given).items():
            before = self._totals.get(name, (0.0, 0.0))
            self._totals[name] = before[0] + total, before[1] + count
        return self._report.logs(self._totals)


__getattr__ = finder("numpy_nn.metrics", [part.__name__ for part in METRICS.values()])
