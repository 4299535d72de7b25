"""The history of runs: a line a run in `results/history.jsonl`; lines are only ever added, and may stand in any order.

Called by the command `track`. A line has ratios to the floor and to Keras in the same run, which can be compared between machines,
and seconds, which can't. Finding change points is left to `change_points`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from bench.child_processes import git_answer
from bench.files import append_line, read_regular
from bench.records.json_lines import LIMIT_BYTES, read_json_lines
from bench.records.models import Text
from bench.records.validation_errors import first_mistake

if TYPE_CHECKING:
    from bench.analysis.summary import Analysis
    from bench.records import Environment, Trial

SCHEMA_VERSION: Literal[1] = 1
_COMMIT = re.compile("[0-9a-f]{7,64}")
SUBJECT = "numpy_nn"
REFERENCES = ("floor", "keras", "keras-tuned")
VERSIONED = ("numpy", "keras", "tensorflow")
"""The packages that a ratio depends on."""
LINE_BEGINNING = b'{"schema_version":'


def _dated(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("must have a time zone")
    return text


Date = Annotated[str, AfterValidator(_dated)]
LEAST, MOST = 1e-12, 1e12
"""Of a ratio or of seconds: anything beyond is no measurement, and too large for a plot."""
Positive = Annotated[float, Field(ge=LEAST, le=MOST, allow_inf_nan=False)]


class TrackedRun(BaseModel):
    """A tracked run: a line of the history."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = SCHEMA_VERSION
    run_id: Text
    commit: Text | None
    dirty: bool | None
    date: Date
    commit_date: Date | None = None
    """When the commit was made; lines of earlier versions don't have it."""
    quick: bool
    machine: dict[Text, Text]
    """The machine and the versions; `fingerprint` identifies them."""
    ratios: dict[Text, Positive]
    """`numpy_nn` to a reference of the same run, by "workload: measure / reference"."""
    seconds: dict[Text, Positive]
    """By "workload: measure"."""

    @property
    def fingerprint(self) -> str:
        """A short name of the machine, its versions and the kind of run; only runs with the same one are compared."""
        text = "\n".join(f"{key}={value}" for key, value in sorted({**self.machine, "quick": str(self.quick)}.items()))
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    @property
    def order(self) -> tuple[datetime, datetime, str]:
        """Its place in the history: by the date of the commit, then of the measurement."""
        measured = datetime.fromisoformat(self.date)
        return (datetime.fromisoformat(self.commit_date) if self.commit_date else measured, measured, self.run_id)

    @property
    def label(self) -> str:
        """The commit, short; with a + where there were uncommitted changes."""
        return (self.commit or "no commit")[:9] + ("+" if self.dirty else "")


def tracked(analysis: Analysis) -> TrackedRun:
    """The line of a run.

    Raises
    ------
    ValueError
        If the run has no times of `numpy_nn`, or a date without a time zone.

    """
    ratios, times, run = analysis.ratios, analysis.times, analysis.data.run
    ours = ratios[(ratios.contestant == SUBJECT) & ratios.reference.isin(REFERENCES)]
    seconds = times[times.contestant == SUBJECT]
    if seconds.empty:
        raise ValueError(f"{analysis.data.directory} can't be tracked: it has no times of {SUBJECT}")
    keys = ours.workload + ": " + ours.measure + " / " + ours.reference.replace(_changed_names(analysis.data.trials))
    try:
        return TrackedRun(
            run_id=run.run_id,
            commit=run.environment.commit,
            dirty=run.environment.dirty,
            date=run.environment.date,
            commit_date=commit_date(run.environment.commit),
            quick=run.quick,
            machine={**_machine(run.environment, run.threads), **_floor_method(analysis.data.trials)},
            ratios=_known(zip(keys, ours.ratio.astype(float), strict=True)),
            seconds=_known(zip(seconds.workload + ": " + seconds.measure, seconds["median"].astype(float), strict=True)),
        )
    except ValidationError as error:
        raise ValueError(f"{analysis.data.directory} can't be tracked: {first_mistake(error, TrackedRun)}") from error


def check_history(path: Path, plots: Iterable[Path]) -> None:
    """Check that a line may be added to `path`, and that `plots`, its plots' files, may be replaced.

    Raises
    ------
    ValueError
        If the file has lines, and none of a history, or there are plots without a history: they are somebody else's.

    """
    try:
        content = read_regular(path, LIMIT_BYTES, follow_links=False)
    except FileNotFoundError:
        if found := [str(plot) for plot in plots if plot.exists()]:
            raise ValueError(
                f"{found[0]} would be replaced, and is no plot of {path}, which isn't there: name another file"
            ) from None
        return
    *lines, last = content.split(b"\n")
    if last[: len(LINE_BEGINNING)] != LINE_BEGINNING[: len(last)]:  # otherwise a line of ours that is cut short
        lines.append(last)
    lines = [line for line in lines if line.strip()]
    if lines and not any(b'"run_id"' in line and b'"ratios"' in line for line in lines):
        raise ValueError(f"{path} is no history: none of its {len(lines)} lines is a tracked run; name another file")


def read_history(path: Path) -> tuple[list[TrackedRun], list[str]]:
    """The runs in `path` as `join` orders them, and what `read_json_lines` sets aside."""
    runs, set_aside = read_json_lines(path, TrackedRun)
    return join(runs), set_aside


def join(runs: Iterable[TrackedRun]) -> list[TrackedRun]:
    """The runs in the order of their commits, with doubled lines and re-measured commits joined.

    A commit that was measured several times has the medians of its ratios and seconds, and is the first of these runs by its name;
    runs with uncommitted changes stay by themselves.
    """
    once: dict[str, TrackedRun] = {}
    for run in sorted(runs, key=lambda run: run.model_dump_json()):
        once.setdefault(run.run_id, run)
    groups: dict[tuple[str, str], list[TrackedRun]] = {}
    for run in sorted(once.values(), key=lambda run: run.order):
        key = run.commit if run.commit and not run.dirty else run.run_id
        groups.setdefault((key, run.fingerprint), []).append(run)
    return sorted((_joined(group) for group in groups.values()), key=lambda run: run.order)


def _joined(runs: Sequence[TrackedRun]) -> TrackedRun:
    if len(runs) == 1:
        return runs[0]
    return runs[0].model_copy(
        update={"ratios": _medians([run.ratios for run in runs]), "seconds": _medians([run.seconds for run in runs])}
    )


def _medians(figures: Sequence[Mapping[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for of_one in figures for name in of_one)
    return {name: median(of_one[name] for of_one in figures if name in of_one) for name in names}


def add(path: Path, run: TrackedRun, history: Sequence[TrackedRun]) -> bool:
    """Append `run` to `path`, unless `history`, all its lines, has it already; whether it was appended."""
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


def _floor_method(trials: Sequence[Trial]) -> dict[str, str]:
    """How the floor was measured: ratios to floors of other kinds are of another series."""
    methods = sorted({str(trial.details["floor_method"]) for trial in trials if "floor_method" in trial.details})
    return {"floor method": ", ".join(methods)} if methods else {}


def _changed_names(trials: Sequence[Trial]) -> dict[str, str]:
    """Other names for references that aren't what they were: `keras-tuned` took several times as long with an iterator an epoch."""
    has_one = any(trial.contestant == "keras-tuned" and trial.details.get("one_iterator") for trial in trials)
    return {"keras-tuned": "keras-tuned, one iterator"} if has_one else {}


def _known(figures: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Without those that a run doesn't have, as the time to an accuracy that a quick one never reaches."""
    return {name: value for name, value in figures if LEAST <= value <= MOST}


def commit_date(commit: str | None, folder: Path = Path(__file__).parent) -> str | None:
    """When a commit of the repository around `folder` was made; None if git doesn't know, or has a date that there isn't."""
    if commit is None or not _COMMIT.fullmatch(commit):
        return None
    answer = git_answer(folder, "show", "--no-patch", "--format=%cI", f"{commit}^{{commit}}", "--")
    try:
        return _dated(answer) if answer else None
    except ValueError:  # a year or a time zone that there isn't
        return None
