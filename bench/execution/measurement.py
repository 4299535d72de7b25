"""What is measured in a trial of each kind: a contestant's class and a request in, the figures of `records.Trial` out.

Called by the worker, inside the contestant's process; imports NumPy and the standard library only. Starting the process, time
limits and crashes are left to the runner's side.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from bench.contestants.base import Array, Contestant, EpochEnd, Task, accuracy
from bench.execution import metrics as scores
from bench.execution.messages import Request

Clock = Callable[[], float]
Figures = dict[str, Any]
"""Fields of `bench.records.Trial`, as plain JSON."""

SURFACE_POINTS = 100
"""Along each axis of the decision surface, as the article has it."""
PREDICTION_SECONDS = 0.15
"""For which predictions are asked for in a turn, and until there are FEWEST_PREDICTION_CALLS."""
FEWEST_PREDICTION_CALLS = 20
PREDICTION_WARM_UP_CALLS = 3


class Stage:
    """Where one process' trials take place, one after the other."""

    def __init__(self, load: Callable[[str], type[Any]], clock: Clock = time.perf_counter) -> None:
        self._load = load
        """Finds a contestant's class."""
        self._clock = clock
        self._kept: tuple[Request, _Measurement] | None = None

    def measure(self, request: Request) -> Figures:
        """Run the trial that `request` asks for.

        Raises
        ------
        Exception
            Whatever the contestant raises, and ValueError where it breaks the protocol.

        """
        started = self._clock() if request.spawned_at is None else request.spawned_at
        if request.kind == "tune":
            return _tune(self._load(request.target), read_task(request))
        same = replace(request, spawned_at=None)
        kept, self._kept = self._kept, None
        again = kept is not None and kept[0] == same
        measurement = kept[1] if kept is not None and again else self._build(request)
        ready_after = self._clock() - started
        figures = _KINDS[request.kind](measurement)
        if not again:
            figures["build_seconds" if request.spawned_at is None else "cold_start_seconds"] = ready_after
        figures.setdefault("peak_memory_bytes", peak_memory_bytes())
        figures["details"] = {**figures.get("details", {}), **measurement.contestant.details()}
        if request.keep:
            self._kept = same, measurement
        return figures

    def _build(self, request: Request) -> _Measurement:
        task = read_task(request)
        contestant: Contestant = self._load(request.target)(task)
        if request.kind != "predict":  # which takes no step
            contestant.warm_up()
        return _Measurement(contestant, task, request, self._clock)


def read_task(request: Request) -> Task:
    """The task of a request, its arrays read from the file that the request names."""
    with np.load(request.data, allow_pickle=False) as arrays:
        count = sum(name.startswith("weights_") for name in arrays.files)
        return Task(
            architecture=request.architecture,
            weights=[arrays[f"weights_{index}"] for index in range(count)],
            x=arrays["x"],
            y=arrays["y"],
            x_test=arrays["x_test"],
            y_test=arrays["y_test"],
            loss=request.loss,
            optimizer=request.optimizer,
            batch_size=request.batch_size,
            epochs=request.epochs,
            dtype=request.dtype,
            threads=request.threads,
            seed=request.seed,
            shuffle=request.shuffle,
            options=request.options,
        )


def _tune(contestant_class: type[Any], task: Task) -> Figures:
    """The settings that the contestant likes best here, as `details["options"]`; nothing where it has none to choose."""
    options = dict(contestant_class.tune(task))
    return {"details": {"options": options}, "peak_memory_bytes": peak_memory_bytes()} if options else {}


@dataclass(frozen=True)
class _Measurement:
    """A trial of a contestant that has been built and warmed up: a method for each kind."""

    contestant: Contestant
    task: Task
    request: Request
    clock: Clock

    def timed(self) -> Figures:
        """The clock runs from the first update to the last; the test set is scored after it has stopped."""
        history, fit_seconds, epoch_seconds = self._clocked(self.contestant.fit)
        peak = peak_memory_bytes()
        _check_calls(len(epoch_seconds), self.task)
        _, harness_seconds, _ = self._clocked(self._nothing)
        return {
            "steps": self.task.steps,
            "fit_seconds": fit_seconds,
            "epoch_seconds": epoch_seconds,
            "harness_seconds": harness_seconds,
            "history": _history(history, self.task),
            "peak_memory_bytes": peak,
            **_final_scores(_predict(self.contestant, self.task.x_test, self.task), self.task),
        }

    def _clocked(self, fit: Callable[[EpochEnd], Mapping[str, Sequence[float]]]) -> tuple[Any, float, list[float]]:
        """What `fit` returned, the seconds that it took, and those of each epoch that it told of."""
        marks: list[float] = []
        mark = marks.append

        def on_epoch_end(_epoch: int) -> None:
            mark(self.clock())

        with _no_garbage_collection():
            start = self.clock()
            history = fit(on_epoch_end)
            seconds = self.clock() - start
        return history, seconds, [after - before for before, after in zip([start, *marks], marks, strict=False)]

    def _nothing(self, on_epoch_end: EpochEnd) -> Mapping[str, Sequence[float]]:
        """A `fit` that only tells of its epochs: what it takes is the harness' own part of the clock."""
        for epoch in range(self.task.epochs):
            on_epoch_end(epoch)
        return {}

    def scored(self) -> Figures:
        """The test set is scored after every epoch, so no clock runs."""
        val_loss: list[float] = []
        val_accuracy: list[float] = []

        def on_epoch_end(_epoch: int) -> None:
            outputs = _predict(self.contestant, self.task.x_test, self.task)
            val_loss.append(scores.loss(self.task.loss, self.task.y_test, outputs))
            val_accuracy.append(accuracy(self.task.y_test, outputs))

        history = _history(self.contestant.fit(on_epoch_end), self.task)
        _check_calls(len(val_loss), self.task)
        outputs = _predict(self.contestant, self.task.x_test, self.task)
        figures = {
            "steps": self.task.steps,
            "history": {**history, "val_loss": val_loss, "val_accuracy": val_accuracy},
            "test_predictions": _floats(outputs),
            **_final_scores(outputs, self.task),
        }
        if self.request.surface is not None and self.request.surface_box is not None:
            _save_surface(
                Path(self.request.surface),
                self.request.surface_box,
                lambda x: _predict(self.contestant, x, self.task),
                self.task.dtype,
            )
            figures["arrays"] = Path(self.request.surface).name
        return figures

    def parity(self) -> Figures:
        """The weights are kept after every epoch: written down by the reference, compared with its own by all others."""
        weights: list[Array] = []

        def on_epoch_end(_epoch: int) -> None:
            weights.append(np.concatenate([np.ravel(array) for array in self.contestant.get_weights()]).astype(np.float64))

        history = _history(self.contestant.fit(on_epoch_end), self.task)
        _check_calls(len(weights), self.task)
        outputs = _predict(self.contestant, self.task.x_test, self.task)
        trajectory = {
            "weights": np.array(weights),
            "loss": np.array(history["loss"]),
            "accuracy": np.array(history["accuracy"]),
            "predictions": outputs.astype(np.float64),
        }
        figures: Figures = {
            "steps": self.task.steps,
            "history": history,
            "test_predictions": _floats(outputs),
            **_final_scores(outputs, self.task),
        }
        path = Path(str(self.request.trajectory))
        if self.request.is_reference:
            _save_whole(path, trajectory)
        elif path.exists():
            figures["parity"] = {"reference": self.request.reference, **differences(trajectory, path)}
        else:
            figures["details"] = {"parity": f"not compared: {self.request.reference} left no trajectory"}
        return figures

    def predictions(self) -> Figures:
        """The latency of prediction, a call at a time, with the weights that the task begins with."""
        latencies = []
        for rows in self.request.prediction_rows:
            x = np.ascontiguousarray(np.resize(self.task.x_test, (rows, self.task.x_test.shape[1])))
            calls = self._calls_of_a_row if rows == 1 else {False: self.contestant.predict}
            for compiled_by_hand, predict in calls.items():
                seconds = _call_seconds(predict, x, self.clock)
                latencies.append(
                    {
                        "rows": rows,
                        "compiled_by_hand": compiled_by_hand,
                        "calls": len(seconds),
                        "median_seconds": float(np.median(seconds)),
                        "p99_seconds": float(np.percentile(seconds, 99)),
                        "minimum_seconds": min(seconds),
                    }
                )
        return {"latencies": latencies}

    @cached_property
    def _calls_of_a_row(self) -> dict[bool, Callable[[Array], Any]]:
        """The fastest call for one row; under True the fastest that is compiled by hand, where there is one."""
        calls = {False: self.contestant.predictor()}
        compiled = self.contestant.compiled_predictor()
        return calls if compiled is None else {**calls, True: compiled}


_KINDS: dict[str, Callable[[_Measurement], Figures]] = {
    "timed": _Measurement.timed,
    "scored": _Measurement.scored,
    "parity": _Measurement.parity,
    "predict": _Measurement.predictions,
}


def differences(trajectory: Mapping[str, Array], path: Path) -> Figures:
    """The largest absolute differences between `trajectory` and the one in `path`, an epoch each; NaN in one alone is infinite."""
    with np.load(path, allow_pickle=False) as arrays:
        reference = {name: arrays[name] for name in trajectory}
    for name, values in trajectory.items():
        if values.shape != reference[name].shape:
            raise ValueError(f"{name} has the shape {values.shape}, and {reference[name].shape} at the reference")
    gaps = {name: _gap(values, reference[name]) for name, values in trajectory.items()}
    return {
        "loss": gaps["loss"].tolist(),
        "accuracy": gaps["accuracy"].tolist(),
        "weights": gaps["weights"].max(axis=1).tolist(),
        "predictions": float(gaps["predictions"].max()),
    }


def _gap(values: Array, reference: Array) -> Array:
    """The absolute difference; infinite where one of the two is NaN, and NaN where a contestant has no such figure at all."""
    if np.isnan(values).all() and not np.isnan(reference).any():
        return np.full(values.shape, np.nan)
    gap = np.abs(values - reference)
    equal = (values == reference) | (np.isnan(values) & np.isnan(reference))
    return np.where(equal, 0.0, np.where(np.isnan(gap), np.inf, gap))


def _call_seconds(predict: Callable[[Array], Any], x: Array, clock: Clock) -> list[float]:
    for _ in range(PREDICTION_WARM_UP_CALLS):
        predict(x)
    seconds: list[float] = []
    with _no_garbage_collection():
        end = clock() + PREDICTION_SECONDS
        while len(seconds) < FEWEST_PREDICTION_CALLS or clock() < end:
            before = clock()
            predict(x)
            seconds.append(clock() - before)
    return seconds


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """What was left over is collected before; nothing is until the end, so that no collection falls into the timed part."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _check_calls(calls: int, task: Task) -> None:
    if calls != task.epochs:
        raise ValueError(f"fit called on_epoch_end {calls} times: it must do so after each of {task.epochs} epochs")


def _history(history: Mapping[str, Sequence[float]], task: Task) -> dict[str, list[float]]:
    for name in ("loss", "accuracy"):
        if name not in history or len(history[name]) != task.epochs:
            found = f"{len(history[name])} values" if name in history else "nothing"
            raise ValueError(f"fit returned {found} as {name!r}: it must be a value for each of {task.epochs} epochs")
    return {name: [float(value) for value in history[name]] for name in ("loss", "accuracy")}


def _predict(contestant: Contestant, x: Array, task: Task) -> Array:
    outputs = np.asarray(contestant.predict(x))
    wanted = (len(x), task.y.shape[1])
    if outputs.shape != wanted:
        raise ValueError(f"predict returned the shape {outputs.shape}: it must be {wanted}")
    return outputs


def _final_scores(outputs: Array, task: Task) -> Figures:
    return {"test_accuracy": accuracy(task.y_test, outputs), "test_loss": scores.loss(task.loss, task.y_test, outputs)}


def _save_surface(path: Path, box: Sequence[float], predict: Callable[[Array], Array], dtype: str) -> None:
    x = np.linspace(box[0], box[1], SURFACE_POINTS)
    y = np.linspace(box[2], box[3], SURFACE_POINTS)
    points = np.stack([axis.ravel() for axis in np.meshgrid(x, y)], axis=1).astype(dtype)
    surface = predict(points)[:, 0].reshape(SURFACE_POINTS, SURFACE_POINTS)
    _save_whole(path, {"surface": surface, "surface_x": x, "surface_y": y})


def _save_whole(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write an .npz that is there whole or not at all, since the worker may be killed at any moment."""
    partial = path.with_name(path.name + ".partial.npz")
    np.savez(partial, **arrays)  # type: ignore[arg-type]
    partial.replace(path)


def _floats(outputs: Array) -> list[float]:
    return [float(value) for value in outputs.ravel()]


def peak_memory_bytes() -> int | None:
    """The most memory that this process has held since it started; None where the system doesn't say.

    Linux' VmHWM rather than `ru_maxrss`, which a process inherits from the one that started it, across `exec`.
    """
    if sys.platform == "linux":
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        return None
    if os.name == "posix":
        import resource

        peak = int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        return peak if sys.platform == "darwin" else peak * 1024
    return None
