"""One process of `comparison_worker`: it is asked for launches, and answers in lines until it is ended.

Called by `comparison_processes`.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from bench.child_processes import dropped_variables, python_command, search_path

WORKER = "bench.regression.compare.comparison_worker"
REQUEST_SECONDS = 600.0
"""For all launches of a request, which end themselves long before."""


class ComparisonProcessError(RuntimeError):
    """A comparison process that ended without an answer."""

    kind = "launch failed"
    """For programs, as `RevisionError.kind`."""


class LaunchProcess:
    """A fresh process, in a session of its own; it ends with this one at the latest.

    Parameters
    ----------
    parent
        The folder in which the process has a temporary one.

    """

    def __init__(self, parent: Path) -> None:
        self.launches = 0
        """The number that it has been asked for."""
        self._folder = tempfile.TemporaryDirectory(dir=parent, prefix="process-", ignore_cleanup_errors=True)
        self._stderr = Path(self._folder.name) / "stderr"
        with self._stderr.open("wb") as errors:
            self._process = subprocess.Popen(
                python_command(WORKER),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=_environment(),
                start_new_session=True,
            )
        assert self._process.stdout is not None
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=_pass_on, args=(self._process.stdout, self._lines.put), daemon=True)
        self._reader.start()

    def ask(self, request: Mapping[str, Any], end: float | None) -> Iterator[dict[str, Any]]:
        """What it answers to a request, up to the end of its last launch, or up to `end` on the monotonic clock.

        Raises
        ------
        ComparisonProcessError
            If the process ends, or isn't done in time.

        """
        request_id = os.urandom(8).hex()
        self.launches += request["launches"]
        self._send({**request, "id": request_id, "position": str(Path(self._folder.name) / "position")})
        ends = 0
        while ends < request["launches"]:
            left = REQUEST_SECONDS if end is None else min(REQUEST_SECONDS, end - time.monotonic())
            try:
                line = self._lines.get(timeout=max(left, 0.01))
            except queue.Empty:
                if end is not None:
                    return
                raise ComparisonProcessError(f"a process was not done after {REQUEST_SECONDS:g} s") from None
            if line is None:
                raise ComparisonProcessError(f"a process ended with code {self._process.wait()}: {_last_words(self._stderr)}")
            answer = _parsed(line, request_id)
            if answer is not None:
                ends += "end" in answer
                yield answer

    def close(self) -> None:
        """End the process, and whatever the revisions have started in its group."""
        _kill_group(self._process)
        self._process.wait()
        self._reader.join(timeout=1.0)  # longer only where a child of the revisions' has left the group and holds the pipe
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None and not self._reader.is_alive():
                _close(stream)
        self._folder.cleanup()

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


def _parsed(line: bytes, request_id: str) -> dict[str, Any] | None:
    """An answer to this request; None for anything else that reached the pipe."""
    try:
        answer = json.loads(line)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) and answer.get("id") == request_id else None


def _last_words(stderr: Path) -> str:
    with stderr.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 10_000))
        lines = file.read().decode(errors="replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "no message")


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    if os.name == "nt":
        process.kill()
        return
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


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
