"""Callbacks that write files or set the learning rate, and how a value is judged; `keras_oracle` has Keras' decisions."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import ARCHITECTURE, moons, refused

from numpy_nn import SGD, Callback, Sequential
from numpy_nn.callbacks import CSVLogger, EarlyStopping, LearningRateScheduler, ModelCheckpoint, ReduceLROnPlateau

X, Y = moons(20)


def compiled(metrics: Any = ("accuracy",)) -> Sequential:
    model = Sequential(ARCHITECTURE, dtype="float64", seed=1)
    model.compile(SGD(0.25), "binary_crossentropy", list(metrics))
    return model


class Weights(Callback):
    """The weights after each batch or epoch."""

    def __init__(self) -> None:
        self.batches: list[np.ndarray] = []
        self.epochs: list[np.ndarray] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.batches.append(self.model.get_weights()[0])

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.epochs.append(self.model.get_weights()[0])


def kernel(path: Path) -> np.ndarray:
    return Sequential.load(path).get_weights()[0]


def test_a_model_is_saved_after_each_epoch_under_a_name_of_its_own(tmp_path: Path) -> None:
    seen, path = Weights(), tmp_path / "new" / "{epoch:02d}-{loss:.3f}.npz"
    history = compiled().fit(X, Y, epochs=3, callbacks=[seen, ModelCheckpoint(path)], verbose=0).history
    names = [f"{epoch:02d}-{loss:.3f}.npz" for epoch, loss in enumerate(history["loss"], start=1)]
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == names
    for name, weights in zip(names, seen.epochs, strict=True):
        np.testing.assert_array_equal(kernel(tmp_path / "new" / name), weights)


def test_a_model_is_saved_after_so_many_batches_across_epochs(tmp_path: Path) -> None:
    seen = Weights()
    checkpoint = ModelCheckpoint(tmp_path / "{epoch}-{batch}.npz", save_freq=3)
    compiled().fit(X, Y, batch_size=5, epochs=2, callbacks=[seen, checkpoint], verbose=0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1-3.npz", "2-2.npz"]
    np.testing.assert_array_equal(kernel(tmp_path / "2-2.npz"), seen.batches[5])


class Tell(Callback):
    """Adds values of its own to the logs."""

    def __init__(self, values: list[float]) -> None:
        self._values = values

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs["mine"] = self._values[epoch]


@pytest.mark.parametrize(
    ("mode", "threshold", "best"), [("min", None, 3), ("max", None, 2), ("min", 0.5, 3), ("max", 8.0, None), ("min", 0.0, None)]
)
def test_only_a_model_that_is_better_than_ever_before_is_saved(
    mode: str, threshold: float | None, best: int | None, tmp_path: Path
) -> None:
    seen, path = Weights(), tmp_path / "best.npz"
    checkpoint = ModelCheckpoint(path, "mine", save_best_only=True, mode=mode, initial_value_threshold=threshold)
    compiled().fit(X, Y, epochs=5, callbacks=[Tell([2, 1, 7, 0.25, 3]), seen, checkpoint], verbose=0)
    assert path.exists() == (best is not None)
    if best is not None:
        np.testing.assert_array_equal(kernel(path), seen.epochs[best])


def test_weights_alone_are_saved_where_that_is_asked_for(tmp_path: Path) -> None:
    model = compiled()
    model.fit(X, Y, callbacks=ModelCheckpoint(tmp_path / "w.npz", save_weights_only=True, verbose=1), verbose=0)
    other = Sequential(ARCHITECTURE, dtype="float64")
    other.load_weights(tmp_path / "w.npz")
    np.testing.assert_array_equal(other.predict(X), model.predict(X))
    with refused("path was", error=ValueError):
        Sequential.load(tmp_path / "w.npz")


def test_a_checkpoint_says_what_its_file_may_be_called(tmp_path: Path) -> None:
    with refused("filepath was 'model.pkl'", ".npz or .keras"):
        ModelCheckpoint("model.pkl")
    with refused("filepath was 'model.keras'", ".npz or .weights.h5"):
        ModelCheckpoint("model.keras", save_weights_only=True)
    with refused("save_freq was 0", "positive integer"):
        ModelCheckpoint("model.npz", save_freq=0)
    with refused("val_loss", "epoch, accuracy, loss", error=KeyError):
        compiled().fit(X, Y, callbacks=ModelCheckpoint(tmp_path / "{val_loss}.npz"), verbose=0)


def test_a_table_has_a_line_an_epoch_and_is_added_to(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    first = compiled().fit(X, Y, epochs=2, callbacks=[Tell([1, 2]), CSVLogger(path)], verbose=0).history
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1"]
    assert [float(row["loss"]) for row in rows] == first["loss"]
    assert [row["val_loss"] for row in rows] == ["NA", "NA"]
    compiled().fit(X, Y, callbacks=CSVLogger(path, append=True), verbose=0)
    compiled().fit(X, Y, callbacks=CSVLogger(tmp_path / "other.tsv", separator="\t", append=True), verbose=0)
    assert len(path.read_text().splitlines()) == 4
    assert (tmp_path / "other.tsv").read_text().splitlines()[0].split("\t") == [
        "epoch",
        "accuracy",
        "loss",
        "val_accuracy",
        "val_loss",
    ]


@pytest.mark.parametrize("schedule", [lambda epoch: 0.5 / (epoch + 1), lambda epoch, rate: 0.5 if epoch == 0 else 0.25])
def test_a_schedule_may_take_the_epoch_or_the_rate_as_well(schedule: Any, capsys: pytest.CaptureFixture[str]) -> None:
    model = compiled()
    history = model.fit(X, Y, epochs=2, callbacks=LearningRateScheduler(schedule, verbose=1), verbose=0).history
    assert history["learning_rate"] == [0.5, 0.25]
    assert "Epoch 2: LearningRateScheduler setting learning rate to 0.25." in capsys.readouterr().out


def test_what_a_schedule_raises_is_not_hidden() -> None:
    def broken(epoch: int) -> float:
        raise TypeError("of its own")

    with refused("of its own", error=TypeError):
        compiled().fit(X, Y, callbacks=LearningRateScheduler(broken), verbose=0)
    with refused("schedule gave '0.5' for epoch 0", "a float"):
        compiled().fit(X, Y, callbacks=LearningRateScheduler(lambda epoch: "0.5"), verbose=0)  # type: ignore[arg-type, return-value]


def test_a_plateau_is_told_in_the_logs_and_on_demand(capsys: pytest.CaptureFixture[str]) -> None:
    callback = ReduceLROnPlateau("mine", factor=0.5, patience=1, mode="min", verbose=1, min_lr=0.1)
    history = compiled().fit(X, Y, epochs=4, callbacks=[Tell([1, 1, 1, 1]), callback], verbose=0).history
    assert history["learning_rate"] == [0.25, 0.25, 0.125, 0.1]
    assert "Epoch 2: ReduceLROnPlateau reducing learning rate to 0.125." in capsys.readouterr().out
    with refused("factor was 1.0"):
        ReduceLROnPlateau(factor=1.0)


@pytest.mark.parametrize(
    ("monitor", "metrics", "stops"),
    [
        ("acc", ["acc"], True),
        ("mae", ["mae"], False),
        ("val_mse", ["mse"], False),
        ("val_binary_accuracy", ["binary_accuracy"], True),
    ],
)
def test_whether_more_is_better_follows_from_the_metric(monitor: str, metrics: list[str], stops: bool) -> None:
    stopping = EarlyStopping(monitor, patience=1)
    stopping.set_model(compiled(metrics))
    stopping.on_train_begin()
    for epoch, value in enumerate((3.0, 2.0)):
        stopping.on_epoch_end(epoch, {monitor: value})
    assert stopping.model.stop_training == stops


def test_a_value_of_ones_own_needs_a_mode() -> None:
    with refused("mode was 'auto', and monitor 'mine'", "'min' or 'max'"):
        compiled().fit(X, Y, epochs=2, callbacks=[Tell([1, 2]), EarlyStopping("mine")], verbose=0)
    with refused("mode was 'most'", "auto, min, max"):
        EarlyStopping(mode="most")


def test_an_epoch_without_validation_is_passed_over() -> None:
    stopping = EarlyStopping(patience=5)
    compiled().fit(X, Y, epochs=4, validation_split=0.5, validation_freq=2, callbacks=[stopping], verbose=0)
    assert stopping.best is not None
    with refused("monitor was 'val_mae'", "the logs have accuracy, loss, val_accuracy, val_loss"):
        compiled().fit(
            X, Y, epochs=4, validation_split=0.5, validation_freq=2, callbacks=[EarlyStopping("val_mae", mode="min")], verbose=0
        )


def test_stopping_and_restoring_are_said_on_demand(capsys: pytest.CaptureFixture[str]) -> None:
    stopping = EarlyStopping("mine", patience=1, mode="min", verbose=1, restore_best_weights=True)
    compiled().fit(X, Y, epochs=5, callbacks=[Tell([1, 0, 2, 3, 4]), stopping], verbose=0)
    assert capsys.readouterr().out.splitlines() == [
        "Epoch 3: early stopping",
        "Restoring model weights from the end of the best epoch: 2.",
    ]
