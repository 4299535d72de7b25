import doctest

import numpy as np
import pytest
from cases import ARTICLE, moons

from numpy_nn import SGD, Sequential, textbook

NETWORK = [
    {"input_dim": 2, "output_dim": 4, "activation": "relu"},
    {"input_dim": 4, "output_dim": 3, "activation": "sigmoid"},
    {"input_dim": 3, "output_dim": 1, "activation": "sigmoid"},
]
STEP = 1e-5


def columns(samples: int) -> tuple[np.ndarray, np.ndarray]:
    """x (features, samples) and y (1, samples)."""
    x, y = moons(samples)
    return x.T, y[None]


def as_keras_has_them(layers: list[textbook.Layer]) -> list[np.ndarray]:
    return [part for layer in layers for part in (layer.W.T, layer.b[:, 0])]


def test_the_example_in_the_docstring_holds() -> None:
    assert doctest.testmod(textbook).failed == 0
    assert doctest.testmod(textbook).attempted > 2


def test_every_gradient_is_that_of_central_differences() -> None:
    layers = textbook.init(NETWORK, seed=1)
    for layer in layers:
        layer.W *= 10  # far from the kinks of relu
    x, y = columns(7)
    outputs, memory = textbook.forward(layers, x)
    gradients = textbook.backward(layers, memory, textbook.loss_gradient(y, outputs))
    for layer, (dW, db) in zip(layers, gradients, strict=True):
        for array, gradient in ((layer.W, dW), (layer.b, db)):
            assert gradient.shape == array.shape
            for place in np.ndindex(array.shape):
                losses = []
                for sign in (1, -1):
                    before, array[place] = array[place], array[place] + sign * STEP
                    losses.append(textbook.loss(y, textbook.forward(layers, x)[0]))
                    array[place] = before
                assert gradient[place] == pytest.approx((losses[0] - losses[1]) / (2 * STEP), rel=1e-6, abs=1e-10)


@pytest.mark.parametrize("batch_size", [None, 1, 7, 100])
def test_it_trains_as_sequential_does(batch_size: int | None) -> None:
    layers = textbook.init(NETWORK, seed=1)
    x, y = columns(20)
    model = Sequential(NETWORK, dtype="float64")
    model.set_weights(as_keras_has_them(layers))
    model.compile(SGD(0.5), "binary_crossentropy", ["accuracy"])
    history = textbook.train(layers, x, y, learning_rate=0.5, epochs=5, batch_size=batch_size)
    expected = model.fit(x.T, y.T, batch_size, 5, shuffle=False, verbose=0).history
    np.testing.assert_allclose(history["loss"], expected["loss"], rtol=1e-12)
    np.testing.assert_allclose(history["accuracy"], expected["accuracy"], rtol=1e-14)
    for ours, theirs in zip(as_keras_has_them(layers), model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-13)
    np.testing.assert_allclose(textbook.forward(layers, x)[0].T, model.predict(x.T), rtol=1e-12)


def test_the_weights_it_begins_with_are_the_articles() -> None:
    model = Sequential(ARTICLE, initializer="article", seed=2, dtype="float64")
    for ours, theirs in zip(as_keras_has_them(textbook.init(ARTICLE, seed=2)), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_an_epoch_reports_the_means_over_its_samples_before_each_update() -> None:
    layers = textbook.init(NETWORK, seed=1)
    x, y = columns(5)
    assert textbook.loss(y, textbook.forward(layers, x)[0]) == textbook.train(layers, x, y, learning_rate=1.0)["loss"][0]


def test_worked_examples() -> None:
    y, outputs = np.array([[0.0, 1.0]]), np.array([[0.25, 0.5]])
    assert textbook.loss(y, outputs) == pytest.approx((np.log(4 / 3) + np.log(2)) / 2)
    np.testing.assert_allclose(textbook.loss_gradient(y, outputs), [[4 / 3, -2]])
    assert textbook.accuracy(y, outputs) == 0.5
    np.testing.assert_array_equal(textbook.relu_backward(np.array([5.0, 5.0, 5.0]), np.array([-1.0, 0.0, 2.0])), [0, 0, 5])


def test_float32_stays_float32() -> None:
    layers = [
        textbook.Layer(layer.W.astype("float32"), layer.b.astype("float32"), layer.activation, layer.activation_backward)
        for layer in textbook.init(NETWORK, seed=1)
    ]
    x, y = (values.astype("float32") for values in columns(6))
    textbook.train(layers, x, y, epochs=2, batch_size=4)
    assert {part.dtype.name for part in as_keras_has_them(layers)} == {"float32"}
