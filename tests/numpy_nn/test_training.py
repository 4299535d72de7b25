"""The loops over batches: what stops them, what callbacks see of them, what is said when the loss is no number."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cases import ARCHITECTURE, ARTICLE, moons

from numpy_nn import SGD, Adam, Callback, Ensemble, Sequential, TerminateOnNaN

X, Y = moons(23)


def compiled(optimizer: Any = "sgd", **settings: Any) -> Sequential:
    model = Sequential(**{"architecture": ARCHITECTURE, "dtype": "float64", "seed": 1, **settings})
    model.compile(optimizer, "binary_crossentropy", ["accuracy"], weighted_metrics=["mse"])
    return model


class StopAfter(Callback):
    """Ends the training in a hook of a batch."""

    def __init__(self, batch: int, hook: str) -> None:
        self._batch = batch
        self.seen: list[Any] = []
        setattr(self, hook, self._hook)

    def _hook(self, batch: int, logs: Any = None) -> None:
        self.seen.append((batch, dict(logs)))
        if batch == self._batch:
            self.model.stop_training = True


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("hook", ["on_train_batch_begin", "on_train_batch_end", "on_batch_end"])
def test_a_training_stopped_at_a_batch_makes_no_further_step(hook: str, shuffle: bool) -> None:
    model, stop = compiled(Adam(0.1)), StopAfter(2, hook)
    logs = model.fit(X, Y, batch_size=4, epochs=5, callbacks=[stop], shuffle=shuffle, verbose=0).history
    assert [batch for batch, _ in stop.seen] == [0, 1, 2]
    assert model.optimizer is not None
    assert model.optimizer.iterations == 3
    stepped = compiled(Adam(0.1))
    order = np.random.default_rng(1).permutation(23) if shuffle else np.arange(23)
    results = [stepped.train_on_batch(X[rows], Y[rows], return_dict=True) for rows in np.split(order[:12], 3)]
    assert {name: len(values) for name, values in logs.items()} == dict.fromkeys(results[0], 1)
    for name, values in logs.items():
        assert values[0] == pytest.approx(np.mean([result[name] for result in results]))
    np.testing.assert_allclose(model.predict(X), stepped.predict(X), rtol=1e-12)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("weights", [None, np.linspace(0, 2, 23)])
def test_the_logs_of_a_batch_are_means_of_the_epoch_so_far(weights: Any, shuffle: bool) -> None:
    never = StopAfter(-1, "on_train_batch_end")
    history = (
        compiled().fit(X, Y, batch_size=5, epochs=2, callbacks=[never], sample_weight=weights, shuffle=shuffle, verbose=0).history
    )
    for epoch, (_, logs) in enumerate(never.seen[4::5]):
        assert logs == pytest.approx({name: values[epoch] for name, values in history.items()}, rel=1e-12)
    assert never.seen[0][1] != pytest.approx(never.seen[4][1])


def test_what_a_callback_adds_to_the_logs_the_next_ones_see_and_the_history_keeps() -> None:
    seen = []

    class Add(Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            logs["mine"] = epoch / 2

    class See(Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            seen.append(logs["mine"])

    history = compiled().fit(X, Y, epochs=2, callbacks=[Add(), See()], verbose=0).history
    assert history["mine"] == seen == [0.0, 0.5]


def test_callbacks_know_how_long_the_training_is() -> None:
    callback = Callback()
    compiled().fit(X, Y, batch_size=10, epochs=4, callbacks=callback, verbose=0, validation_split=0.5)
    assert callback.params == {"epochs": 4, "steps": 2, "verbose": 0, "do_validation": True}


def test_batches_of_evaluation_and_prediction_come_to_the_same_as_all_rows() -> None:
    model = compiled()
    outputs, logs = [], []

    class Watch(Callback):
        def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
            outputs.append(logs["outputs"])

        def on_test_end(self, logs_: Any = None) -> None:
            logs.append(logs_)

        def on_test_batch_end(self, batch: int, logs: Any = None) -> None: ...

    np.testing.assert_allclose(model.predict(X, 4, callbacks=[Watch()]), model.predict(X), rtol=1e-13)
    assert [len(part) for part in outputs] == [4, 4, 4, 4, 4, 3]
    found = model.evaluate(X, Y, 4, 0, np.linspace(0, 1, 23), callbacks=Watch(), return_dict=True)
    assert found == logs[0]
    assert found == pytest.approx(model.evaluate(X, Y, verbose=0, sample_weight=np.linspace(0, 1, 23), return_dict=True), rel=1e-12)


# --- divergence -------------------------------------------------------------------------------------------------------------------


def diverging() -> Sequential:
    model = Sequential([{**layer, "activation": "relu"} for layer in ARTICLE], initializer="he_normal", seed=1)
    model.compile(SGD(1e30), "mean_squared_error", ["accuracy"])
    return model


def test_a_divergence_is_said_once_and_where_it_was_called() -> None:
    with pytest.warns(RuntimeWarning, match="the training diverged: the loss was NaN or infinite in epoch") as said:
        diverging().fit(X, Y, batch_size=8, epochs=5, verbose=0)
    assert [warning.filename for warning in said] == [__file__]
    model = diverging()
    with pytest.warns(RuntimeWarning, match="in a step") as said:
        assert not np.isfinite([model.train_on_batch(X, Y)[0] for _ in range(5)]).all()
    assert [warning.filename for warning in said] == [__file__]


@pytest.mark.parametrize("make", [Sequential, lambda *args, **options: Ensemble(*args, 1, **options)])
def test_a_loss_that_explodes_without_becoming_infinite_is_said_too(make: Any) -> None:
    model = make([{"input_dim": 2, "output_dim": 1, "activation": "linear"}], dtype="float64")
    model.compile(SGD(3.0), "mean_squared_error")
    with pytest.warns(RuntimeWarning, match="the loss grew (from .* to|in 1 of 1 networks)") as said:
        losses = model.fit(X, Y, batch_size=None, epochs=60, verbose=0).history["loss"]
    assert np.isfinite(losses).all()
    assert [warning.filename for warning in said] == [__file__]


def test_outputs_that_are_nan_have_no_accuracy() -> None:
    with pytest.warns(RuntimeWarning):
        history = diverging().fit(X, Y, batch_size=8, epochs=2, verbose=0).history
    assert np.isnan([history["loss"][-1], history["accuracy"][-1]]).all()


def test_training_stops_at_the_batch_whose_loss_is_no_number() -> None:
    model, seen = diverging(), StopAfter(-1, "on_train_batch_end")
    with pytest.warns(RuntimeWarning):
        model.fit(X, Y, batch_size=2, epochs=5, callbacks=[TerminateOnNaN(), seen], verbose=0)
    assert len(seen.seen) < 12
    assert not np.isfinite(seen.seen[-1][1]["loss"])
    assert np.isfinite(seen.seen[-2][1]["loss"])


# --- NumPy's error state ----------------------------------------------------------------------------------------------------------


HOSTILE = np.array([[1e-42, 3e38], [-3e38, 1e-45], [3e38, 3e38]], "float32")
ACTIONS: dict[str, Callable[[Sequential], Any]] = {
    "predict": lambda model: model.predict(HOSTILE),
    "predict one": lambda model: model.predict(HOSTILE[:1]),
    "evaluate": lambda model: model.evaluate(HOSTILE, [0, 1, 1], verbose=0),
    "fit": lambda model: model.fit(HOSTILE, [0, 1, 1], epochs=2, verbose=0, validation_split=0.4).history,
    "fit with a batch hook": lambda model: (
        model.fit(HOSTILE, [0, 1, 1], callbacks=[StopAfter(9, "on_batch_end")], verbose=0).history
    ),
    "train_on_batch": lambda model: model.train_on_batch(HOSTILE, [0, 1, 1]),
    "set_weights": lambda model: model.set_weights([weights * 1e-300 for weights in model.get_weights()]),
    "compile": lambda model: model.compile(Adam(1e-300), "mse"),
    "new": lambda model: Sequential(ARTICLE, initializer="he_normal", seed=3).get_weights()[0][0, 0],
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("action", ACTIONS)
def test_neither_numpys_error_state_nor_warnings_as_errors_change_anything(action: str, dtype: str) -> None:
    results = []
    for state in ("ignore", "raise"):
        model = compiled(Adam(1.0), dtype=dtype)
        before = np.geterr()
        with np.errstate(all=state), warnings.catch_warnings():  # type: ignore[arg-type]  # one of the two
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", "the training diverged")
            results.append(repr(ACTIONS[action](model)) + repr(model.get_weights()))
        assert np.geterr() == before
    assert results[0] == results[1]


# --- what no test saw -------------------------------------------------------------------------------------------------------------


def test_predictions_after_an_evaluation_of_as_many_rows_are_no_logits() -> None:
    model = compiled()
    expected = compiled().predict(X)
    model.evaluate(X, Y, verbose=0)
    np.testing.assert_array_equal(model.predict(X), expected)
    assert model.evaluate(X, Y, verbose=0) == compiled().evaluate(X, Y, verbose=0)


def test_a_second_compile_counts_in_train_on_batch() -> None:
    model, fresh = compiled(SGD(1.0)), compiled(SGD(0.125))
    model.train_on_batch(X, Y)
    model.set_weights(fresh.get_weights())
    model.compile(SGD(0.125), "mean_squared_error")
    fresh.compile(SGD(0.125), "mean_squared_error")
    assert model.train_on_batch(X, Y) == fresh.train_on_batch(X, Y)
    np.testing.assert_array_equal(model.predict(X), fresh.predict(X))


def test_weights_and_biases_are_copies() -> None:
    model = compiled()
    before = model.predict(X)
    for array in model.get_weights():
        array += 1
    np.testing.assert_array_equal(model.predict(X), before)


@pytest.mark.parametrize("rows", [23, 24, 31, 32, 33])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_adam_trains_alike_where_a_minibatch_is_divided(rows: int, threads: int, tune: Callable[..., None]) -> None:
    x, y = moons(2 * rows + 5, seed=3)
    weights = np.linspace(0.5, 2, len(x))
    whole = compiled(Adam(0.01), threads=1)
    whole.fit(x, y, batch_size=rows, epochs=3, sample_weight=weights, verbose=0)
    tune(fewest_thread_rows=4, training_thread_flops=1, largest_parallel_chunk_rows=8, hidden_chunk_bytes=1, smallest_chunk_rows=8)
    divided = compiled(Adam(0.01), threads=threads)
    history = divided.fit(x, y, batch_size=rows, epochs=3, sample_weight=weights, verbose=0).history
    assert divided.optimizer is not None
    assert divided.optimizer.iterations == 9
    np.testing.assert_allclose(divided.predict(x), whole.predict(x), rtol=1e-9)
    again = compiled(Adam(0.01), threads=threads).fit(x, y, batch_size=rows, epochs=3, sample_weight=weights, verbose=0).history
    assert history == again


def test_rows_that_are_held_out_are_not_trained_on() -> None:
    x, y = X.copy(), Y.copy()
    x[15:], y[15:] = 1e3, 0
    held, alone = compiled(SGD(1.0)), compiled(SGD(1.0))
    held.fit(x, y, epochs=3, validation_split=8 / 23, verbose=0)
    alone.fit(X[:15], Y[:15], epochs=3, verbose=0)
    np.testing.assert_array_equal(held.predict(X), alone.predict(X))
