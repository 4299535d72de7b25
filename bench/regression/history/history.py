"""The history of the main job's runs: a line each in `results/history.jsonl`, which is only ever added to.

Called by the command `track`. A line has figures that carry from machine to machine (ratios to the floor and to Keras in the same
run) beside those that don't (seconds). Where the trend bends is left to `changes`.
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


class Tracked(BaseModel):
    """A tracked run: a line of the history."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = SCHEMA_VERSION
    run_id: str
    commit: str | None
    dirty: bool | None
    date: str
    quick: bool
    machine: dict[str, str]
    """What it ran on, and with which versions; `fingerprint` tells two of these apart."""
    ratios: dict[str, float]
    """`numpy_nn` to a reference of the same run, by "workload: measure / reference"."""
    seconds: dict[str, float]
    """By "workload: measure"; of this machine and this hour."""

    @property
    def fingerprint(self) -> str:
        """A short name of the machine, its versions and the kind of run: ratios are compared within one of these only."""
        text = "\n".join(f"{key}={value}" for key, value in sorted({**self.machine, "quick": str(self.quick)}.items()))
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    @property
    def label(self) -> str:
        """The commit, short; with a + where there were uncommitted changes."""
        return (self.commit or "no commit")[:9] + ("+" if self.dirty else "")


def tracked(analysis: Analysis) -> Tracked:
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
    return Tracked(
        run_id=run.run_id,
        commit=run.environment.commit,
        dirty=run.environment.dirty,
        date=run.environment.date,
        quick=run.quick,
        machine=_machine(run.environment, run.threads),
        ratios=dict(zip(keys, ours.ratio.astype(float), strict=True)),
        seconds=dict(zip(seconds.workload + ": " + seconds.measure, seconds["median"].astype(float), strict=True)),
    )


def read_history(path: Path) -> tuple[list[Tracked], list[str]]:
    """The runs in `path`, oldest first, and which lines are damaged, by number, with why: these are kept out, and left in place."""
    runs: list[Tracked] = []
    damaged: list[str] = []
    if not path.exists():
        return runs, damaged
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            runs.append(Tracked.model_validate_json(line))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            damaged.append(f"{path.name}, line {number}: {place + ': ' if place else ''}{first['msg']}")
    return runs, damaged


def add(path: Path, run: Tracked, history: Sequence[Tracked]) -> bool:
    """Append `run` to `path`, unless it is there already; whether it was appended."""
    if any(earlier.run_id == run.run_id for earlier in history):
        return False
    append_line(path, run.model_dump_json())
    return True


def _machine(environment: Environment, threads: int) -> dict[str, str]:
    """What may change a ratio although the code hasn't changed; kernels and exact memory sizes differ from job to job."""
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
