"""The process that a contestant lives in: `python -m bench.execution.worker`, started by `bench.execution.worker_process`.

Reads one request a line from stdin, runs the trial, and answers with a frame on the descriptor that its argument names. It first
moves both pipes away from file descriptors 0 and 1, so that the output of libraries goes to the log and can't be mistaken for an
answer. It imports the standard library, NumPy and its contestant, since memory and start count as the contestant's. It ends with
its stdin; on Linux it also dies with the runner in the middle of a trial, and stays the parent of what its children leave behind.
"""

from __future__ import annotations

import sys
import time
import traceback
from typing import Any

from bench.child_processes import adopt_orphans, die_with_parent, take_over_standard_streams
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
    die_with_parent(int(sys.argv[2]))  # nothing reads stdin during a trial
    adopt_orphans()  # so that they can be found
    requests, descriptor = take_over_standard_streams(int(sys.argv[1]))
    answers = Answers(descriptor)
    meter = PauseMeter()
    session = TrialSession(load, mark=lambda name: answers.send({"mark": name}))

    def exchange(figures: dict[str, Any]) -> float | None:
        pauses = meter.reasons()
        settle()
        answers.send({"figures": figures, "disturbed": pauses})
        word = word_of(requests.readline())
        meter.start()
        return word

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
    except (TypeError, ValueError, RecursionError) as error:  # details that are no JSON
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


if __name__ == "__main__":
    main()
