"""The benchmarks of callbacks: each moment of each by itself, whose share of a whole `fit` is small, and those that write files."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from bench.micro.benchmark import Array, Benchmark, Work
from bench.micro.calls import Call, MakeCall, often, short_family
from bench.micro.files import new_folder
from bench.micro.networks import SMALL_LAYERS, draw_weights, make_model
from bench.micro.work import Calls

LOGS = {"loss": 0.5, "accuracy": 0.9, "val_loss": 0.6, "val_accuracy": 0.8}

MakeCallback = Callable[[ModuleType], Any]


def _model(package: ModuleType) -> Any:
    return make_model(package, draw_weights(SMALL_LAYERS, 0), SMALL_LAYERS)


def attached(callback: Any, package: ModuleType) -> Any:
    """A callback of a model, which begins to train."""
    callback.set_params({"epochs": 1, "steps": 1, "verbose": 0, "do_validation": True})
    callback.set_model(_model(package))
    callback.on_train_begin()
    return callback


def _of(make_callback: MakeCallback, method: str, *arguments: Any) -> MakeCall:
    return lambda package: partial(getattr(attached(make_callback(package), package), method), *arguments)


def _new(make_callback: MakeCallback) -> MakeCall:
    return lambda package: partial(make_callback, package)


def _base(package: ModuleType) -> Any:
    return package.Callback()


def _history(package: ModuleType) -> Any:
    return package.History()


def _history_of_an_epoch(package: ModuleType) -> Call:
    """Of one that begins anew after some epochs, since it grows."""
    history = package.History()

    def epochs() -> None:
        history.on_train_begin()
        history.history = {}
        for epoch in range(10):
            history.on_epoch_end(epoch, LOGS)

    return epochs


def _list(package: ModuleType) -> Any:
    return package.callbacks.CallbackList([package.EarlyStopping(patience=5), package.History()], _model(package))


def _new_list(package: ModuleType) -> Call:
    model, callbacks = _model(package), [package.EarlyStopping(patience=5), package.History()]
    return partial(package.callbacks.CallbackList, callbacks, model, epochs=1)


METHODS: dict[str, MakeCall] = {
    "set_model": lambda package: partial(package.Callback().set_model, _model(package)),
    "set_params": lambda package: partial(package.Callback().set_params, {"epochs": 1}),
    "beginning of a batch": _of(_base, "on_train_batch_begin", 0, LOGS),
    "end of a batch": _of(_base, "on_train_batch_end", 0, LOGS),
    "new LambdaCallback": lambda package: partial(package.callbacks.LambdaCallback, on_epoch_end=print),
    "new history": lambda package: package.History().__init__,
    "beginning of a history": _of(_history, "on_train_begin"),
    "a history's ten epochs": _history_of_an_epoch,
}
LISTS: dict[str, MakeCall] = {
    "new list": _new_list,
    "call of a list": lambda package: partial(_list(package).call, "on_train_begin"),
    "wishes of a list": lambda package: partial(_list(package).wants, "on_train_batch_begin", "on_train_batch_end"),
}


def _scheduler(package: ModuleType) -> Any:
    return package.callbacks.LearningRateScheduler(_same_rate)


def _same_rate(_: int, rate: float) -> float:
    return rate


def _plateau(package: ModuleType) -> Any:
    return package.callbacks.ReduceLROnPlateau(monitor="loss", patience=10**9)


def _stopping(package: ModuleType) -> Any:
    return package.EarlyStopping(patience=10**9)


def _best_restored(package: ModuleType) -> Call:
    callback = attached(package.EarlyStopping(patience=5, restore_best_weights=True), package)
    callback.on_epoch_end(0, LOGS)
    return callback.on_train_end  # type: ignore[no-any-return]


def _nan(package: ModuleType) -> Any:
    return package.TerminateOnNaN()


WATCHING: dict[str, MakeCall] = {
    "new LearningRateScheduler": lambda package: partial(_scheduler(package).__init__, _same_rate),
    "LearningRateScheduler, beginning of an epoch": _of(_scheduler, "on_epoch_begin", 1, None),
    "LearningRateScheduler, end of an epoch": _of(_scheduler, "on_epoch_end", 1, dict(LOGS)),
    "new ReduceLROnPlateau": _new(_plateau),
    "ReduceLROnPlateau, beginning": _of(_plateau, "on_train_begin"),
    "ReduceLROnPlateau, end of an epoch": _of(_plateau, "on_epoch_end", 1, dict(LOGS)),
    "ReduceLROnPlateau, cooldown": _of(_plateau, "in_cooldown"),
    "new EarlyStopping": _new(_stopping),
    "EarlyStopping, beginning": _of(_stopping, "on_train_begin"),
    "EarlyStopping, end of an epoch": _of(_stopping, "on_epoch_end", 1, LOGS),
    "EarlyStopping, end": _best_restored,
    "monitored value": _of(_stopping, "value_in", LOGS),
    "comparison with the best": _of(_stopping, "is_better", 0.5, 0.6),
    "new TerminateOnNaN": lambda package: _nan(package).__init__,
    "TerminateOnNaN, end of a batch": _of(_nan, "on_train_batch_end", 0, LOGS),
}
RATES = {name: make for name, make in WATCHING.items() if "LearningRateScheduler" in name or "ReduceLROnPlateau" in name}
STOPPING = {name: make for name, make in WATCHING.items() if name not in RATES}


def _logger(folder: Path, package: ModuleType) -> Any:
    return package.callbacks.CSVLogger(folder / "log.csv")


def _table(folder: Path, package: ModuleType, *, epochs: int) -> Call:
    logger = _logger(folder, package)

    def write() -> None:
        logger.on_train_begin()
        for epoch in range(epochs):
            logger.on_epoch_end(epoch, LOGS)
        logger.on_train_end()

    return write


def _checkpoint(folder: Path, package: ModuleType, **settings: Any) -> Any:
    return package.callbacks.ModelCheckpoint(folder / "model.npz", **settings)


WRITING: dict[str, Callable[[Path, ModuleType], Call]] = {
    "new CSVLogger": lambda folder, package: often(partial(_logger(folder, package).__init__, str(folder / "log.csv"))),
    "CSVLogger, no epoch": partial(_table, epochs=0),
    "CSVLogger, ten epochs": partial(_table, epochs=10),
    "new ModelCheckpoint": lambda folder, package: partial(_checkpoint, folder, package),
    "ModelCheckpoint, beginning of an epoch": lambda folder, package: often(
        partial(attached(_checkpoint(folder, package), package).on_epoch_begin, 0, LOGS)
    ),
    "ModelCheckpoint, end of an epoch": lambda folder, package: partial(
        attached(_checkpoint(folder, package), package).on_epoch_end, 0, LOGS
    ),
    "ModelCheckpoint, end of a batch": lambda folder, package: often(
        partial(attached(_checkpoint(folder, package, save_freq=10**9), package).on_train_batch_end, 0, LOGS)
    ),
}


def writing(package: ModuleType, _seed: int, *, make: Callable[[Path, ModuleType], Call]) -> Work:
    """Calls of a callback that writes files, in a folder that is removed with the work."""
    folder = new_folder()

    def nothing(_: Any) -> list[Array]:
        return []

    return Calls(make(folder, package), nothing, close=partial(shutil.rmtree, folder, ignore_errors=True))


BENCHMARKS = (
    short_family("callbacks", "the methods of a callback without any, and of the history", METHODS),
    short_family("callbacks-list", "callbacks as a list", LISTS),
    short_family("callbacks-rates", "each moment of the callbacks that set the learning rate", RATES),
    short_family("callbacks-stopping", "each moment of the callbacks that end a training", STOPPING),
    Benchmark(
        "callbacks-writing",
        "each moment of the callbacks that write files",
        {name: partial(writing, make=make) for name, make in WRITING.items()},
    ),
)
