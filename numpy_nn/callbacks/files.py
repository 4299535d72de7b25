"""Callbacks that write files: the model as it is at an epoch, and the logs as a table."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any, TextIO

from numpy_nn import validation
from numpy_nn.callbacks.base import Callback, Logs
from numpy_nn.callbacks.monitor import Monitor
from numpy_nn.checks import file_path

MODEL_SUFFIXES = (".npz", ".keras")
WEIGHTS_SUFFIXES = (".npz", ".weights.h5")


class ModelCheckpoint(Monitor):
    """Saves the model, or its weights, after each epoch or so many batches.

    Parameters
    ----------
    filepath
        A name that `Sequential.save` or `save_weights` takes. `{epoch}` (from 1), `{batch}` and names of the logs are filled in,
        as in "{epoch:02d}-{val_loss:.2f}.npz". Folders are made.
    monitor, mode, save_best_only
        Whether to save only where `monitor` is better than ever before; `mode` is "min", "max" or "auto".
    verbose
        1 says what is saved, and whether `monitor` improved.
    save_freq
        "epoch", or a number of batches.
    initial_value_threshold
        The value that the first one must be better than.

    Raises
    ------
    ValueError
        If an argument is not one of those allowed.
    ImportError
        If `filepath` is a file of Keras, and h5py is not installed.

    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode)
        self.filepath = file_path("filepath", filepath)
        suffixes = WEIGHTS_SUFFIXES if save_weights_only else MODEL_SUFFIXES
        if not self.filepath.endswith(suffixes):
            raise ValueError(f"filepath was {self.filepath!r}: it must end in {' or '.join(suffixes)}")
        if not self.filepath.endswith(".npz"):
            from numpy_nn.keras_files import hdf5

            hdf5.check_installed()  # now, and not after an epoch
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = save_freq if save_freq == "epoch" else validation.positive_integer("save_freq", save_freq)
        self.best = initial_value_threshold
        self._epoch = self._unsaved_batches = 0

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if isinstance(self.save_freq, str):
            return
        self._unsaved_batches += 1
        if self._unsaved_batches >= self.save_freq:
            self._unsaved_batches = 0
            self._save({"epoch": self._epoch + 1, "batch": batch + 1}, logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.save_freq == "epoch":
            self._save({"epoch": epoch + 1}, logs or {})

    def _save(self, place: dict[str, int], logs: Logs) -> None:
        """Save the model if it is to be saved with these logs."""
        why = ""
        if self.save_best_only:
            value = self.value_in(logs)
            if value is None:
                return
            before = "None" if self.best is None else f"{self.best:.5f}"
            if not self.is_better(value, self.best):
                self._say(place, f"{self.monitor} did not improve from {before}")
                return
            self.best, why = value, f"{self.monitor} improved from {before} to {value:.5f}, "
        try:
            path = self.filepath.format(**{**logs, **place})
        except (KeyError, IndexError) as error:
            known = ", ".join([*place, *logs])
            raise KeyError(f"filepath was {self.filepath!r}: {error} is not among what it may name, {known}") from None
        self._say(place, f"{why}saving model to {path}")
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path)
        else:
            self.model.save(path)
        self._say(place, f"finished saving model to {path}")

    def _say(self, place: dict[str, int], what: str) -> None:
        if self.verbose > 0:
            print(f"\nEpoch {place['epoch']}: {what}")


class CSVLogger(Callback):
    """Writes the logs of each epoch as a line of a table.

    The columns are "epoch" and the logs of the first epoch by name, those of the validation also where it has none yet; what a
    later epoch lacks is "NA".

    Parameters
    ----------
    filename, separator
        The file, and what separates the columns.
    append
        Whether lines are added to a file that is there; its heading is not repeated.

    Raises
    ------
    ValueError
        If `filename` is no path of a file.

    """

    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False) -> None:
        self.filename = file_path("filename", filename)
        self.separator = separator
        self.append = append
        self._file: TextIO | None = None
        self._columns: list[str] = []

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._close()
        path = Path(self.filename)
        self._heading = not (self.append and path.exists() and path.stat().st_size)
        self._file = path.open("a" if self.append else "w", encoding="utf-8", newline="")
        self._columns = []

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        assert self._file is not None  # opened when the training began
        logs = logs or {}
        writer = csv.writer(self._file, delimiter=self.separator, lineterminator="\n")
        if not self._columns:
            names = sorted(logs)
            self._columns = (
                names if any(name.startswith("val_") for name in names) else [*names, *(f"val_{name}" for name in names)]
            )
            if self._heading:
                writer.writerow(["epoch", *self._columns])
        writer.writerow([epoch, *(_cell(logs.get(name, "NA")) for name in self._columns)])
        self._file.flush()

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._close()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _cell(value: Any) -> Any:
    """A value as it stands in a cell: several as a list in one."""
    return f'"[{", ".join(map(str, value))}]"' if hasattr(value, "__len__") and not isinstance(value, str) else value
