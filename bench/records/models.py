"""Records of a trial, an environment and a run: typed, versioned, validated models.

Execution creates them, analysis and report read them; `store` reads and writes the files. `bench/records/schemas/` has their JSON
Schemas for other programs, generated from these models. Files are strict JSON, which has no NaN and no infinity: such floats, which
diverged trainings end in, are written as the strings "NaN", "Infinity" and "-Infinity", and read as floats again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from bench.error_messages import plain, short
from bench.records.workload_records import LARGEST_COUNT, GridValue, Name, check_size, check_workloads

SCHEMA_VERSION = 1
OURS = "numpy_nn"
"""This project's own contestant."""
REFERENCE = "keras"
"""The contestant that parity is measured against and ratios are relative to."""
HEADLINE_WORKLOAD = "moons"
HEADLINE_REFERENCES = ("keras", "keras-tuned")
"""The headline is the ratio of `OURS` to each of these in `HEADLINE_WORKLOAD`."""
LARGEST_DIFFERENCE = 1e-9
"""The largest difference of loss and weights in float64 that counts as rounding. Rounding gives about 1e-15; after one epoch a
mathematical mistake gives more than this."""

TrialKind = Literal["tune", "timed", "turns", "scored", "parity", "parts", "predict"]
"""tune: a contestant chooses its settings. timed: the clock runs over a whole fit, nothing is scored. turns: epochs are timed in
turns with the launch's other contestants. scored: the test set is scored after every epoch, without a clock. parity: weights are
compared with the reference's after every epoch. parts: the same of short trainings with every activation, loss and optimiser.
predict: latency of prediction."""
TrialStatus = Literal["ok", "failed", "diverged", "timeout", "skipped"]
"""diverged: the loss or predictions aren't finite, so there is no accuracy. skipped: never tried; `error` has the rule's reason."""


def _readable(version: int) -> int:
    if version > SCHEMA_VERSION:
        raise ValueError(f"written by a newer version of this project, and this one reads up to {SCHEMA_VERSION}: update it")
    return version


def _plain(value: object) -> object:
    """Escape what is no letter in a text, and in all texts of a list or dict: a record can be printed and written as it is."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    return value


def _moment(text: str) -> str:
    if not 2000 <= datetime.fromisoformat(text).year < 2200:
        raise ValueError("it must be a date of this century or the next, ISO 8601")
    return text


def _share(value: float) -> float:
    if not (math.isnan(value) or 0 <= value <= 1):
        raise ValueError("it must be 0 to 1")
    return value


Version = Annotated[int, Field(ge=1), AfterValidator(_readable)]
Real = Annotated[float, WithJsonSchema({"anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}]})]
"""A float that may be NaN or infinite."""
Text = Annotated[str, BeforeValidator(_plain)]
"""Text of which every character can be shown: others are escaped."""
Moment = Annotated[Text, AfterValidator(_moment)]
"""UTC, ISO 8601."""
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Elapsed = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""Seconds that may be none."""
Share = Annotated[Real, AfterValidator(_share)]
"""0 to 1, or NaN."""
Count = Annotated[int, Field(ge=0, le=LARGEST_COUNT)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
PositiveCount = Annotated[int, Field(ge=1, le=LARGEST_COUNT)]
Number = Annotated[int, Field(ge=0, le=1_000_000)]
"""Of a round or a launch."""


class Record(BaseModel):
    """Base of all records: unknown keys are refused, and instances are immutable."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=True, ser_json_inf_nan="strings", use_attribute_docstrings=True
    )


class Parity(Record):
    """The largest absolute differences to the reference contestant, one value for each epoch."""

    reference: Name
    loss: list[Real]
    accuracy: list[Real]
    weights: list[Real]
    predictions: Real
    """Of the test set's outputs, after the last epoch."""


class PartParity(Record):
    """The largest absolute differences to the reference contestant in a short training of some parts."""

    case: PositiveCount
    reference: Name
    task: Text
    """"two classes", "three classes" or "regression"."""
    activations: Text
    """Of the layers, the last one's included."""
    loss: Text
    optimizer: Text
    """With its arguments."""
    weights_difference: Real
    """Over all epochs; infinite if a value isn't finite, on both sides too."""
    loss_difference: Real
    tolerance: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    """The largest difference that rounding explains."""
    diverged: bool = False
    """Whether weights or a loss of one of the two weren't finite."""


class Latency(Record):
    """Seconds of one call of the fastest prediction of `rows` rows, over `calls` calls."""

    rows: PositiveCount
    compiled_by_hand: bool = False
    """Whether it is a function that a user compiles, not a call of the library."""
    calls: PositiveCount
    median_seconds: Seconds
    p99_seconds: Seconds
    minimum_seconds: Seconds


class Turn(Record):
    """A contestant's turn: whole epochs while the launch's other contestants wait, and what the machine did meanwhile.

    `bench.records.disturbance` judges from these figures whether the turn was disturbed. A meter is None where the system has none.
    """

    epoch_seconds: list[Seconds]
    """Of each epoch but the turn's first, and but the first of a fit."""
    canary_before_seconds: Seconds
    """Of fixed products in the runner, just before the turn."""
    canary_after_seconds: Seconds
    wall_seconds: Seconds
    """Between the two canaries: the turn, and the wait until its threads rest."""
    run_seconds: Elapsed | None = None
    """CPU time of the worker's threads."""
    wait_seconds: Elapsed | None = None
    """For how long the worker's threads waited for a core, all together."""
    other_cpu_seconds: Elapsed | None = None
    """CPU time of all other processes."""
    steal_seconds: Elapsed | None = None
    """What the hypervisor gave to others."""
    suspended_seconds: Elapsed | None = None
    pause: Text | None = None
    """What kept the worker from running, in words: it was stopped, its cores were taken away, a quota throttled it."""
    epochs_done: Count | None = None
    """Of the trial, counted or not, when its test loss was last taken in the turn; None after the first fit, when it trains on."""
    test_loss: Real | None = None
    """Then."""


class Trial(Record):
    """One training of one workload by one contestant from one seed: a line of `trials.jsonl`."""

    schema_version: Version = SCHEMA_VERSION
    run_id: Text
    workload: Name
    contestant: Name
    kind: TrialKind
    seed: Seed
    round: Number
    """Counted from 0 through the run."""
    launch: Number
    """Which worker process of this contestant, counted from 0."""
    point: dict[Name, GridValue] = Field(default_factory=dict)
    """The cell of a grid workload: `width`, `batch`, `layers`, `threads`, in a study (scored trials) any key; empty elsewhere."""
    machine: Text | None = None
    """The host that it ran on; None is the run's own machine."""
    status: TrialStatus
    error: Text | None = None
    disturbed: list[Text] = Field(default_factory=list)
    """What disturbed the attempts before this one, which was measured again because of it."""
    dtype: Text
    threads: PositiveCount
    steps: Count = 0
    """Updates done; 0 where none was. With `turns`, those of the epochs in them."""
    cold_start_seconds: Seconds | None = None
    """From the start of the process to the end of the first step; only in a launch's first trial."""
    build_seconds: Seconds | None = None
    """Building, compiling and the first step, in a process that has done its imports."""
    fit_seconds: Seconds | None = None
    epoch_seconds: list[Seconds] | None = None
    turns: list[Turn] | None = None
    harness_seconds: Elapsed | None = None
    """The harness' own part of `fit_seconds`: the time of a fit that only reports as many epochs."""
    history: dict[str, list[Real]] = Field(default_factory=dict)
    """A value for each epoch of "loss" and "accuracy", in a scored trial also of "val_loss" and "val_accuracy"."""
    test_accuracy: Share | None = None
    """After the last epoch, with the clock stopped."""
    majority_accuracy: Share | None = None
    """The accuracy on the test rows of the answer that is their most frequent class."""
    test_loss: Real | None = None
    test_predictions: list[Real] | None = None
    """Outputs for the test rows after the last epoch (flattened), in scored and parity trials."""
    parity: Parity | None = None
    parts: list[PartParity] | None = None
    latencies: list[Latency] | None = None
    peak_memory_bytes: Count | None = None
    """Of the worker's process since it started."""
    details: Annotated[dict[str, Any], BeforeValidator(_plain)] = Field(default_factory=dict)
    """The contestant's own details: the settings it chose, the machine's peak, ..."""
    arrays: Annotated[str, Field(pattern=r"^\w[\w .+-]*\.npz$", max_length=300)] | None = None
    """File in `arrays/` with the decision surface: `surface` over `surface_x` and `surface_y`. The rows drawn with it are in
    `arrays/<workload>-points.npz`: `x`, `y`, `x_test`, `y_test` of the first seed. With `--film` there is also
    `film` (epochs, rows, columns): the surfaces after the epochs `film_epochs` (from 0), on a coarser grid over the same box."""
    started_at: Moment
    """UTC, ISO 8601."""
    load: dict[str, Real] = Field(default_factory=dict)
    """The system's load during the trial: `other_cpu_share`, `steal_share`, `load_1min`, `frequency_mhz`, as far as it is known;
    of a timed trial also `canary_before_seconds` and `canary_after_seconds`."""

    @model_validator(mode="after")
    def _fits_together(self) -> Trial:
        if self.kind != "scored":  # those of a study may have any key
            for axis, value in self.point.items():
                check_size("point", axis, value)
        if self.history and "loss" not in self.history:
            raise ValueError("history lacks the loss: it must have a value for each epoch")
        if len({len(values) for values in self.history.values()}) > 1:
            raise ValueError("history has lists of different lengths: each must have a value for each epoch")
        if not isinstance(self.details.get("options", {}), Mapping):
            raise ValueError(f"details.options is {short(self.details['options'])}: it must be a table of settings")
        return self


class ContestantRecord(Record):
    """A contestant of the run, with its row of the fairness table."""

    name: Name
    summary: Text
    batch_order: Text
    clock_includes: Text
    parity: bool
    peer: bool
    trains: bool
    missing: list[Text] = Field(default_factory=list)
    install: Text = ""
    target: Text = ""
    """Its class, as `module:Class` or `file.py:Class`, by which a resumed run finds your own contestants."""


class InputRecord(Record):
    """A file that the run reads, as it was when the run began; a resumed run refuses another."""

    kind: Literal["workload", "data", "contestant"]
    used_by: Text
    """The workload or contestant."""
    path: Text
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    size_bytes: Count
    rows: Count | None = None
    """Of data: samples and features."""
    features: Count | None = None


class Environment(Record):
    """The machine and the software of a run; None where a value is unknown."""

    cpu: Text
    cores: PositiveCount
    memory_bytes: Count | None
    operating_system: Text
    python: Text
    versions: dict[Text, Text]
    blas: Text
    blas_threads: PositiveCount
    commit: Text | None
    dirty: bool | None
    date: Moment
    load_1min: float | None
    clock_resolution_seconds: float
    affinity: list[int] | None = None
    """The processors that the run may use."""
    cpu_quota: float | None = None
    """The cores that a control group's quota allows; None if there is no quota."""
    dropped_variables: list[Text] = Field(default_factory=list)
    """Environment variables of the user's that could change a result, and that workers don't get."""


class MachineRecord(Record):
    """Another machine that a run was given trials on."""

    name: Text
    """Its host's."""
    cpu: Text
    cores: PositiveCount
    operating_system: Text
    blas: Text


class Run(Record):
    """A run, which is all that one call measures: `run.json`."""

    schema_version: Version = SCHEMA_VERSION
    run_id: Text
    command: list[Text]
    quick: bool
    seed: Seed
    threads: PositiveCount
    workloads: Annotated[list[dict[str, Any]], BeforeValidator(_plain), AfterValidator(check_workloads)]
    """Each as `Workload.model_dump` of `bench.workloads.models` returns it."""
    contestants: list[ContestantRecord]
    environment: Environment
    machines: list[MachineRecord] = Field(default_factory=list)
    """The machines of the run's cluster but its own."""
    inputs: list[InputRecord] = Field(default_factory=list)
    """Of workloads, data and contestants of your own; empty in the runs of older versions."""
    sources_sha256: str | None = None
    """Of the code that trials run: `numpy_nn`, `keras_ref`, and the harness' contestants, execution and workloads."""
    status: Literal["running", "complete", "interrupted"] = "running"
    stop_reason: Text | None = None
    """Why no more rounds were added."""
    elapsed_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    notes: list[Text] = Field(default_factory=list)

    @model_validator(mode="after")
    def _names_are_unique(self) -> Run:
        names = [record.name for record in self.contestants]
        if len(set(names)) < len(names):
            raise ValueError(f"contestants has {max(names, key=names.count)!r} twice")
        return self
