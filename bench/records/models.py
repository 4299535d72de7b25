"""What a trial, an environment and a run are on disk: typed, versioned, validated models.

Execution makes them, analysis and report read them; `store` reads and writes the files. Others read them by their JSON Schemas in
`bench/records/schemas/`, made from these models. They are strict JSON, which has no number for what a diverged training ends in:
such a float is written as the string "NaN", "Infinity" or "-Infinity", and read as a float again.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

SCHEMA_VERSION = 1
REFERENCE = "keras"
"""The contestant that parity is measured against, and that ratios are quoted to."""

TrialKind = Literal["tune", "timed", "scored", "parity", "predict"]
"""tune: a contestant chooses its settings. timed: the clock runs, nothing is scored. scored: the test set is scored after every
epoch, no clock. parity: weights compared with the reference's after every epoch. predict: latency of prediction."""
TrialStatus = Literal["ok", "failed", "timeout", "skipped"]
"""skipped: not tried, by a rule that `error` states."""


def _readable(version: int) -> int:
    if version > SCHEMA_VERSION:
        raise ValueError(f"written by a newer version of this project, and this one reads up to {SCHEMA_VERSION}: update it")
    return version


Version = Annotated[int, Field(ge=1), AfterValidator(_readable)]
Real = Annotated[float, WithJsonSchema({"anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}]})]
"""A float that may be none that JSON has."""


class Record(BaseModel):
    """What all records share: unknown keys are refused, and nothing changes once it is read."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=True, ser_json_inf_nan="strings", use_attribute_docstrings=True
    )


class Parity(Record):
    """The largest absolute differences to the reference contestant, a value an epoch."""

    reference: str
    loss: list[Real]
    accuracy: list[Real]
    weights: list[Real]
    predictions: Real
    """Of the test set's outputs, after the last epoch."""


class Latency(Record):
    """Seconds a call of the fastest prediction of `rows` rows took, over `calls` calls."""

    rows: int
    compiled_by_hand: bool = False
    """Not one of the library's own calls, but a function that its user compiles from it."""
    calls: int
    median_seconds: Real
    p99_seconds: Real
    minimum_seconds: Real


class Trial(Record):
    """One training of one workload by one contestant from one seed: a line of `trials.jsonl`."""

    schema_version: Version = SCHEMA_VERSION
    run_id: str
    workload: str
    contestant: str
    kind: TrialKind
    seed: int
    round: int
    """Counted from 0 through the run."""
    launch: int
    """Which worker process of this contestant, counted from 0."""
    point: dict[str, int] = Field(default_factory=dict)
    """The cell of a grid workload (`width`, `batch`, `layers`, `threads`); empty elsewhere."""
    status: TrialStatus
    error: str | None = None
    dtype: str
    threads: int
    steps: int = 0
    """Updates done; 0 where none was."""
    cold_start_seconds: Real | None = None
    """From the start of the process until the first step had been done; only in a launch's first trial."""
    build_seconds: Real | None = None
    """Building, compiling and the first step, in a process where the imports had been done."""
    fit_seconds: Real | None = None
    epoch_seconds: list[Real] | None = None
    harness_seconds: Real | None = None
    """What the clock shows for a fit that does nothing but tell of as many epochs: the harness' own part of `fit_seconds`."""
    history: dict[str, list[Real]] = Field(default_factory=dict)
    """"loss" and "accuracy" an epoch; in a scored trial "val_loss" and "val_accuracy" beside them."""
    test_accuracy: Real | None = None
    """After the last epoch, with the clock stopped."""
    test_loss: Real | None = None
    test_predictions: list[Real] | None = None
    """Outputs for the test rows after the last epoch (flattened), in scored and parity trials."""
    parity: Parity | None = None
    latencies: list[Latency] | None = None
    peak_memory_bytes: int | None = None
    """Of the worker's process since it started."""
    details: dict[str, Any] = Field(default_factory=dict)
    """What the contestant says of itself: the settings it chose, the machine's peak, ..."""
    arrays: str | None = None
    """File in `arrays/` with what is too large for a line: the decision surface `surface` over `surface_x`, `surface_y`."""
    started_at: str
    """UTC, ISO 8601."""
    load: dict[str, Real] = Field(default_factory=dict)
    """The machine around this trial: `other_cpu_share`, `steal_share`, `load_1min`, `frequency_mhz`, where they can be had."""


class ContestantRecord(Record):
    """A contestant of the run, with what the fairness table says of it."""

    name: str
    summary: str
    batch_order: str
    clock_includes: str
    parity: bool
    peer: bool
    trains: bool
    missing: list[str] = Field(default_factory=list)
    install: str = ""
    target: str = ""
    """Where its class is (`module:Class` or `file.py:Class`), so that a resumed run finds your own again."""


class Environment(Record):
    """The machine and the software that a run ran on; None is what could not be had."""

    cpu: str
    cores: int
    memory_bytes: int
    operating_system: str
    python: str
    versions: dict[str, str]
    blas: str
    blas_threads: int
    commit: str | None
    dirty: bool | None
    date: str
    load_1min: float | None
    clock_resolution_seconds: float


class Run(Record):
    """All that one call measures: `run.json`."""

    schema_version: Version = SCHEMA_VERSION
    run_id: str
    command: list[str]
    quick: bool
    seed: int
    threads: int
    workloads: list[dict[str, Any]]
    """Each as `bench.workloads.models.Workload` dumps itself."""
    contestants: list[ContestantRecord]
    environment: Environment
    status: Literal["running", "complete", "interrupted"] = "running"
    stop_reason: str | None = None
    """Why no more rounds were added."""
    elapsed_seconds: float | None = None
    notes: list[str] = Field(default_factory=list)
