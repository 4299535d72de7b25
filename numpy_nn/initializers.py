"""Initializers: the article's, and Keras' under the same names.

An initializer makes the weights of the whole network at once, since the article draws them from one stream, layer by layer. NumPy
can't reproduce Keras' random stream: to start two models alike, copy the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from numpy_nn._engine.arrays import Array
from numpy_nn.name_lookup import find

if TYPE_CHECKING:
    from numpy_nn.architecture import LayerSpec

Initializer = Callable[["Sequence[LayerSpec]", int | None], list[Array]]
"""(layers, seed) -> kernel (in, out), bias (out,), layer by layer, in float64."""
DrawKernel = Callable[[np.random.Generator, int, int], Array]


def article(layers: Sequence[LayerSpec], seed: int | None) -> list[Array]:
    """Normal × 0.1, weights and biases, from the stream of `numpy.random.seed(seed)`, as in the article.

    Layer by layer, W of shape (out, in) before b; the kernel here is that W transposed.
    """
    stream = np.random.RandomState(seed)  # the article's stream, to the bit
    weights: list[Array] = []
    for layer in layers:
        weights.append(stream.randn(layer.output_dim, layer.input_dim).T * 0.1)
        weights.append(stream.randn(layer.output_dim, 1)[:, 0] * 0.1)
    return weights


def _zero_bias(draw: DrawKernel) -> Initializer:
    def initializer(layers: Sequence[LayerSpec], seed: int | None) -> list[Array]:
        generator = np.random.default_rng(seed)
        weights: list[Array] = []
        for layer in layers:
            weights += [draw(generator, layer.input_dim, layer.output_dim), np.zeros(layer.output_dim)]
        return weights

    return initializer


def _uniform(limit: Callable[[int, int], float]) -> Initializer:
    def draw(generator: np.random.Generator, fan_in: int, fan_out: int) -> Array:
        bound = limit(fan_in, fan_out)
        return generator.uniform(-bound, bound, (fan_in, fan_out))

    return _zero_bias(draw)


def _truncated_normal(scale: Callable[[int, int], float]) -> Initializer:
    truncation = 0.87962566103423978  # the standard deviation of a standard normal cut at ±2, which Keras divides by

    def draw(generator: np.random.Generator, fan_in: int, fan_out: int) -> Array:
        values = generator.standard_normal((fan_in, fan_out))
        while (outside := np.abs(values) > 2).any():
            values[outside] = generator.standard_normal(int(outside.sum()))
        return values * (scale(fan_in, fan_out) / truncation)

    return _zero_bias(draw)


INITIALIZERS: dict[str, Initializer] = {
    "article": article,
    # Glorot and Bengio (2010): variance 2 / (in + out); He et al. (2015): variance 2 / in. A uniform's bound is √(3 · variance).
    "glorot_uniform": _uniform(lambda fan_in, fan_out: float(np.sqrt(6 / (fan_in + fan_out)))),
    "glorot_normal": _truncated_normal(lambda fan_in, fan_out: float(np.sqrt(2 / (fan_in + fan_out)))),
    "he_uniform": _uniform(lambda fan_in, _: float(np.sqrt(6 / fan_in))),
    "he_normal": _truncated_normal(lambda fan_in, _: float(np.sqrt(2 / fan_in))),
    "zeros": _zero_bias(lambda _, fan_in, fan_out: np.zeros((fan_in, fan_out))),
}


def get(identifier: str | Initializer) -> Initializer:
    """The initializer of that name, or the callable itself.

    Raises
    ------
    ValueError
        If there is none of that name.

    """
    return identifier if callable(identifier) else find("initializer", identifier, INITIALIZERS)
