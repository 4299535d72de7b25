"""Arguments in Keras' order, arguments that only Keras has, and names of Keras that are not there."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import numpy_nn
from numpy_nn import Sequential

X, Y = np.ones((6, 3)), np.ones((6, 1))


def model(**layer: Any) -> Sequential:
    made = Sequential([{"dropout": 0.5}, {"input_dim": 3, "output_dim": 1, **layer}], seed=1)
    made.compile("sgd", "mse")
    return made


def by_place(method: Callable[..., object]) -> list[str]:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [name for name, parameter in inspect.signature(method).parameters.items() if parameter.kind in kinds]


@pytest.mark.parametrize("name", ["fit", "evaluate", "predict", "train_on_batch", "test_on_batch", "compile", "__call__"])
def test_what_is_given_by_place_is_what_keras_takes_there(name: str) -> None:
    import keras

    ours = by_place(getattr(Sequential, name))
    theirs = ["self", "x", "training", "mask"] if name == "__call__" else by_place(getattr(keras.Sequential, name))
    if name == "compile":  # there Keras has loss_weights, which a network of one output hasn't
        theirs.remove("loss_weights")
    assert ours == theirs[: len(ours)]


@pytest.mark.parametrize("name", ["fit", "evaluate", "predict", "train_on_batch", "test_on_batch", "compile"])
def test_every_argument_of_keras_is_taken_or_refused_by_name(name: str) -> None:
    import keras

    theirs = set(inspect.signature(getattr(keras.Sequential, name)).parameters) - {"self", "kwargs"}
    known = set(inspect.signature(getattr(Sequential, name)).parameters)
    known |= {*numpy_nn.keras_names.HARMLESS.get(name, ()), *numpy_nn.keras_names.REFUSED.get(name, ())}
    assert theirs <= known


def test_arguments_that_change_no_result_are_taken() -> None:
    one, other = model(), model()
    other.compile("sgd", "mse", run_eagerly=True, jit_compile="auto", steps_per_execution=4, loss_weights=None)
    one.fit(X, Y, verbose=0)
    other.fit(X, Y, verbose=0, steps_per_epoch=None, validation_steps=None, workers=4, use_multiprocessing=False)
    np.testing.assert_array_equal(one.get_weights()[0], other.get_weights()[0])
    assert one.evaluate(X, Y, verbose=0) == other.evaluate(X, Y, verbose=0, steps=None)
    np.testing.assert_array_equal(one.predict(X), other.predict(X, steps=None))


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda m: m.fit(X, Y, steps_per_epoch=3), ["steps_per_epoch", "3", "batch_size"]),
        (lambda m: m.fit(X, Y, validation_steps=2), ["validation_steps", "2", "validation_data"]),
        (lambda m: m.fit(X, Y, use_multiprocessing=True), ["use_multiprocessing", "threads"]),
        (lambda m: m.fit(X, Y, nb_epoch=3), ["fit", "nb_epoch"]),
        (lambda m: m.evaluate(X, Y, steps=2), ["evaluate", "steps", "batch_size"]),
        (lambda m: m.predict(X, steps=2), ["predict", "steps", "batch_size"]),
        (lambda m: m.predict(X[:1].astype("float32"), steps=2), ["predict", "steps", "batch_size"]),
        (lambda m: m.compile("sgd", "mse", loss_weights=[1.0]), ["loss_weights", "[1.0]", "class_weight"]),
        (lambda m: m.compile("sgd", "mse", None, ["accuracy"]), ["positional"]),
    ],
)
def test_an_argument_that_would_change_a_result_is_refused_with_the_nearest_thing(call: Any, named: list[str]) -> None:
    with pytest.raises(TypeError) as caught:
        call(model())
    assert all(word in str(caught.value) for word in named)


def batches() -> Any:
    yield X, Y


@pytest.mark.parametrize("call", [lambda m, x: m.fit(x), lambda m, x: m.evaluate(x), lambda m, x: m.predict(x)])
def test_batches_in_place_of_arrays_are_refused_with_the_nearest_thing(call: Any) -> None:
    import tensorflow as tf

    for x in (batches(), tf.data.Dataset.from_tensor_slices((X, Y)).batch(2)):
        with pytest.raises(ValueError, match="train_on_batch"):
            call(model(), x)


def test_targets_that_are_left_out_are_named() -> None:
    for call in (lambda: model().fit(X), lambda: model().evaluate(X), lambda: model().train_on_batch(X)):
        with pytest.raises(ValueError, match="y was None"):
            call()


def test_a_call_takes_training_where_it_makes_no_difference() -> None:
    with_dropout = model()
    plain = Sequential([{"input_dim": 3, "output_dim": 1}], seed=1)
    np.testing.assert_array_equal(with_dropout(X, training=False), with_dropout.predict(X))
    np.testing.assert_array_equal(plain(X, training=True), plain.predict(X))
    with pytest.raises(ValueError, match="training was True"):
        with_dropout(X, training=True)


def test_prediction_is_silent_by_default_and_draws_a_bar_where_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    model().predict(X)
    model().predict(X, verbose="auto")
    assert capsys.readouterr().out == ""
    model().predict(X, verbose=1)
    assert capsys.readouterr().out
    with pytest.raises(ValueError, match="verbose was 7"):
        model().predict(X, verbose=7)


@pytest.mark.parametrize("name", numpy_nn.keras_names.OF_LAYER)
def test_what_a_layer_of_keras_has_names_what_ours_has(name: str) -> None:
    with pytest.raises(AttributeError, match=f"a layer has no '{name}': there is "):
        getattr(model().layers[0], name)


@pytest.mark.parametrize("name", numpy_nn.keras_names.OF_PACKAGE)
def test_what_the_package_keras_has_names_what_ours_has(name: str) -> None:
    with pytest.raises(AttributeError, match=f"numpy_nn has no '{name}': there is "):
        getattr(numpy_nn, name)
    assert not hasattr(numpy_nn, "no_such_thing")


def test_the_summary_names_an_activation_with_arguments() -> None:
    lines: list[str] = []
    model(activation=numpy_nn.activations.LeakyRelu(negative_slope=0.25)).summary(lines.append)
    assert "leaky_relu" in lines[-1]
