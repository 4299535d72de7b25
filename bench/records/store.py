"""Reads and writes a run's records: `run.json`, and `trials.jsonl` with one line for each trial.

Execution writes them, analysis and report read them; `bench.records.models` defines them.
"""

from __future__ import annotations

import errno
import gzip
import zlib
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from bench.error_messages import one_line, short
from bench.files import BYTE_ORDER_MARK, append_line, inside, open_regular, read_regular, write_whole
from bench.records.models import Run, Trial
from bench.records.validation_errors import first_mistake

RUN_FILE = "run.json"
TRIALS_FILE = "trials.jsonl"
ARRAYS_FOLDER = "arrays"
RUN_LIMIT_BYTES = 20_000_000
TRIALS_LIMIT_BYTES = 500_000_000
LINE_LIMIT_BYTES = 50_000_000


class RecordError(ValueError):
    """A record that is missing or invalid."""


@dataclass(frozen=True)
class RunData:
    """A run as read from disk: the input of analysis and report."""

    directory: Path
    run: Run
    trials: list[Trial]
    damaged: list[str] = field(default_factory=list)
    """Lines of `trials.jsonl` that don't count: their numbers and the reasons."""


def write_run(directory: Path, run: Run) -> None:
    """Write `run.json` whole or not at all."""
    write_whole(inside(directory, RUN_FILE), run.model_dump_json(indent=2) + "\n")


def append_trial(directory: Path, trial: Trial) -> None:
    """Add a line to `trials.jsonl`, and return when it is on the disk.

    A line that a killed run left unfinished is ended first, so that it alone is lost.

    Raises
    ------
    OSError
        If it can't be written, for example on a full disk; the file is then as it was before.

    """
    append_line(inside(directory, TRIALS_FILE), trial.model_dump_json())


def read_run(directory: str | Path) -> RunData:
    """Read the run in `directory`: `run.json` and `trials.jsonl`, or `trials.jsonl.gz`, each validated whole; nothing is executed.

    Lines of `trials.jsonl` that are damaged, of another run, or copies of an earlier line are left out and listed in `damaged`.

    Raises
    ------
    RecordError
        If `run.json` is missing or invalid, or one of the two is no regular file, or too large.

    """
    directory = Path(directory)
    path = directory / RUN_FILE
    try:
        content = read_regular(path, RUN_LIMIT_BYTES, follow_links=False)
        run = Run.model_validate_json(content.removeprefix(BYTE_ORDER_MARK))
    except FileNotFoundError:
        raise RecordError(f"{directory} holds no run: there is no {RUN_FILE} in it") from None
    except ValidationError as error:
        raise RecordError(f"{path} can't be read: {first_mistake(error, Run)}") from None
    except OSError as error:
        raise RecordError(f"{path} can't be read: {one_line(error.strerror)}") from error
    trials: list[Trial] = []
    damaged: list[str] = []
    seen: dict[Hashable, int] = {}
    for number, outcome in _parse_trials(directory / TRIALS_FILE):
        reason = outcome if isinstance(outcome, str) else _reason_to_set_aside(outcome, run, seen)
        if isinstance(outcome, Trial) and reason is None:
            seen[_identity(outcome)] = number
            trials.append(outcome)
        else:
            damaged.append(f"{TRIALS_FILE}, line {number}: {reason}")
    return RunData(directory, run, trials, damaged)


def _reason_to_set_aside(trial: Trial, run: Run, seen: Mapping[Hashable, int]) -> str | None:
    """Return why a trial doesn't count among the run's; None if it does."""
    if trial.run_id != run.run_id:
        return f"it is of another run, {short(trial.run_id)}"
    workload = next((fields for fields in run.workloads if fields["name"] == trial.workload), None)
    if workload is None:
        return f"its workload {trial.workload!r} is none of the run's"
    if trial.test_predictions and len(trial.test_predictions) % workload["architecture"][-1]["output_dim"]:
        return f"test_predictions has {len(trial.test_predictions)} values: there must be as many for each output of the network"
    earlier = seen.get(_identity(trial))
    return None if earlier is None else f"it is the same trial as line {earlier}"


def _identity(trial: Trial) -> Hashable:
    """What two lines of one trial have in common; a trial that was measured again has begun at another time."""
    point = tuple(sorted(trial.point.items()))
    return trial.workload, trial.contestant, trial.kind, trial.seed, trial.round, trial.launch, point, trial.started_at


def _parse_trials(path: Path) -> Iterator[tuple[int, Trial | str]]:
    """Yield the number of each line, counted from 1, with its trial or the reason why it is none."""
    number = 0
    try:
        with _open_trials(path) as file:
            for number, line in enumerate(_lines(file), start=1):
                if len(line) > LINE_LIMIT_BYTES:
                    yield number, f"it has more than {LINE_LIMIT_BYTES:,} bytes"
                elif text := line.removeprefix(BYTE_ORDER_MARK).strip():
                    yield number, _parse_trial(text)
    except FileNotFoundError:  # killed before its first trial had ended
        return
    except (EOFError, gzip.BadGzipFile, zlib.error):
        yield number + 1, "the rest can't be decompressed"
    except OSError as error:
        raise RecordError(f"{path} can't be read: {one_line(error.strerror)}") from error


@contextmanager
def _open_trials(path: Path) -> Iterator[BinaryIO | gzip.GzipFile]:
    """Open the trials' file, or its compressed copy where there is that alone."""
    compressed = path.with_name(f"{path.name}.gz")
    alone = not path.is_symlink() and not path.exists() and compressed.exists()
    with open_regular(compressed if alone else path, TRIALS_LIMIT_BYTES, follow_links=False) as file:
        yield gzip.GzipFile(fileobj=file) if alone else file


def _lines(file: BinaryIO | gzip.GzipFile) -> Iterator[bytes]:
    """Yield the lines, those over the limit cut right after it.

    Raises
    ------
    OSError
        If there are more bytes than a trials' file may have, as a compressed one can.

    """
    total = 0
    while line := file.readline(LINE_LIMIT_BYTES + 1):
        rest = line
        while len(rest) > LINE_LIMIT_BYTES and not rest.endswith(b"\n"):
            rest = file.readline(LINE_LIMIT_BYTES + 1)
            total += len(rest)
        total += len(line)
        if total > TRIALS_LIMIT_BYTES:
            raise OSError(errno.EFBIG, f"it has more than {TRIALS_LIMIT_BYTES:,} bytes")
        yield line


def _parse_trial(line: bytes) -> Trial | str:
    try:
        return Trial.model_validate_json(line)
    except ValidationError as error:
        return first_mistake(error, Trial).replace(" at line 1 column ", " at column ")
