"""The networks, rows and weights of the benchmarks: drawn from a seed, without the package that is measured."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

from bench.micro.benchmark import Array

Layers = Sequence[tuple[int, int, str]]

LAYERS: Layers = ((2, 25, "relu"), (25, 50, "relu"), (50, 50, "relu"), (50, 25, "relu"), (25, 1, "sigmoid"))
"""The article's."""
SMALL_LAYERS: Layers = ((2, 25, "relu"), (25, 25, "relu"), (25, 1, "sigmoid"))
"""For families, each variant of which takes time."""
CLASSES = 3
LEARNING_RATE = 0.01


def as_architecture(layers: Layers) -> list[dict[str, Any]]:
    """The list of dicts that describes a network."""
    return [{"input_dim": inputs, "output_dim": units, "activation": activation} for inputs, units, activation in layers]


def with_ends(layers: Layers, *, hidden: str = "relu", output: str = "sigmoid", outputs: int = 1) -> Layers:
    """`layers` with other activations, and another number of outputs."""
    *first, last = layers
    return [*((inputs, units, hidden) for inputs, units, _ in first), (last[0], outputs, output)]


def two_moons(rows: int, seed: int, dtype: str = "float32") -> tuple[Array, Array]:
    """Two interleaved half circles with noise, (rows, 2) and (rows,): the article's data, without scikit-learn."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 2, rows)
    labels[: min(rows, 2)] = [0, 1][: min(rows, 2)]
    angles = generator.uniform(0, np.pi, rows)
    x = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    x[labels == 1] = [1.0, 0.5] - x[labels == 1]
    x += generator.normal(0, 0.2, x.shape)
    return x.astype(dtype), labels.astype(dtype)


def one_hot_thirds(x: Array) -> Array:
    """(rows, CLASSES): in which third of the plane a row lies, by its angle."""
    classes = (np.arctan2(x[:, 1], x[:, 0]) + np.pi) // (2 * np.pi / CLASSES)
    one_hot: Array = np.eye(CLASSES, dtype=x.dtype)[np.minimum(classes, CLASSES - 1).astype(int)]
    return one_hot


def draw_weights(layers: Layers, seed: int, dtype: str = "float32") -> list[Array]:
    """Initial weights (Glorot and Bengio's uniform), independent of the library's own initialisers."""
    generator = np.random.default_rng(seed)
    weights: list[Array] = []
    for inputs, outputs, _ in layers:
        bound = np.sqrt(6 / (inputs + outputs))
        weights += [generator.uniform(-bound, bound, (inputs, outputs)).astype(dtype), np.zeros(outputs, dtype)]
    return weights


def make_model(
    package: ModuleType,
    weights: list[Array],
    layers: Layers = LAYERS,
    *,
    optimizer: Any = None,
    loss: Any = "binary_crossentropy",
    dtype: str = "float32",
    threads: int = 1,
) -> Any:
    """A compiled network with those weights, on one thread; SGD where no optimizer is given."""
    model = package.Sequential(as_architecture(layers), seed=0, dtype=dtype, threads=threads)
    chosen = package.SGD(learning_rate=LEARNING_RATE) if optimizer is None else optimizer
    model.compile(optimizer=chosen, loss=loss, metrics=["accuracy"])
    model.set_weights(weights)
    return model


def numbers(result: Any) -> Array:
    """The figures of `evaluate` or `train_on_batch`: a number, a list, or a dict, whose form differs between revisions."""
    values = list(result.values()) if isinstance(result, dict) else result
    return np.atleast_1d(np.asarray(values, np.float64))
