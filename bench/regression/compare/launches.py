"""Starts the processes in which two revisions take turns, one after the other.

Called by `comparison`, which is handed a `Launches` and so may get a fake one.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.child_processes import python_command, search_path
from bench.regression.compare.revisions import RevisionError, Sides
from bench.regression.compare.worker import SIDES, TIME_LIMIT_SECONDS

LAUNCHES_A_PROCESS = 4 if hasattr(os, "fork") else 1
"""Forks of one process that has loaded NumPy, which takes a third as long as a launch; Windows can't fork."""
PAIRS = 24
"""Of blocks, to a build."""


class LaunchError(RuntimeError):
    """A launch that ended without an answer, after both sides had been seen to work."""


@dataclass(frozen=True)
class Launches:
    """Launches of worker processes for two sides."""

    sides: Sides

    def check(self, benchmarks: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Whether both sides compute the same, by benchmark: see `worker.check`.

        Raises
        ------
        RevisionError
            If one of them can't be imported.

        """
        answer: dict[str, dict[str, Any]] = self._launch({"task": "check", "benchmarks": list(benchmarks)})
        return answer

    def measure(self, benchmarks: Sequence[str], rounds: int) -> list[dict[str, NDArray[Any]]]:
        """Some launches: of each the seconds of each block by benchmark, (rounds, 2, pairs), see `worker.measure`."""
        request = {"task": "measure", "benchmarks": list(benchmarks), "rounds": rounds, "pairs": PAIRS}
        launches = self._launch({**request, "launches": LAUNCHES_A_PROCESS})
        return [
            {name: np.array([[build["base"], build["head"]] for build in builds]) for name, builds in launch.items()}
            for launch in launches
        ]

    def _launch(self, request: Mapping[str, Any]) -> Any:
        folders = {side: [str(self.sides.folder(side, name) / name) for name in self.sides.names] for side in SIDES}
        try:
            done = subprocess.run(
                python_command("bench.regression.compare.worker"),
                input=json.dumps({**request, "folders": folders}),
                capture_output=True,
                text=True,
                env=_environment(),
                timeout=LAUNCHES_A_PROCESS * TIME_LIMIT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise LaunchError(f"a launch wasn't done after {TIME_LIMIT_SECONDS} s") from None
        if done.returncode != 0:
            last = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "no message")
            raise LaunchError(f"a launch ended with code {done.returncode}: {last}")
        answer = json.loads(done.stdout)
        if "error" in answer:
            raise RevisionError("can't be loaded", answer["error"])
        return answer


def _environment() -> dict[str, str]:
    """One thread for every BLAS, hashes of strings that differ from process to process, and memory that glibc keeps once it has it:
    else a block would be charged for what the one before gave back to the system.
    """
    memory = {"MALLOC_TRIM_THRESHOLD_": str(2**40)}
    threads = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "BLIS")}
    return {**os.environ, **memory, **threads, **search_path(os.environ), "PYTHONHASHSEED": "random"}
