"""The trials of one worker process: builds the contestant of each request and has it measured.

Called by the worker. `bench.execution.measurement` measures a contestant that has been built; the runner's side handles processes,
time limits and crashes. Imports NumPy, contestants and the standard library only.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from bench.contestants.base import Contestant, Task
from bench.execution.measurement import Clock, Figures, Measurement, peak_memory_bytes
from bench.execution.messages import Request
from bench.execution.turns import Exchange


class TrialSession:
    """Runs one process' trials, one after the other.

    Parameters
    ----------
    load
        Returns a contestant's class by its target.
    clock
        Returns seconds.

    """

    def __init__(self, load: Callable[[str], type[Any]], clock: Clock = time.perf_counter) -> None:
        self._load = load
        self._clock = clock
        self._kept: tuple[Request, Measurement] | None = None

    def measure(self, request: Request, exchange: Exchange = lambda _: None) -> Figures:
        """Run the trial that `request` asks for; `exchange` is how it talks with the runner while it takes turns.

        Raises
        ------
        Exception
            Any error of the contestant, and ValueError where it breaks its interface.

        """
        started = self._clock() if request.spawned_at is None else request.spawned_at
        if request.kind == "tune":
            return _tune(self._load(request.target), read_task(request))
        same = replace(request, spawned_at=None)
        kept, self._kept = self._kept, None
        again = kept is not None and kept[0] == same
        measurement = kept[1] if kept is not None and again else self._build(request, exchange)
        ready_after = self._clock() - started
        figures = measurement.figures()
        if not again:
            figures["build_seconds" if request.spawned_at is None else "cold_start_seconds"] = ready_after
        figures.setdefault("peak_memory_bytes", peak_memory_bytes())
        figures["details"] = {**figures.get("details", {}), **measurement.contestant.details()}
        if request.keep:
            self._kept = same, measurement
        return figures

    def _build(self, request: Request, exchange: Exchange) -> Measurement:
        task = read_task(request)
        contestant: Contestant = self._load(request.target)(task)
        if request.kind != "predict":  # predictions take no training step
            contestant.warm_up()
        return Measurement(contestant, task, request, self._clock, exchange)


def read_task(request: Request) -> Task:
    """Return the task of a request, with the arrays of its data file."""
    with np.load(request.paths.data, allow_pickle=False) as arrays:
        count = sum(name.startswith("weights_") for name in arrays.files)
        weights = [arrays[f"weights_{index}"] for index in range(count)]
        data = {name: arrays[name] for name in ("x", "y", "x_test", "y_test")}
    return Task(**vars(request.task), **data, weights=weights)


def _tune(contestant_class: type[Any], task: Task) -> Figures:
    """Return the settings that the contestant chose as `details["options"]`; nothing if it has none to choose."""
    options = dict(contestant_class.tune(task))
    return {"details": {"options": options}, "peak_memory_bytes": peak_memory_bytes()} if options else {}
