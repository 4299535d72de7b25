"""The process that a contestant lives in: `python -m bench.execution.worker`, started by `bench.execution.worker_process`.

Reads one request a line from stdin, runs the trial, and answers with a line of JSON. It first moves both pipes away from file
descriptors 0 and 1, so that the output of libraries goes to the log and can't be mistaken for an answer. It imports the standard
library, NumPy and its contestant, since memory and start count as the contestant's. It ends with its stdin; on Linux it also dies
with the runner in the middle of a trial.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from typing import IO, Any

from bench.contestants.registry import load
from bench.error_messages import one_line
from bench.execution.messages import Request, word_of
from bench.execution.trial_session import TrialSession
from bench.execution.turns import Exchange

QUIET_SECONDS, MOST_QUIET_SHARE = 0.01, 0.1
"""A process is quiet if its threads work for at most this share of this time."""
MOST_SETTLING_SECONDS = 1.0


def main() -> None:
    """Answer requests until stdin ends."""
    _die_with_parent()
    requests, answers = _take_over_standard_streams()
    session = TrialSession(load)

    def send(answer_line: str) -> None:
        settle()
        answers.write(answer_line + "\n")
        answers.flush()

    def exchange(figures: dict[str, Any]) -> float | None:
        send(json.dumps({"figures": figures}))
        return word_of(requests.readline())

    for line in iter(requests.readline, ""):
        send(answer(Request.from_line(line), session, exchange))


def answer(request: Request, session: TrialSession, exchange: Exchange = lambda _: None) -> str:
    """Return the figures of a trial as JSON, or the error that ended it; the traceback goes to the log."""
    try:
        return json.dumps({"figures": session.measure(request, exchange)})
    except Exception as error:
        traceback.print_exc()
        return json.dumps({"error": f"{type(error).__name__}: {one_line(error)}".removesuffix(": ")})


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


def _take_over_standard_streams() -> tuple[IO[str], IO[str]]:
    requests = os.fdopen(os.dup(0), "r", encoding="utf-8")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, answers


def _die_with_parent() -> None:
    """Have the system kill this process when the runner dies, since nothing reads stdin during a trial; only on Linux."""
    if sys.platform != "linux":
        return
    import ctypes

    parent = os.getppid()
    set_parent_death_signal = 1  # PR_SET_PDEATHSIG, linux/prctl.h
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)
    if os.getppid() != parent:  # the parent died before the call
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
