"""Every initializer's statistics against its definition and Keras' own draw of the same shape."""

import numpy as np
import pytest

from numpy_nn import Sequential

SHAPE = (300, 200)
CUT = 2 / 0.87962566103423978
"""Where a truncated normal of standard deviation 1 ends."""
# Name, standard deviation, largest value; the standard deviation of a uniform distribution is its bound by the root of 3.
INITIALIZERS = {
    "glorot_uniform": (np.sqrt(2 / 500), np.sqrt(3 * 2 / 500)),
    "glorot_normal": (np.sqrt(2 / 500), CUT * np.sqrt(2 / 500)),
    "he_uniform": (np.sqrt(2 / 300), np.sqrt(3 * 2 / 300)),
    "he_normal": (np.sqrt(2 / 300), CUT * np.sqrt(2 / 300)),
    "lecun_uniform": (np.sqrt(1 / 300), np.sqrt(3 / 300)),
    "lecun_normal": (np.sqrt(1 / 300), CUT * np.sqrt(1 / 300)),
    "random_uniform": (0.05 / np.sqrt(3), 0.05),
    "random_normal": (0.05, np.inf),
    "truncated_normal": (0.05 * 0.87962566103423978, 0.1),
    "zeros": (0.0, 0.0),
    "ones": (0.0, 1.0),
}


def kernel(name: str, seed: int = 3) -> np.ndarray:
    layer = {"input_dim": SHAPE[0], "output_dim": SHAPE[1]}
    model = Sequential([layer], initializer=name, seed=seed, dtype="float64")
    weights, bias = model.get_weights()
    assert not bias.any()
    return weights


@pytest.mark.parametrize("name", INITIALIZERS)
def test_a_kernel_is_spread_as_in_keras(name: str) -> None:
    import keras

    deviation, bound = INITIALIZERS[name]
    theirs = np.asarray(keras.initializers.get(name)(SHAPE, dtype="float32"))
    for draw in (kernel(name), theirs):
        # The standard error of a standard deviation of 60,000 numbers is 0.3 %.
        assert draw.std() == pytest.approx(deviation, rel=0.02, abs=1e-12)
        assert draw.mean() == pytest.approx(float(name == "ones"), abs=5 * deviation / np.sqrt(draw.size))
        assert np.abs(draw).max() <= bound * (1 + 1e-6)
        if np.isfinite(bound):
            assert np.abs(draw).max() >= 0.99 * bound
    assert name in ("zeros", "ones") or (kernel(name, seed=4) != kernel(name)).any()
    np.testing.assert_array_equal(kernel(name), kernel(name))


OPTIONS = [("RandomUniform", {"minval": -3.0, "maxval": 1.0}), ("RandomNormal", {"mean": 2.0, "stddev": 0.5})]


@pytest.mark.parametrize(("name", "options"), OPTIONS)
def test_an_initializer_takes_the_arguments_of_keras(name: str, options: dict[str, float]) -> None:
    import keras

    import numpy_nn

    ours = kernel(getattr(numpy_nn.initializers, name)(**options))
    theirs = np.asarray(getattr(keras.initializers, name)(**options)(SHAPE))
    assert ours.mean() == pytest.approx(theirs.mean(), abs=0.05)
    assert ours.std() == pytest.approx(theirs.std(), rel=0.02)


def test_a_layer_has_initializers_of_its_own() -> None:
    layers = [
        {"input_dim": 3, "output_dim": 4, "kernel_initializer": "ones", "bias_initializer": "ones"},
        {"input_dim": 4, "output_dim": 2, "kernel_initializer": "zeros"},
    ]
    first, first_bias, second, second_bias = Sequential(layers, seed=0).get_weights()
    assert (first == 1).all()
    assert (first_bias == 1).all()
    assert not second.any()
    assert not second_bias.any()
