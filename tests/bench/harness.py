"""What the tests of the measuring half share: a small workload, contestants from a file, fakes of clock, processes and screen."""

import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bench.contestants.registry import Spec
from bench.execution.runner import Machine
from bench.execution.turn_meter import Reading
from bench.execution.turn_rounds import TurnRounds
from bench.execution.worker_process import Launcher, Outcome
from bench.records import Environment, Run, Trial
from bench.workloads.data_sets import Split
from bench.workloads.models import Workload

CONTESTANTS = Path(__file__).parent / "contestants_for_tests"
ARCHITECTURE = [
    {"input_dim": 2, "output_dim": 3, "activation": "relu"},
    {"input_dim": 3, "output_dim": 1, "activation": "sigmoid"},
]


def spec(name, **fields):
    """A contestant of `contestants_for_tests/tiny.py`."""
    return Spec(name, f"{CONTESTANTS / 'tiny.py'}:{name}", "for a test", **fields)


def workload(**fields):
    """A small workload, in which nothing is measured but what `fields` ask for."""
    return Workload.model_validate(
        {
            "name": "small",
            "summary": "for a test",
            "data": {"name": "moons", "parameters": {"n_samples": 20}},
            "architecture": ARCHITECTURE,
            "training": {"epochs": 3, "batch_size": 8},
            "time_limit_seconds": 30.0,
            **fields,
        }
    )


def small_split(data, seed):
    """Stands in for `bench.workloads.data_sets.make_split`, without scikit-learn's import."""
    x = np.random.default_rng(seed).normal(size=(20, 2))
    y = (x.sum(axis=1, keepdims=True) > 0).astype(float)
    return Split(x[:16], y[:16], x[16:], y[16:])


def run_record(**fields):
    environment = Environment(
        cpu="a processor",
        cores=2,
        memory_bytes=1,
        operating_system="a system",
        python="3",
        versions={},
        blas="a BLAS",
        blas_threads=1,
        commit=None,
        dirty=None,
        date="2026-01-01T00:00:00+00:00",
        load_1min=None,
        clock_resolution_seconds=1e-9,
    )
    plain = {"run_id": "a run", "command": [], "quick": False, "seed": 1, "threads": 1, "contestants": []}
    plain["workloads"] = [workload().model_dump(mode="json")]
    return Run(**{**plain, "environment": environment, **fields})


class FakeClock:
    """Goes on by what happens, not by itself."""

    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


@dataclass
class FakeLaunch:
    """Workers that are no processes: each trial takes a second, and ends as `outcome(request)` says."""

    clock: FakeClock = field(default_factory=FakeClock)
    outcome: object = lambda request: Outcome("ok", figures={"steps": 1})
    launched: list = field(default_factory=list)
    ran: list = field(default_factory=list)
    turned: list = field(default_factory=list)
    alive: set = field(default_factory=set)

    def __call__(self, contestant, launch, threads):
        self.launched.append((contestant.name, launch, threads))
        worker = FakeWorker(self, contestant.name, launch, pid=len(self.launched))
        self.alive.add(worker)
        return worker


@dataclass(eq=False)
class FakeWorker:
    launch: FakeLaunch
    name: str
    number: int
    pid: int | None = None

    def run(self, request, time_limit_seconds):
        assert self in self.launch.alive
        self.launch.clock.seconds += 1
        self.launch.ran.append((self.name, request.kind, request.task.seed, self.number))
        return self.launch.outcome(request)

    def turn(self, seconds, time_limit_seconds):
        """Takes as long as it must; the trial's end takes no time."""
        assert self in self.launch.alive
        if seconds is None:
            return Outcome("ok", figures={})
        self.launch.clock.seconds += seconds
        self.launch.turned.append((self.name, self.number))
        return Outcome("ok", figures={"epoch_seconds": [seconds]})

    def close(self):
        self.launch.alive.discard(self)


class FakeCanary:
    """Is as quick as `readings` say, one after the other, and at their end as quick as ever."""

    def __init__(self, readings=()):
        self._readings = iter(readings)

    def seconds(self):
        return next(self._readings, 1.0)


def real_machine(directory, enough=2, places=2):
    """Measures with real processes and no meters, so that a busy machine doesn't make a test longer."""

    def read(pid):
        return Reading(time.perf_counter(), None, None, 0.0, None, None, None)

    return Machine(
        Launcher(directory), TurnRounds(FakeCanary(), cores=2, read=read, enough=enough, turn_seconds=0.002), places=places
    )


def fake_machine(launch, *, places=1, **changes):
    """Measures with `launch`, on a machine on which nothing else runs; `changes` are fields of its readings."""

    def read(pid):
        fields = dict.fromkeys(("run_seconds", "wait_seconds", "all_cpu_seconds", "steal_seconds"), 0.0)
        return Reading(launch.clock(), runner_seconds=0.0, boot_less_monotonic_seconds=0.0, **{**fields, **changes})

    return Machine(launch, TurnRounds(FakeCanary(), cores=2, clock=launch.clock, read=read), places=places, clock=launch.clock)


@dataclass
class Watcher:
    """An observer that remembers."""

    seconds_left: list = field(default_factory=list)
    ended_trials: list[Trial] = field(default_factory=list)
    notes: list = field(default_factory=list)
    launches: list = field(default_factory=list)

    def started(self, planned, done, total, seconds_left):
        self.seconds_left.append(seconds_left)

    def ended(self, trial, done, total):
        self.ended_trials.append(trial)

    def launch_ended(self, workload):
        self.launches.append(workload)

    def note(self, text):
        self.notes.append(text)
