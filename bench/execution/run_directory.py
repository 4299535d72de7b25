"""The folder of a run: locked for one run at a time, checked to be writable, cleared of the files of an earlier run.

Called by the command line. `bench.records` and `bench.report` write the files; `bench.records.run_files` knows which are a run's.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from bench.files import PARTIAL_SUFFIX, read_regular
from bench.locks import locked
from bench.records import ARRAYS_FOLDER, RUN_FILE, TRIALS_FILE
from bench.records.run_files import RunFiles

LOCK_FILE = "run.lock"
LOGS_FOLDER = "logs"
SCRATCH_FOLDER = "scratch"
PROBE_BYTES = 64 * 1024
_PROBE = re.compile(r"probe-[0-9a-f]{12}" + re.escape(PARTIAL_SUFFIX))


class FolderError(ValueError):
    """A folder that can't hold a run."""


@contextmanager
def claimed(directory: Path) -> Iterator[None]:
    """Lock `directory`, which is created if need be, for one run; the system frees the lock if the process is killed.

    Raises
    ------
    FolderError
        If another run holds the lock, the folder isn't writable, its lock file is somebody else's, or it is the root of all
        files or the user's home.

    """
    try:
        place = directory.resolve()
    except (OSError, RuntimeError) as error:  # links that lead in a circle, or a current folder that is gone
        raise FolderError(f"{directory} {_failure(error)}") from error
    if place in (Path(place.anchor), _home()):
        raise FolderError(f"{directory} is not a folder for a run, which writes many files: name one of its own with --out")
    with ExitStack() as lock:
        try:
            directory.mkdir(parents=True, exist_ok=True)
            _probe(directory)
            _check_lock_file(directory / LOCK_FILE)
            lock.enter_context(locked(directory / LOCK_FILE))
            _remove_probes(directory)
        except (OSError, ValueError) as error:
            raise FolderError(f"{directory} {_failure(error)}") from error
        yield


def prepare(directory: Path) -> None:
    """Make a claimed folder ready for a new run: remove the files of the run before, and nothing else.

    Raises
    ------
    FolderError
        If the folder holds a file that no run wrote in a place that a run writes to; nothing has then been removed.

    """
    files = RunFiles(directory)
    files.adopt()
    if foreign := files.foreign():
        others = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        raise FolderError(
            f"{directory} holds files that no run wrote: {foreign[0]}{others}; move them away, or name another folder with --out"
        )
    files.remove()
    files.add(RUN_FILE, TRIALS_FILE)


def clear_leftovers(directory: Path, *, scratch: bool) -> None:
    """Delete what ended workers left of their arrays; with `scratch` also their input, which a complete run doesn't need."""
    files = RunFiles(directory)
    files.remove_leftovers(ARRAYS_FOLDER)
    if scratch:
        files.remove(folder=SCRATCH_FOLDER)


def _failure(error: Exception) -> str:
    """Why a folder can't be claimed, in words that follow its name."""
    if isinstance(error, BlockingIOError):
        return "is being written by another run: wait for it, or name another folder with --out"
    if isinstance(error, FileExistsError | NotADirectoryError):
        return "can't be written into: it is no folder, or lies in none; name a new one or one that exists"
    if getattr(error, "errno", None) == errno.ENOLCK:
        return "can't be locked, so two runs could mix in it: name a folder on another file system with --out"
    return f"can't be written into: {getattr(error, 'strerror', None) or error}"


def _home() -> Path | None:
    """Return the user's home; None where there is none."""
    try:
        return Path.home().resolve()
    except RuntimeError:
        return None


def _check_lock_file(path: Path) -> None:
    if path.is_symlink() or (path.exists() and (not path.is_file() or path.stat().st_size)):
        raise FolderError(f"{path} is no lock of a run's: a run's is an empty regular file")


def _probe(directory: Path) -> None:
    """Write and delete a file, which shows whether there is room and permission."""
    path = directory / f"probe-{os.urandom(6).hex()}{PARTIAL_SUFFIX}"
    try:
        with path.open("xb") as file:
            file.write(bytes(PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())
    finally:
        path.unlink(missing_ok=True)


def _remove_probes(directory: Path) -> None:
    """Delete what a kill has left of earlier probes: small files of zero bytes with such a name."""
    for path in directory.glob(f"probe-*{PARTIAL_SUFFIX}"):
        with suppress(OSError):
            if _PROBE.fullmatch(path.name) and not any(read_regular(path, PROBE_BYTES, follow_links=False)):
                path.unlink()
