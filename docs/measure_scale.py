"""Measures what the harness itself costs: a run of many trials whose contestants return at once, from its plan to its report.

Usage: `python docs/measure_scale.py [--trials 1000 10000 100000] [--profile PHASE]`. A process makes the plan and the first half of
the run, which Ctrl-C ends; another one reads it, resumes it, adds two launches, and reports it, as `bench run --resume` does. The
table has the seconds of each phase, and the most memory that its process has had. `docs/scale.md` has the figures of one machine.
"""

from __future__ import annotations

import argparse
import contextlib
import cProfile
import pstats
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

CONTESTANTS = ("numpy_nn", "article", "keras", "keras-tuned")
WORKLOADS = 5
EPOCHS, PREDICTIONS = 5, 10
FIGURES: dict[str, Any] = {
    "steps": 290,
    "history": {"loss": [0.5 / (1 + epoch) for epoch in range(EPOCHS)], "accuracy": [0.9] * EPOCHS},
    "test_accuracy": 0.95,
    "test_loss": 0.125,
    "peak_memory_bytes": 50_000_000,
}
TIMED = {
    **FIGURES,
    "build_seconds": 0.1,
    "fit_seconds": 0.0301,
    "epoch_seconds": [0.003 + 1e-6 * epoch for epoch in range(EPOCHS)],
}
SCORED = {
    **FIGURES,
    "history": {
        **FIGURES["history"],
        "val_loss": [0.5 / (1 + epoch) + 0.125 - 0.5 / EPOCHS for epoch in range(EPOCHS)],
        "val_accuracy": [0.9] * (EPOCHS - 1) + [0.95],
    },
    "test_predictions": [index / PREDICTIONS for index in range(PREDICTIONS)],
}


class FakeWorker:
    """Returns at once; after `left` trials, Ctrl-C."""

    pid = None

    def __init__(self, left: list[float]) -> None:
        self._left = left

    def run(self, request: Any, time_limit_seconds: float) -> Any:
        from bench.execution.worker_process import Outcome

        self._left[0] -= 1
        if self._left[0] < 0:
            raise KeyboardInterrupt
        if request.kind == "turns":
            return Outcome("ok", {"steps_an_epoch": 29})
        return Outcome("ok", {"scored": SCORED, "timed": TIMED}.get(request.kind, FIGURES))

    def turn(self, seconds: float | None, time_limit_seconds: float) -> Any:
        from bench.execution.worker_process import Outcome

        return Outcome("ok", {} if seconds is None else {"epoch_seconds": [0.003] * 5})

    def close(self) -> None:
        pass


class FakeCanary:
    """Is as quick as ever."""

    def seconds(self) -> float:
        return 16e-6


@dataclass
class Phase:
    """A part of the run's life, and what it cost."""

    name: str
    seconds: float
    peak_megabytes: float


def entries(trials: int) -> list[Any]:
    """Workloads whose planned trials are about as many as `trials`: half scored, half timed."""
    from bench.contestants.registry import CONTESTANTS as KNOWN
    from bench.workloads import WORKLOADS as BUILT_IN
    from bench.workloads.models import Data, Training

    each = max(trials // (WORKLOADS * len(CONTESTANTS) * 2), 2)
    specs = [KNOWN[name] for name in CONTESTANTS]
    changes = {
        "training": Training(epochs=EPOCHS),
        "scored_seeds": each,
        "peer_scored_seeds": each,
        "rounds": each,
        "launches": 2 + each // 25,
        "contestants": list(CONTESTANTS),
        "prediction_rows": [],
        "data": Data(name="moons", parameters={"n_samples": 10 * PREDICTIONS, "noise": 0.2}),
    }
    moons = BUILT_IN["moons"]
    return [
        (moons.model_copy(update={**changes, "name": f"moons-{index}" if index else "moons"}), specs) for index in range(WORKLOADS)
    ]


def first(trials: int, directory: Path) -> Iterator[Phase]:
    """Make a run in `directory`, and interrupt it; yield its phases as they end."""
    from bench.cli import run as _imports_of_a_run  # noqa: F401
    from bench.execution.schedule import plan

    wanted = entries(trials)
    with timed("plan") as phase:
        planned = len(plan(wanted, seed=1))
    yield phase[0]
    with timed("first half") as phase:
        run_job(new_job(directory, wanted), left=planned // 2)
    yield phase[0]


def second(directory: Path) -> Iterator[Phase]:
    """Resume the run in `directory`, and report it; yield its phases as they end."""
    from bench.execution.run_selection import resumed_job
    from bench.records import RunReader
    from bench.report import write_report

    records = RunReader(directory)
    with timed("read") as phase:
        data = records.read()
    yield phase[0]
    with timed("resumed half") as phase:
        job = resumed_job(data, records)
        del data
        run_job(job, added=2)
        del job
    yield phase[0]
    with timed("report") as phase:
        write_report(directory, records.read())
    yield phase[0]


def new_job(directory: Path, wanted: list[Any]) -> Any:
    """Return a new run of the workloads and contestants that are `wanted`."""
    from bench.execution import environment
    from bench.execution.run_selection import _record
    from bench.execution.runner import Job
    from bench.records import Run

    run = Run(
        run_id="scale",
        command=["measure_scale"],
        quick=False,
        seed=1,
        threads=1,
        workloads=[workload.model_dump(mode="json") for workload, _ in wanted],
        contestants=[_record(spec) for spec in wanted[0][1]],
        environment=environment.describe(1),
    )
    return Job(directory, run, wanted)


def run_job(job: Any, left: float = float("inf"), added: int = 0) -> None:
    """Run a job on fakes; Ctrl-C after `left` trials, or `added` launches more than are planned."""
    from bench.execution.runner import Limits, Machine, Observer, Runner, Wanted
    from bench.execution.turn_rounds import TurnRounds

    class Numbers(Observer):
        def ended(self, trial: Any, done: int, total: int) -> None:
            self.done = done

    looks = iter([Wanted("moons", CONTESTANTS)] * added)
    count = [left]
    machine = Machine(lambda *_: FakeWorker(count), TurnRounds(FakeCanary(), cores=2, enough=1), places=2)
    limits = Limits(lambda _: next(looks, "enough")) if added else Limits()
    made = Runner(job, machine, Numbers()).run(limits)
    assert made.status == ("complete" if added else "interrupted"), made.stop_reason


@contextlib.contextmanager
def timed(name: str) -> Iterator[list[Phase]]:
    """Measure a block; the list has its phase when it has ended."""
    found: list[Phase] = []
    profile = cProfile.Profile() if name == PROFILED else None
    began = perf_counter()
    if profile is not None:
        profile.enable()
    yield found
    if profile is not None:
        profile.disable()
        pstats.Stats(profile, stream=sys.stderr).sort_stats("cumulative").print_stats(45)
    found.append(Phase(name, perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


PROFILED: str | None = None


def main() -> None:
    """Measure each size in a process of its own."""
    global PROFILED
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--profile", help="print where a phase's time goes")
    parser.add_argument("--here", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    PROFILED = options.profile
    if options.here is not None:
        (trials,) = options.trials
        begun = (options.here / "run.json").exists()
        for phase in second(options.here) if begun else first(trials, options.here):
            print(f"{trials:>9,}  {phase.name:14} {phase.seconds:8.2f} s  {phase.peak_megabytes:6.0f} MB", flush=True)
        return
    for trials in options.trials:
        with tempfile.TemporaryDirectory() as folder:
            extra = ["--profile", options.profile] if options.profile else []
            for _ in range(2):
                subprocess.run([sys.executable, __file__, "--here", folder, "--trials", str(trials), *extra], check=True)
            megabytes = (Path(folder) / "trials.jsonl").stat().st_size / 1e6
            print(f"{trials:>9,}  trials.jsonl has {megabytes:.1f} MB", flush=True)


if __name__ == "__main__":
    main()
