"""Runs a task in a fork of this process and passes on what it yields, whatever the fork does: dies, hangs, forks, never ends.

Called by `comparison_worker`, whose process has imported none of the revisions and so can always answer. On Windows, which has no
fork, a task runs in the process itself, and whoever started it has the time limit.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import Any

from bench.child_processes import die_with_parent, signal_name
from bench.regression.compare.position import Position

LOOK_SECONDS = 0.25
"""How often the place of a fork is looked at."""
EXIT_SECONDS = 2.0
"""How long a fork may take to end after its last answer."""
HAS_FORK = hasattr(os, "fork")
LAST = "null"
"""The line after a fork's last item."""

Items = Iterable[Mapping[str, Any]]


def forked(
    task: Callable[[], Items], position: Position, limits_seconds: Mapping[str, float]
) -> Generator[Mapping[str, Any], None, str]:
    """Yield what `task()` yields in a fork of this process.

    Parameters
    ----------
    task
        What it yields goes through JSON.
    position
        Where the fork says how far it is.
    limits_seconds
        By phase of `position`: for how long its place may stay the same.

    Returns
    -------
    str
        How the fork ended before its last item: "ended by SIGSEGV", "not done after 10 s"; empty if it didn't.

    """
    if not HAS_FORK:
        yield from task()
        return ""
    sys.stdout.flush()
    sys.stderr.flush()
    reader, writer = os.pipe()
    own_id = os.getpid()
    child = os.fork()
    if not child:
        _be_the_fork(task, writer, own_id)
    os.close(writer)
    try:
        return (yield from _items(reader, child, position, limits_seconds))
    finally:
        os.close(reader)


def _be_the_fork(task: Callable[[], Items], writer: int, parent: int) -> None:
    code = 1
    own_id = os.getpid()
    try:
        die_with_parent(parent)
        with os.fdopen(writer, "w", encoding="utf-8") as file:
            for item in task():
                if os.getpid() == own_id:  # a revision may fork, and its child come back here
                    file.write(json.dumps(item) + "\n")
                    file.flush()
            if os.getpid() == own_id:
                file.write(LAST + "\n")
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)  # skips the parent's clean-up, and doesn't wait for threads


def _items(
    reader: int, child: int, position: Position, limits_seconds: Mapping[str, float]
) -> Generator[Mapping[str, Any], None, str]:
    rest = b""
    place, since = position.read(), time.monotonic()
    while True:
        ready, _, _ = select.select([reader], [], [], LOOK_SECONDS)
        data = os.read(reader, 1 << 16) if ready else b""
        if data:
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                if line == LAST.encode():
                    _end(child, EXIT_SECONDS)
                    return ""
                yield json.loads(line)
            since = time.monotonic()
            continue
        if ready or _has_ended(child):  # the pipe is closed, or left to a child of the fork's own
            return _how(_end(child, EXIT_SECONDS))
        now = position.read()
        if now.moves != place.moves:
            place, since = now, time.monotonic()
        limit = limits_seconds[place.phase]
        if time.monotonic() - since > limit:
            _end(child, 0)
            return f"not done after {limit:g} s"


def _has_ended(child: int) -> bool:
    """Whether the fork has ended; its status is left to `_end`."""
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _end(child: int, patience_seconds: float) -> int:
    """Kill the fork if it doesn't end by itself; its exit code, negative for a signal."""
    end = time.monotonic() + patience_seconds
    while not _has_ended(child) and time.monotonic() < end:
        time.sleep(0.001)
    if not _has_ended(child):
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _how(code: int) -> str:
    if code >= 0:
        return f"ended the process with exit code {code}"
    name = signal_name(-code)
    return f"ended by {name}" + (" (out of memory?)" if name == "SIGKILL" else "")
