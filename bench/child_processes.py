"""How a Python process of this project's own is started: its command, and the search path by which it finds this very code.

Called by whatever starts workers, checks of contestants and launches of a comparison. Standard library only: a worker has it too.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO

CODE_FOLDER = Path(__file__).resolve().parents[1]
"""The folder that holds `bench`, `numpy_nn` and `keras_ref`: a checkout, or an environment's `site-packages`."""


def python_command(module: str) -> list[str]:
    """The command that runs `module` as a program.

    `-P` keeps the current folder off the search path: else an installed harness that is called inside a checkout would measure
    the checkout's code under its own name.
    """
    return [sys.executable, "-P", "-m", module]


def search_path(environment: Mapping[str, str]) -> dict[str, str]:
    """`PYTHONPATH` of a child: this code first, then whatever `environment` has."""
    return {"PYTHONPATH": os.pathsep.join([str(CODE_FOLDER), *filter(None, [environment.get("PYTHONPATH")])])}


def die_with_parent() -> None:
    """Have the system kill this process when its parent dies, in whatever way; only on Linux."""
    if sys.platform != "linux":
        return
    import ctypes

    parent = os.getppid()
    set_parent_death_signal = 1  # PR_SET_PDEATHSIG, linux/prctl.h
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)
    if os.getppid() != parent:  # the parent died before the call
        os.kill(os.getpid(), signal.SIGKILL)


def take_over_standard_streams() -> tuple[IO[str], IO[str]]:
    """Move standard input and output to descriptors of their own, for requests and answers.

    What libraries print then goes to standard error, and can't be mistaken for an answer; what they read is empty.
    """
    requests = os.fdopen(os.dup(0), "r", encoding="utf-8")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, answers
