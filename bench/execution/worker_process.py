"""Starts worker processes, waits for their answers, and ends them.

Called through a `Launch` that the runner is given, so that tests can give another. Thread counts and backends are set in a worker's
environment before it starts, since most libraries read them only while they are imported.
"""

from __future__ import annotations

import contextlib
import os
import queue
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Protocol

from bench.child_processes import clean_environment, python_command, signal_name
from bench.contestants.registry import Spec
from bench.execution import priorities
from bench.execution.answer_checks import checked_figures, clock_doubt, malformed, steps_an_epoch
from bench.execution.answers import AnswerError, fields_of, frames
from bench.execution.messages import MARKS, READY, Request, word_line
from bench.execution.pauses import WAIT_SECONDS, WaitingClock
from bench.execution.process_trees import MARK, end_tree, is_stopped
from bench.execution.run_directory import LOGS_FOLDER
from bench.execution.trial_checks import CheatError
from bench.files import open_regular, open_to_append
from bench.records import TrialStatus
from bench.records.run_files import RunFiles

LEAST_STOP_SECONDS = 60.0
"""That a worker may be stopped for, however short its time limit, while the runner waits."""
EXIT_SECONDS = 5.0
"""How long a worker that has closed its answers may take to end."""
ERROR_CHARACTERS = 500
LAST_WORDS_BYTES = 1 << 16
"""Of the end of a log that an error's last line is taken from."""
ATTEMPTS = 3
"""Of a trial that is disturbed."""
MOST_FRAMES = 16
"""That wait to be looked at: a worker that sends more waits, and takes no memory of the runner's."""
DOUBTFUL_ATTEMPTS = 6
"""Of a trial whose clock or epochs are in doubt: a busy machine may wake somebody late, but not six times in a row."""
CLOCKED = ("timed", "predict", "tune")
"""Trials that are measured again when something has disturbed them."""


Frames = queue.Queue[tuple[float, bytes | AnswerError | None]]


@dataclass(frozen=True)
class Outcome:
    """How a trial ended: with its figures, or with an error of one line."""

    status: TrialStatus
    figures: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None
    doubt: str | None = None
    """Why the trial should be measured again."""
    is_disturbed: bool = False
    """Whether that is the machine's doing, as where a quota takes the cores away all the time: such a trial counts in the end."""


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
    """Return a worker's environment: what it needs of `base` (the runner's), the thread counts of every library, and its own."""
    count = str(threads)
    one_thread = {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"} if threads == 1 else {}
    return {
        **clean_environment(base),
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
    """A worker in a process and a session of its own: Ctrl-C reaches only the runner, a kill also what the worker started."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self._log = log
        self._first = True
        self._request: Request | None = None
        """The one that is answered now."""
        self._marks: dict[str, float] = {}
        """When the runner saw what happened in it."""
        self._mark = secrets.token_hex(8)
        self._answers: Frames = queue.Queue(MOST_FRAMES)
        with open_to_append(log) as stderr:
            self._log_start = stderr.seek(0, os.SEEK_END)
            self._spawned_at = time.perf_counter()
            self._process, answers = _start({**environment, MARK: self._mark}, stderr)
        self._reader = threading.Thread(target=_pass_on, args=(answers, self._answers), daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def run(self, request: Request, time_limit_seconds: float) -> Outcome:
        """Run a trial, again if it was disturbed or its clock is in doubt; the last attempt stands, but for a clock in doubt."""
        disturbed: list[str] = []
        for attempt in range(DOUBTFUL_ATTEMPTS):
            outcome = self._attempt(request, time_limit_seconds)
            if outcome.doubt is None or request.kind == "turns":  # whose turns are looked at one by one
                break
            disturbed.append(outcome.doubt)
            if attempt + 1 >= ATTEMPTS and outcome.is_disturbed:
                break
        if outcome.status == "ok" and outcome.doubt is not None and request.kind != "turns":
            if not outcome.is_disturbed:
                return Outcome("failed", error=f"in each of {len(disturbed)} attempts: {outcome.doubt}"[:ERROR_CHARACTERS])
            disturbed[-1] += f" (in each of {len(disturbed)} attempts: the last one counts)"
        if outcome.status == "ok" and disturbed:
            return replace(outcome, figures={**outcome.figures, "disturbed": disturbed})
        return outcome

    def turn(self, seconds: float | None, time_limit_seconds: float) -> Outcome:
        assert self._request is not None
        return self._exchange(self._request, word_line(seconds), time_limit_seconds, ends=seconds is None)

    def _attempt(self, request: Request, time_limit_seconds: float) -> Outcome:
        self._request = replace(request, id=secrets.token_hex(8), spawned_at=self._spawned_at if self._first else None)
        self._first = False
        self._marks = {}
        return self._exchange(self._request, self._request.to_line(), time_limit_seconds, ends=request.kind != "turns")

    def _exchange(self, request: Request, line: str, time_limit_seconds: float, *, ends: bool) -> Outcome:
        """Send a line, and wait for the answer; `ends` says that it has the figures of a trial, and not of a turn."""
        waiting = WaitingClock(lambda: is_stopped(self.pid))
        try:
            self._send(line)
            while "mark" in (fields := self._next_fields(request, waiting, time_limit_seconds)):
                if fields["mark"] not in MARKS or fields["mark"] in self._marks:
                    raise AnswerError(f"the worker told of {fields['mark']!r:.80}, which isn't due")
                self._marks[fields["mark"]] = fields["at"]
        except AnswerError as error:
            return Outcome("failed", error=str(error))
        except TimeoutError as error:
            return Outcome("timeout", error=str(error))
        pauses = _pauses(fields, waiting.paused_seconds)
        if request.kind in (*CLOCKED, "turns"):
            if (wrong := priorities.raised(self.pid)) is not None:
                return Outcome("failed", error=wrong)
            if (lowered := priorities.restore_lowered(self.pid)) is not None:
                pauses.append(lowered)
        if ends or "figures" not in fields:
            return _judged(fields, request, self._marks, pauses)
        if not isinstance(fields["figures"], dict):
            return Outcome("failed", error="the figures of a turn are none: they must be an object")
        told = fields["figures"].get("steps_an_epoch")
        if told is not None and request.rows and told != (due := steps_an_epoch(request)):
            return Outcome("failed", error=f"the contestant is ready for {told!r:.80} steps an epoch: the task has {due}")
        return Outcome("ok", figures=fields["figures"], doubt="; ".join(pauses) or None)

    def _send(self, line: str) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # how it ended is told when its answer is waited for
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()

    def _next_fields(self, request: Request, waiting: WaitingClock, time_limit_seconds: float) -> dict[str, Any]:
        """Wait for the next frame of the answer; `at` is when it came.

        Raises
        ------
        AnswerError
            If there is none, or it is another one.
        TimeoutError
            If it doesn't come in time, in which no pause counts; or if the worker is stopped for as long, and perhaps for ever.

        """
        while True:
            ended = self._process.poll() is not None
            try:
                at, frame = self._answers.get(timeout=WAIT_SECONDS)
            except queue.Empty:
                waiting.tick()
                if ended:  # something else holds the pipe
                    frame = None
                elif waiting.stopped_seconds >= max(time_limit_seconds, LEAST_STOP_SECONDS):
                    raise TimeoutError(f"the worker was stopped for {waiting.stopped_seconds:.0f} s") from None
                elif waiting.seconds >= time_limit_seconds:
                    raise TimeoutError(f"not done after {time_limit_seconds:g} s, its time limit") from None
                else:
                    continue
            waiting.tick()
            if frame is None:
                raise AnswerError(self._how_it_ended())
            if isinstance(frame, AnswerError):
                raise frame
            return {**fields_of(frame, request.id, None if sys.platform == "win32" else self.pid), "at": at}

    def close(self) -> None:
        # A kill loses nothing: the answer has been read, and files are written whole or not at all.
        end_tree(self._process, self._mark)
        end = time.monotonic() + EXIT_SECONDS
        # The thread may wait for a place; where a process that nobody finds still holds the pipe, it is left to it.
        while self._reader.is_alive() and time.monotonic() < end:
            with contextlib.suppress(queue.Empty):
                self._answers.get(timeout=0.01)
        with contextlib.suppress(BrokenPipeError):  # a request may still be in the buffer
            assert self._process.stdin is not None
            self._process.stdin.close()

    def _how_it_ended(self) -> str:
        try:
            code = self._process.wait(timeout=EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            return "the worker closed its answers and didn't end"
        if code >= 0:
            return f"the worker exited with code {code}{self._last_words()}"
        name = signal_name(-code)
        hint = " (out of memory?)" if name == "SIGKILL" else ""
        return f"the worker was ended by {name}{hint}{self._last_words()}"

    def _last_words(self) -> str:
        try:
            with open_regular(self._log, sys.maxsize, follow_links=False) as log:
                end = log.seek(0, os.SEEK_END)
                log.seek(max(self._log_start, end - LAST_WORDS_BYTES))
                lines = log.read(LAST_WORDS_BYTES).decode(errors="replace").splitlines()
        except OSError:  # the contestant has removed it, or put something else in its place
            return ""
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return f": {last[:ERROR_CHARACTERS]}" if last else ""


def _start(environment: Mapping[str, str], stderr: IO[bytes]) -> tuple[subprocess.Popen[bytes], IO[bytes]]:
    """Start a worker; return it with the stream of its answers: a pipe of their own, but on Windows its standard output."""
    own_pipe = sys.platform != "win32"
    reading, writing = os.pipe() if own_pipe else (-1, 1)
    try:
        process = subprocess.Popen(
            [*python_command("bench.execution.worker"), str(writing), str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=stderr if own_pipe else subprocess.PIPE,
            stderr=stderr,
            env=dict(environment),
            start_new_session=True,
            pass_fds=(writing,) if own_pipe else (),
        )
    except OSError:
        if own_pipe:
            os.close(reading)
        raise
    finally:
        if own_pipe:
            os.close(writing)
    if own_pipe:
        return process, os.fdopen(reading, "rb")
    assert process.stdout is not None
    return process, process.stdout


def _judged(fields: Mapping[str, Any], request: Request, marks: Mapping[str, float], reasons: Sequence[str]) -> Outcome:
    """Return the outcome that an answer tells, with what makes it doubtful."""
    if "error" in fields:
        error = str(fields["error"])[:ERROR_CHARACTERS]
        if fields.get("status") == "doubtful":
            return Outcome("failed", error=error, doubt=error)
        return Outcome("diverged" if fields.get("status") == "diverged" else "failed", error=error)
    figures = fields["figures"]
    shown = {name: figures.pop(name, None) for name in ("weights", "midway")} if isinstance(figures, dict) else {}
    if wrong := malformed(figures):
        return Outcome("failed", error=f"the worker's figures are none: {wrong}"[:ERROR_CHARACTERS])
    wrong_clock = clock_doubt(figures, marks)
    doubt = "; ".join(reasons) or wrong_clock
    try:
        figures = checked_figures(figures, request, shown)
    except (CheatError, OSError) as error:  # the latter: somebody has removed the trial's data
        return Outcome("failed", error=str(error)[:ERROR_CHARACTERS])
    if figures.pop("cold_start_seconds", None) is not None and READY in marks and request.spawned_at is not None:
        figures["cold_start_seconds"] = max(marks[READY] - request.spawned_at, 1e-9)
    return Outcome(
        "ok", figures, doubt=doubt if request.kind in CLOCKED else None, is_disturbed=bool(reasons) and wrong_clock is None
    )


def _pauses(fields: Mapping[str, Any], paused_seconds: float) -> list[str]:
    """Return what kept the worker, or the runner, from running, in words."""
    told = fields.get("disturbed")
    reasons = [str(reason)[:ERROR_CHARACTERS] for reason in told] if isinstance(told, list) else []
    return [*reasons, f"paused for {paused_seconds:.1f} s"] if paused_seconds else reasons


def _pass_on(stream: IO[bytes], answers: Frames) -> None:
    """Put each frame into the queue, and None at the end: waiting for a queue can have a time limit, for a pipe it can't."""
    with stream:
        for frame in frames(stream):
            answers.put((time.perf_counter(), frame))
    answers.put((time.perf_counter(), None))
