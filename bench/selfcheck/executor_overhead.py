"""What an executor adds to a trial: `python -m bench.selfcheck.executor_overhead [local | dask | dask://HOST:PORT]`.

Trials of `moons` go through the executor with all their files, and end at once where they should train, so that what is left is
the executor's own time.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.contestants.registry import CONTESTANTS, Spec
from bench.execution.environment import cores
from bench.execution.executors.local import LocalExecutor
from bench.execution.executors.work import Assignment, Executor, Work
from bench.execution.messages import Request
from bench.execution.request_builder import RequestBuilder
from bench.execution.schedule import PlannedTrial
from bench.execution.turn_rounds import TurnRounds
from bench.execution.worker_process import Launch, Outcome
from bench.records import OURS, TrialKind
from bench.workloads import WORKLOADS

TRIALS = 200
KINDS: tuple[TrialKind, ...] = ("scored", "predict")
"""Without a clock, and with one."""


class _InstantWorker:
    pid: int | None = None

    def run(self, request: Request, time_limit_seconds: float) -> Outcome:
        return Outcome("ok")

    def turn(self, seconds: float | None, time_limit_seconds: float) -> Outcome:
        return Outcome("ok")

    def close(self) -> None: ...


def instant_launcher(_folder: Path) -> Launch:
    """Return what launches workers that end each trial at once."""

    def launch(_spec: Spec, _number: int, _threads: int) -> _InstantWorker:
        return _InstantWorker()

    return launch


class _NoCanary:
    def seconds(self) -> float:
        return 1.0


@dataclass(frozen=True)
class Overhead:
    """Seconds of a trial that ends at once."""

    kind: str
    median_seconds: float
    slowest_seconds: float


def measure(executor: Executor, folder: Path, trials: int = TRIALS) -> list[Overhead]:
    """Send trials through an executor, one after another; the first of each kind doesn't count."""
    requests, found = RequestBuilder(folder, threads=1), []
    for kind in KINDS:
        planned = PlannedTrial(WORKLOADS["moons"], CONTESTANTS[OURS], kind, seed=0, round=0, launch=0)
        work, seconds = Work([Assignment(planned, requests.request(planned, {}))]), []
        for _ in range(trials + 1):
            began = time.perf_counter()
            executor.submit(work).result()
            seconds.append(time.perf_counter() - began)
        found.append(Overhead(kind, median(seconds[1:]), max(seconds[1:])))
    return found


def main() -> None:
    """Print the overhead of an executor."""
    parser = argparse.ArgumentParser(prog="python -m bench.selfcheck.executor_overhead", description=__doc__)
    parser.add_argument(
        "executor", nargs="?", default="local", metavar="WHERE", help="local, dask or dask://HOST:PORT; default: local"
    )
    text = parser.parse_args().executor
    try:
        print_overhead(text)
    except ValueError as error:  # no cluster that can be used
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


def print_overhead(text: str) -> None:
    """Print the overhead of an executor that may be asked for."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        executor: Executor
        if text == "local":
            executor = LocalExecutor(instant_launcher(folder), lambda: TurnRounds(_NoCanary(), cores=cores()), cores())
        else:
            from bench.execution.executors.dask_cluster import DaskExecutor
            from bench.execution.executors.dask_connection import connect, local_cluster

            address = stack.enter_context(local_cluster(cores())) if text == "dask" else text.replace("dask://", "tcp://")
            executor = DaskExecutor(stack.enter_context(connect(address)), folder, threads=1, launcher=instant_launcher)
        stack.callback(executor.close)
        for one in measure(executor, folder):
            print(
                f"{text}, {one.kind}: {1e3 * one.median_seconds:.2f} ms a trial (median of {TRIALS}; "
                f"the slowest {1e3 * one.slowest_seconds:.1f} ms)"
            )


if __name__ == "__main__":
    main()
