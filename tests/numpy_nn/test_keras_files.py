"""Keras' own files, written by the installed Keras and read here, and the other way round."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from cases import refused

from numpy_nn import Adam, Sequential
from numpy_nn.keras_files import load_keras, load_weights, save_keras, save_weights

h5py = pytest.importorskip("h5py")

X = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
Y = (X.sum(axis=1) > 0).astype(int)
ARCHITECTURE = [
    {"input_dim": 3, "output_dim": 4, "activation": "relu"},
    {"input_dim": 4, "output_dim": 1, "activation": "sigmoid"},
]


def plain(keras: ModuleType) -> tuple[list[Any], Any, Any]:
    return [keras.layers.Dense(4, "relu"), keras.layers.Dense(1, "sigmoid")], "adam", "binary_crossentropy"


def regularized(keras: ModuleType) -> tuple[list[Any], Any, Any]:
    last = [keras.layers.Dense(2, use_bias=False), keras.layers.Activation("softmax")]
    first = keras.layers.Dense(4, "tanh", kernel_regularizer=keras.regularizers.L1L2(0.25, 0.125))
    return [first, *last], keras.optimizers.SGD(0.125, momentum=0.5), "sparse_categorical_crossentropy"


def leaky(keras: ModuleType) -> tuple[list[Any], Any, Any]:
    leaky_relu = keras.layers.LeakyReLU
    layers = [keras.layers.Dense(4, leaky_relu(negative_slope=0.25)), keras.layers.Dense(4), leaky_relu(negative_slope=0.5)]
    return [*layers, keras.layers.Dense(1)], keras.optimizers.RMSprop(0.01, momentum=0.5, centered=True), keras.losses.Huber()


def scheduled(keras: ModuleType) -> tuple[list[Any], Any, Any]:
    schedule = keras.optimizers.schedules.ExponentialDecay(0.01, 10, 0.5)
    layers = [keras.layers.Dense(4, "gelu"), keras.layers.Dense(4, "mish"), keras.layers.Dense(1)]
    return layers, keras.optimizers.AdamW(schedule, amsgrad=True, clipnorm=1.0), "mse"


def accumulated(keras: ModuleType) -> tuple[list[Any], Any, Any]:
    return [keras.layers.Dense(4, "selu"), keras.layers.ReLU(), keras.layers.Dense(1)][::2], keras.optimizers.Adagrad(), "mae"


def smoothed(keras: ModuleType) -> tuple[list[Any], Any, Any]:
    return plain(keras)[0], "sgd", keras.losses.BinaryCrossentropy(label_smoothing=0.125)


MODELS = [plain, regularized, leaky, scheduled, accumulated, smoothed]


@pytest.fixture
def keras() -> ModuleType:
    return pytest.importorskip("keras")


def make(keras: ModuleType, describe: Callable[[ModuleType], tuple[list[Any], Any, Any]], *, epochs: int = 2) -> Any:
    """Keras' model, trained."""
    layers, optimizer, loss = describe(keras)
    model = keras.Sequential([keras.Input((3,)), *layers])
    model.compile(optimizer, loss)
    if epochs:
        train(model, epochs)
    return model


def train(model: Any, epochs: int = 2) -> None:
    model.fit(X, Y, epochs=epochs, verbose=0, shuffle=False)


def assert_equal(one: Any, other: Any, tolerance: float = 0.0) -> None:
    for mine, its in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(mine, its, rtol=0, atol=tolerance)


@pytest.mark.parametrize("describe", MODELS)
def test_a_model_of_keras_is_read_and_trains_on_as_there(keras: ModuleType, describe: Any, tmp_path: Path) -> None:
    theirs = make(keras, describe)
    theirs.save(tmp_path / "model.keras")
    ours = load_keras(tmp_path / "model.keras")
    assert_equal(ours, theirs)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X, verbose=0), atol=1e-6)
    train(ours)
    train(theirs)
    assert_equal(ours, theirs, 1e-5)


@pytest.mark.parametrize("describe", MODELS)
def test_keras_reads_what_is_written_here_without_a_warning_and_trains_on(keras: ModuleType, describe: Any, tmp_path: Path) -> None:
    make(keras, describe).save(tmp_path / "model.keras")
    ours = load_keras(tmp_path / "model.keras")
    save_keras(ours, tmp_path / "again.keras")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        theirs = keras.models.load_model(tmp_path / "again.keras")
    assert_equal(ours, theirs)
    train(ours)
    train(theirs)
    assert_equal(ours, theirs, 1e-5)


def test_a_file_written_here_is_read_here_as_the_same_model(tmp_path: Path) -> None:
    model = Sequential([{"dropout": 0.25}, *ARCHITECTURE], seed=0, dtype="float64")
    model.compile(Adam(0.01), "binary_crossentropy", ["accuracy"])
    model.fit(X, Y, verbose=0)
    save_keras(model, tmp_path / "model.keras")
    again = load_keras(tmp_path / "model.keras")
    assert again.architecture == model.architecture
    assert again.dtype == "float64"
    assert repr(again.optimizer) == repr(model.optimizer)
    assert again.optimizer is not None
    assert again.optimizer.iterations == 2
    assert_equal(again, model)


def test_dropout_goes_both_ways(keras: ModuleType, tmp_path: Path) -> None:
    layers = keras.layers
    theirs = keras.Sequential(
        [keras.Input((3,)), layers.Dropout(0.25), layers.Dense(4, "relu"), layers.Dropout(0.5), layers.Dense(1)]
    )
    theirs.save(tmp_path / "model.keras")
    ours = load_keras(tmp_path / "model.keras")
    assert [entry.get("dropout") for entry in ours.architecture] == [0.25, None, 0.5, None]
    save_keras(ours, tmp_path / "again.keras")
    again = keras.models.load_model(tmp_path / "again.keras")
    assert [type(layer).__name__ for layer in again.layers] == ["Dropout", "Dense", "Dropout", "Dense"]
    np.testing.assert_allclose(again.predict(X, verbose=0), theirs.predict(X, verbose=0), atol=1e-6)


def test_a_functional_chain_is_read_in_the_order_of_its_layers(keras: ModuleType, tmp_path: Path) -> None:
    last, first = keras.layers.Dense(1, "sigmoid"), keras.layers.Dense(2, keras.activations.tanh)
    inputs = keras.Input((3,))
    theirs = keras.Model(inputs, last(first(inputs)))
    theirs.save(tmp_path / "model.keras")
    ours = load_keras(tmp_path / "model.keras")
    assert ours.optimizer is None
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X, verbose=0), atol=1e-6)


def test_weights_alone_go_both_ways(keras: ModuleType, tmp_path: Path) -> None:
    theirs, ours = make(keras, plain), Sequential(ARCHITECTURE)
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    load_weights(ours, tmp_path / "theirs.weights.h5")
    assert_equal(ours, theirs)
    ours.compile("adam", "binary_crossentropy")
    train(ours)
    save_weights(ours, tmp_path / "ours.weights.h5")
    theirs.load_weights(tmp_path / "ours.weights.h5")
    assert_equal(ours, theirs)
    save_keras(ours, tmp_path / "ours.keras")
    other = Sequential(ARCHITECTURE, dtype="float64")
    load_weights(other, tmp_path / "ours.keras")
    assert_equal(ours, other)


def test_a_model_s_own_methods_take_keras_files_by_their_suffix(keras: ModuleType, tmp_path: Path) -> None:
    model = Sequential(ARCHITECTURE)
    model.save(tmp_path / "model.keras")
    model.save_weights(str(tmp_path / "model.weights.h5"))
    theirs = keras.models.load_model(tmp_path / "model.keras")
    assert_equal(Sequential.load(tmp_path / "model.keras"), theirs)
    for name in ("model.keras", "model.weights.h5"):
        other = Sequential(ARCHITECTURE)
        other.load_weights(tmp_path / name)
        assert_equal(other, theirs)
    with refused("model.weights.h5", ".keras"):
        model.save(tmp_path / "model.weights.h5")
    with refused("model.keras", ".weights.h5"):
        model.save_weights(tmp_path / "model.keras")


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    model = Sequential(ARCHITECTURE)
    model._parameters.vector[0] = np.nan
    with refused("not finite"):
        save_keras(model, tmp_path / "model.keras")
    assert not list(tmp_path.iterdir())


def test_weights_of_another_network_are_refused_and_nothing_is_changed(tmp_path: Path) -> None:
    save_weights(Sequential(ARCHITECTURE), tmp_path / "model.weights.h5")
    wider = Sequential([{"input_dim": 3, "output_dim": 5}, {"input_dim": 5, "output_dim": 1}])
    before = wider.get_weights()
    with refused("model.weights.h5", "(3, 4)", "(3, 5)"):
        load_weights(wider, tmp_path / "model.weights.h5")
    with refused("it has 2 dense layers, and must have 1"):
        load_weights(Sequential(ARCHITECTURE[:1]), tmp_path / "model.weights.h5")
    for weight, same in zip(wider.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, same)


def test_a_model_that_was_compiled_with_parts_that_are_not_here_can_be_read_without(keras: ModuleType, tmp_path: Path) -> None:
    theirs = make(keras, plain, epochs=0)
    theirs.compile(keras.optimizers.Lion(), "binary_crossentropy")
    theirs.save(tmp_path / "model.keras")
    with refused("optimizer was 'lion'", "compile=False"):
        load_keras(tmp_path / "model.keras")
    theirs.compile(keras.optimizers.SGD(use_ema=True), "binary_crossentropy")
    theirs.save(tmp_path / "model.keras")
    with refused("'SGD' has use_ema = True", "compile=False"):
        load_keras(tmp_path / "model.keras")
    theirs.compile("sgd", "binary_crossentropy", loss_weights=[3.0])
    theirs.save(tmp_path / "model.keras")
    with refused("loss_weights = [3.0]", "compile=False"):
        load_keras(tmp_path / "model.keras")
    theirs.compile("sgd", "binary_crossentropy", metrics=[keras.metrics.Accuracy()])
    theirs.save(tmp_path / "model.keras")
    with refused("metrics has Keras' class Accuracy", "compile=False"):
        load_keras(tmp_path / "model.keras")
    frozen = make(keras, plain, epochs=0)
    frozen.layers[0].trainable = False
    frozen.save(tmp_path / "model.keras")
    with refused("trainable = False", "compile=False"):
        load_keras(tmp_path / "model.keras")
    assert_equal(Sequential.load(tmp_path / "model.keras", compile=False), frozen)


REFUSED: dict[str, tuple[Callable[[ModuleType], list[Any]], list[str]]] = {
    "a layer of another kind": (lambda keras: [keras.layers.Dense(2), keras.layers.LayerNormalization()], ["LayerNormalization"]),
    "code": (lambda keras: [keras.layers.Dense(2, lambda x: x)], ["no code of a file is run"]),
    "a constraint": (lambda keras: [keras.layers.Dense(2, kernel_constraint="max_norm")], ["'dense", "kernel_constraint"]),
    "a penalty on biases": (lambda keras: [keras.layers.Dense(2, bias_regularizer="l2")], ["bias_regularizer"]),
    "two activations": (lambda keras: [keras.layers.Dense(2, "relu"), keras.layers.ReLU()], ["is a ReLU"]),
    "a clipped relu": (lambda keras: [keras.layers.Dense(2), keras.layers.ReLU(max_value=6)], ["max_value = 6"]),
    "an unknown activation": (lambda keras: [keras.layers.Dense(2, "log_softmax")], ["log_softmax"]),
    "half precision": (lambda keras: [keras.layers.Dense(2, dtype="float16")], ["'float16'"]),
    "two precisions": (
        lambda keras: [keras.layers.Dense(2, dtype="float32"), keras.layers.Dense(2, dtype="float64")],
        ["one precision"],
    ),
}


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.filterwarnings("ignore")
def test_what_is_not_here_is_named(keras: ModuleType, what: str, tmp_path: Path) -> None:
    layers, fragments = REFUSED[what]
    keras.Sequential([keras.Input((3,)), *layers(keras)]).save(tmp_path / "model.keras")
    with refused("model.keras", *fragments):
        load_keras(tmp_path / "model.keras")


def test_a_branch_is_refused(keras: ModuleType, tmp_path: Path) -> None:
    inputs = keras.Input((3,))
    one, two = keras.layers.Dense(2)(inputs), keras.layers.Dense(2)(inputs)
    keras.Model(inputs, [one, two]).save(tmp_path / "branch.keras")
    keras.Model(inputs, keras.layers.Add()([one, two])).save(tmp_path / "join.keras")
    for name in ("branch", "join"):
        with refused(f"{name}.keras"):
            load_keras(tmp_path / f"{name}.keras")


def test_an_activation_that_keras_cannot_read_is_refused_and_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    save_keras(Sequential(ARCHITECTURE), path)
    before = path.read_bytes()
    tanh_gelu = {"class_name": "gelu", "config": {"approximate": True}}
    with refused("activation was", "approximate"):
        save_keras(Sequential([{"input_dim": 3, "output_dim": 1, "activation": tanh_gelu}]), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_without_h5py_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    with refused("python -m pip install h5py", error=ImportError):
        save_weights(Sequential(ARCHITECTURE), tmp_path / "model.weights.h5")
