"""Starts worker processes, waits for their answers, and ends them.

Called through a `Launch` that the runner is given, so that tests can give another. Thread counts and backends are set in a worker's
environment before it starts, since most libraries read them only while they are imported.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Protocol

from bench.child_processes import python_command, search_path
from bench.contestants.registry import Spec
from bench.execution.messages import Request, word_line
from bench.execution.run_directory import LOGS_FOLDER
from bench.records import TrialStatus
from bench.records.run_files import RunFiles

EXIT_SECONDS = 5.0
"""How long a worker that has closed its answers may take to end."""
ERROR_CHARACTERS = 500


@dataclass(frozen=True)
class Outcome:
    """How a trial ended: with its figures, or with an error of one line."""

    status: TrialStatus
    figures: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None


class Worker(Protocol):
    """A contestant's process."""

    @property
    def pid(self) -> int | None: ...

    def run(self, request: Request, time_limit_seconds: float) -> Outcome:
        """Run one trial. After any status but "ok" the caller closes the worker, whose state is then unknown.

        Of a trial of turns it returns when the contestant is ready for the first.
        """

    def turn(self, seconds: float | None, time_limit_seconds: float) -> Outcome:
        """Have a turn of at least so many seconds taken, and return its figures; None ends the trial, and returns the trial's."""

    def close(self) -> None:
        """End the process at once."""


Launch = Callable[[Spec, int, int], Worker]
"""Starts a worker for a contestant, a launch's number and a number of threads."""


def worker_environment(spec: Spec, threads: int, base: Mapping[str, str]) -> dict[str, str]:
    """Return a worker's environment: `base` (the runner's), the thread counts of every library, and the contestant's own."""
    count = str(threads)
    one_thread = {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"} if threads == 1 else {}
    return {
        **base,
        "OMP_NUM_THREADS": count,
        "OPENBLAS_NUM_THREADS": count,
        "MKL_NUM_THREADS": count,
        "BLIS_NUM_THREADS": count,
        "VECLIB_MAXIMUM_THREADS": count,
        "NUMEXPR_NUM_THREADS": count,
        "TF_NUM_INTRAOP_THREADS": count,
        "TF_NUM_INTEROP_THREADS": count,
        "NPROC": count,  # the size of XLA's thread pools
        "PYTHONHASHSEED": "0",
        "PYTHONUNBUFFERED": "1",  # so that the log is whole when the process dies
        **search_path(base),
        **one_thread,
        **spec.environment,
    }


class Launcher:
    """Launches workers as processes, their stderr in `logs/<contestant>-<launch>.log` of the run's folder."""

    def __init__(self, directory: Path) -> None:
        self._logs = directory / LOGS_FOLDER
        self._files = RunFiles(directory)

    def __call__(self, spec: Spec, launch: int, threads: int) -> ProcessWorker:
        self._logs.mkdir(exist_ok=True)
        log = f"{spec.name}-{launch}.log"
        self._files.add(f"{LOGS_FOLDER}/{log}")
        return ProcessWorker(worker_environment(spec, threads, os.environ), self._logs / log)


class ProcessWorker:
    """A worker in a process and a process group of its own: Ctrl-C reaches only the runner, a kill also what the worker started."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self._log = log
        self._first = True
        self._answers: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        with log.open("ab") as stderr:
            self._log_start = stderr.seek(0, os.SEEK_END)
            self._spawned_at = time.perf_counter()
            self._process = subprocess.Popen(
                python_command("bench.execution.worker"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=dict(environment),
                start_new_session=True,
                text=True,
                encoding="utf-8",
            )
        assert self._process.stdout is not None
        self._reader = threading.Thread(target=_pass_on, args=(self._process.stdout, self._answers), daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def run(self, request: Request, time_limit_seconds: float) -> Outcome:
        if self._first:
            request = replace(request, spawned_at=self._spawned_at)
            self._first = False
        return self._exchange(request.to_line(), time_limit_seconds)

    def turn(self, seconds: float | None, time_limit_seconds: float) -> Outcome:
        return self._exchange(word_line(seconds), time_limit_seconds)

    def _exchange(self, line: str, time_limit_seconds: float) -> Outcome:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line)
            self._process.stdin.flush()
            answer = self._answers.get(timeout=time_limit_seconds)
        except BrokenPipeError:
            answer = None
        except queue.Empty:
            return Outcome("timeout", error=f"not done after {time_limit_seconds:g} s, its time limit")
        if answer is None:
            return Outcome("failed", error=self._how_it_ended())
        fields = json.loads(answer)
        if "error" in fields:
            return Outcome("failed", error=fields["error"][:ERROR_CHARACTERS])
        return Outcome("ok", figures=fields["figures"])

    def close(self) -> None:
        # A kill loses nothing: the answer has been read, and files are written whole or not at all.
        _kill_group(self._process)
        self._process.wait()
        self._reader.join()
        for stream in (self._process.stdin, self._process.stdout):
            _close_quietly(stream)

    def _how_it_ended(self) -> str:
        try:
            code = self._process.wait(timeout=EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            return "the worker closed its answers and didn't end"
        if code >= 0:
            return f"the worker exited with code {code}{self._last_words()}"
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        hint = " (out of memory?)" if name == "SIGKILL" else ""
        return f"the worker was ended by {name}{hint}{self._last_words()}"

    def _last_words(self) -> str:
        lines = self._log.read_bytes()[self._log_start :].decode(errors="replace").splitlines()
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return f": {last[:ERROR_CHARACTERS]}" if last else ""


def _pass_on(stream: IO[str], answers: queue.SimpleQueue[str | None]) -> None:
    """Put each answer into the queue, and None at the end: waiting for a queue can have a time limit, for a pipe it can't."""
    for line in stream:
        answers.put(line)
    answers.put(None)


def _kill_group(process: subprocess.Popen[str]) -> None:
    if sys.platform == "win32":
        process.kill()
        return
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # the whole group has ended


def _close_quietly(stream: IO[Any] | None) -> None:
    """Close a pipe whose other end may be gone, with a request still in its buffer."""
    if stream is not None:
        try:
            stream.close()
        except BrokenPipeError:
            return
