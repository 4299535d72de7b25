"""What a contestant is: the task it is handed, and the few methods it has.

Called by `bench.execution.worker`, inside the contestant's own process; written by whoever adds a contestant. Imports NumPy and the
standard library only, so that a worker's memory and cold start are the contestant's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
EpochEnd = Callable[[int], None]
"""Called by a contestant as each epoch ends (counted from 0), with the epoch's updates done and not merely queued."""


@dataclass(frozen=True)
class Task:
    """One training, the same for every contestant.

    Rows are already in the order in which they are trained: batches are consecutive slices, the same ones every epoch.
    """

    architecture: Sequence[Mapping[str, Any]]
    """The list of layer dicts: `input_dim`, `output_dim`, `activation`."""
    weights: Sequence[Array]
    """First weights: kernel (in, out), bias (out,), layer by layer."""
    x: Array
    """(samples, features), in `dtype`."""
    y: Array
    """(samples, outputs), in `dtype`; one-hot where there are several classes."""
    x_test: Array
    y_test: Array
    loss: str
    optimizer: Mapping[str, Any]
    """`{"name": "sgd", "learning_rate": 0.01, ...}`, by Keras' names."""
    batch_size: int | None
    """Rows a step; None is the full batch."""
    epochs: int
    dtype: str
    threads: int
    seed: int
    shuffle: bool = False
    """A new order every epoch, where the workload asks for the contestant's own default (`article`)."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """What `tune` chose for this contestant, or a workload's own settings for it."""

    @property
    def rows_a_step(self) -> int:
        return len(self.x) if self.batch_size is None else min(self.batch_size, len(self.x))

    @property
    def steps_an_epoch(self) -> int:
        return -(-len(self.x) // self.rows_a_step)

    @property
    def steps(self) -> int:
        """Updates in the whole fit."""
        return self.epochs * self.steps_an_epoch


@runtime_checkable
class Contestant(Protocol):
    """Trains one task. A new one is made for every trial; imports of a framework belong in `__init__`.

    Optional, looked up by name:

    - ``tune(task) -> dict`` (a classmethod): measure what this machine likes best; the answer comes back in `Task.options`.
    - ``details() -> dict``: settings worth a place in the report's row, as plain JSON.
    - ``predictor() -> Callable[[Array], Array]``: the fastest call for one row, for the latency of prediction.
    - ``compiled_predictor() -> Callable[[Array], Array] | None``: one that isn't the library's own, but compiled by hand from it.

    A class of your own may say of itself, in class attributes, what the table of contestants says of the built-in ones:
    ``SUMMARY``, ``BATCH_ORDER`` and ``CLOCK_INCLUDES`` (a line each for the report), ``PARITY = False`` (it can't start from given
    weights), and ``ENVIRONMENT`` (a dict of variables, set before its process imports anything).
    """

    def __init__(self, task: Task) -> None:
        """Build and compile the model, and give it `task.weights`."""

    def warm_up(self) -> None:
        """Do once what the first step costs more than others (tracing, compiling), and leave the weights as they were."""

    def fit(self, on_epoch_end: EpochEnd) -> Mapping[str, Sequence[float]]:
        """Train for `task.epochs`; call `on_epoch_end` after each; return "loss" and "accuracy", a float an epoch each.

        In a grid it is called again, to train on.
        """

    def predict(self, x: Array) -> Array:
        """Outputs (samples, outputs) for `x` (samples, features)."""

    def get_weights(self) -> Sequence[Array]:
        """The weights now, in the order of `task.weights`."""


def batches(task: Task) -> list[slice]:
    """The rows of each step of an epoch; the last slice may be shorter."""
    size = task.rows_a_step
    return [slice(start, min(start + size, len(task.x))) for start in range(0, len(task.x), size)]


def accuracy(y_true: Array, y_pred: Array) -> float:
    """The share of rows classified right: cut strictly above 0.5, or the first largest of several outputs."""
    if y_true.shape[1] == 1:
        return float(np.mean((y_pred > 0.5) == (y_true > 0.5)))
    return float(np.mean(y_pred.argmax(axis=1) == y_true.argmax(axis=1)))
