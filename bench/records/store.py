"""Reads and writes a run's records: `run.json`, and `trials.jsonl` with one line for each trial.

Execution writes them, analysis and report read them; `bench.records.models` defines them.
"""

from __future__ import annotations

import errno
import gzip
import math
import os
import time
import zlib
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import ValidationError

from bench.error_messages import one_line, short
from bench.files import BYTE_ORDER_MARK, append_line, inside, open_regular, read_regular, sync_file, write_whole
from bench.records.models import Latency, Parity, Run, Trial, Turn
from bench.records.validation_errors import first_mistake

RUN_FILE = "run.json"
TRIALS_FILE = "trials.jsonl"
ARRAYS_FOLDER = "arrays"
RUN_LIMIT_BYTES = 20_000_000
TRIALS_LIMIT_BYTES = 500_000_000
LINE_LIMIT_BYTES = 50_000_000
SYNC_SECONDS = 0.2
"""A disk takes about 2 ms for each time that it is asked to have everything."""


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


def append_trial(directory: Path, trial: Trial, *, sync: bool = True) -> None:
    """Add a line to `trials.jsonl`, and return when it is on the disk.

    A line that a killed run left unfinished is ended first, so that it alone is lost. With `sync` False the line survives a kill,
    but may not survive a power cut before the next one that is synchronized.

    Raises
    ------
    OSError
        If it can't be written, for example on a full disk; the file is then as it was before.

    """
    append_line(inside(directory, TRIALS_FILE), trial.model_dump_json(), sync=sync)


class TrialWriter:
    """Appends the trials of a run that goes on; those that end in quick succession share the disk's time.

    Each is written before `append` returns, so that no end of this process loses it; it is on the disk unless another was put there
    within the last `SYNC_SECONDS`: a power cut loses at most so much of a run.

    Parameters
    ----------
    directory
        The run's folder.
    clock
        Seconds.

    """

    def __init__(self, directory: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._directory = directory
        self._clock = clock
        self._synced_at = -math.inf
        self._owed = False
        self._size = self._size_now()

    def append(self, trial: Trial) -> None:
        """Add a trial; see `append_trial`.

        Raises
        ------
        RecordError
            If the file is gone, or shorter than this writer left it: a run that went on would lack trials, and not know it.

        """
        if self._size_now() < self._size:
            raise RecordError(f"{self._directory / TRIALS_FILE} was removed or cut short while the run wrote it")
        due = self._clock() >= self._synced_at + SYNC_SECONDS
        append_trial(self._directory, trial, sync=due)
        self._size = self._size_now()
        if due:
            self._synced_at = self._clock()
        self._owed = not due

    def close(self) -> None:
        """Return when all trials are on the disk.

        Raises
        ------
        OSError
            If they can't be put there.

        """
        if self._owed:
            sync_file(inside(self._directory, TRIALS_FILE))
            self._owed = False

    def _size_now(self) -> int:
        try:
            return (self._directory / TRIALS_FILE).lstat().st_size
        except FileNotFoundError:
            return 0


def read_run(directory: str | Path) -> RunData:
    """Read the run in `directory`: `run.json` and `trials.jsonl`, or `trials.jsonl.gz`, each validated whole; nothing is executed.

    Lines of `trials.jsonl` that are damaged, of another run, or copies of an earlier line are left out and listed in `damaged`.

    Raises
    ------
    RecordError
        If `run.json` is missing or invalid, or one of the two is no regular file, or too large.

    """
    return RunReader(directory).read()


def read_run_record(directory: Path) -> Run:
    """Read `run.json` alone; see `read_run`."""
    path = directory / RUN_FILE
    try:
        return Run.model_validate_json(read_regular(path, RUN_LIMIT_BYTES, follow_links=False).removeprefix(BYTE_ORDER_MARK))
    except FileNotFoundError:
        raise RecordError(f"{directory} holds no run: there is no {RUN_FILE} in it") from None
    except NotADirectoryError:
        raise RecordError(f"{directory} is no folder: name the folder of a run, which holds its {RUN_FILE}") from None
    except ValidationError as error:
        raise RecordError(f"{path} can't be read: {first_mistake(error, Run)}") from None
    except OSError as error:
        raise RecordError(f"{path} can't be read: {one_line(error.strerror)}") from error


class RunReader:
    """Reads a run that goes on: each `read` parses what was added since the one before, so that each record is parsed once.

    Parameters
    ----------
    directory
        The run's folder.

    """

    def __init__(self, directory: str | Path) -> None:
        self._directory = Path(directory)
        self._begin(None)

    def _begin(self, source: Hashable) -> None:
        self._source = source
        self._position = self._number = 0
        self._trials: list[Trial] = []
        self._damaged: list[str] = []
        self._seen: dict[Hashable, int] = {}

    def read(self) -> RunData:
        """Return the run with all its trials so far; `read_run` has what may be wrong with it."""
        run = read_run_record(self._directory)
        path = self._directory / TRIALS_FILE
        last: Trial | str | None = None
        try:
            with _open_trials(path) as file:
                last = self._read_lines(file, run)
        except FileNotFoundError:  # killed before its first trial had ended
            self._begin(None)
        except OSError as error:
            raise RecordError(f"{path} can't be read: {one_line(error.strerror)}") from error
        trials = [*self._trials, last] if isinstance(last, Trial) else list(self._trials)
        return RunData(self._directory, run, trials, [*self._damaged, last] if isinstance(last, str) else list(self._damaged))

    def _read_lines(self, file: BinaryIO | gzip.GzipFile, run: Run) -> Trial | str | None:
        """Read the lines from where the last call ended; return what the last one holds if it has no end and may go on."""
        status = os.fstat(file.fileno())
        source = (run.run_id, status.st_dev, status.st_ino)
        if source != self._source or status.st_size < self._position or isinstance(file, gzip.GzipFile):
            self._begin(source)
        workloads = {fields["name"]: fields for fields in run.workloads}
        file.seek(self._position)
        try:
            for line in _lines(file):
                outcome = self._outcome(line, run, workloads)
                if not line.endswith(b"\n") and len(line) <= LINE_LIMIT_BYTES:
                    return outcome
                self._add(outcome)
                self._position = file.tell()
        except (EOFError, gzip.BadGzipFile, zlib.error):
            return f"{TRIALS_FILE}, line {self._number + 1}: the rest can't be decompressed"
        return None

    def _add(self, outcome: Trial | str | None) -> None:
        self._number += 1
        if isinstance(outcome, Trial):
            self._seen[_identity(outcome)] = self._number
            self._trials.append(outcome)
        elif outcome is not None:
            self._damaged.append(outcome)

    def _outcome(self, line: bytes, run: Run, workloads: Mapping[str, dict[str, Any]]) -> Trial | str | None:
        """Return the trial of a line, or why it is set aside; None if it is empty."""
        if len(line) > LINE_LIMIT_BYTES:
            found: Trial | str = f"it has more than {LINE_LIMIT_BYTES:,} bytes"
        elif text := line.removeprefix(BYTE_ORDER_MARK).strip():
            found = _parse_trial(text)
        else:
            return None
        reason = found if isinstance(found, str) else _reason_to_set_aside(found, run, workloads, self._seen)
        return found if reason is None else f"{TRIALS_FILE}, line {self._number + 1}: {reason}"


def _reason_to_set_aside(
    trial: Trial, run: Run, workloads: Mapping[str, dict[str, Any]], seen: Mapping[Hashable, int]
) -> str | None:
    """Return why a trial doesn't count among the run's; None if it does."""
    if trial.run_id != run.run_id:
        return f"it is of another run, {short(trial.run_id)}"
    workload = workloads.get(trial.workload)
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
    total = file.tell()
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
        return _compact(Trial.model_validate_json(line))
    except ValidationError as error:
        return first_mistake(error, Trial).replace(" at line 1 column ", " at column ")


def _compact(trial: Trial) -> Trial:
    """Have records share what each would have of its own: the set of its fields' names, empty dicts, and accuracies.

    It halves the memory of a trial; nobody changes a record, or asks which of its fields were given.
    """
    for name in ("accuracy", "val_accuracy"):
        if name in trial.history:
            trial.history[name][:] = map(_shared, trial.history[name])
    for record in (trial, trial.parity, *(trial.turns or ()), *(trial.latencies or ())):
        if record is not None:
            object.__setattr__(record, "__pydantic_fields_set__", _FIELDS[type(record)])
    values = vars(trial)
    values.update({name: _EMPTY for name in _DICTS if not values[name]})
    return trial


def _shared(accuracy: float) -> float:
    """Return the object that stands for an accuracy, a share of few rows, everywhere; 0 and NaN, which equal others, are left."""
    if not 0 < accuracy <= 1 or len(_ACCURACIES) >= MOST_SHARED:
        return _ACCURACIES.get(accuracy, accuracy)
    return _ACCURACIES.setdefault(accuracy, accuracy)


MOST_SHARED = 20_000
_ACCURACIES: dict[float, float] = {}
_FIELDS = {model: set(model.model_fields) for model in (Trial, Parity, Turn, Latency)}
_EMPTY: dict[str, Any] = {}
_DICTS = ("point", "details", "load", "history")
