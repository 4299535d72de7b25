"""What is measured in a trial of each kind: a contestant and a request in, the figures of `bench.records.Trial` out.

Called by the trial session, inside the contestant's process. Imports NumPy, contestants and the standard library only.
"""

from __future__ import annotations

import gc
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from bench.contestants.base import Array, Contestant, EpochEnd, Task, accuracy
from bench.execution import metrics
from bench.execution.messages import FIT_BEGINS, FIT_ENDED, Request
from bench.execution.peak_memory import peak_memory_bytes
from bench.execution.trial_checks import (
    Probe,
    arrays_of,
    check_clock,
    check_ended,
    check_epochs,
    check_history,
    check_outputs,
    check_prediction,
    check_put_off,
    check_same,
    check_threads,
    check_trained,
    encoded,
    outputs_of,
    taken_history,
    timed_copies,
)
from bench.execution.turns import Exchange, Scoring, take_turns
from bench.files import replacing

Clock = Callable[[], float]
Figures = dict[str, Any]
"""Fields of `bench.records.Trial`, as plain JSON."""

SURFACE_POINTS = 100
"""Along each axis of the decision surface, as the article has it."""
FILM_POINTS = 60
"""The same for the frames of a film, of which there are many."""
PREDICTION_SECONDS = 0.15
"""For how long predictions are called in a turn, and then until there are FEWEST_PREDICTION_CALLS."""
FEWEST_PREDICTION_CALLS = 20
PREDICTION_WARM_UP_CALLS = 3
NEXT_ROWS = 1 + 1e-6
"""Times the rows of a call, so that no answer can be remembered; in a million calls they grow threefold."""


@dataclass(frozen=True)
class Own:
    """The harness' own copies of the test targets and the first weights, which the contestant isn't handed."""

    y_test: Array
    weights: Sequence[Array]


@dataclass(frozen=True)
class Measurement:
    """A trial of a contestant that has been built and warmed up, with a method for each kind."""

    contestant: Contestant
    task: Task
    request: Request
    clock: Clock
    own: Own
    mark: Callable[[str], None] = lambda _: None
    """Tells the runner that something happens now."""
    exchange: Exchange = lambda _: None
    """How a trial of turns talks with the runner; by default it has no turn."""

    def figures(self) -> Figures:
        """Run the trial that the request asks for."""
        return _KINDS[self.request.kind](self)

    def timed(self) -> Figures:
        """Time the fit from its first update to its last; score the test set when the clock has stopped."""
        true_seconds: list[float] = []
        probe = Probe(self._weights, self.task.epochs) if self.request.learns else None

        def fit(on_epoch_end: EpochEnd) -> Mapping[str, Sequence[float]]:
            start = self.clock()
            history = self.contestant.fit(on_epoch_end)
            true_seconds.append(self.clock() - start - (probe.seconds if probe else 0.0))
            return history

        with _no_garbage_collection():
            self.mark(FIT_BEGINS)
            history, fit_seconds, epoch_seconds = self._clocked(fit, probe)
            self.mark(FIT_ENDED)
            peak = peak_memory_bytes()
            at_the_end, put_off_seconds = timed_copies(self._weights, self.clock) if self.request.learns else ([], 0.0)
            check_threads()
            _check_calls(len(epoch_seconds), self.task)
            _, harness_seconds, _ = self._clocked(self._nothing)
        check_clock(fit_seconds, true_seconds[0])
        check_put_off(put_off_seconds + (probe.put_off_seconds if probe else 0.0), fit_seconds + put_off_seconds)
        check_epochs(epoch_seconds, fit_seconds, trains_on=probe is None or not probe.ended_with_last_epoch(at_the_end))
        taken = self._history(history)
        outputs = self._predict(self.task.x_test)
        scores = self._trained_scores(outputs)
        if probe is not None:
            check_ended(at_the_end, self._weights())
            probe.check(self._weights(), taken["loss"])
        return {
            "steps": self.task.steps,
            "fit_seconds": fit_seconds,
            "epoch_seconds": epoch_seconds,
            "harness_seconds": harness_seconds,
            "history": taken,
            "peak_memory_bytes": peak,
            "test_predictions": _floats(outputs),
            **scores,
            **self._shown(at_the_end),
        }

    def turns(self) -> Figures:
        """Train in turns, as the runner asks for them; it has their epochs already."""
        with _no_garbage_collection():
            ready = {"steps_an_epoch": self.task.steps_an_epoch}
            take_turns(self.contestant, self.clock, self.exchange, ready, Scoring(self.task.epochs, self._test_loss))
        return {}

    def _test_loss(self) -> float | None:
        """Return the test loss now; None if there is none."""
        if not self.request.learns:
            return None
        outputs = np.array(self.contestant.predict(self.task.x_test))
        known = outputs.shape == self.own.y_test.shape and outputs.dtype.kind in "fiu" and bool(np.isfinite(outputs).all())
        return metrics.loss(self.task.loss, self.own.y_test, outputs) if known else None

    def _clocked(
        self, fit: Callable[[EpochEnd], Mapping[str, Sequence[float]]], probe: Probe | None = None
    ) -> tuple[Any, float, list[float]]:
        """Return what `fit` returned, its seconds, and those of each epoch that it reported, all without the probe's."""
        marks: list[float] = []
        mark = marks.append
        seconds_out = 0.0

        def on_epoch_end(_epoch: int) -> None:
            nonlocal seconds_out
            now = self.clock()
            mark(now - seconds_out)
            if probe is not None and probe.wants(len(marks)):
                seconds_out += probe.take(len(marks), self.clock)

        start = self.clock()
        history = fit(on_epoch_end)
        seconds = self.clock() - start - seconds_out
        return history, seconds, [after - before for before, after in zip([start, *marks], marks, strict=False)]

    def _nothing(self, on_epoch_end: EpochEnd) -> Mapping[str, Sequence[float]]:
        """Report the epochs and do nothing else: the time that this takes is the harness' own part of `fit_seconds`."""
        for epoch in range(self.task.epochs):
            on_epoch_end(epoch)
        return {}

    def scored(self) -> Figures:
        """Score the test set after every epoch; no clock runs."""
        val_loss: list[float] = []
        val_accuracy: list[float] = []
        film: list[Array] = []
        box, path = self.request.surface_box, self.request.paths.surface

        midway: Figures = {}
        unforeseen = secrets.randbelow(self.task.epochs)

        def on_epoch_end(epoch: int) -> None:
            outputs = self._predict(self.task.x_test, epoch)
            if len(val_loss) == unforeseen and self.request.shows_weights:
                midway["midway"] = {**self._shown(self._weights()), "test_predictions": _floats(outputs)}
                check_same(outputs, self._predict(self.task.x_test, epoch))
            val_loss.append(metrics.loss(self.task.loss, self.own.y_test, outputs))
            val_accuracy.append(accuracy(self.own.y_test, outputs))
            if epoch in self.request.film_epochs and box is not None:
                film.append(self._surface(box, FILM_POINTS)["surface"])

        history = self._history(self.contestant.fit(on_epoch_end))
        _check_calls(len(val_loss), self.task)
        outputs = self._predict(self.task.x_test)
        figures = {
            "steps": self.task.steps,
            "history": {**history, "val_loss": val_loss, "val_accuracy": val_accuracy},
            "test_predictions": _floats(outputs),
            **self._trained_scores(outputs),
            **self._shown(self._weights()),
            **midway,
        }
        if path is not None and box is not None:
            frames = {"film": np.array(film), "film_epochs": np.array(self.request.film_epochs)} if film else {}
            _save(Path(path), {**self._surface(box, SURFACE_POINTS), **frames})
            figures["arrays"] = Path(path).name
        return figures

    def _surface(self, box: Sequence[float], points: int) -> dict[str, Array]:
        """Return the outputs over `points` by `points` places of the box."""
        x, y = np.linspace(box[0], box[1], points), np.linspace(box[2], box[3], points)
        places = np.stack([axis.ravel() for axis in np.meshgrid(x, y)], axis=1).astype(self.task.dtype)
        outputs = self._predict(places)[:, 0]
        return {"surface": outputs.reshape(points, points), "surface_x": x, "surface_y": y}

    def parity(self) -> Figures:
        """Collect the weights after every epoch: the reference writes them to a file, others compare theirs with that file."""
        weights: list[Array] = []

        def on_epoch_end(_epoch: int) -> None:
            weights.append(np.concatenate([np.ravel(array) for array in self._weights()]).astype(np.float64))

        history = self._history(self.contestant.fit(on_epoch_end))
        _check_calls(len(weights), self.task)
        outputs = self._predict(self.task.x_test)
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
            **self._final_scores(outputs),
        }
        path = Path(str(self.request.paths.trajectory))
        if self.request.reference is None:
            _save(path, trajectory)
        elif path.exists():
            figures["parity"] = {"reference": self.request.reference, **differences(trajectory, path)}
        else:
            figures["details"] = {"parity": f"not compared: {self.request.reference} left no trajectory"}
        return figures

    def predictions(self) -> Figures:
        """Measure the latency of prediction call by call, with the first weights."""
        latencies = []
        for rows in self.request.prediction_rows:
            x = np.ascontiguousarray(np.resize(self.task.x_test, (rows, self.task.x_test.shape[1])))
            calls = self._calls_of_a_row if rows == 1 else {False: self.contestant.predict}
            for compiled_by_hand, predict in calls.items():
                seconds = _call_seconds(predict, x, self.clock)
                check_prediction(predict, self.contestant.predict, x)
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

    def _history(self, history: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
        taken = taken_history(history, self.task.epochs)
        if self.request.learns:
            check_history(taken)
        return taken

    def _predict(self, x: Array, epoch: int | None = None) -> Array:
        outputs = outputs_of(self.contestant.predict(x), (len(x), self.task.y.shape[1]))
        if self.request.learns:
            check_outputs(outputs, self.task.epochs if epoch is None else epoch + 1)
        return outputs

    def _weights(self) -> list[Array]:
        return arrays_of(self.contestant.get_weights())

    def _shown(self, weights: Sequence[Array]) -> Figures:
        return {"weights": [encoded(array) for array in weights]} if self.request.shows_weights else {}

    def _trained_scores(self, outputs: Array) -> Figures:
        scores = self._final_scores(outputs)
        if self.request.learns and self.task.optimizer.get("learning_rate") != 0:
            check_trained(self._weights(), self.own.weights, scores["test_loss"])
        return scores

    def _final_scores(self, outputs: Array) -> Figures:
        return {
            "test_accuracy": accuracy(self.own.y_test, outputs),
            "test_loss": metrics.loss(self.task.loss, self.own.y_test, outputs),
        }

    @cached_property
    def _calls_of_a_row(self) -> dict[bool, Callable[[Array], Any]]:
        """The contestant's fastest call for one row, by whether it is compiled by hand, as far as there are any."""
        calls = {False: self.contestant.predictor()}
        compiled = self.contestant.compiled_predictor()
        return calls if compiled is None else {**calls, True: compiled}


_KINDS: dict[str, Callable[[Measurement], Figures]] = {
    "timed": Measurement.timed,
    "turns": Measurement.turns,
    "scored": Measurement.scored,
    "parity": Measurement.parity,
    "predict": Measurement.predictions,
}


def differences(trajectory: Mapping[str, Array], path: Path) -> Figures:
    """Return the largest absolute differences to the trajectory in `path`, for each epoch.

    NaN is never equal: it gives an infinite difference, also where both have it, but for an accuracy that neither has.
    """
    with np.load(path, allow_pickle=False) as arrays:
        reference = {name: arrays[name] for name in trajectory}
    for name, values in trajectory.items():
        if values.shape != reference[name].shape:
            raise ValueError(f"{name} has the shape {values.shape}, and {reference[name].shape} at the reference")
    gaps = {name: _gap(values, reference[name], may_lack=name == "accuracy") for name, values in trajectory.items()}
    return {
        "loss": gaps["loss"].tolist(),
        "accuracy": gaps["accuracy"].tolist(),
        "weights": gaps["weights"].max(axis=1).tolist(),
        "predictions": float(gaps["predictions"].max()),
    }


def _gap(values: Array, reference: Array, *, may_lack: bool) -> Array:
    """Return the absolute difference: infinite where one is NaN, NaN where a contestant doesn't have the figure at all."""
    if np.isnan(values).all() and not np.isnan(reference).any():
        return np.full(values.shape, np.nan)
    gap = np.abs(values - reference)
    equal = (values == reference) & np.isfinite(values)
    if may_lack:
        equal |= np.isnan(values) & np.isnan(reference)
    return np.where(equal, 0.0, np.where(np.isnan(gap), np.inf, gap))


def _call_seconds(predict: Callable[[Array], Any], x: Array, clock: Clock) -> list[float]:
    call = predict
    for _ in range(PREDICTION_WARM_UP_CALLS):
        if type(predict(x)) is not np.ndarray:  # which may compute its values only when they are asked for

            def call(rows: Array) -> Any:
                return np.asarray(predict(rows))

    seconds: list[float] = []
    with _no_garbage_collection():
        end = clock() + PREDICTION_SECONDS
        while len(seconds) < FEWEST_PREDICTION_CALLS or clock() < end:
            np.multiply(x, NEXT_ROWS, out=x)
            before = clock()
            call(x)
            seconds.append(clock() - before)
    return seconds


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Collect garbage first and then not until the end, so that no collection falls into the timed part."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _check_calls(calls: int, task: Task) -> None:
    if calls != task.epochs:
        raise ValueError(f"fit called on_epoch_end {calls} times: it must do so after each of {task.epochs} epochs")


def _save(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write an .npz file whole or not at all, since the worker may be killed at any moment."""
    with replacing(path) as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def _floats(outputs: Array) -> list[float]:
    return [float(value) for value in outputs.ravel()]
