"""One process of `comparison_worker`: it is asked for launches, and answers in lines until it is ended.

Called by `comparison_processes`.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from bench.child_processes import dropped_variables, python_command, search_path
from bench.error_messages import one_line
from bench.execution.process_trees import MARK, end_tree
from bench.files import in_words
from bench.micro.files import FILES_VARIABLE
from bench.regression.compare.forks import how_it_ended
from bench.regression.compare.leftovers import files_folder
from bench.regression.compare.position import Place, Position

WORKER = "bench.regression.compare.comparison_worker"
PATIENCE_SECONDS = 5.0
"""Beyond the limit of a launch's place: the process that makes the launch keeps that limit, as long as it can."""
LOOK_SECONDS = 1.0
"""How often the place of a launch is looked at while nothing is answered."""


class ComparisonProcessError(RuntimeError):
    """A comparison process that ended without an answer."""

    kind = "launch failed"
    """For programs, as `RevisionError.kind`."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


class LaunchProcess:
    """A fresh process, in a session of its own; it ends with this one at the latest.

    Parameters
    ----------
    parent
        The folder in which the process has a temporary one. Its path marks the process and all that descend from it.

    Raises
    ------
    ComparisonProcessError
        If it can't be started.

    """

    def __init__(self, parent: Path) -> None:
        self.launches = 0
        """The number that it has been asked for."""
        self._mark = str(parent)
        self._files = files_folder(parent)
        try:
            self._files.mkdir(mode=0o700, exist_ok=True)
            self._folder = tempfile.TemporaryDirectory(dir=parent, prefix="process-", ignore_cleanup_errors=True)
            self._stderr = Path(self._folder.name) / "stderr"
            with self._stderr.open("wb") as errors:
                self._process = subprocess.Popen(
                    python_command(WORKER),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    env={
                        **_environment(),
                        **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), self._folder.name),  # a launch that is killed removes nothing
                        MARK: self._mark,
                        FILES_VARIABLE: str(self._files),
                    },
                    start_new_session=True,
                )
        except OSError as error:
            raise ComparisonProcessError(f"a process can't be started: {in_words(error)}") from error
        assert self._process.stdout is not None
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=_pass_on, args=(self._process.stdout, self._lines.put), daemon=True)
        self._reader.start()

    def ask(self, request: Mapping[str, Any], end: float | None) -> Generator[dict[str, Any], None, bool]:
        """What it answers to a request, up to the end of its last launch, or up to `end` on the monotonic clock.

        Returns
        -------
        bool
            Whether it has made all launches, and can be asked again.

        Raises
        ------
        ComparisonProcessError
            If the process ends, or isn't done in time.

        """
        request_id = os.urandom(8).hex()
        self.launches += request["launches"]
        position = self._new_position(request["benchmarks"])
        self._send({**request, "id": request_id, "position": str(Path(self._folder.name) / "position")})
        ends = 0
        while ends < request["launches"]:
            line = self._next_line(position, request["limits_seconds"], end)
            if line is None:
                return False
            answer = _parsed(line, request_id)
            if answer is not None:
                ends += "end" in answer
                yield answer
        return True

    def _new_position(self, benchmarks: Sequence[str]) -> Position:
        try:
            position = Position(Path(self._folder.name) / "position", benchmarks)
        except OSError as error:
            raise ComparisonProcessError(f"a process can't be watched: {in_words(error)}") from error
        position.enter("start")
        return position

    def _next_line(self, position: Position, limits_seconds: Mapping[str, float], end: float | None) -> bytes | None:
        """The next line that the process writes; None at `end`."""
        place, since = position.read(), time.monotonic()
        while True:
            left = LOOK_SECONDS if end is None else min(LOOK_SECONDS, end - time.monotonic())
            try:
                line = self._lines.get(timeout=max(left, 0.01))
            except queue.Empty:
                now = time.monotonic()
                if end is not None and now >= end:
                    return None
                if (read := position.read()).moves != place.moves:
                    place, since = read, now
                if now - since > max(limits_seconds[place.phase], place.patience_seconds) + PATIENCE_SECONDS:
                    raise ComparisonProcessError(f"a process {_at(place)}was not done after {now - since:.0f} s") from None
                continue
            if line is not None:
                return line
            code = self._process.wait()
            how = how_it_ended(code) if code < 0 else f"ended with exit code {code}"
            raise ComparisonProcessError(f"a process {_at(position.read())}{how}: {_last_words(self._stderr)}")

    def close(self) -> None:
        """End the process, and whatever the revisions have started, also in other groups and sessions."""
        end_tree(self._process, self._mark)
        self._reader.join(timeout=1.0)  # longer only where a child of the revisions' has left the group and holds the pipe
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None and not self._reader.is_alive():
                _close(stream)
        self._folder.cleanup()
        shutil.rmtree(self._files, ignore_errors=True)

    def _send(self, request: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended; its last words say why
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()


def _pass_on(stream: IO[bytes], put: Callable[[bytes | None], None]) -> None:
    """Put each line into a queue, and None at the end: waiting for a queue can have a time limit, for a pipe it can't."""
    try:
        for line in stream:
            put(line)
    except ValueError:  # closed
        pass
    put(None)


def _close(stream: IO[bytes]) -> None:
    with suppress(BrokenPipeError):  # a request that nobody read
        stream.close()


def _at(place: Place) -> str:
    """Where a process was, in words before a verb."""
    if place.phase == "start":
        return ""
    words = {"import": "that imported", "check": "that checked", "measure": "that measured"}[place.phase]
    what = f"{place.benchmark} at" if place.benchmark else ""
    return " ".join(word for word in (words, what, place.side.upper() or "both sides") if word) + " "


def _parsed(line: bytes, request_id: str) -> dict[str, Any] | None:
    """An answer to this request, which may come after something that had no line break; None for what else reached the pipe."""
    try:
        answer = json.loads(line[max(0, line.rfind(b'{"id": "' + request_id.encode())) :])
    except ValueError:
        return None
    return answer if isinstance(answer, dict) and answer.get("id") == request_id else None


def _last_words(stderr: Path) -> str:
    lines: list[str] = []
    with suppress(OSError), stderr.open("rb") as file:  # a revision may have removed it
        file.seek(max(0, file.seek(0, os.SEEK_END) - 10_000))
        lines = file.read().decode(errors="replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "no message")


def _environment() -> dict[str, str]:
    """The environment of a launch: the user's own variables, as a package may need some, but no settings of Python or of libraries.

    One BLAS thread, random string hashes, and a glibc that keeps freed memory: a block would otherwise pay for memory that the
    block before returned to the system.
    """
    dropped = set(dropped_variables(os.environ))
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    memory = {"MALLOC_TRIM_THRESHOLD_": str(2**40)}
    threads = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "BLIS")}
    return {**kept, **search_path(os.environ), **memory, **threads, "PYTHONHASHSEED": "random"}
