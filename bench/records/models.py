"""Records of a trial, an environment and a run: typed, versioned, validated models.

Execution creates them, analysis and report read them; `store` reads and writes the files. `bench/records/schemas/` has their JSON
Schemas for other programs, generated from these models. Files are strict JSON, which has no NaN and no infinity: such floats, which
diverged trainings end in, are written as the strings "NaN", "Infinity" and "-Infinity", and read as floats again.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

SCHEMA_VERSION = 1
REFERENCE = "keras"
"""The contestant that parity is measured against and ratios are relative to."""

TrialKind = Literal["tune", "timed", "scored", "parity", "predict"]
"""tune: a contestant chooses its settings. timed: the clock runs, nothing is scored. scored: the test set is scored after every
epoch, without a clock. parity: weights are compared with the reference's after every epoch. predict: latency of prediction."""
TrialStatus = Literal["ok", "failed", "diverged", "timeout", "skipped"]
"""diverged: the loss or predictions aren't finite, so there is no accuracy. skipped: never tried; `error` has the rule's reason."""


def _readable(version: int) -> int:
    if version > SCHEMA_VERSION:
        raise ValueError(f"written by a newer version of this project, and this one reads up to {SCHEMA_VERSION}: update it")
    return version


Version = Annotated[int, Field(ge=1), AfterValidator(_readable)]
Real = Annotated[float, WithJsonSchema({"anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}]})]
"""A float that may be NaN or infinite."""


class Record(BaseModel):
    """Base of all records: unknown keys are refused, and instances are immutable."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=True, ser_json_inf_nan="strings", use_attribute_docstrings=True
    )


class Parity(Record):
    """The largest absolute differences to the reference contestant, one value for each epoch."""

    reference: str
    loss: list[Real]
    accuracy: list[Real]
    weights: list[Real]
    predictions: Real
    """Of the test set's outputs, after the last epoch."""


class Latency(Record):
    """Seconds of one call of the fastest prediction of `rows` rows, over `calls` calls."""

    rows: int
    compiled_by_hand: bool = False
    """Whether it is a function that a user compiles, not a call of the library."""
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
    disturbed: list[str] = Field(default_factory=list)
    """What disturbed the attempts before this one, which was measured again because of it."""
    dtype: str
    threads: int
    steps: int = 0
    """Updates done; 0 where none was."""
    cold_start_seconds: Real | None = None
    """From the start of the process to the end of the first step; only in a launch's first trial."""
    build_seconds: Real | None = None
    """Building, compiling and the first step, in a process that has done its imports."""
    fit_seconds: Real | None = None
    epoch_seconds: list[Real] | None = None
    harness_seconds: Real | None = None
    """The harness' own part of `fit_seconds`: the time of a fit that only reports as many epochs."""
    history: dict[str, list[Real]] = Field(default_factory=dict)
    """A value for each epoch of "loss" and "accuracy", in a scored trial also of "val_loss" and "val_accuracy"."""
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
    """The contestant's own details: the settings it chose, the machine's peak, ..."""
    arrays: str | None = None
    """File in `arrays/` with the decision surface: `surface` over `surface_x` and `surface_y`. The rows drawn with it are in
    `arrays/<workload>-points.npz`: `x`, `y`, `x_test`, `y_test` of the first seed. With `--film` there is also
    `film` (epochs, rows, columns): the surfaces after the epochs `film_epochs` (from 0), on a coarser grid over the same box."""
    started_at: str
    """UTC, ISO 8601."""
    load: dict[str, Real] = Field(default_factory=dict)
    """The system's load during the trial: `other_cpu_share`, `steal_share`, `load_1min`, `frequency_mhz`, as far as it is known."""


class ContestantRecord(Record):
    """A contestant of the run, with its row of the fairness table."""

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
    """Its class, as `module:Class` or `file.py:Class`, by which a resumed run finds your own contestants."""


class Environment(Record):
    """The machine and the software of a run; None where a value is unknown."""

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
    affinity: list[int] | None = None
    """The processors that the run may use."""
    cpu_quota: float | None = None
    """The cores that a control group's quota allows; None if there is no quota."""
    dropped_variables: list[str] = Field(default_factory=list)
    """Environment variables of the user's that could change a result, and that workers don't get."""


class Run(Record):
    """A run, which is all that one call measures: `run.json`."""

    schema_version: Version = SCHEMA_VERSION
    run_id: str
    command: list[str]
    quick: bool
    seed: int
    threads: int
    workloads: list[dict[str, Any]]
    """Each as `Workload.model_dump` of `bench.workloads.models` returns it."""
    contestants: list[ContestantRecord]
    environment: Environment
    status: Literal["running", "complete", "interrupted"] = "running"
    stop_reason: str | None = None
    """Why no more rounds were added."""
    elapsed_seconds: float | None = None
    notes: list[str] = Field(default_factory=list)
