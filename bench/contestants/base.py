"""What a contestant is: the abstract class that each one inherits from, and the task that it is handed.

Used by whoever writes a contestant, and by `bench.execution.measurement`, in the contestant's own process. Imports NumPy and the
standard library only, so that a worker's memory and cold start are the contestant's own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

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


class Contestant(ABC):
    """Trains one task. A new one is made for every trial.

    Four methods are abstract, the others have defaults. A class with these four that doesn't inherit from this one is a contestant
    too: the loader gives it the defaults (`with_defaults`).

    The class attributes describe a class of your own, named on the command line as FILE.py:CLASS. The built-in contestants are
    described in the table of `bench.contestants.registry`, which has to know them without importing their frameworks.
    """

    SUMMARY: ClassVar[str] = ""
    """One line for the report: what it is and how it trains."""
    BATCH_ORDER: ClassVar[str] = "the given order, every epoch"
    """The order of its batches, for the report."""
    CLOCK_INCLUDES: ClassVar[str] = "every update, and each epoch's loss and accuracy"
    """What `fit` computes, for the report."""
    TRAINS: ClassVar[bool] = True
    """False: it only predicts."""
    LEARNS: ClassVar[bool] = True
    """False: it is timed and never scored."""
    PARITY: ClassVar[bool] = True
    """False: its figures can't be compared with the reference's, since it can't start from the given weights, say."""
    PEER: ClassVar[bool] = False
    """True: it is scored on fewer seeds."""
    ENVIRONMENT: ClassVar[Mapping[str, str]] = {}
    """Environment variables of its process, set before anything is imported, beside the numbers of threads."""

    @abstractmethod
    def __init__(self, task: Task) -> None:
        """Import the framework, build and compile the model, and give it `task.weights`."""

    def warm_up(self) -> None:  # noqa: B027
        """Do what only the first step costs (tracing, compiling), and leave the weights as they were. By default nothing."""

    @abstractmethod
    def fit(self, on_epoch_end: EpochEnd) -> Mapping[str, Sequence[float]]:
        """Train for `task.epochs`, and call `on_epoch_end` after each; in a grid it is called again, to train on.

        Returns
        -------
        mapping
            "loss" and "accuracy", a float an epoch each.

        """

    @abstractmethod
    def predict(self, x: Array) -> Array:
        """Outputs (samples, outputs) for `x` (samples, features)."""

    @abstractmethod
    def get_weights(self) -> Sequence[Array]:
        """The weights now, in the order of `task.weights`."""

    @classmethod
    def tune(cls, task: Task) -> Mapping[str, Any]:  # noqa: ARG003
        """Measure which settings are the fastest on this machine; they come back in `Task.options`. By default none."""
        return {}

    def details(self) -> Mapping[str, Any]:
        """Settings to show in the report, as plain JSON. By default none."""
        return {}

    def predictor(self) -> Callable[[Array], Array]:
        """The fastest call that predicts one row. By default `predict`."""
        return self.predict

    def compiled_predictor(self) -> Callable[[Array], Array] | None:
        """A call that is compiled by hand from the model, rather than the library's own. By default None: there is none."""
        return None


def with_defaults(contestant: type[Any]) -> type[Any]:
    """The same class, with `Contestant`'s default for each method and attribute that it lacks."""
    for name, default in vars(Contestant).items():
        if not name.startswith("_") and not hasattr(contestant, name):
            setattr(contestant, name, default)
    return contestant


def batches(task: Task) -> list[slice]:
    """The rows of each step of an epoch; the last slice may be shorter."""
    size = task.rows_a_step
    return [slice(start, min(start + size, len(task.x))) for start in range(0, len(task.x), size)]


def accuracy(y_true: Array, y_pred: Array) -> float:
    """The share of rows classified right: cut strictly above 0.5, or the first largest of several outputs."""
    if y_true.shape[1] == 1:
        return float(np.mean((y_pred > 0.5) == (y_true > 0.5)))
    return float(np.mean(y_pred.argmax(axis=1) == y_true.argmax(axis=1)))
