"""What the solvers call: an epoch of minibatches, or the loss and its gradient, both on the engine.

scikit-learn divides the loss of a minibatch by the sum of its rows' weights, and so it does with the penalty on the kernels,
alpha / 2 · Σ kernel². Here the rows' weights are scaled to have the mean 1 in each minibatch, and the optimizer gets the penalty's
gradient on top of the loss's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple, cast

import numpy as np

from numpy_nn import losses
from numpy_nn._engine.arrays import Array
from numpy_nn._engine.minibatches import Trainer
from numpy_nn._engine.program import Program
from numpy_nn.estimators.tasks import Task
from numpy_nn.optimizers import SGD, Optimizer
from numpy_nn.sequential import Sequential
from numpy_nn.validation import Rows


class Samples(NamedTuple):
    """Checked samples: `x` (n, features), dense or sparse; `y` as the task's loss takes them; `weights` (n,) or None."""

    x: Any
    y: Array
    weights: Array | None = None


class _SparseRows:
    """Rows of a sparse matrix, of which only those that the engine copies into its buffers become dense."""

    def __init__(self, matrix: Any) -> None:
        self._matrix = matrix

    def __len__(self) -> int:
        return int(self._matrix.shape[0])

    def __getitem__(self, rows: slice | Array) -> _SparseRows:
        return _SparseRows(self._matrix[rows])

    def reshape(self, *shape: int) -> Array:
        dense: Array = self._matrix.toarray().reshape(shape)
        return dense


def engine_rows(model: Sequential, samples: Samples) -> Rows:
    """The samples as the engine takes them."""
    assert model.loss is not None
    y = np.ascontiguousarray(model.loss.encode("y", samples.y, model.layers[-1].output_dim), model.dtype)
    if isinstance(samples.x, np.ndarray):
        x = np.ascontiguousarray(samples.x, model.dtype)
    else:
        x = cast(Array, _SparseRows(samples.x.tocsr().astype(model.dtype)))
    return Rows(x, y, None if samples.weights is None else samples.weights.astype(model.dtype))


class Penalized:
    """An optimizer for whom the penalty's gradient is part of the gradient; all else is the optimizer's own."""

    def __init__(self, optimizer: Optimizer, model: Sequential, *, alpha: float, gradient_factor: float) -> None:
        self._optimizer, self._alpha, self._loss_factor = optimizer, alpha, gradient_factor
        self._kernels = kernel_mask(model)
        self._decay = np.zeros_like(self._kernels)
        """What each weight is multiplied by to be its penalty's gradient."""
        self._factor = self._value_factor = 0.0
        self._values: list[Array] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._optimizer, name)

    @property
    def gradient_factor(self) -> float:
        return self._optimizer.gradient_factor * self._loss_factor

    @property
    def iterations(self) -> int:
        """The optimizer's count of updates, which the engine sets."""
        return self._optimizer.iterations

    @iterations.setter
    def iterations(self, value: int) -> None:
        self._optimizer.iterations = value

    def begin_batch(self, rows: int, weight: float) -> None:
        """Prepare for a minibatch of so many rows, of that weight together."""
        scale = self._optimizer.gradient_factor
        factor = self._alpha / weight * scale if weight else 0.0
        if factor != self._factor:
            np.multiply(self._kernels, factor, self._decay)
            self._factor = factor
        self._value_factor = 0.5 * rows / scale

    def take_value(self) -> float:
        """The sum, over the minibatches since the last call, of the penalty times the rows."""
        value = sum(float(value) for value in self._values)
        for array in self._values:
            array[()] = 0
        return value

    def record_update(self, weights: Array, gradient: Array, place: slice = slice(None)) -> Program:
        update = self._optimizer.record_update(weights, gradient, place)
        if not self._alpha:
            return update
        penalty, value = np.empty_like(weights), np.zeros(())
        self._values.append(value)

        def add_value() -> None:
            value[()] += self._value_factor * weights.dot(penalty)

        return [
            partial(np.multiply, weights, self._decay[place], penalty),
            partial(np.add, gradient, penalty, gradient),
            add_value,
            *update,
        ]


class EpochTrainer:
    """Trains a compiled model for an epoch at a time."""

    def __init__(self, model: Sequential, task: Task, samples: Samples, *, batch_size: int, alpha: float) -> None:
        assert model.optimizer is not None
        self._task, self._rows = task, engine_rows(model, samples)
        self._optimizer = Penalized(model.optimizer, model, alpha=alpha, gradient_factor=task.gradient_factor)
        self._trainer = make_trainer(model, cast(Optimizer, self._optimizer), self._rows, batch_size)
        self._starts = np.arange(0, len(self._rows.x), batch_size)
        self._sizes = np.diff(self._starts, append=len(self._rows.x))

    @contextmanager
    def threads(self) -> Iterator[None]:
        """The threads of the engine as training needs them, inside the block."""
        with self._trainer.threads():
            yield

    def epoch(self, order: Array | None) -> float:
        """Train on the rows in `order`, or as they are; the loss of scikit-learn's name, the mean over the rows."""
        rows, sums = self._weighted(order)
        self._trainer.start_epoch(rows, order)
        self._optimizer.refresh()  # the penalty, too, takes the learning rate of now
        for batch, (size, weight) in enumerate(zip(self._sizes.tolist(), sums.tolist(), strict=True)):
            self._optimizer.begin_batch(size, weight)
            self._trainer.step(batch)
        loss = end_epoch(self._trainer)
        return loss * self._task.value_factor + self._optimizer.take_value() / len(rows.x)

    def _weighted(self, order: Array | None) -> tuple[Rows, Array]:
        """The rows, their weights scaled to the mean 1 in each minibatch, and the sum of each minibatch's weights before."""
        if self._rows.weights is None:
            return self._rows, self._sizes
        chosen: slice | Array = slice(None) if order is None else order
        weights = self._rows.weights[chosen]
        sums = np.add.reduceat(weights, self._starts)
        scaled = np.empty_like(weights)
        scaled[chosen] = weights * np.repeat(np.divide(self._sizes, sums, out=np.zeros(len(sums)), where=sums != 0), self._sizes)
        return self._rows._replace(weights=scaled), sums


class Objective:
    """The loss over all samples and its gradient, as functions of the vector of all weights: what L-BFGS minimizes."""

    def __init__(self, model: Sequential, task: Task, samples: Samples, *, alpha: float) -> None:
        rows = engine_rows(model, samples)
        self._weight = float(len(rows.x) if rows.weights is None else rows.weights.sum())
        if rows.weights is not None:
            rows = rows._replace(weights=rows.weights * (len(rows.x) / self._weight))
        self._task, self._rows = task, rows
        self._vector = model._parameters.vector
        self._decay = kernel_mask(model) * (alpha / self._weight)
        self._gradient = _StoredGradient(len(self._vector), task.gradient_factor)
        self._trainer = make_trainer(model, self._gradient, rows, len(rows.x))

    def __call__(self, vector: Array) -> tuple[float, Array]:
        """The loss and the gradient at `vector`."""
        self._vector[:] = vector
        with self._trainer.threads():
            self._trainer.start_epoch(self._rows, None)
            self._trainer.step(0)
            loss = end_epoch(self._trainer)
            penalty = self._decay * self._vector
            value = loss * self._task.value_factor + 0.5 * float(penalty.dot(self._vector))
            return value, self._gradient.vector + penalty


class _StoredGradient(SGD):
    """An optimizer that updates nothing, and keeps the gradient."""

    def __init__(self, count: int, gradient_factor: float) -> None:
        super().__init__()
        self.gradient_factor = self._loss_factor = gradient_factor
        self.vector = np.zeros(count)

    def factor(self) -> float:
        return self._loss_factor

    def record_update(self, weights: Array, gradient: Array, place: slice = slice(None)) -> Program:
        return [partial(self.vector.__setitem__, place, gradient)]


def make_trainer(model: Sequential, optimizer: Optimizer, rows: Rows, batch_size: int) -> Trainer:
    """The engine's trainer for the model's weights and loss."""
    loss = losses.get(cast(Any, model.loss))
    return Trainer(model._parameters, optimizer, loss, samples=len(rows.x), batch_size=batch_size, threads=model.threads)


def end_epoch(trainer: Trainer) -> float:
    """The mean loss of the rows that were trained on, each as it was before its minibatch's update."""
    return trainer.end_epoch(trainer.batches)["loss"]


def kernel_mask(model: Sequential) -> Array:
    """1 for each weight of a kernel, 0 for each bias, laid out as the vector of all weights."""
    parts = []
    for layer in model.layers:
        parts += [np.ones(layer.input_dim * layer.output_dim, model.dtype), np.zeros(layer.output_dim, model.dtype)]
    return np.concatenate(parts)
