"""Initializers: the article's, and Keras' under the same names.

An initializer makes the weights of the whole network at once, since the article draws them from one stream, layer by layer; a layer
with initializers of its own draws from those. NumPy can't reproduce Keras' random stream: to start two models alike, copy the
weights. One more initializer is a class with `draw` and its name in `INITIALIZERS`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from numpy_nn._engine.arrays import Array
from numpy_nn.checks import finite, not_negative
from numpy_nn.keras_names import check_arguments
from numpy_nn.name_lookup import Part, make
from numpy_nn.validation import count

if TYPE_CHECKING:
    from numpy_nn.architecture import LayerSpec

DrawWeights = Callable[["Sequence[LayerSpec]", "int | None"], list[Array]]
"""(layers, seed) -> kernel (in, out), bias (out,), layer by layer, in float64: what an initializer is when it is called."""
TRUNCATION = 0.87962566103423978
"""The standard deviation of a standard normal cut at ±2, which Keras divides by."""


class Initializer(Part, ABC):
    """Draws the kernels; biases are zero, unless their layer says otherwise.

    Parameters
    ----------
    seed
        Of the numbers of each kernel or bias, as in Keras: two of one shape are the same. None: the network's.

    """

    seed: int | None = None

    def __init__(self, seed: int | None = None, **keras: Any) -> None:
        if keras:
            check_arguments("an initializer", keras)
        self.seed = seed if seed is None else count("seed", seed)

    def get_config(self) -> dict[str, Any]:
        return {} if self.seed is None else {"seed": self.seed}

    def drawn(self, generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """`draw`, from the initializer's own seed where it has one."""
        return self.draw(generator if self.seed is None else np.random.default_rng(self.seed), shape)

    @abstractmethod
    def draw(self, generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """A kernel (in, out), or a bias (out,), in float64."""

    def __call__(self, layers: Sequence[LayerSpec], seed: int | None) -> list[Array]:
        """The weights of all layers: kernel (in, out), bias (out,) if there is one."""
        generator = np.random.default_rng(seed)
        weights: list[Array] = []
        for layer in layers:
            weights.append((layer.kernel_initializer or self).drawn(generator, (layer.input_dim, layer.output_dim)))
            if layer.use_bias:
                own, shape = layer.bias_initializer, (layer.output_dim,)
                weights.append(np.zeros(shape) if own is None else own.drawn(generator, shape))
        return weights


class Article(Initializer):
    """Normal × 0.1, weights and biases, from the stream of `numpy.random.seed(seed)`, as in the article.

    Layer by layer, W of shape (out, in) before b; the kernel here is that W transposed.
    """

    name = "article"

    def draw(self, generator: Any, shape: tuple[int, ...]) -> Array:
        values: Array = generator.standard_normal(shape[::-1]).T * 0.1
        return values

    def __call__(self, layers: Sequence[LayerSpec], seed: int | None) -> list[Array]:
        stream = np.random.RandomState(seed if self.seed is None else self.seed)  # the article's stream, to the bit
        generator = np.random.default_rng(seed)
        weights: list[Array] = []
        for layer in layers:
            shapes = [(layer.input_dim, layer.output_dim), *([(layer.output_dim,)] if layer.use_bias else [])]
            for shape, own in zip(shapes, (layer.kernel_initializer, layer.bias_initializer), strict=False):
                weights.append(self.draw(stream, shape) if own is None else own.drawn(generator, shape))
        return weights


class _Scaled(Initializer):
    """Variance `numerator` over the number of inputs, or with `both` over the sum of inputs and outputs."""

    numerator: float
    both = False

    def fans(self, shape: tuple[int, ...]) -> int:
        return shape[0] + shape[-1] if self.both else shape[0]


class _ScaledUniform(_Scaled):
    """Uniform, with that variance: the bound is √(3 · variance)."""

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
        bound = float(np.sqrt(3 * self.numerator / self.fans(shape)))
        return generator.uniform(-bound, bound, shape)


class _ScaledNormal(_Scaled):
    """Normal, cut at twice the standard deviation, with that variance."""

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return _truncated_normal(generator, shape) * (float(np.sqrt(self.numerator / self.fans(shape))) / TRUNCATION)


class GlorotUniform(_ScaledUniform):
    """Uniform, variance 2 / (in + out) (Glorot and Bengio, 2010)."""

    name, numerator, both = "glorot_uniform", 2, True


class GlorotNormal(_ScaledNormal):
    """Truncated normal, variance 2 / (in + out) (Glorot and Bengio, 2010)."""

    name, numerator, both = "glorot_normal", 2, True


class HeUniform(_ScaledUniform):
    """Uniform, variance 2 / in (He et al., 2015)."""

    name, numerator = "he_uniform", 2


class HeNormal(_ScaledNormal):
    """Truncated normal, variance 2 / in (He et al., 2015)."""

    name, numerator = "he_normal", 2


class LecunUniform(_ScaledUniform):
    """Uniform, variance 1 / in (LeCun et al., 1998)."""

    name, numerator = "lecun_uniform", 1


class LecunNormal(_ScaledNormal):
    """Truncated normal, variance 1 / in (LeCun et al., 1998)."""

    name, numerator = "lecun_normal", 1


class RandomUniform(Initializer):
    """Uniform from `minval` to `maxval`."""

    name = "random_uniform"

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None, **keras: Any) -> None:
        super().__init__(seed, **keras)
        self.minval, self.maxval = finite("minval", minval), finite("maxval", maxval)
        if self.maxval < self.minval:
            raise ValueError(f"maxval was {maxval!r}: it must be at least minval, {minval!r}")

    def get_config(self) -> dict[str, Any]:
        return {"minval": self.minval, "maxval": self.maxval, **super().get_config()}

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return generator.uniform(self.minval, self.maxval, shape)


class RandomNormal(Initializer):
    """Normal, of that mean and standard deviation."""

    name = "random_normal"

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None, **keras: Any) -> None:
        super().__init__(seed, **keras)
        self.mean, self.stddev = finite("mean", mean), not_negative("stddev", stddev)

    def get_config(self) -> dict[str, Any]:
        return {"mean": self.mean, "stddev": self.stddev, **super().get_config()}

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return self.mean + self.stddev * generator.standard_normal(shape)


class TruncatedNormal(RandomNormal):
    """Normal, what lies beyond two standard deviations drawn again: as in Keras, the spread is less than `stddev` then."""

    name = "truncated_normal"

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return self.mean + self.stddev * _truncated_normal(generator, shape)


class Zeros(Initializer):
    """Zeros."""

    name = "zeros"

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return np.zeros(shape)


class Ones(Initializer):
    """Ones."""

    name = "ones"

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return np.ones(shape)


INITIALIZERS: dict[str, type[Initializer]] = {
    initializer.name: initializer
    for initializer in (
        *(Article, GlorotUniform, GlorotNormal, HeUniform, HeNormal, Zeros, LecunUniform, LecunNormal),
        *(RandomUniform, RandomNormal, TruncatedNormal, Ones),
    )
}
ALIASES = {"uniform": "random_uniform", "normal": "random_normal", "zero": "zeros", "one": "ones"}


def get(identifier: str | Mapping[str, Any] | DrawWeights) -> DrawWeights:
    """The initializer of that name, of that dict of a class name and its arguments, or the callable itself.

    Raises
    ------
    ValueError
        If there is none of that name.

    """
    if callable(identifier) and not isinstance(identifier, type):
        return identifier
    return make("initializer", identifier, INITIALIZERS, ALIASES)


def of_layer(kind: str, identifier: str | Mapping[str, Any] | Initializer | None) -> Initializer | None:
    """A layer's own initializer, by name, dict or itself; None is the network's.

    Raises
    ------
    ValueError
        If there is none of that name; the message begins with `kind`.

    """
    if identifier is None or isinstance(identifier, Initializer):
        return identifier
    return make(kind, identifier, INITIALIZERS, ALIASES)


def _truncated_normal(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    values = generator.standard_normal(shape)
    while (outside := np.abs(values) > 2).any():
        values[outside] = generator.standard_normal(int(outside.sum()))
    return values
