"""What the runner asks of a worker: one trial, as a line of JSON, with the arrays in a file beside it.

Written by the runner's side (`request_builder`), read by the worker. Standard library only: what a worker imports is counted as the
contestant's.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Request:
    """One trial, with everything that a worker must know to run it."""

    kind: str
    """One of `bench.records.TrialKind`."""
    target: str
    """The contestant's class: `module:Class`, or `path/to/file.py:Class`."""
    data: str
    """An .npz file: x, y, x_test, y_test, and the first weights as weights_0, weights_1, ..."""
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
    reference: str | None = None
    """parity: the contestant whose trajectory the others are compared with."""
    trajectory: str | None = None
    """parity: the file that the reference writes and that the others read."""
    is_reference: bool = False
    surface: str | None = None
    """scored: the file to write the decision surface to; None where none is wanted."""
    surface_box: tuple[float, float, float, float] | None = None
    """scored: x from, x to, y from, y to."""
    prediction_rows: Sequence[int] = ()
    """predict: the numbers of rows whose latency is measured."""
    keep: bool = False
    """The contestant is kept, and used again where the next request is the same: for rounds in which nothing is built anew."""
    spawned_at: float | None = None
    """`time.perf_counter()` of the runner just before it started the process; only in a process' first trial. The worker may
    subtract it: the clock counts from a point that processes share (CLOCK_MONOTONIC, mach_absolute_time, QueryPerformanceCounter).
    """

    def to_line(self) -> str:
        return json.dumps(dataclasses.asdict(self)) + "\n"

    @classmethod
    def from_line(cls, line: str) -> Request:
        return cls(**json.loads(line))
