from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from cases import ARTICLE, refused

from numpy_nn import Sequential, initializers
from numpy_nn.architecture import LayerSpec

WIDE = [LayerSpec(150, 400), LayerSpec(400, 200)]
DRAWN = ["glorot_uniform", "glorot_normal", "he_uniform", "he_normal"]


def test_the_articles_weights_come_from_its_own_stream_layer_by_layer() -> None:
    weights = Sequential(ARTICLE, initializer="article", seed=2, dtype="float64").get_weights()
    np.random.seed(2)  # noqa: NPY002  # as the article does
    for number, layer in enumerate(ARTICLE):
        kernel = np.random.randn(layer["output_dim"], layer["input_dim"]) * 0.1  # type: ignore[call-overload]  # noqa: NPY002
        bias = np.random.randn(layer["output_dim"], 1) * 0.1  # type: ignore[call-overload]  # noqa: NPY002
        np.testing.assert_array_equal(weights[2 * number], kernel.T)
        np.testing.assert_array_equal(weights[2 * number + 1], bias[:, 0])


@pytest.mark.parametrize("name", DRAWN)
def test_bounds_and_moments_are_those_of_keras(name: str, keras64: ModuleType) -> None:
    kernels = initializers.get(name)(WIDE, 0)[::2]
    for layer, kernel in zip(WIDE, kernels, strict=True):
        theirs = np.asarray(keras64.initializers.get(name)((layer.input_dim, layer.output_dim)))
        # 60,000 draws and more: the standard error of a standard deviation is 0.3 %, that of a fourth moment below 1 %.
        assert np.abs(kernel).max() == pytest.approx(np.abs(theirs).max(), rel=2e-3)
        assert kernel.std() == pytest.approx(theirs.std(), rel=0.015)
        assert (kernel**4).mean() == pytest.approx((theirs**4).mean(), rel=0.05)
        assert abs(kernel.mean()) < 5 * kernel.std() / np.sqrt(kernel.size)


@pytest.mark.parametrize(
    ("name", "bound"),
    [
        ("glorot_uniform", np.sqrt(6 / 550)),
        ("he_uniform", np.sqrt(6 / 150)),
        ("glorot_normal", 2 * np.sqrt(2 / 550) / 0.8796256610342398),
        ("he_normal", 2 * np.sqrt(2 / 150) / 0.8796256610342398),
    ],
)
def test_no_weight_lies_beyond_the_bound(name: str, bound: float) -> None:
    largest = np.abs(initializers.get(name)(WIDE, 3)[0]).max()
    assert 0.99 * bound < largest <= bound


@pytest.mark.parametrize("name", [*DRAWN, "zeros"])
def test_biases_start_at_zero(name: str) -> None:
    for bias in initializers.get(name)(WIDE, 0)[1::2]:
        np.testing.assert_array_equal(bias, 0)


@pytest.mark.parametrize(
    ("make", "options", "said"),
    [
        (initializers.RandomUniform, {"minval": 1.0, "maxval": 0.5}, "maxval was 0.5"),
        (initializers.RandomUniform, {"minval": float("nan")}, "minval was nan"),
        (initializers.RandomNormal, {"stddev": -1}, "stddev was -1"),
        (initializers.TruncatedNormal, {"mean": "0"}, "mean was '0'"),
    ],
)
def test_senseless_arguments_are_refused(make: Any, options: dict[str, Any], said: str) -> None:
    with refused(said):
        make(**options)


def test_a_layers_own_initializers_leave_the_articles_stream_alone() -> None:
    layers = [ARTICLE[0], {**ARTICLE[1], "kernel_initializer": "ones", "bias_initializer": "ones"}, *ARTICLE[2:]]
    weights = Sequential(layers, initializer="article", seed=2).get_weights()
    expected = Sequential(ARTICLE, initializer="article", seed=2).get_weights()
    for one, other in zip(weights[:2], expected[:2], strict=True):
        np.testing.assert_array_equal(one, other)
    assert (weights[2] == 1).all()
    assert (weights[3] == 1).all()


def test_an_initializer_that_is_called_gives_a_layer_without_a_bias_none() -> None:
    for name in initializers.INITIALIZERS:
        assert len(initializers.get(name)([LayerSpec(3, 2, use_bias=False), LayerSpec(2, 1)], 0)) == 3


def test_zeros_are_zeros() -> None:
    assert not any(weights.any() for weights in initializers.get("zeros")(WIDE, None))


@pytest.mark.parametrize("name", ["article", *DRAWN])
def test_a_seed_repeats_the_weights_and_another_seed_or_none_does_not(name: str) -> None:
    initializer = initializers.get(name)
    first, again, other, unseeded, next_unseeded = (initializer(WIDE, seed)[0] for seed in (1, 1, 2, None, None))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert (unseeded != next_unseeded).any()


@pytest.mark.parametrize("name", ["article", *DRAWN])
def test_the_seed_of_an_initializer_is_that_of_each_of_its_kernels(name: str) -> None:
    made = type(initializers.get(name))(seed=3)  # type: ignore[call-arg]
    layers = [
        {**layer, "kernel_initializer": made} for layer in ({"input_dim": 4, "output_dim": 4}, {"input_dim": 4, "output_dim": 4})
    ]
    one, other = (Sequential(layers, seed=seed, dtype="float64").get_weights() for seed in (1, 2))
    for kernel in (one[2], other[0], other[2]):
        np.testing.assert_array_equal(kernel, one[0])
    assert (Sequential(layers[:1], seed=1).architecture[0]["kernel_initializer"]["config"]) == made.get_config()
    np.testing.assert_array_equal(made(WIDE, 1)[0], made(WIDE, 2)[0])
    with refused("seed was 'a'"):
        type(made)(seed="a")


@pytest.mark.parametrize("name", list(initializers.INITIALIZERS))
def test_shapes_are_kernel_then_bias_layer_by_layer(name: str) -> None:
    shapes = [weights.shape for weights in initializers.get(name)(WIDE, 0)]
    assert shapes == [(150, 400), (400,), (400, 200), (200,)]


def test_a_function_of_ones_own_is_an_initializer() -> None:
    def ones(layers: Sequence[LayerSpec], seed: int | None) -> list[np.ndarray]:
        return [np.ones(shape) for layer in layers for shape in ((layer.input_dim, layer.output_dim), (layer.output_dim,))]

    for weights in Sequential(ARTICLE, initializer=ones).get_weights():
        np.testing.assert_array_equal(weights, 1)


@pytest.mark.parametrize("identifier", ["orthogonal", 3, None])
def test_an_unknown_initializer_is_refused(identifier: object) -> None:
    with refused(f"initializer was {identifier!r}", "article, glorot_uniform, glorot_normal, he_uniform, he_normal, zeros"):
        initializers.get(identifier)  # type: ignore[arg-type]
