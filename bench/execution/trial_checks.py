"""What a contestant is checked by in its own process, so that nothing is believed that isn't so.

Called by the trial session and by `measurement`; `bench.execution.agreement` and `bench.execution.answer_checks` are the runner's.
NumPy and the standard library only.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import math
import secrets
import threading
import time
import zipfile
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from bench.contestants.base import Array

MOST_UNTOLD_SHARE = 0.05
"""Of a fit, after the last epoch that it told of."""
UNTOLD_SECONDS = 0.002
"""The same in seconds, for fits of a few milliseconds."""
CLEANING_SECONDS = 0.1
"""The same for a fit that leaves the weights as they were in its last epoch: it closes files, joins threads, collects garbage."""
MOST_PUT_OFF_SHARE = 0.1
"""Of a fit, until somebody asks for the weights."""
PUT_OFF_SECONDS = 0.001
_PROCESS_TIME = time.process_time
"""Taken before a contestant can replace it."""
WINDOW_SECONDS = 0.02
"""Several times as long as the system takes to note for how long a thread has run: up to 0.01 s."""
MOST_WORKING_SECONDS = 0.1
"""For how long a thread may go on when `fit` has returned: it may have been off the processor when its work was due to end."""
MOST_WORKING_SHARE = 0.3
"""Of a window, after which a thread counts as working."""

FEWEST_EPOCHS_TO_PROBE = 4
SAME_LOSS = 1e-3
"""As a share of the loss: a training may converge so far that rounding leaves its weights as they are."""
MOST_DETAILS_CHARACTERS = 100_000
RESERVED_DETAILS = ("together",)
"""That the harness itself tells of."""
FEWEST_EPOCHS_TO_COMPARE = 10
EMPTY_EPOCH = 20
EMPTY_EPOCH_SECONDS = 2e-6
"""An epoch that takes less than this, and than this part of the third quartile, had no updates. On a busy machine, the
latter alone tells nothing: threads that wait for one another make some epochs fifty times as long as others."""
MOST_EMPTY_SHARE = 0.1
SAME_OUTPUT = 1e-4
"""Between two calls that predict the same rows: as a share of the largest output, or of 1."""
NO_UPDATE = "no update was made in the fit"


class DivergedError(Exception):
    """A training or its predictions aren't finite; the message says which and where."""


class DoubtError(Exception):
    """A time doesn't add up, by a contestant's fault or a moment's disturbance: the trial is to be measured again."""


class CheatError(ValueError):
    """A contestant has broken a rule by which trials are comparable."""


def read_arrays(path: Path, names: Collection[str] | None = None) -> dict[str, Array]:
    """Return arrays of an .npz file, all if none is named, which nobody can make writable: their memory is immutable bytes."""
    arrays = {}
    with zipfile.ZipFile(path) as file:
        for member in file.namelist():
            name = member.removesuffix(".npy")
            if names is None or name in names:
                data = file.read(member)
                header = io.BytesIO(data)
                np.lib.format.read_magic(header)
                shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(header)
                values = np.frombuffer(data, dtype, offset=header.tell())
                arrays[name] = values.reshape(shape, order="F" if is_fortran else "C")
    return arrays


def sha256(path: Path) -> str:
    """Return the hash of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_unchanged(path: Path, expected: str) -> bool:
    """Whether a file is there, with the bytes that it was written with."""
    return path.is_file() and sha256(path) == expected


def check_file(path: Path, expected: str | None) -> None:
    """Raise CheatError if an input file isn't what the runner wrote, FileNotFoundError if somebody has removed it."""
    if expected is None:
        return
    path.stat()
    if not is_unchanged(path, expected):  # which opens no pipe and no device
        raise CheatError(
            f"{path.name} has been changed since the runner wrote it, by this contestant or one beside it: data are only to be read"
        )


def arrays_of(weights: Sequence[Any]) -> list[Array]:
    """Return what `get_weights` has returned as NumPy's arrays, whatever library's they are, without a copy where that can be."""
    try:
        return [np.asarray(array) for array in weights]
    except (TypeError, ValueError) as error:  # None, rows of unlike lengths, or an array on another device
        raise ValueError(f"get_weights returned {weights!r:.80}: it must be a list of arrays ({error})") from error


def outputs_of(answer: Any, shape: tuple[int, ...]) -> Array:
    """Return a copy of what `predict` has returned, which a contestant can't change later.

    Raises
    ------
    ValueError
        If it is no array of real numbers of that shape.

    """
    try:
        outputs = np.array(answer)
    except (TypeError, ValueError) as error:  # as above
        raise ValueError(f"predict returned {answer!r:.80}: it must be an array ({error})") from error
    if outputs.dtype.kind not in "fiu":
        found = outputs.dtype if isinstance(answer, np.ndarray) else f"{answer!r:.80}"
        raise ValueError(f"predict returned {found}: it must be real numbers")
    if outputs.shape != shape:
        raise ValueError(f"predict returned the shape {outputs.shape}: it must be {shape}")
    return outputs


def check_first_weights(weights: Sequence[Array], first: Sequence[Array]) -> None:
    """Raise CheatError if the weights before the first update aren't those of the task, but for rounding."""
    if len(weights) != len(first):
        raise ValueError(f"get_weights returned {len(weights)} arrays: they must be the {len(first)} of task.weights")
    for index, (found, wanted) in enumerate(zip(weights, first, strict=True)):
        array = np.asarray(found)
        if array.shape != wanted.shape:
            raise ValueError(f"get_weights returned the shape {array.shape} as array {index}: it must be {wanted.shape}")
        gap = float(np.max(np.abs(array.astype(np.float64) - wanted), initial=0.0))
        if not gap <= 1e-6 * max(1.0, float(np.max(np.abs(wanted), initial=0.0))):
            raise CheatError(
                f"the weights before the first update differ from task.weights by up to {gap:.3g} in array {index}: "
                "__init__ and warm_up must leave them as they were"
            )


def check_trained(weights: Sequence[Array], first: Sequence[Array], test_loss: float) -> None:
    """Raise CheatError if the weights after a fit are the first ones."""
    if all(np.array_equal(found, wanted) for found, wanted in zip(weights, first, strict=True)):
        raise CheatError(f"{NO_UPDATE}: the weights after it are those before it, and the test loss is {test_loss:.4g}")


def check_ended(at_the_end: Sequence[Array], now: Sequence[Array]) -> None:
    """Raise CheatError if the weights have changed since the clock stopped."""
    gaps = [float(np.max(np.abs(array - last), initial=0.0)) for last, array in zip(at_the_end, now, strict=True)]
    if any(gaps):
        raise CheatError(f"the weights changed by up to {max(gaps):.3g} after the clock had stopped: fit must end with its updates")


def check_threads() -> None:
    """Raise DoubtError if a thread of Python's, or a child process, goes on working when `fit` has returned; only Linux tells.

    Time for which a thread waits for a core counts as work, so that a busy machine hides nothing.
    """
    end = time.monotonic() + MOST_WORKING_SECONDS
    while threading.active_count() > 1 or _children():
        before = _working_seconds()
        time.sleep(WINDOW_SECONDS)
        after = _working_seconds()
        worked = max((seconds - before[thread] for thread, seconds in after.items() if thread in before), default=0.0)
        if worked <= MOST_WORKING_SHARE * WINDOW_SECONDS:
            return
        if time.monotonic() > end:
            raise DoubtError(f"a thread or a child process worked for more than {MOST_WORKING_SECONDS} s when fit had returned")


def _working_seconds() -> dict[int, float]:
    """For how long each of Python's other threads, and each child process, has run, or waited for a core."""
    seconds = {}
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            with suppress(OSError, ValueError):
                ran, waited, _ = Path(f"/proc/self/task/{thread.native_id}/schedstat").read_text(encoding="ascii").split()
                seconds[thread.native_id or 0] = (int(ran) + int(waited)) * 1e-9
    for child in _children():
        with suppress(OSError, ValueError):
            ran, waited, _ = Path(f"/proc/{child}/schedstat").read_text(encoding="ascii").split()
            seconds[child] = (int(ran) + int(waited)) * 1e-9
    return seconds


def _children() -> list[int]:
    """The child processes, also those of processes that have ended: the worker adopts them."""
    found: list[int] = []
    with suppress(OSError):
        for task in Path("/proc/self/task").iterdir():
            with suppress(OSError, ValueError):
                found += map(int, (task / "children").read_text(encoding="ascii").split())
    return found


def encoded(array: Array) -> dict[str, Any]:
    """Return an array as plain JSON, as `bench.execution.shown_weights` reads it."""
    if array.dtype.kind != "f":
        raise ValueError(f"get_weights returned {array.dtype}: it must be real numbers")
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return {"dtype": little.dtype.str, "data": base64.b64encode(little.tobytes()).decode("ascii")}


def timed_copies(get_weights: Callable[[], Sequence[Array]], clock: Callable[[], float]) -> tuple[list[Array], float]:
    """Return copies of the weights, and how many seconds longer it took to get them than to get them again at once.

    Of its process' CPU time, if that is less: another process may have had the core.
    """
    times = [(clock(), _PROCESS_TIME())]
    for _ in range(2):
        copies = [np.array(array) for array in get_weights()]
        times.append((clock(), _PROCESS_TIME()))
    start, first, again = np.array(times)
    return copies, max(float(np.min(first - start - (again - first))), 0.0)


def check_put_off(put_off_seconds: float, fit_seconds: float) -> None:
    """Raise DoubtError if much of a fit was done when the weights were asked for."""
    if put_off_seconds > MOST_PUT_OFF_SHARE * fit_seconds + PUT_OFF_SECONDS:
        raise DoubtError(
            f"get_weights worked for {put_off_seconds:.3g} s, and the whole fit for {fit_seconds:.3g} s: "
            "an epoch's updates must be done when on_epoch_end is called, and not when somebody asks for the weights"
        )


class Probe:
    """Takes the weights after one epoch of a timed fit, which the contestant can't foresee, and after the last one.

    After the former they must go on changing: a fit that does all its updates first, and tells of the epochs afterwards, would have
    epochs of no time at all. After the latter they may not, or the time until `fit` returns counts as training.
    """

    def __init__(self, get_weights: Callable[[], Sequence[Array]], epochs: int) -> None:
        self._get_weights = get_weights
        self.epoch = 1 + secrets.randbelow(epochs // 2) if epochs >= FEWEST_EPOCHS_TO_PROBE else -1
        """Counted from 1; one of the first half, after which the loss still falls."""
        self._last = epochs
        self.seconds = 0.0
        """That aren't the fit's."""
        self.put_off_seconds = 0.0
        """That are."""
        self._weights: list[Array] | None = None
        self._last_weights: list[Array] = []

    def wants(self, epoch: int) -> bool:
        """Whether it takes the weights after an epoch, counted from 1."""
        return epoch in (self.epoch, self._last)

    def take(self, epoch: int, clock: Callable[[], float]) -> float:
        """Copy the weights after an epoch; return the seconds that aren't the fit's: updates that were put off until now are."""
        start = clock()
        weights, put_off = timed_copies(self._get_weights, clock)
        if epoch == self.epoch:
            self._weights = weights
        else:
            self._last_weights = weights
        taken = clock() - start - put_off
        self.seconds += taken
        self.put_off_seconds += put_off
        return taken

    def ended_with_last_epoch(self, weights: Sequence[Array]) -> bool:
        """Whether the weights at the end are those after the last epoch."""
        return len(self._last_weights) == len(weights) and all(map(np.array_equal, self._last_weights, weights))

    def check(self, weights: Sequence[Array], losses: Sequence[float]) -> None:
        """Raise CheatError if the weights at the end are those that were taken, though the loss is said to have changed."""
        after = losses[self.epoch :]
        if self._weights is None or not after or max(after) - min(after) <= SAME_LOSS * max(abs(loss) for loss in after):
            return
        if all(np.array_equal(taken, last) for taken, last in zip(self._weights, weights, strict=True)):
            raise CheatError(
                f"the weights didn't change after epoch {self.epoch} of {len(losses)}, and the loss went from {after[0]:.4g} to "
                f"{after[-1]:.4g}: on_epoch_end must be called when an epoch's updates are done, and no later"
            )


def taken_history(history: Any, epochs: int) -> dict[str, list[float]]:
    """Return the losses and accuracies that `fit` has returned; raise ValueError if there isn't one of each for every epoch."""
    if not hasattr(history, "get"):
        raise ValueError(f"fit returned {history!r:.80}: it must be a mapping with 'loss' and 'accuracy'")
    taken = {}
    for name in ("loss", "accuracy"):
        values = history.get(name)
        if not hasattr(values, "__len__") or len(values) != epochs:
            found = "nothing" if values is None else f"{len(values)} values" if hasattr(values, "__len__") else f"{values!r:.80}"
            raise ValueError(f"fit returned {found} as {name!r}: it must be a value for each of {epochs} epochs")
        try:
            taken[name] = [float(value) for value in values]
        except (TypeError, ValueError):
            raise ValueError(f"fit returned {values[0]!r:.80} as the first {name!r}: they must be real numbers") from None
    return taken


def check_history(history: Mapping[str, Sequence[float]]) -> None:
    """Raise DivergedError if a loss isn't finite."""
    losses = history["loss"]
    for epoch, loss in enumerate(losses, 1):
        if not math.isfinite(loss):
            raise DivergedError(f"the loss was {loss} in epoch {epoch} of {len(losses)}")


def check_outputs(outputs: Array, epoch: int) -> None:
    """Raise DivergedError if predictions aren't finite; `epoch` is the last one that ended, counted from 1."""
    wrong = int(np.count_nonzero(~np.isfinite(outputs)))
    if wrong:
        raise DivergedError(f"{wrong} of {outputs.size} predictions aren't finite after epoch {epoch}")


def check_same(outputs: Array, again: Array) -> None:
    """Raise CheatError if two answers for the same rows and weights differ."""
    gap = float(np.max(np.abs(again - outputs), initial=0.0))
    if not gap <= SAME_OUTPUT * max(1.0, float(np.max(np.abs(outputs), initial=0.0))):
        raise CheatError(f"predict's outputs differ by up to {gap:.3g} when it is called again with the same rows and weights")


def check_prediction(call: Callable[[Array], Any], predict: Callable[[Array], Any], x: Array) -> None:
    """Raise CheatError if a call that has been timed with `x` doesn't predict other rows in the same array; they are put there."""
    call(x)
    x[:] = 1 - 8 * np.roll(x, 1, axis=0)  # far away, since untrained networks tell little apart
    found, wanted = np.array(call(x)), np.array(predict(np.array(x)))
    if found.dtype.kind not in "fiub" or found.size != wanted.size:
        raise CheatError(f"the predictor returned {found.dtype} of the shape {found.shape}: it must be real and {wanted.shape}")
    gap = float(np.max(np.abs(found.astype(np.float64).reshape(wanted.shape) - wanted), initial=0.0))
    if not gap <= SAME_OUTPUT * max(1.0, float(np.max(np.abs(wanted), initial=0.0))):
        raise CheatError(
            f"the predictor's outputs are up to {gap:.3g} away from those of predict when the rows in its array change"
        )


def check_epochs(epoch_seconds: Sequence[float], fit_seconds: float, *, trains_on: bool = True) -> None:
    """Raise DoubtError if the epochs don't add up to the fit, or many of them took no time.

    `trains_on` says that the weights may have changed after the last epoch.
    """
    told = math.fsum(epoch_seconds)
    if fit_seconds - told > MOST_UNTOLD_SHARE * fit_seconds + (UNTOLD_SECONDS if trains_on else CLEANING_SECONDS):
        raise DoubtError(
            f"the epochs that on_epoch_end told of add up to {told:.3g} s, and the fit took {fit_seconds:.3g} s: "
            "on_epoch_end must be called when an epoch's updates are done, and fit return after the last one"
        )
    if len(epoch_seconds) < FEWEST_EPOCHS_TO_COMPARE:
        return
    usual = float(np.quantile(epoch_seconds, 0.75))
    empty = min(EMPTY_EPOCH_SECONDS, usual / EMPTY_EPOCH)
    skipped = sum(seconds < empty for seconds in epoch_seconds)
    if skipped > MOST_EMPTY_SHARE * len(epoch_seconds):
        raise DoubtError(
            f"{skipped} of {len(epoch_seconds)} epochs took less than {empty:.2g} s, and others {usual:.3g} s: "
            "on_epoch_end must be called when an epoch's updates are done"
        )


def check_clock(shown: float, true: float) -> None:
    """Raise DoubtError if the time of a fit is shorter than the time in which `contestant.fit` ran."""
    if shown < (1 - MOST_UNTOLD_SHARE) * true - 1e-4:
        raise DoubtError(f"the clock showed {shown:.3g} s for a fit that took {true:.3g} s by another clock")


def check_details(details: object) -> dict[str, Any]:
    """Return what a contestant told of itself; raise ValueError if it is no table, or `options` in it is none."""
    table = check_table(details, "details")
    if not isinstance(table.get("options", {}), Mapping):
        raise ValueError(f"details returned {table['options']!r:.80} as 'options': it must be a mapping")
    return {name: value for name, value in table.items() if name not in RESERVED_DETAILS}


def check_table(answer: object, method: str) -> dict[str, Any]:
    """Return what `method` of a contestant returned; raise ValueError if it is no table that a record can hold."""
    if not isinstance(answer, Mapping) or not all(isinstance(name, str) for name in answer):
        raise ValueError(f"{method} returned {answer!r:.80}: it must be a mapping with str as its keys")
    table = dict(answer)
    try:
        size = len(json.dumps(table))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{method} returned what can't be written as JSON: {error}") from None
    if size > MOST_DETAILS_CHARACTERS:
        raise ValueError(f"{method} returned {size} characters as JSON: it may have {MOST_DETAILS_CHARACTERS}")
    return table
