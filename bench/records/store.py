"""A run's records on disk: `run.json`, and `trials.jsonl` with a line a trial.

Execution writes them, analysis and report read them. What they hold is `models`'.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from bench.error_messages import one_line
from bench.records.models import Run, Trial
from bench.records.validation_errors import first_mistake

RUN_FILE = "run.json"
TRIALS_FILE = "trials.jsonl"
ARRAYS_FOLDER = "arrays"


class RecordError(ValueError):
    """A record that isn't there, or isn't what it should be."""


@dataclass(frozen=True)
class RunData:
    """A run as read back: what analysis and report are handed."""

    directory: Path
    run: Run
    trials: list[Trial]
    damaged: list[str] = field(default_factory=list)
    """Lines of `trials.jsonl` that could not be read, by number, with why."""


def write_run(directory: Path, run: Run) -> None:
    """Write `run.json` whole or not at all."""
    _write_atomically(directory / RUN_FILE, run.model_dump_json(indent=2) + "\n")


def append_trial(directory: Path, trial: Trial) -> None:
    """Add a line to `trials.jsonl`, and return when it is on the disk.

    A line that a killed run left unfinished is ended first, so that it stays the only one that is lost.

    Raises
    ------
    OSError
        If it can't be written, on a full disk for one; the file is then as it was before.

    """
    line = trial.model_dump_json().encode() + b"\n"
    with (directory / TRIALS_FILE).open("a+b", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        if size > 0:
            file.seek(-1, os.SEEK_END)
            line = line if file.read(1) == b"\n" else b"\n" + line
        try:
            while line:
                line = line[file.write(line) :]
            os.fsync(file.fileno())
        except OSError:
            file.truncate(size)
            raise


def read_run(directory: str | Path) -> RunData:
    """The run in `directory`; damaged lines are named in `damaged` and left out.

    Raises
    ------
    RecordError
        If there is no readable `run.json`, or no reading of `trials.jsonl`.

    """
    directory = Path(directory)
    path = directory / RUN_FILE
    try:
        run = Run.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise RecordError(f"{directory} holds no run: there is no {RUN_FILE} in it") from None
    except ValidationError as error:
        raise RecordError(f"{path} can't be read: {first_mistake(error, Run)}") from None
    except OSError as error:
        raise RecordError(f"{path} can't be read: {one_line(error.strerror)}") from error
    trials: list[Trial] = []
    damaged: list[str] = []
    for number, outcome in _parse_trials(directory / TRIALS_FILE):
        if isinstance(outcome, Trial):
            trials.append(outcome)
        else:
            damaged.append(f"{TRIALS_FILE}, line {number}: {outcome}")
    return RunData(directory, run, trials, damaged)


def _parse_trials(path: Path) -> Iterator[tuple[int, Trial | str]]:
    """The number of each line, counted from 1, with its trial, or with why it is none."""
    try:
        file = path.open("rb")
    except FileNotFoundError:  # killed before its first trial had ended
        return
    except OSError as error:
        raise RecordError(f"{path} can't be read: {one_line(error.strerror)}") from error
    with file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                yield number, Trial.model_validate_json(line.strip())
            except ValidationError as error:
                yield number, first_mistake(error, Trial).replace(" at line 1 column ", " at column ")


def _write_atomically(path: Path, text: str) -> None:
    temporary = path.with_name(path.name + ".partial")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
