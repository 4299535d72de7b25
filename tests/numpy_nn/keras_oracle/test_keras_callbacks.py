"""Callbacks that decide something, against Keras': both are told the same values, epoch by epoch, and must do the same."""

from collections.abc import Sequence
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras_oracle_parts import EXACT

import numpy_nn
from numpy_nn import Callback, Sequential

VALUES = st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.5078125, 0.75, 1.0, float("nan")]), min_size=1, max_size=12)


class Stub:
    """A model whose weights are the epoch's number."""

    def __init__(self) -> None:
        self.stop_training = False
        self.epoch = -1
        self.metrics: list[Any] = []

    def get_weights(self) -> list[np.ndarray]:
        return [np.array([float(self.epoch)])]

    def set_weights(self, weights: Sequence[np.ndarray]) -> None:
        self.epoch = int(weights[0][0])


def stopped(callback: Any, values: list[float], monitor: str) -> tuple[int, int]:
    """Epochs trained, and the epoch whose weights are left."""
    model = Stub()
    callback.set_model(model)
    callback.on_train_begin()
    trained = 0
    for trained, value in enumerate(values, start=1):
        model.epoch = trained - 1
        callback.on_epoch_end(trained - 1, {monitor: value})
        if model.stop_training:
            break
    callback.on_train_end()
    return trained, model.epoch


FINITE = VALUES.filter(lambda values: all(value == value for value in values))


@given(
    values=FINITE,
    patience=st.integers(0, 3),
    min_delta=st.sampled_from([0.0, 0.0078125, 0.25]),
    monitor=st.sampled_from(["val_loss", "val_accuracy"]),
    restore=st.booleans(),
)
def test_training_stops_after_the_epoch_after_which_keras_stops(
    values: list[float], patience: int, min_delta: float, monitor: str, restore: bool
) -> None:
    import keras

    options = {"monitor": monitor, "patience": patience, "min_delta": min_delta, "restore_best_weights": restore}
    # Keras asks the metrics of a compiled model for the direction, which the stub hasn't.
    theirs = keras.callbacks.EarlyStopping(**options, mode="max" if monitor == "val_accuracy" else "min")
    assert stopped(numpy_nn.EarlyStopping(**options), values, monitor) == stopped(theirs, values, monitor)


def test_mode_baseline_and_start_from_epoch_are_those_of_keras() -> None:
    import keras

    assert numpy_nn.EarlyStopping(mode="min", baseline=0.5, start_from_epoch=1)

    @given(
        values=VALUES,
        patience=st.integers(0, 3),
        mode=st.sampled_from(["auto", "min", "max"]),
        baseline=st.sampled_from([None, 0.5]),
        start_from_epoch=st.integers(0, 3),
        restore_best_weights=st.booleans(),
    )
    def check(values: list[float], **options: Any) -> None:
        ours, theirs = (
            stopped(package.EarlyStopping(monitor="val_loss", **options), values, "val_loss")
            for package in (numpy_nn, keras.callbacks)
        )
        assert ours == theirs

    check()


def test_a_plateau_reduces_the_learning_rate_when_keras_does() -> None:
    import keras

    assert numpy_nn.callbacks.ReduceLROnPlateau(factor=0.5)

    @given(
        values=FINITE,
        patience=st.integers(1, 3),
        cooldown=st.integers(0, 2),
        min_lr=st.sampled_from([0.0, 0.125]),
        mode=st.sampled_from(["auto", "min", "max"]),
    )
    def check(values: list[float], **options: Any) -> None:
        ours, theirs = (learning_rates(package, values, options) for package in (numpy_nn, keras))
        assert ours == theirs

    check()


def learning_rates(package: Any, values: list[float], options: dict[str, Any]) -> list[float]:
    """The learning rate after each epoch."""
    callback = package.callbacks.ReduceLROnPlateau(monitor="val_loss", factor=0.5, min_delta=0.0078125, **options)
    callback.set_model(SimpleNamespace(optimizer=package.optimizers.SGD(learning_rate=0.5), stop_training=False, metrics=[]))
    callback.on_train_begin()
    rates = []
    for epoch, value in enumerate(values):
        callback.on_epoch_end(epoch, {"val_loss": value})
        rates.append(float(callback.model.optimizer.learning_rate))
    return rates


@pytest.mark.parametrize(
    ("name", "options"),
    [("LearningRateScheduler", {"schedule": lambda epoch: 0.5}), ("ReduceLROnPlateau", {"patience": 1, "min_delta": 100.0})],
)
def test_a_schedule_and_a_callback_for_the_learning_rate_are_refused_together(name: str, options: dict[str, Any]) -> None:
    schedule = numpy_nn.schedules.ExponentialDecay(0.5, 10, 0.5)
    callback = getattr(numpy_nn.callbacks, name)(**options)
    model = Sequential([{"input_dim": 1, "output_dim": 1}])
    model.compile(numpy_nn.SGD(learning_rate=schedule), "mse")
    x = np.ones((4, 1))
    with pytest.raises(TypeError, match="schedule"):
        model.fit(x, x, epochs=9, validation_data=(x, x), callbacks=[callback], verbose=0)


HOOKS = [
    f"on_{kind}{moment}_{end}" for kind in ("train", "test", "predict") for moment in ("", "_batch") for end in ("begin", "end")
] + ["on_epoch_begin", "on_epoch_end"]


def recorder(base: type) -> Any:
    """A callback that writes down the hooks that are called, and which logs they are handed."""
    calls: list[Any] = []

    def hook(name: str) -> Any:
        def method(self: Any, *arguments: Any, logs: Any = None) -> None:
            numbers = tuple(argument for argument in arguments if isinstance(argument, int))
            calls.append((name, numbers, sorted(logs or (arguments[len(numbers) :] or [None])[0] or {})))

        return method

    made = type("Recorder", (base,), {name: hook(name) for name in HOOKS})()
    made.calls = calls
    return made


def test_the_hooks_are_called_in_the_order_of_keras(keras64: ModuleType) -> None:
    x = np.random.default_rng(0).normal(size=(10, 2))
    y = (x[:, :1] > 0).astype(float)
    calls = []
    for keras in (False, True):
        watcher = recorder(keras64.callbacks.Callback if keras else Callback)
        if keras:
            model: Any = keras64.Sequential([keras64.Input((2,)), keras64.layers.Dense(1, activation="sigmoid")])
        else:
            model = Sequential([{"input_dim": 2, "output_dim": 1, "activation": "sigmoid"}])
        model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
        model.fit(x, y, batch_size=4, epochs=2, validation_data=(x, y), callbacks=[watcher], verbose=0)
        model.evaluate(x, y, batch_size=4, callbacks=[watcher], verbose=0)
        model.predict(x, batch_size=4, callbacks=[watcher], verbose=0)
        calls.append([(name, numbers, logs if "epoch" in name else None) for name, numbers, logs in watcher.calls])
    assert calls[0] == calls[1]


@pytest.mark.parametrize("hook", ["on_train_begin", "on_epoch_begin"])
def test_a_training_that_is_stopped_before_an_epoch_makes_one_more_step(hook: str, keras64: ModuleType) -> None:
    x = np.random.default_rng(0).normal(size=(10, 2))
    theirs = keras64.Sequential([keras64.Input((2,)), keras64.layers.Dense(1)])
    ours = Sequential([{"input_dim": 2, "output_dim": 1}], dtype="float64")
    ours.set_weights(theirs.get_weights())
    histories = []
    for model, callbacks in ((ours, numpy_nn.callbacks), (theirs, keras64.callbacks)):

        def stop(*_: Any, model: Any = model) -> None:
            model.stop_training = True

        model.compile("sgd", "mse")
        callback = callbacks.LambdaCallback(**{hook: stop})
        histories.append(model.fit(x, x[:, 0], batch_size=2, epochs=3, shuffle=False, verbose=0, callbacks=[callback]).history)
    np.testing.assert_allclose(histories[0]["loss"], histories[1]["loss"])
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other)


def at_the_second(hook: str, base: type) -> Any:
    """A callback that sets the learning rate when its hook is called for the second time."""

    def method(self: Any, batch: int, logs: Any = None) -> None:
        self.seen += 1
        if self.seen == 2:
            self.model.optimizer.learning_rate = 0.25

    return type("Watcher", (base,), {"seen": 0, hook: method})()


@pytest.mark.parametrize(
    ("hook", "optimizer"),
    [(hook, name) for hook in ("on_train_batch_begin", "on_train_batch_end") for name in ("SGD", "Adam", "AdamW", "RMSprop")],
)
def test_a_learning_rate_set_at_a_batch_counts_as_in_keras(hook: str, optimizer: str, keras64: ModuleType) -> None:
    x = np.random.default_rng(0).normal(size=(10, 2))
    y = (x[:, :1] > 0).astype(float)
    theirs = keras64.Sequential([keras64.Input((2,)), keras64.layers.Dense(1, activation="sigmoid")])
    ours = Sequential([{"input_dim": 2, "output_dim": 1, "activation": "sigmoid"}], dtype="float64")
    ours.set_weights(theirs.get_weights())

    for model, package in ((ours, numpy_nn), (theirs, keras64)):
        watcher = at_the_second(hook, package.callbacks.Callback)
        model.compile(getattr(package.optimizers, optimizer)(learning_rate=0.0078125, **EXACT[optimizer]), "binary_crossentropy")
        model.fit(x, y, batch_size=4, epochs=1, shuffle=False, callbacks=[watcher], verbose=0)
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)
