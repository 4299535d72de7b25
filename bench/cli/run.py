"""The commands `run` and `list`."""

from __future__ import annotations

import math
import shlex
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.boundary import complain, wrong_use
from bench.cli.executors import check_executor, on_executor
from bench.cli.exit_codes import ExitCode
from bench.cli.paths import given_path
from bench.cli.report import print_report, tell_damage
from bench.files import in_words

if TYPE_CHECKING:
    from bench.execution.run_selection import RunOptions
    from bench.execution.runner import Job, Limits, Machine, Wanted
    from bench.records import Run, RunData, RunReader

STANDING_SHARE = 50
"""Times as long as it takes to find how the run stands, it isn't found anew."""
DEFAULT_OUT = Path("results/latest")
TIME_BUDGET_SECONDS, WITH_PEERS_SECONDS, QUICK_SECONDS = 360, 600, 73
"""Defaults of a whole `run`: of contestants that need nothing but what the harness needs; with optional peers; with `--quick`,
where two seconds of 75 are for nox and the interpreter."""


def run(
    workload: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A workload of  python -m bench list,  or FILE.toml; may be given again. Default: all without a grid.",
        ),
    ] = None,
    contestants: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAMES",
            help="Contestants of  python -m bench list,  separated by commas; your own as FILE.py:CLASS. Default: all installed.",
        ),
    ] = None,
    seeds: Annotated[int | None, typer.Option(min=1, metavar="N", help="Seeds on which accuracy is compared.")] = None,
    rounds: Annotated[int | None, typer.Option(min=1, metavar="N", help="Whole fits that are timed.")] = None,
    threads: Annotated[int | None, typer.Option(metavar="N", help="Threads of each contestant; all cores by default.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Answer the headline alone to about ±10 %, in 75 seconds.")] = False,
    out: Annotated[
        Path | None, typer.Option(parser=given_path, metavar="DIR", help=f"Folder to write into; {DEFAULT_OUT} by default.")
    ] = None,
    resume: Annotated[Path | None, typer.Option(parser=given_path, metavar="DIR", help="Continue the run in this folder.")] = None,
    executor: Annotated[
        str, typer.Option(metavar="WHERE", help="local; dask: a cluster on this machine; dask://HOST:PORT: a scheduler's.")
    ] = "local",
    film: Annotated[bool, typer.Option("--film", help="Record how the decision surfaces change, and make films of it.")] = False,
    time_budget: Annotated[
        float | None,
        typer.Option(
            min=0,
            metavar="SECONDS",
            help="Of the whole run; launches are added until the ratios are precise or it ends (0: none is).",
        ),
    ] = None,
) -> ExitCode:
    """Train the workloads with every contestant, and report.

    Exit code 1 if parity is broken, 3 if a trial failed or the run was interrupted.
    """
    from bench.execution.run_selection import RunOptions

    began = time.perf_counter()
    names = tuple(name.strip() for name in ",".join(contestants).split(",")) if contestants else ()  # given twice, it is both
    options = RunOptions(tuple(workload or ()), names, seeds, rounds, threads, quick, film)
    with ExitStack() as claim:
        with wrong_use():
            check_executor(executor)
            if resume is None:
                job = _new_job(options, out or DEFAULT_OUT, executor, claim)
            else:
                job = _resumed_job(options, out, resume, executor, claim)
        return _measure(job, _limits(job, time_budget), began)


def list_() -> ExitCode:
    """List the names of workloads, contestants and benchmarks.

    A contestant that is not installed has the command that installs it.
    """
    from bench.contestants import CONTESTANTS
    from bench.micro.suite import BENCHMARKS, PROCESS_BENCHMARKS
    from bench.workloads import WORKLOADS

    install = {
        spec.name: f"not installed ({', '.join(spec.missing)}):  {spec.install}" for spec in CONTESTANTS.values() if spec.missing
    }
    _print_names("workloads (run --workload)", {name: one.summary for name, one in WORKLOADS.items()})
    _print_names("contestants (run --contestants)", {name: one.summary for name, one in CONTESTANTS.items()}, install)
    benchmarks = {name: one.summary for name, one in BENCHMARKS.items()}
    benchmarks |= {name: one.summary for name, one in PROCESS_BENCHMARKS.items()}
    _print_names("benchmarks (compare --benchmark)", benchmarks)
    return ExitCode.FINE


def _print_names(title: str, summaries: Mapping[str, str], more: Mapping[str, str] = MappingProxyType({})) -> None:
    """Print names with their summaries; a line of `more`, which is to be typed, is never broken."""
    from bench.report.plain_text import hanging

    print(title)
    width = max(map(len, summaries))
    for name, summary in summaries.items():
        print("\n".join(hanging(f"  {name:{width}}  ", summary)))
        if name in more:
            print(f"  {'':{width}}  {more[name]}")


def exit_code(data: RunData, run: Run) -> ExitCode:
    """The exit code of a run with the trials of `data`."""
    from bench.analysis.parity import parity_broken

    if parity_broken(data):
        return ExitCode.BAD_ANSWER
    whole = run.status == "complete" and bool(data.trials) and all(trial.status in ("ok", "skipped") for trial in data.trials)
    return ExitCode.FINE if whole else ExitCode.NOT_ALL


def _new_job(options: RunOptions, directory: Path, executor: str, claim: ExitStack) -> Job:
    """A new run; the files of an earlier run in the folder are removed only when everything has been checked."""
    from bench.execution.run_directory import claimed, prepare
    from bench.execution.run_selection import new_job

    job = new_job(options, directory, ["python", "-m", "bench", *sys.argv[1:]])
    job = claim.enter_context(on_executor(executor, job))
    claim.enter_context(claimed(directory))
    prepare(directory)
    return job


def _resumed_job(options: RunOptions, out: Path | None, directory: Path, executor: str, claim: ExitStack) -> Job:
    from bench.execution.run_directory import claimed
    from bench.execution.run_selection import RunOptions, resumed_job
    from bench.records import RunReader, read_run_record

    if options != RunOptions() or out is not None:
        raise ValueError("--resume goes with --time-budget and --executor alone: a resumed run goes on as it began")
    read_run_record(directory)  # a folder without a run is refused before it is claimed
    claim.enter_context(claimed(directory))
    records = RunReader(directory)
    data = tell_damage(records.read())
    return claim.enter_context(on_executor(executor, resumed_job(data, records)))


def import_beforehand() -> None:
    """Import what a run needs between its trials: half a module is left where Ctrl-C or a closed terminal interrupts an import."""
    for name in ("bench.analysis.precision", "bench.report.plain_text", "bench.report.plots.history"):
        import_module(name)


def _measure(job: Job, limits: Limits, began: float) -> ExitCode:
    """Run a job of a command that `began` then, report the trials that there are, and return the exit code."""
    from rich.console import Console

    from bench.analysis.precision import headline_goal
    from bench.cli.progress import watching
    from bench.execution.runner import Runner
    from bench.execution.schedule import takes_turns
    from bench.execution.time_plan import plan_lines
    from bench.records import RUN_FILE, RecordError, RunReader

    for note in job.run.notes:
        complain(note)
    import_beforehand()
    launches = [workload.launches for workload, _ in job.entries if takes_turns(workload)]
    if limits.wanted is None and launches and max(launches) == 1:
        complain("no ratio will have an interval: one launch is planned, and --time-budget 0 adds none")
    console = Console(stderr=True)
    records = job.records or RunReader(job.directory)
    with watching(console, Standing(records)) as observer:
        runner = Runner(job, _machine(job), observer)
        goal = headline_goal(job.run)
        for line in plan_lines(runner.time_plan, limits.time_budget_seconds, goal=goal, cuts_plan=limits.cuts_plan):
            observer.note(line)
        run = runner.run(replace(limits, spent_seconds=time.perf_counter() - began))
        del runner  # the memory of a long plan is the report's
    if not (job.directory / RUN_FILE).is_file():
        complain(
            f"{job.directory} no longer holds the run: it, or what was in it, was removed or renamed in the middle; "
            "if it was renamed, continue with  --resume  and its new name"
        )
        return ExitCode.NOT_ALL
    if run.status == "interrupted":
        place = shlex.quote(str(job.directory))
        complain(f"the run has ended before it was complete ({run.stop_reason}); continue it with  --resume {place}")
    try:
        data = records.read()
        if data.trials:
            print_report(data, film=any(workload.get("film_frames") for workload in run.workloads))
        elif run.status == "complete":
            complain(f"nothing was measured: {run.stop_reason}")
    except (OSError, RecordError) as error:
        complain(f"the report could not be written: {in_words(error)}")
        return ExitCode.NOT_ALL
    return exit_code(data, run)


class Standing:
    """The headline ratios of the trials on disk, in one line; found anew only as often as takes a small share of the time.

    Parameters
    ----------
    records
        What reads them.
    clock
        Seconds.

    """

    def __init__(self, records: RunReader, clock: Callable[[], float] = time.perf_counter) -> None:
        self._records = records
        self._clock = clock
        self._due = -math.inf
        self._text = ""

    def __call__(self) -> str:
        from bench.analysis.precision import headline_ratios
        from bench.report.plain_text import standing

        began = self._clock()
        if began >= self._due:
            self._text = standing(headline_ratios(self._records.read()))
            self._due = began + STANDING_SHARE * (self._clock() - began)
        return self._text


def _machine(job: Job) -> Machine:
    """What this machine measures with."""
    from bench.execution.canary import Canary
    from bench.execution.environment import cores
    from bench.execution.runner import Machine
    from bench.execution.time_plan import slowness_of
    from bench.execution.turn_rounds import ENOUGH_TURNS, QUICK_ENOUGH_TURNS, TurnRounds
    from bench.execution.worker_process import Launcher

    canary = Canary()
    slowness = slowness_of(canary.seconds_here)
    rounds = TurnRounds(canary, cores=cores(), enough=QUICK_ENOUGH_TURNS if job.run.quick else ENOUGH_TURNS)
    return Machine(Launcher(job.directory), rounds, places=cores(), slowness=slowness)


def _limits(job: Job, time_budget_seconds: float | None) -> Limits:
    """When the run ends: only a budget that was asked for leaves out planned trials; one of 0 adds none."""
    from bench.execution.runner import Limits

    if time_budget_seconds == 0:
        return Limits()
    if time_budget_seconds is None:
        return Limits(_wanted, _default_budget(job))
    return Limits(_wanted, time_budget_seconds, cuts_plan=True)


def _default_budget(job: Job) -> float:
    if job.run.quick:
        return QUICK_SECONDS
    optional = any("[" in spec.install for _, specs in job.entries for spec in specs)
    return WITH_PEERS_SECONDS if optional else TIME_BUDGET_SECONDS


def _wanted(data: RunData) -> Wanted | str:
    from bench.analysis.precision import headline_precision, least_known
    from bench.execution.runner import Wanted

    least = least_known(data)
    if least is not None:
        return Wanted(*least)
    precision = headline_precision(data)
    if precision is None:
        return "there is no headline ratio to be made more precise"
    return f"the headline ratios are known to ±{precision:.1%}"
