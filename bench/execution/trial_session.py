"""The trials of one worker process: builds the contestant of each request and has it measured.

Called by the worker. `bench.execution.measurement` measures a contestant that has been built; the runner's side handles processes,
time limits and crashes. Imports NumPy, contestants and the standard library only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.contestants.base import Array, Contestant, Task
from bench.execution.measurement import Clock, Figures, Measurement, Own
from bench.execution.messages import READY, Request
from bench.execution.parts_parity import compare_parts
from bench.execution.peak_memory import peak_memory_bytes
from bench.execution.together import requests_of, scored_together
from bench.execution.trial_checks import arrays_of, check_details, check_file, check_first_weights, check_table, read_arrays
from bench.execution.turns import Exchange


class TrialSession:
    """Runs one process' trials, one after the other.

    Parameters
    ----------
    load
        Returns a contestant's class by its target.
    clock
        Returns seconds.
    mark
        Tells the runner that something happens now.

    """

    def __init__(
        self, load: Callable[[str], type[Any]], clock: Clock = time.perf_counter, mark: Callable[[str], None] = lambda _: None
    ) -> None:
        self._load = load
        self._clock = clock
        self._mark = mark
        self._kept: tuple[Request, Measurement] | None = None

    def measure(self, request: Request, exchange: Exchange = lambda _: None) -> Figures:
        """Run the trial that `request` asks for; `exchange` is how it talks with the runner while it takes turns.

        Raises
        ------
        Exception
            Any error of the contestant, and ValueError where it breaks its interface.

        """
        check_file(Path(request.paths.data), request.data_sha256)
        started = self._clock() if request.spawned_at is None else request.spawned_at
        if request.kind == "tune":
            return _tune(self._load(request.target), read_task(request))
        if request.kind == "parts":
            return {**compare_parts(self._load(request.target), request), "peak_memory_bytes": peak_memory_bytes()}
        if request.together and len(requests := requests_of(request)) > 1:
            return self._measure_together(requests)
        same = replace(request, spawned_at=None, id="", together=())
        kept, self._kept = self._kept, None
        again = kept is not None and kept[0] == same
        measurement = kept[1] if kept is not None and again else self._build(request, exchange)
        ready_after = self._clock() - started
        self._mark(READY)
        figures = measurement.figures()
        if not again:
            figures["build_seconds" if request.spawned_at is None else "cold_start_seconds"] = ready_after
        figures.setdefault("peak_memory_bytes", peak_memory_bytes())
        figures["details"] = {**check_details(measurement.contestant.details()), **figures.get("details", {})}
        if request.keep:
            self._kept = same, measurement
        return figures

    def _measure_together(self, requests: Sequence[Request]) -> Figures:
        """Return the figures of the first request, with the others' in its details."""
        for request in requests:
            check_file(Path(request.paths.data), request.data_sha256)
        own, *others = scored_together(self._load(requests[0].target), [read_task(request) for request in requests])
        figures: Figures = {"peak_memory_bytes": peak_memory_bytes(), **(own or {})}
        figures["details"] = {**figures["details"], "together": others}
        return figures

    def _build(self, request: Request, exchange: Exchange) -> Measurement:
        task = read_task(request)
        own = _own(request)
        contestant: Contestant = self._load(request.target)(replace(task))  # a copy: one that is changed changes nothing here
        if request.kind != "predict":  # predictions take no training step
            contestant.warm_up()
            if request.learns:
                check_first_weights(arrays_of(contestant.get_weights()), own.weights)
        return Measurement(contestant, task, request, self._clock, own, self._mark, exchange)


def read_task(request: Request) -> Task:
    """Return the task of a request, with the arrays of its data file, which are read-only."""
    arrays = read_arrays(Path(request.paths.data))
    data: dict[str, Any] = {name: arrays[name] for name in ("x", "y", "x_test", "y_test")}
    return Task(**vars(request.task), **data, weights=_weights(arrays))


def _own(request: Request) -> Own:
    """Return the harness' own copies, read before the contestant is made."""
    names = {"y_test", *(f"weights_{index}" for index in range(2 * len(request.task.architecture)))}
    arrays = read_arrays(Path(request.paths.data), names)
    return Own(arrays["y_test"], _weights(arrays))


def _weights(arrays: Mapping[str, Array]) -> list[Array]:
    count = sum(name.startswith("weights_") for name in arrays)
    return [arrays[f"weights_{index}"] for index in range(count)]


def _tune(contestant_class: type[Any], task: Task) -> Figures:
    """Return the settings that the contestant chose as `details["options"]`; nothing if it has none to choose."""
    options = check_table(contestant_class.tune(task), "tune")
    return {"details": {"options": options}, "peak_memory_bytes": peak_memory_bytes()} if options else {}
