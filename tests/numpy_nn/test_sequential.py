from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from cases import ARCHITECTURE, ARTICLE, moons, refused

import keras_ref
from numpy_nn import SGD, Adam, Callback, Sequential, TerminateOnNaN, losses, optimizers

CLASSES = [*ARCHITECTURE[:-1], {"input_dim": 4, "output_dim": 3, "activation": "softmax"}]


def compiled(optimizer: Any = "sgd", loss: Any = "binary_crossentropy", **settings: Any) -> Sequential:
    """A small network in float64, ready to be trained, with accuracy among its logs."""
    model = Sequential(**{"architecture": ARCHITECTURE, "dtype": "float64", "seed": 1, **settings})
    model.compile(optimizer, loss, ["accuracy"])
    return model


def vector(model: Sequential) -> np.ndarray:
    return np.concatenate([weights.ravel() for weights in model.get_weights()])


def test_the_articles_training_can_be_made_again() -> None:
    from sklearn.datasets import make_moons
    from sklearn.model_selection import train_test_split

    x, y = make_moons(1000, noise=0.2, random_state=100)
    x_train, _, y_train, _ = train_test_split(x, y, test_size=0.1, random_state=42)
    model = Sequential(ARTICLE, initializer="article", seed=2, dtype="float64")
    model.compile(SGD(0.01), "binary_crossentropy", ["accuracy"])
    history = model.fit(x_train, y_train, batch_size=None, epochs=101, shuffle=False, verbose=0)
    assert model.count_params() == 5226
    assert history.history["loss"][0] == pytest.approx(0.6936484871866765, abs=1e-9)
    assert history.history["loss"][100] == pytest.approx(0.6933371271884572, abs=1e-9)


# --- the history --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("architecture", "loss", "options"),
    [
        (ARCHITECTURE, "binary_crossentropy", {"validation_split": 0.23}),
        (ARCHITECTURE, "mean_squared_error", {"validation_data": (*moons(17, seed=1), np.linspace(0, 3, 17))}),
        (CLASSES, "sparse_categorical_crossentropy", {"sample_weight": np.linspace(0.1, 3, 50), "validation_split": 0.5}),
    ],
    ids=["binary", "squared error", "classes"],
)
def test_histories_and_weights_are_those_of_keras(
    architecture: list[dict[str, Any]], loss: str, options: dict[str, Any], keras64: ModuleType
) -> None:
    x, y = moons(50)
    model = Sequential(architecture, dtype="float64", seed=1)
    model.compile(SGD(0.25, momentum=0.5), loss, ["accuracy"])
    theirs = keras_ref.build_model(architecture, optimizer=model.optimizer, loss=loss, dtype="float64", metrics=["accuracy"])
    keras_ref.copy_weights(model, theirs)
    settings = {"batch_size": 16, "epochs": 4, "shuffle": False, "verbose": 0, **options}
    ours, expected = (network.fit(x, y, **settings).history for network in (model, theirs))
    assert set(ours) == set(expected) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    for name, values in expected.items():
        np.testing.assert_allclose(ours[name], values, rtol=1e-12, err_msg=name)
    for weights, others in zip(model.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(weights, others, rtol=0, atol=1e-13)
    scores = theirs.evaluate(x, y, verbose=0, return_dict=True)
    assert model.evaluate(x, y, return_dict=True) == pytest.approx(scores, rel=1e-12)


def test_a_history_has_a_float_an_epoch() -> None:
    history = compiled().fit(*moons(20), epochs=3, verbose=0, validation_split=0.2)
    assert history.epoch == [0, 1, 2]
    assert set(history.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    for values in history.history.values():
        assert [type(value) for value in values] == [float] * 3


def test_without_metrics_only_the_loss_is_reported() -> None:
    model = Sequential(ARCHITECTURE)
    model.compile("sgd", "binary_crossentropy")
    x, y = moons(20)
    assert list(model.fit(x, y, verbose=0).history) == ["loss"]
    assert isinstance(model.evaluate(x, y), float)
    assert isinstance(model.train_on_batch(x, y), float)


def test_the_validation_data_is_scored_as_evaluate_does() -> None:
    model, (x, y), weights = compiled(), moons(20), np.linspace(0, 2, 20)
    history = model.fit(*moons(30, seed=1), epochs=2, verbose=0, validation_data=(x, y, weights)).history
    assert model.evaluate(x, y, sample_weight=weights) == [history["val_loss"][-1], history["val_accuracy"][-1]]


def test_the_validation_split_takes_the_last_rows_and_trains_on_the_others() -> None:
    x, y = moons(40)
    split, whole = compiled(), compiled()
    history = split.fit(x, y, epochs=2, validation_split=0.25, verbose=0).history
    expected = whole.fit(x[:30], y[:30], epochs=2, validation_data=(x[30:], y[30:]), verbose=0).history
    assert history == expected
    np.testing.assert_array_equal(vector(split), vector(whole))


# --- seeds and orders ---------------------------------------------------------------------------------------------------------


def test_a_seed_repeats_a_training_and_another_does_not() -> None:
    first, again, other = (compiled(seed=seed) for seed in (7, 7, 8))
    histories = [model.fit(*moons(50), epochs=3, verbose=0).history for model in (first, again, other)]
    assert histories[0] == histories[1] != histories[2]
    np.testing.assert_array_equal(vector(first), vector(again))


def test_every_epoch_has_an_order_of_its_own() -> None:
    model = compiled()
    orders: list[np.ndarray] = []
    model._generator = Recorder(model._generator, orders)  # type: ignore[assignment]
    model.fit(*moons(50), epochs=3, verbose=0)
    assert len({order.tobytes() for order in orders}) == 3
    assert all(sorted(order) == list(range(50)) for order in orders)


class Recorder:
    """A generator that keeps the permutations that it was asked for."""

    def __init__(self, generator: np.random.Generator, orders: list[np.ndarray]) -> None:
        self._generator, self._orders = generator, orders

    def permutation(self, count: int) -> np.ndarray:
        self._orders.append(self._generator.permutation(count))
        return self._orders[-1]


class Watcher(Callback):
    """Does what it was given at the moments named."""

    def __init__(self, **actions: Callable[..., object]) -> None:
        for name, action in actions.items():
            setattr(self, name, action)


# --- changes on the way -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(optimizers.OPTIMIZERS))
@pytest.mark.parametrize("shuffle", [False, True])
def test_a_learning_rate_changed_between_epochs_holds_from_the_next_epoch_on(name: str, shuffle: bool) -> None:
    x, y = moons(30)
    model = compiled(optimizers.OPTIMIZERS[name](learning_rate=0.25))
    changed = Watcher(on_epoch_end=lambda *_: setattr(model.optimizer, "learning_rate", 1e-30))
    weights: list[np.ndarray] = []
    seen = Watcher(on_epoch_begin=lambda *_: weights.append(vector(model)))
    model.fit(x, y, epochs=3, shuffle=shuffle, callbacks=[changed, seen], verbose=0)
    assert np.abs(weights[1] - weights[0]).max() > 1e-3
    np.testing.assert_array_equal(weights[2], weights[1])


@pytest.mark.parametrize("shuffle", [False, True])
def test_weights_set_in_the_middle_of_a_training_are_trained_on(shuffle: bool) -> None:
    x, y = moons(30)
    model, other = compiled(seed=1), compiled(seed=1)
    fresh = [np.full_like(weights, 0.25) for weights in model.get_weights()]

    def replace(epoch: int, logs: Any = None) -> None:
        if epoch == 1:
            model.set_weights(fresh)

    losses_seen = model.fit(x, y, epochs=3, shuffle=shuffle, callbacks=[Watcher(on_epoch_end=replace)], verbose=0).history["loss"]
    other.fit(x, y, epochs=2, shuffle=shuffle, verbose=0)
    other.set_weights(fresh)
    assert other.fit(x, y, shuffle=shuffle, verbose=0).history["loss"] == losses_seen[2:]
    np.testing.assert_array_equal(vector(model), vector(other))


def test_a_second_fit_goes_on_where_the_first_one_ended() -> None:
    x, y = moons(30)
    once, twice = compiled(Adam(0.01)), compiled(Adam(0.01))
    expected = once.fit(x, y, epochs=4, verbose=0).history["loss"]
    halves = [twice.fit(x, y, epochs=2, verbose=0).history["loss"] for _ in range(2)]
    assert halves[0] + halves[1] == expected


def test_compiling_anew_keeps_the_weights_and_the_state_of_the_same_optimizer_alone() -> None:
    x, y = moons(30)
    optimizer = Adam(0.01)
    model = compiled(optimizer)
    model.fit(x, y, verbose=0)
    before = vector(model)
    for given, steps in ((optimizer, 1), (Adam(0.01), 0)):
        model.compile(given, "binary_crossentropy")
        np.testing.assert_array_equal(vector(model), before)
        assert given.iterations == steps


def test_a_diverged_training_says_so_with_nan_and_can_be_stopped() -> None:
    x, y = moons(64)
    architecture = [{**layer, "activation": "relu"} for layer in ARTICLE]
    model = compiled(SGD(1e30), "mean_squared_error", architecture=architecture, dtype="float32", initializer="he_normal")
    with pytest.warns(RuntimeWarning, match="diverged.*in epoch 1"):
        history = model.fit(x, y, epochs=50, batch_size=16, callbacks=[TerminateOnNaN()], verbose=0).history["loss"]
    assert len(history) == 1
    assert not np.isfinite(history[-1])
    with pytest.warns(RuntimeWarning, match="diverged") as said:
        assert np.isnan(model.fit(x, y, epochs=2, verbose=0).history["loss"][-1])
    assert len(said) == 1
    with pytest.warns(RuntimeWarning, match="diverged.*in a step") as said:
        assert np.isnan([model.train_on_batch(x, y) for _ in range(2)]).all()
    assert len(said) == 1
    assert np.isnan(model.evaluate(x, y)).all()
    assert np.isnan(model.predict(x)).all()


# --- a batch at a time --------------------------------------------------------------------------------------------------------


def test_train_on_batch_is_a_step_of_fit() -> None:
    x, y = moons(30)
    stepped, fitted = compiled(Adam(0.01)), compiled(Adam(0.01))
    logs = [stepped.train_on_batch(x[start : start + 8], y[start : start + 8], return_dict=True) for start in (0, 8, 16, 24)]
    history = fitted.fit(x, y, batch_size=8, shuffle=False, verbose=0).history
    for name in ("loss", "accuracy"):
        mean = np.average([log[name] for log in logs], weights=[8, 8, 8, 6])
        assert mean == pytest.approx(history[name][0], rel=1e-12)
    np.testing.assert_array_equal(vector(stepped), vector(fitted))


def test_train_on_batch_takes_each_calls_own_rows_and_weights() -> None:
    (x, y), weights = moons(10), np.linspace(0, 5, 10)
    model = compiled(SGD(1.0))
    steps = []
    for sample_weight in (None, weights, None):
        model.set_weights(compiled().get_weights())
        model.train_on_batch(x, y, sample_weight)
        steps.append(vector(model))
    np.testing.assert_array_equal(steps[2], steps[0])
    assert (steps[1] != steps[0]).any()


def test_a_weight_of_two_counts_as_the_row_twice() -> None:
    x, y = moons(3)
    weighted, repeated = compiled(), compiled()
    weighted.fit(x, y, batch_size=None, shuffle=False, sample_weight=np.array([2, 1, 1]) * 3 / 4, epochs=3, verbose=0)
    rows = [0, 0, 1, 2]
    repeated.fit(x[rows], y[rows], batch_size=None, shuffle=False, epochs=3, verbose=0)
    np.testing.assert_allclose(vector(weighted), vector(repeated), rtol=1e-12)


# --- what is left ----------------------------------------------------------------------------------------------------------------


def test_the_answer_of_evaluate_does_not_depend_on_the_batch_size() -> None:
    (x, y), model = moons(50), compiled()
    assert model.evaluate(x, y, batch_size=7) == pytest.approx(model.evaluate(x, y), rel=1e-13)


@pytest.mark.parametrize("name", ["binary_crossentropy", "categorical_crossentropy"])
def test_logits_train_as_the_activation_that_belongs_to_them_does(name: str) -> None:
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(20, 2)), np.eye(3)[generator.integers(0, 3, 20)]
    last = {"binary_crossentropy": "sigmoid", "categorical_crossentropy": "softmax"}[name]
    results = []
    for activation, loss in ((last, name), ("linear", losses.LOSSES[name](from_logits=True))):
        model = compiled(loss=loss, architecture=[{"input_dim": 2, "output_dim": 3, "activation": activation}])
        history = model.fit(x, y, epochs=3, verbose=0).history["loss"]
        results.append((history, vector(model).tolist(), model.evaluate(x, y)))
    assert results[0] == results[1]


def test_a_summary_shows_each_layer_and_all_parameters() -> None:
    lines: list[str] = []
    Sequential(ARTICLE, threads=2).summary(print_fn=lines.append)
    assert lines[0] == "<Sequential 2 → 25 → 50 → 50 → 25 → 1, 5,226 parameters, float32>, threads ≤ 2"
    assert len(lines) == 2 + len(ARTICLE)
    assert lines[3].split() == ["1", "(25,", "50)", "relu", "1,300"]


@pytest.mark.parametrize("given", ["float64", np.float64, np.dtype("float64"), float, "f8"])
def test_a_precision_may_be_given_by_name_or_as_numpys_own(given: Any) -> None:
    assert Sequential(ARCHITECTURE, dtype=given).dtype == np.float64


@pytest.mark.parametrize("given", ["float16", None, int, np.zeros(2), 32, "double precision"])
def test_a_precision_that_there_is_not_is_refused(given: Any) -> None:
    with refused(f"dtype was {given!r}", "float32, float64"):
        Sequential(ARCHITECTURE, dtype=given)
