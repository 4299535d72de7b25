"""The messages between the runner and a worker: one request is one trial, as a line of JSON that names files of arrays.

A request for turns is followed by words: the least seconds of the next turn, or null after the last.

Written by the runner's side (`request_builder`), read by the worker. Standard library only: what a worker imports counts as the
contestant's memory and cold start.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

READY, FIT_BEGINS, FIT_ENDED = MARKS = ("ready", "fit begins", "fit ended")
"""What a worker tells of while it answers; ready: the contestant has been built and warmed up."""


def word_line(seconds: float | None) -> str:
    """Return the line that asks for a turn of at least so many seconds, or ends the turns."""
    return json.dumps(seconds) + "\n"


def word_of(line: str) -> float | None:
    """Return the word in a line; a pipe that has ended, which gives an empty line, ends the turns too."""
    seconds = json.loads(line or "null")
    return None if seconds is None else float(seconds)


@dataclass(frozen=True)
class TaskSpec:
    """The fields of `bench.contestants.base.Task` but its arrays, by the same names."""

    architecture: Sequence[Mapping[str, Any]]
    loss: str
    optimizer: Mapping[str, Any]
    batch_size: int | None
    epochs: int
    dtype: str
    threads: int
    seed: int
    shuffle: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Paths:
    """The .npz files of a trial."""

    data: str
    """Read: x, y, x_test, y_test, and the first weights as weights_0, weights_1, ..."""
    trajectory: str | None = None
    """parity, parts: written by the reference, read by all others."""
    surface: str | None = None
    """scored: written with the decision surface; None where none is wanted."""


@dataclass(frozen=True)
class Request:
    """One trial: its kind, its task and its files, and what single kinds need besides."""

    kind: str
    """One of `bench.records.TrialKind`."""
    target: str
    """The contestant's class: `module:Class`, or `path/to/file.py:Class`."""
    task: TaskSpec
    paths: Paths
    reference: str | None = None
    """parity, parts: the contestant whose trajectory this one is compared with; None for the reference itself."""
    quick: bool = False
    """parts: train a third of the cases."""
    surface_box: Sequence[float] | None = None
    """scored: the decision surface's x from, x to, y from, y to."""
    film_epochs: Sequence[int] = ()
    """scored: the epochs, counted from 0, after which the decision surface is kept for a film."""
    prediction_rows: Sequence[int] = ()
    """predict: the numbers of rows whose latency is measured."""
    learns: bool = True
    """False: it has no loss, and its predictions are no network's."""
    data_sha256: str | None = None
    """Of the data file, which the worker compares before the trial and the runner after it."""
    rows: int = 0
    """That are trained on; 0 if the steps of the answer aren't to be checked."""
    shows_weights: bool = False
    """timed, scored: the answer has the weights after the fit, from which the runner predicts too."""
    id: str = ""
    """Of this request alone; the answer carries it."""
    together: Sequence[Mapping[str, Any]] = ()
    """scored: the other seeds of a study's cell that are trained in the same call, each with its `seed`, `data` and `sha256`;
    `details.together` of the answer has their figures."""
    keep: bool = False
    """Keep the contestant, and use it again if the next request is the same: for rounds that build nothing."""
    spawned_at: float | None = None
    """`time.perf_counter()` of the runner just before it started the process; only in a process' first trial. The worker may
    subtract it: the clock counts from a point that processes share (CLOCK_MONOTONIC, mach_absolute_time, QueryPerformanceCounter).
    """

    def to_line(self) -> str:
        return json.dumps(dataclasses.asdict(self)) + "\n"

    @classmethod
    def from_line(cls, line: str) -> Request:
        fields = json.loads(line)
        return cls(**{**fields, "task": TaskSpec(**fields["task"]), "paths": Paths(**fields["paths"])})
