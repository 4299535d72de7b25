"""A model is used as Keras' own is: the same calls, on the same network, give answers of the same form and value."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from numpy_nn import Sequential

X = np.random.default_rng(5).normal(size=(13, 3))
Y = (np.arange(13) % 2).astype(float).reshape(-1, 1)
WEIGHTS = np.linspace(0.5, 2, 13)
WITH_ACCURACY: dict[str, Any] = {"optimizer": "sgd", "loss": "binary_crossentropy", "metrics": ["accuracy"]}
WITHOUT: dict[str, Any] = {"optimizer": "sgd", "loss": "mse"}

Use = Callable[[Any], Any]
USES: dict[str, tuple[dict[str, Any], Use]] = {
    "evaluate gives a list with metrics": (WITH_ACCURACY, lambda m: m.evaluate(X, Y, verbose=0)),
    "evaluate gives a float without metrics": (WITHOUT, lambda m: m.evaluate(X, Y, verbose=0)),
    "evaluate(return_dict=True) gives a dict": (WITH_ACCURACY, lambda m: m.evaluate(X, Y, verbose=0, return_dict=True)),
    "evaluate takes batch_size, verbose and sample_weight in that order": (WITHOUT, lambda m: m.evaluate(X, Y, 4, 0, WEIGHTS)),
    "train_on_batch gives a list with metrics": (WITH_ACCURACY, lambda m: m.train_on_batch(X, Y)),
    "train_on_batch gives a float without metrics": (WITHOUT, lambda m: float(m.train_on_batch(X, Y))),
    "train_on_batch(return_dict=True) gives a dict": (WITH_ACCURACY, lambda m: m.train_on_batch(X, Y, return_dict=True)),
    "train_on_batch takes class_weight": (WITHOUT, lambda m: float(m.train_on_batch(X, Y, class_weight={0: 0.5, 1: 2.0}))),
    "test_on_batch gives a list with metrics": (WITH_ACCURACY, lambda m: m.test_on_batch(X, Y)),
    "predict takes batch_size and verbose in that order": (WITHOUT, lambda m: m.predict(X, 4, 0)),
    "predict_on_batch gives the outputs": (WITHOUT, lambda m: m.predict_on_batch(X)),
    "a call gives the outputs": (WITHOUT, lambda m: np.asarray(m(X))),
    "compile takes optimizer and loss by place and class name": ({}, lambda m: _compiled(m).evaluate(X, Y, verbose=0)),
    "fit takes its arguments in Keras' order": (
        WITHOUT,
        lambda m: m.fit(X, Y, 4, 2, 0, None, 0.25, None, False, None, None, 0).history,
    ),
    "fit takes initial_epoch": (
        WITHOUT,
        lambda m: _epochs(m.fit(X, Y, epochs=5, initial_epoch=2, shuffle=False, verbose=0)),
    ),
    "fit takes class_weight": (
        WITHOUT,
        lambda m: m.fit(X, Y, batch_size=5, epochs=3, class_weight={0: 0.5, 1: 2.0}, shuffle=False, verbose=0).history,
    ),
    "fit takes validation_freq": (
        WITHOUT,
        lambda m: m.fit(X, Y, epochs=4, validation_data=(X, Y), validation_freq=2, shuffle=False, verbose=0).history,
    ),
    "fit takes validation_batch_size": (
        WITHOUT,
        lambda m: m.fit(X, Y, epochs=2, validation_data=(X, Y), validation_batch_size=4, shuffle=False, verbose=0).history,
    ),
    "fit gives its logs in Keras' order": (
        {**WITH_ACCURACY, "metrics": ["mse", "accuracy"]},
        lambda m: m.fit(X, Y, batch_size=5, epochs=2, validation_data=(X, Y), shuffle=False, verbose=0).history,
    ),
    "callbacks are told of epochs, steps and verbosity": (WITHOUT, lambda m: _params(m)),
    "a callback sees logs at the end of a batch": (WITHOUT, lambda m: _batch_losses(m)),
    "get_config of the optimiser has the learning rate": (WITHOUT, lambda m: m.optimizer.get_config()["learning_rate"]),
}


def _compiled(model: Any) -> Any:
    model.compile("Adam", "BinaryCrossentropy")
    return model


def _epochs(history: Any) -> dict[str, Any]:
    return {**history.history, "epoch": history.epoch}


def _batch_losses(model: Any) -> list[float]:
    """The running means of the loss that `on_train_batch_end` is handed."""
    import keras

    import numpy_nn

    base = numpy_nn.Callback if isinstance(model, Sequential) else keras.callbacks.Callback
    found: list[float] = []

    class Watcher(base):  # type: ignore[misc, valid-type]
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            found.append(float(logs["loss"]))

    model.fit(X, Y, batch_size=5, epochs=2, shuffle=False, callbacks=[Watcher()], verbose=0)
    return found


def _params(model: Any) -> list[int]:
    """What the callbacks of a prediction, an evaluation and a training are told."""
    import keras

    import numpy_nn

    package = numpy_nn if isinstance(model, Sequential) else keras
    made = [package.callbacks.LambdaCallback(on_epoch_end=lambda epoch, _: told.append(epoch)) for _ in range(3)]
    told: list[int] = []
    model.predict(X, batch_size=5, verbose=0, callbacks=[made[0]])
    model.evaluate(X, Y, verbose=0, callbacks=[made[1]])
    model.fit(X, Y, epochs=2, batch_size=4, shuffle=False, verbose=0, callbacks=[made[2]])
    return told + [callback.params[name] for callback in made for name in ("epochs", "steps", "verbose")]


def both(keras: ModuleType, options: dict[str, Any]) -> tuple[Any, Any]:
    """The same network twice, compiled where there are options."""
    theirs = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, activation="sigmoid")])
    ours = Sequential([{"input_dim": 3, "output_dim": 1, "activation": "sigmoid"}], dtype="float64")
    ours.set_weights(theirs.get_weights())
    if options:
        ours.compile(**options)
        theirs.compile(**options)
    return ours, theirs


def assert_same(ours: Any, theirs: Any) -> None:
    assert isinstance(ours, type(theirs))
    if isinstance(theirs, dict):
        assert list(ours) == list(theirs)
        ours, theirs = [ours[name] for name in theirs], list(theirs.values())
    if isinstance(theirs, list):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-6)
    else:
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize("use", USES)
def test_a_use_of_keras_works_as_written(use: str, keras64: ModuleType) -> None:
    options, action = USES[use]
    ours, theirs = both(keras64, options)
    assert_same(action(ours), action(theirs))
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9)


def test_class_weight_beside_sample_weight_is_refused(keras64: ModuleType) -> None:
    for model in both(keras64, WITHOUT):
        with pytest.raises(ValueError, match="class_weight"):
            model.fit(X, Y, class_weight={0: 0.5, 1: 2.0}, sample_weight=WEIGHTS, verbose=0)


def test_a_layer_without_a_bias_trains_as_in_keras(keras64: ModuleType) -> None:
    theirs = keras64.Sequential([keras64.Input((3,)), keras64.layers.Dense(1, activation="sigmoid", use_bias=False)])
    ours = Sequential([{"input_dim": 3, "output_dim": 1, "activation": "sigmoid", "use_bias": False}], dtype="float64")
    ours.set_weights(theirs.get_weights())
    for model in (ours, theirs):
        model.compile("adam", "binary_crossentropy")
        model.fit(X, Y, epochs=10, shuffle=False, verbose=0)
    (one,), (other,) = ours.get_weights(), theirs.get_weights()
    np.testing.assert_allclose(one, other, rtol=1e-6)


def test_dropout_scales_what_it_keeps_and_does_nothing_in_prediction() -> None:
    layers = [{"dropout": 0.25}, {"input_dim": 3, "output_dim": 1, "activation": "linear"}]
    model = Sequential(layers, seed=0, dtype="float64")
    model.set_weights([np.ones((3, 1)), np.zeros(1)])
    np.testing.assert_allclose(model.predict(X), X.sum(axis=1, keepdims=True))
    # Linear regression on inputs that are 0 in a quarter of the cases and 4/3 times as large in the others: the step by SGD from
    # weights of 0 to targets of 1 is the mean of the inputs that were kept.
    model.set_weights([np.zeros((3, 1)), np.zeros(1)])
    model.compile(numpy_sgd(), "mean_squared_error")
    model.train_on_batch(np.ones((4000, 3)), np.ones((4000, 1)))
    kernel, bias = model.get_weights()
    np.testing.assert_allclose(kernel, 1, atol=0.05)
    assert (kernel != 1).any()
    np.testing.assert_allclose(bias, 1)


def numpy_sgd() -> Any:
    from numpy_nn import SGD

    return SGD(learning_rate=0.5)


@pytest.mark.parametrize("name", ["save_weights", "load_weights", "add", "to_json", "count_params", "summary"])
def test_a_method_is_there_or_its_error_names_the_nearest_thing(name: str) -> None:
    model = Sequential([{"input_dim": 3, "output_dim": 1}])
    if name == "to_json":
        with pytest.raises(AttributeError, match="architecture"):
            model.to_json()
    else:
        assert callable(getattr(model, name))
