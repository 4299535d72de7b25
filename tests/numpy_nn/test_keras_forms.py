"""What `Sequential` takes and gives in Keras' forms, and what it says of those that it has not; `keras_oracle` has the values."""

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import ARCHITECTURE, moons, refused

from numpy_nn import SGD, Adam, Callback, History, Sequential
from numpy_nn.callbacks import EarlyStopping
from numpy_nn.keras_names import INSTEAD
from numpy_nn.metrics import BinaryAccuracy, MeanSquaredError

X, Y = moons(20)


def compiled(optimizer: Any = "sgd", metrics: Any = ("accuracy",), **settings: Any) -> Sequential:
    model = Sequential(**{"architecture": ARCHITECTURE, "dtype": "float64", "seed": 1, **settings})
    model.compile(optimizer, "binary_crossentropy", list(metrics))
    return model


def test_the_numbers_of_evaluate_stand_in_the_order_of_the_names() -> None:
    model = compiled(metrics=["mse", BinaryAccuracy(threshold=0.25), "acc"])
    assert model.metrics_names == ["loss", "mse", "binary_accuracy", "acc"]
    assert model.metrics == ["mse", "binary_accuracy", "acc"]
    numbers, named = model.evaluate(X, Y, verbose=0), model.evaluate(X, Y, verbose=0, return_dict=True)
    assert named == dict(zip(model.metrics_names, numbers, strict=True))  # type: ignore[arg-type]


def test_weights_of_classes_train_as_those_of_their_rows() -> None:
    by_class, by_row = compiled(SGD(0.5)), compiled(SGD(0.5))
    by_class.fit(X, Y, epochs=2, class_weight={1: 3.0}, validation_split=0.25, verbose=0)
    history = by_row.fit(X, Y, epochs=2, sample_weight=np.where(Y == 1, 3.0, 1.0), verbose=0, validation_data=(X[15:], Y[15:]))
    assert len(history.epoch) == 2
    by_row = compiled(SGD(0.5))
    by_row.fit(X[:15], Y[:15], epochs=2, sample_weight=np.where(Y[:15] == 1, 3.0, 1.0), verbose=0)
    np.testing.assert_array_equal(by_class.predict(X), by_row.predict(X))


def test_a_class_is_the_column_of_the_largest_target() -> None:
    layer = [{"input_dim": 2, "output_dim": 3, "activation": "softmax"}]
    losses = []
    for loss, y in (("categorical_crossentropy", np.eye(3)[[0, 2, 1, 2]]), ("sparse_categorical_crossentropy", [0, 2, 1, 2])):
        model = Sequential(layer, dtype="float64", seed=1)
        model.compile("sgd", loss)
        losses.append(model.train_on_batch(X[:4], y, class_weight={2: 5.0}))
        assert model.evaluate(X[:4], y, verbose=0, sample_weight=[1, 5, 1, 5]) < losses[-1]
    assert losses[0] == losses[1]


def test_an_epoch_that_was_trained_before_is_not_trained_again() -> None:
    assert compiled().fit(X, Y, epochs=3, initial_epoch=5, verbose=0).epoch == []
    assert compiled().fit(X, Y, epochs=7, initial_epoch=5, verbose=0).epoch == [5, 6]


@pytest.mark.parametrize(("frequency", "epochs"), [(1, [1, 2, 3, 4, 5]), (2, [2, 4]), ([1, 4], [1, 4])])
def test_the_validation_comes_after_the_epochs_that_were_asked_for(frequency: Any, epochs: list[int]) -> None:
    validated = []

    class Watch(Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if "val_loss" in logs:
                validated.append(epoch + 1)

    history = (
        compiled().fit(X, Y, epochs=5, validation_data=(X, Y), validation_freq=frequency, callbacks=Watch(), verbose=0).history
    )
    assert validated == epochs
    assert len(history["val_loss"]) == len(epochs) < len(history["loss"]) + 1


def test_the_history_is_the_models_also_where_the_caller_has_one() -> None:
    model, mine = compiled(), History()
    assert model.fit(X, Y, callbacks=[mine], verbose=0) is mine is model.history
    assert model.fit(X, Y, epochs=2, verbose=0) is model.history is not mine


def test_layers_added_one_by_one_make_the_network_that_they_make_at_once() -> None:
    model = Sequential(ARCHITECTURE[:1], seed=1)
    model.add({"output_dim": 4, "activation": "tanh"}, {"output_dim": 1, "activation": "sigmoid"})
    whole = Sequential(ARCHITECTURE, seed=1)
    assert model.architecture == whole.architecture
    np.testing.assert_array_equal(model.predict(X), whole.predict(X))


def test_a_layer_that_is_added_leaves_the_weights_and_asks_to_be_compiled() -> None:
    model = compiled()
    model.fit(X, Y, verbose=0)
    before = model.get_weights()
    model.add({"output_dim": 2})
    for weights, expected in zip(model.get_weights(), before, strict=False):
        np.testing.assert_array_equal(weights, expected)
    with refused("has not been compiled", error=RuntimeError):
        model.fit(X, Y)
    with refused("architecture[4]['input_dim'] was 7"):
        model.add({"input_dim": 7, "output_dim": 1})
    assert len(model.layers) == 4


@pytest.mark.parametrize("name", INSTEAD)
def test_what_keras_has_and_this_has_not_names_the_nearest_thing(name: str) -> None:
    model = compiled()
    with refused(f"Sequential has no '{name}'", "there is ", error=AttributeError):
        getattr(model, name)
    assert not hasattr(model, name)


def test_the_architecture_is_fit_for_json() -> None:
    assert json.loads(json.dumps(compiled().architecture)) == ARCHITECTURE


def test_an_optimizer_trains_one_model() -> None:
    optimizer = Adam(0.01)
    model, other = compiled(optimizer), Sequential(ARCHITECTURE)
    model.fit(X, Y, verbose=0)
    with refused("optimizer was Adam(", "another model"):
        other.compile(optimizer, "mse")
    other.compile(copy.deepcopy(optimizer), "mse")
    other.fit(X, Y, verbose=0)
    assert optimizer.iterations == 1
    model.compile(optimizer, "mse")  # its own model may be compiled with it again


def test_an_optimizer_that_its_model_is_compiled_with_again_goes_on_with_its_state() -> None:
    once, again = compiled(Adam(0.01)), compiled(Adam(0.01))
    for model in (once, again):
        model.fit(X, Y, epochs=3, shuffle=False, verbose=0)
    again.compile(again.optimizer, again.loss)
    assert again.optimizer.iterations == 3
    for model in (once, again):
        model.fit(X, Y, epochs=3, shuffle=False, verbose=0)
    np.testing.assert_array_equal(once.predict(X), again.predict(X))


def test_a_compile_makes_the_state_that_a_setting_asks_for_beside_the_one_that_there_is() -> None:
    model = compiled(Adam(0.01))
    model.fit(X, Y, verbose=0)
    velocity = model.optimizer.get_state()["velocity"]
    model.optimizer.amsgrad = True
    model.compile(model.optimizer, "mse")
    state = model.optimizer.get_state()
    np.testing.assert_array_equal(state["velocity"], velocity)
    assert not state["velocity_hat"].any()


def test_a_metric_is_called_by_the_name_that_it_was_given(tmp_path: Path) -> None:
    model = compiled(metrics=["acc", BinaryAccuracy(name="low", threshold=0.25), MeanSquaredError("error")])
    assert model.metrics == ["acc", "low", "error"]
    history = model.fit(X, Y, verbose=0, validation_data=(X, Y), callbacks=EarlyStopping("val_low")).history
    assert history.keys() >= {"low", "val_low", "error"}
    for file in ("model.npz", "model.keras"):
        model.save(tmp_path / file)
        loaded = Sequential.load(tmp_path / file)
        assert loaded.evaluate(X, Y, verbose=0, return_dict=True) == model.evaluate(X, Y, verbose=0, return_dict=True)
    with refused("name was 3: it must be text"):
        MeanSquaredError(3)  # type: ignore[arg-type]


@pytest.mark.parametrize("file", ["model.keras", "model.npz"])
def test_metrics_and_weighted_metrics_stay_what_they_are_in_a_file(file: str, tmp_path: Path) -> None:
    model = compiled()
    model.compile("sgd", "mse", ["mae", "mae"], weighted_metrics=["mae", "accuracy"])
    model.save(tmp_path / file)
    loaded = Sequential.load(tmp_path / file)
    weights = np.linspace(0, 1, len(X))
    found, expected = (each.evaluate(X, Y, verbose=0, sample_weight=weights, return_dict=True) for each in (loaded, model))
    assert found == expected


def test_a_column_of_weights_is_a_vector_of_them() -> None:
    weights = np.linspace(0, 2, len(X))
    model = compiled()
    expected = model.evaluate(X, Y, verbose=0, sample_weight=weights)
    assert model.evaluate(X, Y, verbose=0, sample_weight=weights[:, None]) == expected
    assert model.loss(Y, model.predict(X), weights[:, None]) == model.loss(Y, model.predict(X), weights)
    with refused("sample_weight had the shape (20, 2)"):
        model.evaluate(X, Y, verbose=0, sample_weight=np.ones((20, 2)))


def test_keras_arguments_of_summary_and_save(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = compiled()
    model.summary(line_length=80, expand_nested=True)
    assert "relu" in capsys.readouterr().out
    with refused("summary has no 'layer_range'", error=TypeError):
        model.summary(layer_range=["dense", "dense_1"])
    model.save(tmp_path / "model.npz", overwrite=False, include_optimizer=True, save_format=None)
    with refused("save has no 'save_format', which was 'h5'", error=TypeError):
        model.save(tmp_path / "model.npz", save_format="h5")
    assert Sequential.load(tmp_path / "model.npz", custom_objects=None, safe_mode=True).optimizer is not None
    assert Sequential.load(tmp_path / "model.npz", compile=False).optimizer is None
    with refused("load has no 'custom_objects'", error=TypeError):
        Sequential.load(tmp_path / "model.npz", custom_objects={"f": len})
    for write in (model.save, model.save_weights):
        write(tmp_path / "model.npz", overwrite=True)
        with refused("there is such a file", error=FileExistsError):
            write(tmp_path / "model.npz", overwrite=False)


def test_the_optimizer_of_a_copy_belongs_to_the_copy() -> None:
    model = compiled("adam")
    twin = copy.deepcopy(model)
    assert twin.optimizer is not None
    with refused("another model"):
        Sequential(ARCHITECTURE).compile(twin.optimizer, "mse")


def test_a_shallow_copy_shares_nothing_that_trains() -> None:
    model = compiled("adam")
    twin = copy.copy(model)
    first = twin.fit(X, Y, epochs=3, verbose=0).history
    assert model.fit(X, Y, epochs=3, verbose=0).history == first
