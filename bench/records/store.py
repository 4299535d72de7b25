"""Reads and writes a run's records: `run.json`, and `trials.jsonl` with one line for each trial.

Execution writes them, analysis and report read them; `bench.records.models` defines them.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from bench.error_messages import one_line
from bench.files import append_line, write_whole
from bench.records.models import Run, Trial
from bench.records.validation_errors import first_mistake

RUN_FILE = "run.json"
TRIALS_FILE = "trials.jsonl"
ARRAYS_FOLDER = "arrays"


class RecordError(ValueError):
    """A record that is missing or invalid."""


@dataclass(frozen=True)
class RunData:
    """A run as read from disk: the input of analysis and report."""

    directory: Path
    run: Run
    trials: list[Trial]
    damaged: list[str] = field(default_factory=list)
    """Lines of `trials.jsonl` that could not be read: their numbers and the reasons."""


def write_run(directory: Path, run: Run) -> None:
    """Write `run.json` whole or not at all."""
    write_whole(directory / RUN_FILE, run.model_dump_json(indent=2) + "\n")


def append_trial(directory: Path, trial: Trial) -> None:
    """Add a line to `trials.jsonl`, and return when it is on the disk.

    A line that a killed run left unfinished is ended first, so that it alone is lost.

    Raises
    ------
    OSError
        If it can't be written, for example on a full disk; the file is then as it was before.

    """
    append_line(directory / TRIALS_FILE, trial.model_dump_json())


def read_run(directory: str | Path) -> RunData:
    """Read the run in `directory`, its trials also from `trials.jsonl.gz`; damaged lines are left out and listed in `damaged`.

    Raises
    ------
    RecordError
        If `run.json` is missing or invalid, or `trials.jsonl` can't be read.

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
    """Yield the number of each line, counted from 1, with its trial or the reason why it is none."""
    compressed = path.with_name(f"{path.name}.gz")
    try:
        file = gzip.GzipFile(compressed) if not path.exists() and compressed.is_file() else path.open("rb")
    except FileNotFoundError:  # killed before its first trial had ended
        return
    except OSError as error:
        raise RecordError(f"{path} can't be read: {one_line(error.strerror)}") from error
    with file:
        for number, line in _lines(file):
            if not line.strip():
                continue
            try:
                yield number, Trial.model_validate_json(line.strip())
            except ValidationError as error:
                yield number, first_mistake(error, Trial).replace(" at line 1 column ", " at column ")


def _lines(file: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield the lines with their numbers; a compressed file that ends in its middle ends there."""
    number = 0
    try:
        for number, line in enumerate(file, start=1):
            yield number, line
    except (EOFError, gzip.BadGzipFile, zlib.error):
        yield number + 1, b"the rest can't be decompressed"
