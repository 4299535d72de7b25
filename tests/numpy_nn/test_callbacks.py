from types import ModuleType
from typing import Any

import numpy as np
import pytest
from cases import ARCHITECTURE, moons, refused
from hypothesis import given, settings
from hypothesis import strategies as st

from numpy_nn import SGD, Callback, EarlyStopping, History, Sequential, TerminateOnNaN

X, Y = moons(20)


def compiled(learning_rate: float = 0.1) -> Sequential:
    model = Sequential(ARCHITECTURE, dtype="float64", seed=1)
    model.compile(SGD(learning_rate), "binary_crossentropy", ["accuracy"])
    return model


class Diary(Callback):
    """Writes down what happens, and when."""

    def __init__(self) -> None:
        self.entries: list[Any] = []

    def on_train_begin(self, logs: Any = None) -> None:
        self.entries.append("train begins")

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.entries.append(f"epoch {epoch} begins")

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.entries.append(batch)

    def on_epoch_end(self, epoch: int, logs: Any) -> None:
        self.entries.append(f"epoch {epoch} ends")

    def on_train_end(self, logs: Any = None) -> None:
        self.entries.append("train ends")


class Stop(Callback):
    """Ends the training in an epoch, at its end or in the middle of it."""

    def __init__(self, epoch: int, *, within: bool = False) -> None:
        self._epoch, self._within, self._now = epoch, within, 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._now = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.model.stop_training = self._within and self._now == self._epoch

    def on_epoch_end(self, epoch: int, logs: Any) -> None:
        self.model.stop_training |= epoch == self._epoch


def test_every_moment_comes_in_its_turn_a_batch_for_each_step() -> None:
    diary = Diary()
    compiled().fit(X, Y, batch_size=8, epochs=2, callbacks=[diary], verbose=0)
    assert diary.entries == [
        "train begins",
        *("epoch 0 begins", 0, 1, 2, "epoch 0 ends"),
        *("epoch 1 begins", 0, 1, 2, "epoch 1 ends"),
        "train ends",
    ]


def test_callbacks_are_asked_in_the_order_given() -> None:
    diary, other = Diary(), Diary()
    other.entries = diary.entries
    compiled().fit(X, Y, batch_size=20, callbacks=[diary, other], verbose=0)
    assert diary.entries == [entry for entry in diary.entries[::2] for _ in range(2)]


def test_a_callback_sees_the_update_that_its_batch_made() -> None:
    seen: list[bytes] = []

    class Watch(Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            seen.append(self.model.get_weights()[0].tobytes())

    model = compiled()
    before = model.get_weights()[0].tobytes()
    model.fit(X, Y, batch_size=5, callbacks=[Watch()], verbose=0)
    assert len({before, *seen}) == 5
    assert seen[-1] == model.get_weights()[0].tobytes()


def test_the_logs_of_an_epoch_are_what_the_history_keeps() -> None:
    logs_seen: list[dict[str, float]] = []

    class Watch(Callback):
        def on_epoch_end(self, epoch: int, logs: Any) -> None:
            logs_seen.append(dict(logs))

    history = compiled().fit(X, Y, epochs=2, callbacks=[Watch()], validation_split=0.25, verbose=0).history
    assert logs_seen == [{name: values[epoch] for name, values in history.items()} for epoch in range(2)]


@pytest.mark.parametrize("within", [False, True])
def test_a_callback_ends_the_training_after_the_epoch_that_it_says_so_in(within: bool) -> None:
    diary = Diary()
    model = compiled()
    history = model.fit(X, Y, epochs=9, callbacks=[Stop(2, within=within), diary], verbose=0)
    assert history.epoch == [0, 1, 2]
    assert diary.entries[-1] == "train ends"
    assert len(model.fit(X, Y, epochs=2, verbose=0).epoch) == 2  # a fit starts unstopped


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_training_stops_on_a_loss_that_is_not_finite(loss: float) -> None:
    callback, model = TerminateOnNaN(), compiled()
    callback.set_model(model)
    callback.on_train_batch_end(0, {"loss": 1.0})
    assert not model.stop_training
    callback.on_train_batch_end(1, {"loss": loss})
    assert model.stop_training
    with refused(f"loss was {loss} after batch 1", "NaN or Inf loss encountered", error=RuntimeError):
        TerminateOnNaN(raise_error=True).on_train_batch_end(1, {"loss": loss})


class Plays:
    """A model for callbacks whose weights are the epoch's number."""

    def __init__(self) -> None:
        self.stop_training = False
        self.weights = [np.array(-1.0)]

    def get_weights(self) -> list[np.ndarray]:
        return [weights.copy() for weights in self.weights]

    def set_weights(self, weights: list[np.ndarray]) -> None:
        self.weights = weights


def play(callback: Any, monitor: str, values: list[float]) -> tuple[int, float, int, float]:
    """The epochs that a training with such values lasts, and the weights it ends with; then the callback's own account."""
    model = Plays()
    callback.set_model(model)
    callback.on_train_begin()
    epoch = 0
    for epoch, value in enumerate(values):
        model.weights = [np.array(float(epoch))]
        callback.on_epoch_end(epoch, {monitor: value})
        if model.stop_training:
            break
    callback.on_train_end()
    return epoch, float(model.weights[0]), callback.stopped_epoch, callback.best


@settings(max_examples=100)
@given(
    values=st.lists(st.integers(0, 6).map(lambda value: value / 4), min_size=1, max_size=12),
    monitor=st.sampled_from(["val_loss", "loss", "val_accuracy", "accuracy"]),
    patience=st.integers(0, 4),
    min_delta=st.sampled_from([0.0, 0.25, -0.25]),
    restore=st.booleans(),
)
def test_early_stopping_stops_and_restores_where_keras_does(
    values: list[float], monitor: str, patience: int, min_delta: float, restore: bool
) -> None:
    import keras

    arguments: dict[str, Any] = {"monitor": monitor, "patience": patience, "min_delta": min_delta, "restore_best_weights": restore}
    mode = "max" if monitor.endswith("accuracy") else "min"
    theirs = keras.callbacks.EarlyStopping(**arguments, mode=mode)
    assert play(EarlyStopping(**arguments), monitor, values) == play(theirs, monitor, values)


def test_early_stopping_puts_the_best_weights_back_into_a_network(keras64: ModuleType) -> None:
    model = compiled(learning_rate=30.0)
    weights: list[bytes] = []

    class Watch(Callback):
        def on_epoch_end(self, epoch: int, logs: Any) -> None:
            weights.append(self.model.get_weights()[0].tobytes())

    stopping = EarlyStopping(patience=3, restore_best_weights=True)
    history = model.fit(X, Y, epochs=40, callbacks=[Watch(), stopping], validation_split=0.5, verbose=0).history["val_loss"]
    best = int(np.argmin(history))
    assert len(history) == best + 4 < 40
    assert (stopping.best_epoch, stopping.best, stopping.stopped_epoch) == (best, history[best], best + 3)
    assert model.get_weights()[0].tobytes() == weights[best] != weights[-1]


def test_early_stopping_starts_anew_with_each_fit() -> None:
    stopping = EarlyStopping("loss", patience=2)
    lengths = [len(compiled(learning_rate=30.0).fit(X, Y, epochs=40, callbacks=[stopping], verbose=0).epoch) for _ in range(2)]
    assert lengths[0] == lengths[1] < 40


def test_early_stopping_leaves_a_network_alone_whose_best_weights_have_diverged() -> None:
    model = Sequential([{"input_dim": 2, "output_dim": 1}], seed=1)
    model.compile(SGD(1e38), "mean_squared_error")
    stopping = EarlyStopping("loss", restore_best_weights=True)
    with pytest.warns(RuntimeWarning, match="diverged"):
        model.fit(X * 1e3, Y, batch_size=4, epochs=3, callbacks=[stopping], verbose=0)
    assert not np.isfinite(model.get_weights()[0]).all()


def test_early_stopping_says_which_values_it_may_watch() -> None:
    with refused("monitor was 'val_loss'", "accuracy, loss"):
        compiled().fit(X, Y, callbacks=[EarlyStopping()], verbose=0)


def test_a_history_says_what_it_has() -> None:
    assert repr(History()) == "History(0 epochs of nothing yet)"
    assert repr(compiled().fit(X, Y, epochs=3, verbose=0)) == "History(3 epochs of accuracy, loss)"
