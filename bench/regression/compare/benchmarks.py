"""The benchmarks of `compare`: work of `numpy_nn`'s public interface, in blocks of a tenth to a third of a millisecond.

Called by `comparison_worker`, which passes the package as a module, since it has it under two names. Imports NumPy and greenlet
only. A benchmark uses public names only, so that it runs on any revision.

The sizes are chosen for little noise: most blocks are too short to be interrupted, and the arrays fit into a core's own caches.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
from greenlet import getcurrent, greenlet
from numpy.typing import NDArray

Array = NDArray[Any]

LAYERS = ((2, 25, "relu"), (25, 50, "relu"), (50, 50, "relu"), (50, 25, "relu"), (25, 1, "sigmoid"))
ARCHITECTURE = [{"input_dim": i, "output_dim": o, "activation": activation} for i, o, activation in LAYERS]
"""The article's."""
STEPS_A_BLOCK = 5
FULL_BATCH_ROWS = 128
PREDICTED_ROWS = 300
DTYPE = "float32"


class Work(ABC):
    """The work of one benchmark with one revision, ready to be timed."""

    @abstractmethod
    def __call__(self) -> None:
        """Do one block."""

    @abstractmethod
    def outcome(self) -> list[Array]:
        """The values computed so far, to be compared with the other side's after the same number of blocks."""

    def close(self) -> None:  # noqa: B027  # most have nothing to release
        """Release resources."""


@dataclass(frozen=True)
class Benchmark:
    """A kind of work by name."""

    name: str
    summary: str
    prepare: Callable[[ModuleType, int], Work]
    """(library, seed) -> work, the same weights and rows for the same seed."""


def two_moons(rows: int, seed: int) -> tuple[Array, Array]:
    """Two interleaved half circles with noise, (rows, 2) and (rows,): the article's data, without scikit-learn."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 2, rows)
    angles = generator.uniform(0, np.pi, rows)
    x = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    x[labels == 1] = [1.0, 0.5] - x[labels == 1]
    x += generator.normal(0, 0.2, x.shape)
    return x.astype(DTYPE), labels.astype(DTYPE)


def draw_weights(seed: int) -> list[Array]:
    """Initial weights (Glorot and Bengio's uniform), independent of the library's own initialisers."""
    generator = np.random.default_rng(seed)
    weights: list[Array] = []
    for inputs, outputs, _ in LAYERS:
        bound = np.sqrt(6 / (inputs + outputs))
        weights += [generator.uniform(-bound, bound, (inputs, outputs)).astype(DTYPE), np.zeros(outputs, DTYPE)]
    return weights


def make_model(library: ModuleType, weights: list[Array]) -> Any:
    """The article's network, compiled, on one thread."""
    model = library.Sequential(ARCHITECTURE, seed=0, dtype=DTYPE, threads=1)
    model.compile(optimizer=library.SGD(learning_rate=0.01), loss="binary_crossentropy", metrics=["accuracy"])
    model.set_weights(weights)
    return model


class Fit(Work):
    """Whole epochs of `fit`, one a block.

    `fit` returns when the training is over, but two of them must take turns. Each runs in a greenlet, which switches back at the
    end of an epoch: a switch of stacks within one thread, in less than a microsecond.
    """

    def __init__(self, library: ModuleType, seed: int, *, rows: int, batch_size: int) -> None:
        harness = getcurrent()

        class Turn(library.Callback):  # type: ignore[name-defined,misc]  # the module is known at run time only
            def on_epoch_end(self, *_: object) -> None:
                harness.switch()

        x, y = two_moons(rows, seed)
        self._model = make_model(library, draw_weights(seed))
        settings = {"batch_size": batch_size, "epochs": sys.maxsize, "shuffle": False, "callbacks": [Turn()], "verbose": 0}
        self._fit = greenlet(partial(self._model.fit, x, y, **settings))

    def __call__(self) -> None:
        self._fit.switch()

    def outcome(self) -> list[Array]:
        if self._fit.dead:
            raise RuntimeError("fit returned before its last epoch")
        return list(self._model.get_weights())

    def close(self) -> None:
        self._fit.throw()  # leaves `fit` as an exception does, through its `with` blocks


class Predict(Work):
    """Predictions of `rows` rows at a time."""

    def __init__(self, library: ModuleType, seed: int, *, rows: int, calls: int = 1) -> None:
        self._x = two_moons(rows, seed)[0]
        self._predict = make_model(library, draw_weights(seed)).predict
        self._calls = range(calls)

    def __call__(self) -> None:
        predict, x = self._predict, self._x
        for _ in self._calls:
            predict(x)

    def outcome(self) -> list[Array]:
        return [self._predict(self._x)]


class Build(Work):
    """From the list of dicts to a compiled network with its weights."""

    def __init__(self, library: ModuleType, seed: int) -> None:
        self._build = partial(make_model, library, draw_weights(seed))

    def __call__(self) -> None:
        self._model = self._build()

    def outcome(self) -> list[Array]:
        return list(self._model.get_weights())


BENCHMARKS = {
    benchmark.name: benchmark
    for benchmark in (
        Benchmark(
            "step",
            f"a training step, batch 32 (`fit`, epochs of {STEPS_A_BLOCK})",
            partial(Fit, rows=32 * STEPS_A_BLOCK, batch_size=32),
        ),
        Benchmark(
            "step-full-batch",
            f"a training step, full batch of {FULL_BATCH_ROWS} (`fit`)",
            partial(Fit, rows=FULL_BATCH_ROWS, batch_size=FULL_BATCH_ROWS),
        ),
        Benchmark("predict-one", "prediction of one row", partial(Predict, rows=1, calls=20)),
        Benchmark("predict-many", f"prediction of {PREDICTED_ROWS} rows", partial(Predict, rows=PREDICTED_ROWS)),
        Benchmark("build", "building and compiling a network", Build),
    )
}
