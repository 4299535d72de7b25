"""The history of runs: a line a run in `results/history.jsonl`; lines are only ever added.

Called by the command `track`. A line has ratios to the floor and to Keras in the same run, which can be compared between machines,
and seconds, which can't. Finding change points is left to `change_points`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.files import append_line, read_regular
from bench.records.models import Moment, Seconds, Text, Version
from bench.records.validation_errors import first_mistake

if TYPE_CHECKING:
    from bench.analysis.summary import Analysis
    from bench.records import Environment

SCHEMA_VERSION = 1
SUBJECT = "numpy_nn"
REFERENCES = ("floor", "keras", "keras-tuned")
VERSIONED = ("numpy", "keras", "tensorflow")
"""The packages that a ratio depends on."""
HISTORY_LIMIT_BYTES = 50_000_000
Ratio = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class TrackedRun(BaseModel):
    """A tracked run: a line of the history."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Version = SCHEMA_VERSION
    run_id: Text
    commit: Text | None
    dirty: bool | None
    date: Moment
    quick: bool
    machine: dict[Text, Text]
    """The machine and the versions; `fingerprint` identifies them."""
    ratios: dict[Text, Ratio]
    """`numpy_nn` to a reference of the same run, by "workload: measure / reference"."""
    seconds: dict[Text, Seconds]
    """By "workload: measure"."""

    @property
    def fingerprint(self) -> str:
        """A short name of the machine, its versions and the kind of run; only runs with the same one are compared."""
        text = "\n".join(f"{key}={value}" for key, value in sorted({**self.machine, "quick": str(self.quick)}.items()))
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    @property
    def label(self) -> str:
        """The commit, short; with a + where there were uncommitted changes."""
        return (self.commit or "no commit")[:9] + ("+" if self.dirty else "")


def tracked(analysis: Analysis) -> TrackedRun:
    """The line of a run.

    Raises
    ------
    ValueError
        If the run has no times of `numpy_nn`.

    """
    ratios, times, run = analysis.ratios, analysis.times, analysis.data.run
    ours = ratios[(ratios.contestant == SUBJECT) & ratios.reference.isin(REFERENCES)]
    seconds = times[times.contestant == SUBJECT]
    if seconds.empty:
        raise ValueError(f"{analysis.data.directory} can't be tracked: it has no times of {SUBJECT}")
    keys = ours.workload + ": " + ours.measure + " / " + ours.reference
    return TrackedRun(
        run_id=run.run_id,
        commit=run.environment.commit,
        dirty=run.environment.dirty,
        date=run.environment.date,
        quick=run.quick,
        machine=_machine(run.environment, run.threads),
        ratios=dict(zip(keys, ours.ratio.astype(float), strict=True)),
        seconds=dict(zip(seconds.workload + ": " + seconds.measure, seconds["median"].astype(float), strict=True)),
    )


def read_history(path: Path) -> tuple[list[TrackedRun], list[str]]:
    """The runs in `path`, oldest first, and a message for each line that is damaged or a copy: these are ignored, and left there.

    Raises
    ------
    OSError
        If it is no regular file, too large, or can't be read.

    """
    runs: dict[str, TrackedRun] = {}
    damaged: list[str] = []
    try:
        content = read_regular(path, HISTORY_LIMIT_BYTES, follow_links=False)
    except FileNotFoundError:
        return [], damaged
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            run = TrackedRun.model_validate_json(line.strip())
        except ValidationError as error:
            damaged.append(f"{path.name}, line {number}: {first_mistake(error, TrackedRun)}")
            continue
        if run.run_id in runs:
            damaged.append(f"{path.name}, line {number}: the run {run.run_id} stands in an earlier line")
        runs.setdefault(run.run_id, run)
    return list(runs.values()), damaged


def add(path: Path, run: TrackedRun, history: Sequence[TrackedRun]) -> bool:
    """Append `run` to `path`, unless it is there already; whether it was appended."""
    if any(earlier.run_id == run.run_id for earlier in history):
        return False
    append_line(path, run.model_dump_json())
    return True


def _machine(environment: Environment, threads: int) -> dict[str, str]:
    """What can change a ratio without a change of the code; without kernels and exact memory sizes, which differ between jobs."""
    return {
        "cpu": environment.cpu,
        "cores": str(environment.cores),
        **({"memory": f"{environment.memory_bytes / 2**30:.0f} GiB"} if environment.memory_bytes is not None else {}),
        "system": environment.operating_system.partition("-")[0],
        "python": ".".join(environment.python.split(".")[:2]),
        "blas": environment.blas,
        "threads": str(threads),
        **{name: environment.versions[name] for name in VERSIONED if name in environment.versions},
    }
