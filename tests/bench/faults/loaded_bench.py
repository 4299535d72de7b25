"""`python -m bench` in processes that are forked from one which has loaded the libraries: a command starts in no time.

Each is a process of its own, with an exit code, a folder, an environment and streams of its own. It differs from a fresh one in two
ways: nothing is imported in it, and a run takes few turns.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[3]
SECONDS_A_CONTESTANT, SLOWNESS_SECONDS = 0.2, 0.05
LOADED = (
    "bench.analysis.summary",
    "bench.cli.app",
    "bench.cli.progress",
    "bench.execution.run_selection",
    "bench.execution.runner",
    "bench.regression.certify.certificate_report",
    "bench.regression.history.change_points",
    "bench.report.build",
    "bench.selfcheck.calibration",
    "matplotlib.figure",
    "sklearn.datasets",
    "sklearn.model_selection",
)
"""Modules that bring nearly all others with them."""


class LoadedBench:
    """The process that has loaded the libraries, and forks one for each command."""

    def __init__(self) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "Agg"}
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def run(self, folder: Path, words: Sequence[str], environment: Mapping[str, str], output: Path, limit: int) -> int:
        """Run a command, its output in a file; return its exit code, a signal's number below zero."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = {"folder": str(folder), "words": words, "environment": environment, "output": str(output), "limit": limit}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the process that has loaded the libraries has ended"
        return int(answer)

    def close(self) -> None:
        """End it."""
        self._process.communicate()


def _load() -> None:
    """Import what commands import, and make turns few."""
    for name in LOADED:
        importlib.import_module(name)
    from bench.execution import time_plan, turn_rounds

    time_plan.SLOWNESS_SECONDS = SLOWNESS_SECONDS
    turn_rounds.SECONDS_A_CONTESTANT = SECONDS_A_CONTESTANT


def _run(folder: str, words: Sequence[str], environment: Mapping[str, str], output: str, limit: int) -> None:
    """In a forked process: run the command, and exit as it does."""
    signal.alarm(limit)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for number, place, how in ((0, os.devnull, os.O_RDONLY), (1, output, os.O_WRONLY | os.O_CREAT), (2, output, os.O_WRONLY)):
        opened = os.open(place, how | (os.O_APPEND if number else 0), 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.path[0] = folder
    sys.argv = ["bench", *words]
    runpy.run_module("bench", run_name="__main__", alter_sys=True)


def _serve() -> None:
    _load()
    while request := sys.stdin.readline():
        if (pid := os.fork()) == 0:
            _run(**json.loads(request))
            return
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    _serve()
