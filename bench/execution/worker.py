"""The process that a contestant lives in: `python -m bench.execution.worker`, started by `bench.execution.worker_process`.

Reads one request a line from stdin, runs the trial, and answers with a frame on the descriptor that its argument names. It first
moves both pipes away from file descriptors 0 and 1, so that the output of libraries goes to the log and can't be mistaken for an
answer. It imports the standard library, NumPy and its contestant, since memory and start count as the contestant's. It ends with
its stdin; on Linux it also dies with the runner in the middle of a trial, and stays the parent of what its children leave behind.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from typing import IO, Any

from bench.contestants.registry import load
from bench.error_messages import one_line
from bench.execution.answers import Answers
from bench.execution.messages import Request, word_of
from bench.execution.pauses import PauseMeter
from bench.execution.trial_checks import DivergedError, DoubtError
from bench.execution.trial_session import TrialSession
from bench.execution.turns import Exchange

QUIET_SECONDS, MOST_QUIET_SHARE = 0.01, 0.1
"""A process is quiet if its threads work for at most this share of this time."""
MOST_SETTLING_SECONDS = 1.0


def main() -> None:
    """Answer requests until stdin ends."""
    _die_with(int(sys.argv[2]))
    requests, answers = _take_over_streams(int(sys.argv[1]))
    meter = PauseMeter()
    session = TrialSession(load, mark=lambda name: answers.send({"mark": name}))

    def exchange(figures: dict[str, Any]) -> float | None:
        settle()
        answers.send({"figures": figures})
        return word_of(requests.readline())

    for line in iter(requests.readline, ""):
        request = Request.from_line(line)
        answers.request_id = request.id
        meter.start()
        fields = answer(request, session, exchange)
        fields["disturbed"] = meter.reasons()
        settle()
        _send(answers, fields)


def answer(request: Request, session: TrialSession, exchange: Exchange = lambda _: None) -> dict[str, Any]:
    """Return the figures of a trial, or the error that ended it; the traceback goes to the log."""
    try:
        return {"figures": session.measure(request, exchange)}
    except Exception as error:
        return _failed(error)


def _failed(error: Exception) -> dict[str, Any]:
    traceback.print_exc()
    if isinstance(error, DivergedError):
        return {"error": one_line(error), "status": "diverged"}
    if isinstance(error, DoubtError):
        return {"error": one_line(error), "status": "doubtful"}
    return {"error": f"{type(error).__name__}: {one_line(error)}".removesuffix(": ")}


def _send(answers: Answers, fields: dict[str, Any]) -> None:
    try:
        answers.send(fields)
    except (TypeError, ValueError) as error:  # details that are no JSON
        answers.send(_failed(error))


def settle() -> None:
    """Wait until no thread of this process works, so that the next contestant has the machine to itself.

    The threads of a pool spin for a while after their last task (OpenBLAS' for 0.12 s) and slow other processes down.
    """
    end = time.monotonic() + MOST_SETTLING_SECONDS
    working = True
    while working and time.monotonic() < end:
        before = time.process_time()  # CPU time of all threads
        time.sleep(QUIET_SECONDS)
        working = time.process_time() - before > MOST_QUIET_SHARE * QUIET_SECONDS


def _take_over_streams(descriptor: int) -> tuple[IO[str], Answers]:
    requests = os.fdopen(os.dup(0), "r", encoding="utf-8")
    answers = Answers(os.dup(descriptor))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    if descriptor > 2:
        os.close(descriptor)
    return requests, answers


def _die_with(parent: int) -> None:
    """Have the system kill this process when the runner dies, since nothing reads stdin during a trial; only on Linux.

    Processes whose parent, a child of this process, has ended become children of this process, so that they can be found.
    """
    if sys.platform != "linux":
        return
    import ctypes

    set_parent_death_signal, set_child_subreaper = 1, 36  # PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER, linux/prctl.h
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)
    ctypes.CDLL(None).prctl(set_child_subreaper, 1)
    if os.getppid() != parent:  # the parent died before the call
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
