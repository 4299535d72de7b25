"""Starts the processes of `comparison_worker`, one after the other, and reads their answers.

Called by `comparison` through its `ComparisonRunner`.
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
from bench.regression.compare.comparison_worker import SIDES, TIME_LIMIT_SECONDS
from bench.regression.compare.revisions import RevisionError, Sides

LAUNCHES_A_PROCESS = 4 if hasattr(os, "fork") else 1
"""Forks of one process that has loaded NumPy, so that its start is paid once; Windows has no fork."""
PAIRS = 24
"""Pairs of blocks in a build."""


class ComparisonProcessError(RuntimeError):
    """A comparison process that ended without an answer."""

    kind = "launch failed"
    """For programs, as `RevisionError.kind`."""


@dataclass(frozen=True)
class ComparisonProcesses:
    """Launches of two sides, in fresh processes."""

    sides: Sides

    def check(self, benchmarks: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Whether both sides compute the same, by benchmark: see `comparison_worker.check`.

        Raises
        ------
        RevisionError
            If one of them can't be imported.

        """
        answer: dict[str, dict[str, Any]] = self._launch({"task": "check", "benchmarks": list(benchmarks)})
        return answer

    def measure(self, benchmarks: Sequence[str], rounds: int) -> list[dict[str, NDArray[Any]]]:
        """Make launches; returns of each the seconds of each block, by benchmark (rounds, 2, pairs)."""
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
                python_command("bench.regression.compare.comparison_worker"),
                input=json.dumps({**request, "folders": folders}),
                capture_output=True,
                text=True,
                env=_environment(),
                timeout=LAUNCHES_A_PROCESS * TIME_LIMIT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise ComparisonProcessError(f"a launch was not done after {TIME_LIMIT_SECONDS} s") from None
        if done.returncode != 0:
            last = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "no message")
            raise ComparisonProcessError(f"a launch ended with code {done.returncode}: {last}")
        try:
            answer = json.loads(done.stdout)
        except json.JSONDecodeError:
            raise ComparisonProcessError("a launch gave no answer: something else was printed on its standard output") from None
        if "error" in answer:
            raise RevisionError("can't be loaded", answer["error"])
        return answer


def _environment() -> dict[str, str]:
    """One BLAS thread, random string hashes, and a glibc that keeps freed memory.

    A block would otherwise pay for memory that the block before returned to the system.
    """
    memory = {"MALLOC_TRIM_THRESHOLD_": str(2**40)}
    threads = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "BLIS")}
    return {**os.environ, **memory, **threads, **search_path(os.environ), "PYTHONHASHSEED": "random"}
