"""The benchmarks of training: steps by themselves, in families of optimizers, losses, activations and batches, and whole fits."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from bench.micro.benchmark import Benchmark, Prepare, Work
from bench.micro.networks import (
    LAYERS,
    SMALL_LAYERS,
    Layers,
    draw_weights,
    make_model,
    numbers,
    one_hot_thirds,
    two_moons,
    with_ends,
)
from bench.micro.work import Calls, Epochs

STEPS_A_BLOCK = 5
FAMILY_STEPS_A_BLOCK = 3
FULL_BATCH_ROWS = 128
LARGE_BATCH_ROWS = 2048
FIT_ROWS = 96


def steps(
    package: ModuleType,
    seed: int,
    *,
    rows: int,
    batch_size: int,
    layers: Layers = LAYERS,
    optimizer: Callable[[ModuleType], Any] | None = None,
    loss: str = "binary_crossentropy",
    dtype: str = "float32",
    threads: int = 1,
) -> Work:
    """Epochs of `fit` on `rows` rows."""
    x, y = two_moons(rows, seed, dtype)
    targets = one_hot_thirds(x) if loss == "categorical_crossentropy" else y
    if loss == "sparse_categorical_crossentropy":
        targets = one_hot_thirds(x).argmax(axis=1)
    chosen = optimizer(package) if optimizer else None
    weights = draw_weights(layers, seed, dtype)
    model = make_model(package, weights, layers, optimizer=chosen, loss=loss, dtype=dtype, threads=threads)
    return Epochs(package, model, x, targets, batch_size)


_family_steps = partial(steps, rows=32 * FAMILY_STEPS_A_BLOCK, batch_size=32, layers=SMALL_LAYERS)

OPTIMIZERS: dict[str, Callable[[ModuleType], Any]] = {
    "momentum": lambda package: package.SGD(0.01, momentum=0.9),
    "Nesterov": lambda package: package.SGD(0.01, momentum=0.9, nesterov=True),
    "Adam": lambda package: package.Adam(),
    "AdamW": lambda package: package.AdamW(),
    "RMSprop": lambda package: package.RMSprop(),
    "Adagrad": lambda package: package.optimizers.get("adagrad"),
}
LOSSES = {
    "mean squared error": ("mse", "linear", 1),
    "mean absolute error": ("mean_absolute_error", "linear", 1),
    "Huber": ("huber", "linear", 1),
    "categorical cross-entropy": ("categorical_crossentropy", "softmax", 3),
    "sparse categorical cross-entropy": ("sparse_categorical_crossentropy", "softmax", 3),
    "binary cross-entropy from probabilities": ("binary_crossentropy", "linear", 1),
}
ACTIVATIONS = ("sigmoid", "tanh", "leaky_relu", "elu", "softplus", "gelu", "silu", "selu")
BATCHES: dict[str, Prepare] = {
    "1 row": partial(steps, rows=5, batch_size=1),
    "1 row, float64": partial(steps, rows=5, batch_size=1, dtype="float64"),
    "32 rows, float64": partial(steps, rows=96, batch_size=32, dtype="float64"),
    "128 rows, float64": partial(steps, rows=128, batch_size=128, dtype="float64"),
    "40 rows, the last batch with 8": partial(steps, rows=40, batch_size=32),
}


def whole_fit(package: ModuleType, seed: int, *, settings: Callable[[ModuleType], dict[str, Any]]) -> Work:
    """Calls of `fit`, from its checks to its history."""
    x, y = two_moons(FIT_ROWS, seed)
    model = make_model(package, draw_weights(SMALL_LAYERS, seed), SMALL_LAYERS)
    fit = partial(model.fit, x, y, batch_size=32, epochs=1, verbose=0, **settings(package))
    return Calls(
        fit, lambda history: [*model.get_weights(), *(np.asarray(history.history[name]) for name in sorted(history.history))]
    )


def _validation(_: ModuleType) -> dict[str, Any]:
    return {"validation_data": two_moons(64, 1)}


FITS: dict[str, Callable[[ModuleType], dict[str, Any]]] = {
    "shuffled": lambda _: {},
    "validation data": _validation,
    "validation split": lambda _: {"validation_split": 0.25},
    "sample weights": lambda _: {"sample_weight": np.linspace(0.5, 1.5, FIT_ROWS, dtype="float32")},
    "class weights": lambda _: {"class_weight": {0: 1.0, 1: 2.5}},
    "early stopping": lambda package: {
        **_validation(package),
        "callbacks": [package.EarlyStopping(patience=5, restore_best_weights=True), package.TerminateOnNaN()],
    },
    "learning rates": lambda package: {
        "callbacks": [
            package.callbacks.LearningRateScheduler(lambda _, rate: rate),
            package.callbacks.ReduceLROnPlateau(monitor="loss", patience=1000),
        ]
    },
    "a callback of the user's at each batch": lambda package: {"callbacks": [_watcher(package)]},
}


def _watcher(package: ModuleType) -> Any:
    class Watcher(package.Callback):  # type: ignore[name-defined,misc]  # the module is known at run time only
        def on_train_batch_end(self, *_: object) -> None: ...

    return Watcher()


def train_on_batch(package: ModuleType, seed: int) -> Work:
    x, y = two_moons(32, seed)
    model = make_model(package, draw_weights(LAYERS, seed))
    return Calls(partial(model.train_on_batch, x, y), lambda logs: [numbers(logs), *model.get_weights()], calls=3)


def evaluate(package: ModuleType, seed: int, *, sample_weight: bool) -> Work:
    x, y = two_moons(300, seed)
    options = {"sample_weight": np.linspace(0.5, 1.5, 300, dtype="float32")} if sample_weight else {}
    model = make_model(package, draw_weights(LAYERS, seed))
    return Calls(partial(model.evaluate, x, y, verbose=0, **options), lambda logs: [numbers(logs)])


BENCHMARKS = (
    Benchmark.single(
        "step",
        f"a training step, batch 32 (`fit`, epochs of {STEPS_A_BLOCK})",
        partial(steps, rows=32 * STEPS_A_BLOCK, batch_size=32),
    ),
    Benchmark.single(
        "step-full-batch",
        f"a training step, full batch of {FULL_BATCH_ROWS} (`fit`)",
        partial(steps, rows=FULL_BATCH_ROWS, batch_size=FULL_BATCH_ROWS),
    ),
    Benchmark.single(
        "step-threads",
        f"a training step in chunks on two threads, batch {LARGE_BATCH_ROWS} (`fit`)",
        partial(steps, rows=LARGE_BATCH_ROWS, batch_size=LARGE_BATCH_ROWS, threads=2),
        tolerance=0.02,
    ),
    Benchmark(
        "step-optimizers",
        "a step with each optimizer but plain SGD",
        {name: partial(_family_steps, optimizer=optimizer) for name, optimizer in OPTIMIZERS.items()},
    ),
    Benchmark(
        "step-losses",
        "a step with each loss",
        {
            name: partial(_family_steps, layers=with_ends(SMALL_LAYERS, output=output, outputs=outputs), loss=loss)
            for name, (loss, output, outputs) in LOSSES.items()
        },
    ),
    Benchmark(
        "step-activations",
        "a step with each activation in the hidden layers but relu",
        {name: partial(_family_steps, layers=with_ends(SMALL_LAYERS, hidden=name)) for name in ACTIVATIONS},
    ),
    Benchmark("step-batches", "a step of one row, of a ragged epoch, and in float64", BATCHES),
    Benchmark(
        "fit",
        f"a whole call of `fit`, an epoch of {FIT_ROWS} rows: shuffled, validated, weighted, with callbacks",
        {name: partial(whole_fit, settings=settings) for name, settings in FITS.items()},
        tolerance=0.01,
    ),
    Benchmark.single("train-on-batch", "`train_on_batch`, 32 rows", train_on_batch),
    Benchmark(
        "evaluate",
        "`evaluate` of 300 rows, without and with sample weights",
        {name: partial(evaluate, sample_weight=weighted) for name, weighted in (("plain", False), ("weighted", True))},
    ),
)
