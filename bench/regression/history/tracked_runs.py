"""The history of runs: a line a run in `results/history.jsonl`; lines are only ever added.

Called by the command `track`. A line has ratios to the floor and to Keras in the same run, which can be compared between machines,
and seconds, which can't. Finding change points is left to `change_points`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from bench.files import append_line

if TYPE_CHECKING:
    from bench.analysis.summary import Analysis
    from bench.records import Environment

SCHEMA_VERSION = 1
SUBJECT = "numpy_nn"
REFERENCES = ("floor", "keras", "keras-tuned")
VERSIONED = ("numpy", "keras", "tensorflow")
"""The packages that a ratio depends on."""


class TrackedRun(BaseModel):
    """A tracked run: a line of the history."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = SCHEMA_VERSION
    run_id: str
    commit: str | None
    dirty: bool | None
    date: str
    quick: bool
    machine: dict[str, str]
    """The machine and the versions; `fingerprint` identifies them."""
    ratios: dict[str, float]
    """`numpy_nn` to a reference of the same run, by "workload: measure / reference"."""
    seconds: dict[str, float]
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
    """The runs in `path`, oldest first, and a message for each damaged line, which is ignored and left in the file."""
    runs: list[TrackedRun] = []
    damaged: list[str] = []
    if not path.exists():
        return runs, damaged
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            runs.append(TrackedRun.model_validate_json(line))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            damaged.append(f"{path.name}, line {number}: {place + ': ' if place else ''}{first['msg']}")
    return runs, damaged


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
        "memory": f"{environment.memory_bytes / 2**30:.0f} GiB",
        "system": environment.operating_system.partition("-")[0],
        "python": ".".join(environment.python.split(".")[:2]),
        "blas": environment.blas,
        "threads": str(threads),
        **{name: environment.versions[name] for name in VERSIONED if name in environment.versions},
    }
