"""Runs of the runner with workers that are no processes: see `harness.FakeLaunch`."""

from harness import FakeLaunch, Watcher, fake_machine, run_record, spec, workload

from bench.execution.runner import Job, Limits, Runner
from bench.execution.worker_process import Outcome
from bench.records import read_run

NAMES = ("Tiny", "Twin")
SPECS = [spec(name) for name in NAMES]
FIGURES = {"steps": 1}


def job(directory, *, specs=SPECS, ended=(), **fields):
    return Job(directory, run_record(), [(workload(**fields), specs)], reference="Tiny", ended=ended)


def run(a_job, launch=None, limits=None, watcher=None, **machine):
    launch = launch or FakeLaunch()
    made = Runner(a_job, fake_machine(launch, **machine), watcher or Watcher()).run(limits or Limits())
    assert launch.alive == set(), "workers were left behind"
    return made, read_run(a_job.directory).trials, launch


def failing(*failures):
    """An outcome for FakeLaunch: the trials of a class named here fail."""
    return lambda request: (
        Outcome("failed", error="RuntimeError: no")
        if any(request.target.endswith(f":{name}") for name in failures)
        else Outcome("ok", figures=FIGURES)
    )
