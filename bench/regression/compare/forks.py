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
from contextlib import suppress
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
MARK_BYTES = 16
"""Of what each line of a fork's begins with: whatever else gets into its pipe is left aside."""

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
    own_id, mark = os.getpid(), os.urandom(MARK_BYTES).hex()
    child = os.fork()
    if not child:
        _be_the_fork(task, writer, own_id, mark)
    os.close(writer)
    try:
        return (yield from _items(reader, child, mark.encode(), position, limits_seconds))
    finally:
        os.close(reader)


def _be_the_fork(task: Callable[[], Items], writer: int, parent: int, mark: str) -> None:
    code = 1
    own_id = os.getpid()
    try:
        die_with_parent(parent)
        if sys.platform == "linux":  # elsewhere it dies with the group alone
            os.setpgid(0, 0)  # what a revision sends to its group reaches no one else
        with os.fdopen(writer, "w", encoding="utf-8") as file:
            for item in task():
                if os.getpid() == own_id:  # a revision may fork, and its child come back here
                    file.write(f"{mark}{json.dumps(item)}\n")
                    file.flush()
            if os.getpid() == own_id:
                file.write(f"{mark}{LAST}\n")
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)  # skips the parent's clean-up, and doesn't wait for threads


def _items(
    reader: int, child: int, mark: bytes, position: Position, limits_seconds: Mapping[str, float]
) -> Generator[Mapping[str, Any], None, str]:
    rest = b""
    place, since = position.read(), time.monotonic()
    while True:
        ready, _, _ = select.select([reader], [], [], LOOK_SECONDS)
        data = os.read(reader, 1 << 16) if ready else b""
        if data:
            *lines, rest = (rest + data).split(b"\n")
            for line in (text for _, found, text in (line.rpartition(mark) for line in lines) if found):
                if line == LAST.encode():
                    _end(child, EXIT_SECONDS)
                    return ""
                item = _decoded(line)
                if item is None:  # a revision has changed the writer
                    _end(child, 0)
                    return "writes no answer that can be read"
                yield item
            since = time.monotonic()
            continue
        if ready or _has_ended(child):  # the pipe is closed, or left to a child of the fork's own
            code = _end(child, EXIT_SECONDS)
            return how_it_ended(code) if code is not None else "answers no more, and does not end"
        now = position.read()
        if now.moves != place.moves:
            place, since = now, time.monotonic()
        limit = max(limits_seconds[place.phase], place.patience_seconds)
        if time.monotonic() - since > limit:
            _end(child, 0)
            return f"not done after {limit:g} s"


def _decoded(line: bytes) -> dict[str, Any] | None:
    try:
        item = json.loads(line)
    except ValueError:
        return None
    return item if isinstance(item, dict) else None


def _has_ended(child: int) -> bool:
    """Whether the fork has ended; its status is left to `_end`."""
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _end(child: int, patience_seconds: float) -> int | None:
    """Kill the fork if it doesn't end by itself, and what is left of its group.

    Returns
    -------
    int or None
        Its exit code, negative for a signal; None if it had to be killed.

    """
    end = time.monotonic() + patience_seconds
    while not _has_ended(child) and time.monotonic() < end:
        time.sleep(0.001)
    had_ended = _has_ended(child)
    if not had_ended:
        os.kill(child, signal.SIGKILL)
    with suppress(ProcessLookupError, PermissionError):  # it is no leader of a group, or alone in it
        os.killpg(child, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code if had_ended else None


def how_it_ended(code: int) -> str:
    """An exit code, negative for a signal, in words that follow a name."""
    if code >= 0:
        return f"ended the process with exit code {code}"
    name = signal_name(-code)
    return f"ended by {name}" + (" (out of memory?)" if name == "SIGKILL" else "")
