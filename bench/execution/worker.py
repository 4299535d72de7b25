"""The process that a contestant lives in: `python -m bench.execution.worker`, started by `bench.execution.worker_process`.

Reads a request a line on stdin, runs the trial, answers with a line of JSON. Both pipes are taken away from file descriptors 0
and 1 first, so that whatever a library prints goes to the log and can't be mistaken for an answer. Imports the standard library,
NumPy and its contestant: what the process costs is the contestant's. It ends with its stdin; on Linux it dies with the runner, in
the middle of a trial too.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from typing import IO

from bench.contestants.registry import load
from bench.error_messages import one_line
from bench.execution.measurement import Stage
from bench.execution.messages import Request

QUIET_SECONDS, MOST_QUIET_SHARE = 0.01, 0.1
"""A process is quiet if its threads work for no more than this share of so long."""
MOST_SETTLING_SECONDS = 1.0


def main() -> None:
    """Answer requests until there are no more."""
    _die_with_parent()
    requests, answers = _take_over_standard_streams()
    stage = Stage(load)
    for line in requests:
        given = answer(Request.from_line(line), stage)
        settle()
        answers.write(given + "\n")
        answers.flush()


def answer(request: Request, stage: Stage) -> str:
    """The figures of a trial as JSON; or the error that ended it, on one line, with the traceback in the log."""
    try:
        return json.dumps({"figures": stage.measure(request)})
    except Exception as error:
        traceback.print_exc()
        return json.dumps({"error": f"{type(error).__name__}: {one_line(error)}".removesuffix(": ")})


def settle() -> None:
    """Wait until no thread works any more, so that the next contestant has the machine for itself.

    The threads of a pool spin for a while after their last task: OpenBLAS' for 0.12 s, in which another contestant with two threads
    was seen to take 1.9 times as long.
    """
    end = time.monotonic() + MOST_SETTLING_SECONDS
    working = True
    while working and time.monotonic() < end:
        before = time.process_time()  # of all threads
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
    """Have the system kill this process when the runner dies, as nothing reads stdin during a trial. Linux alone can."""
    if sys.platform != "linux":
        return
    import ctypes

    parent = os.getppid()
    set_parent_death_signal = 1  # PR_SET_PDEATHSIG, linux/prctl.h
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)
    if os.getppid() != parent:  # it died before it could be told
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
