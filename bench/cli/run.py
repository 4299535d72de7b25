"""The commands `run` and `list`."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.boundary import complain, wrong_use
from bench.cli.exit_codes import ExitCode
from bench.cli.paths import given_path
from bench.cli.report import print_report

if TYPE_CHECKING:
    from bench.execution.run_selection import RunOptions
    from bench.execution.runner import Job, MoreRounds
    from bench.records import Run, RunData

DEFAULT_OUT = Path("results/latest")
TIME_BUDGET_SECONDS = 570
"""Default of a whole `run`: under ten minutes."""
REPORT_SECONDS = 40
"""The part of the time budget that is kept for the report."""


def run(
    workload: Annotated[list[str] | None, typer.Option(help="NAME or FILE.toml; may be given again.")] = None,
    contestants: Annotated[str | None, typer.Option(help="Names, separated by commas; your own as FILE.py:CLASS.")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Seeds on which accuracy is compared.")] = None,
    rounds: Annotated[int | None, typer.Option(min=1, help="Timed rounds, before any are added.")] = None,
    threads: Annotated[int | None, typer.Option(help="Threads of each contestant; all cores by default.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Run a smaller version.")] = False,
    out: Annotated[
        Path | None, typer.Option(parser=given_path, metavar="DIR", help=f"Folder to write into; {DEFAULT_OUT} by default.")
    ] = None,
    resume: Annotated[Path | None, typer.Option(parser=given_path, metavar="DIR", help="Continue the run in this folder.")] = None,
    film: Annotated[bool, typer.Option("--film", help="Record how the decision surfaces change, and make films of it.")] = False,
    time_budget: Annotated[
        float, typer.Option(min=0, help="Seconds: rounds are added until the ratios are precise or this time ends.")
    ] = TIME_BUDGET_SECONDS,
) -> ExitCode:
    """Train the workloads with every contestant, and report.

    Exit code 1 if parity is broken, 3 if a trial failed or the run was interrupted.
    """
    from bench.execution.run_selection import RunOptions

    names = () if contestants is None else tuple(name.strip() for name in contestants.split(","))
    options = RunOptions(tuple(workload or ()), names, seeds, rounds, threads, quick, film)
    with ExitStack() as claim:
        with wrong_use():
            job = _new_job(options, out or DEFAULT_OUT, claim) if resume is None else _resumed_job(options, out, resume, claim)
        return _measure(job, time_budget)


def list_() -> ExitCode:
    """List the workloads and contestants.

    A contestant that is not installed has the command that installs it.
    """
    from bench.contestants import CONTESTANTS
    from bench.workloads import WORKLOADS

    print("workloads")
    for workload in WORKLOADS.values():
        print(f"  {workload.name:14} {workload.summary}")
    print("contestants")
    for spec in CONTESTANTS.values():
        print(f"  {spec.name:14} {spec.summary}")
        if spec.missing:
            print(f"  {'':14} not installed: {', '.join(spec.missing)}; install it by  {spec.install}")
    return ExitCode.FINE


def exit_code(data: RunData, run: Run) -> ExitCode:
    """The exit code of a run with the trials of `data`."""
    from bench.analysis.parity import parity_broken

    if parity_broken(data):
        return ExitCode.BAD_ANSWER
    whole = run.status == "complete" and all(trial.status in ("ok", "skipped") for trial in data.trials)
    return ExitCode.FINE if whole else ExitCode.NOT_ALL


def _new_job(options: RunOptions, directory: Path, claim: ExitStack) -> Job:
    """A new run; the files of an earlier run in the folder are removed only when everything has been checked."""
    from bench.execution.run_directory import claimed, prepare
    from bench.execution.run_selection import new_job

    job = new_job(options, directory, ["python", "-m", "bench", *sys.argv[1:]])
    claim.enter_context(claimed(directory))
    prepare(directory)
    return job


def _resumed_job(options: RunOptions, out: Path | None, directory: Path, claim: ExitStack) -> Job:
    from bench.execution.run_directory import claimed
    from bench.execution.run_selection import RunOptions, resumed_job
    from bench.records import read_run

    if options != RunOptions() or out is not None:
        raise ValueError("--resume goes with --time-budget alone: a resumed run goes on as it began")
    read_run(directory)  # a folder without a run is refused before it is claimed
    claim.enter_context(claimed(directory))
    data = read_run(directory)
    for damage in data.damaged:
        complain(f"{damage}; it is set aside")
    return resumed_job(data)


def _measure(job: Job, time_budget_seconds: float) -> ExitCode:
    """Run a job, report the trials that there are, and return the exit code."""
    from rich.console import Console

    from bench.cli.progress import watching
    from bench.execution.runner import Runner
    from bench.execution.worker_process import Launcher
    from bench.records import RecordError, read_run

    for note in job.run.notes:
        complain(note)
    more = None if job.run.quick else _more_rounds(time_budget_seconds)
    with watching(Console(stderr=True)) as observer:
        run = Runner(job, launch=Launcher(job.directory), observer=observer).run(more)
    if run.status == "interrupted":
        complain(f"the run has ended before it was complete ({run.stop_reason}); continue it with  --resume {job.directory}")
    try:
        data = read_run(job.directory)
        if data.trials:
            print_report(job.directory, film=any(workload.get("film_frames") for workload in run.workloads))
    except (OSError, RecordError) as error:
        complain(f"the report could not be written: {error}")
        return ExitCode.NOT_ALL
    return exit_code(data, run)


def _more_rounds(time_budget_seconds: float) -> MoreRounds:
    from bench.execution.runner import MoreRounds

    def enough(data: RunData) -> str | None:
        from bench.analysis.precision import ENOUGH, headline_precision

        precision = headline_precision(data)
        if precision is None:
            return "all planned rounds are done, and there is no headline ratio to be made more precise"
        return f"the headline ratios are known to ±{precision:.1%}" if precision <= ENOUGH else None

    return MoreRounds(enough, time_budget_seconds - REPORT_SECONDS)
