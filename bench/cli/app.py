"""The command line: `python -m bench`, or `moons-bench` where it is installed.

Words in, exit code out; what is done is done by the modules that each command imports when it is called, so that `--help` answers
at once. Exit codes: 0 fine; 1 measured, and the answer is bad; 2 wrong use; 3 measured, but not all of it; 4 measured, no verdict.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.style import Style
from rich.text import Text

from bench.cli.regression import certify, compare, track

if TYPE_CHECKING:
    from bench.execution.run_selection import RunOptions
    from bench.execution.runner import Job, MoreRounds
    from bench.records import Run, RunData

DEFAULT_OUT = Path("results/latest")
TIME_BUDGET_SECONDS = 570
"""Of a whole `run`, unless it is told otherwise: under ten minutes."""
REPORT_SECONDS = 40
"""Of that, kept for the report."""


class Exit(IntEnum):
    """What a command says to whatever called it."""

    FINE = 0
    BAD_ANSWER = 1
    WRONG_USE = 2
    NOT_ALL = 3
    NO_VERDICT = 4


app = typer.Typer(
    help="The same small network, trained by NumPy alone and by Keras, and measured.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run a command; wrong use is one line and exit code 2."""
    try:
        sys.exit(app(prog_name="python -m bench", standalone_mode=False) or Exit.FINE)
    except typer.TyperException as error:
        _complain(f"error: {error.format_message()}")
        sys.exit(Exit.WRONG_USE)
    except (KeyboardInterrupt, typer.Abort):
        _complain("interrupted")
        sys.exit(Exit.NOT_ALL)


@app.command()
def run(
    workload: Annotated[list[str] | None, typer.Option(help="NAME or FILE.toml; may be given again.")] = None,
    contestants: Annotated[str | None, typer.Option(help="Names with commas between; your own as FILE.py:CLASS.")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Seeds on which accuracy is compared.")] = None,
    rounds: Annotated[int | None, typer.Option(min=1, help="Timed rounds, before any are added.")] = None,
    threads: Annotated[int | None, typer.Option(help="Threads of each contestant; all cores if left out.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A smaller version of all of it.")] = False,
    out: Annotated[Path | None, typer.Option(help=f"The folder to write into; {DEFAULT_OUT} if left out.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with the run in this folder.")] = None,
    time_budget: Annotated[
        float, typer.Option(min=0, help="Seconds: rounds are added until the ratios are precise, or this ends.")
    ] = TIME_BUDGET_SECONDS,
) -> None:
    """Train the workloads with every contestant, and write the report."""
    from bench.execution.run_selection import RunOptions

    names = () if contestants is None else tuple(name.strip() for name in contestants.split(","))
    options = RunOptions(tuple(workload or ()), names, seeds, rounds, threads, quick)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite kill ends a run as Ctrl-C does
    with ExitStack() as claim:
        with _wrong_use():
            job = _new_job(options, out or DEFAULT_OUT, claim) if resume is None else _resumed_job(options, out, resume, claim)
        raise typer.Exit(_measure(job, time_budget))


@app.command()
def report(directory: Annotated[Path, typer.Argument(metavar="DIR", help="A run's folder.")]) -> None:
    """Write the tables, plots and pages again, from the records in DIR."""
    from bench.records import read_run

    with _wrong_use():
        read_run(directory)
    try:
        _report(directory)
    except OSError as error:
        raise typer.TyperException(f"the report could not be written: {error}") from error


@app.command("list")
def list_() -> None:
    """Name the workloads and contestants; what is not installed, and how to install it."""
    from bench.contestants import CONTESTANTS
    from bench.workloads.builtin import WORKLOADS

    typer.echo("workloads")
    for workload in WORKLOADS.values():
        typer.echo(f"  {workload.name:14} {workload.summary}")
    typer.echo("contestants")
    for spec in CONTESTANTS.values():
        typer.echo(f"  {spec.name:14} {spec.summary}")
        if spec.missing:
            typer.echo(f"  {'':14} not installed: {', '.join(spec.missing)}; install it by  {spec.install}")


@app.command()
def export(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A run's folder.")],
    format_: Annotated[str, typer.Argument(metavar="FORMAT", help="csv, parquet, markdown or latex.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it.")],
    table: Annotated[
        Literal["trials", "summary"] | None,
        typer.Option(help="trials, or summary: a row a contestant. If left out, trials for CSV and Parquet, else summary."),
    ] = None,
) -> None:
    """Write the trials of a run for other programs, or a summary of them for a page or a paper."""
    from bench.report.export import export as write

    with _wrong_use():
        write(directory, format_, file, table)


@app.command()
def doctor() -> None:
    """Say whether this machine is quiet enough, and how small a slowdown can be seen here. Exit code 1 where it isn't."""
    from bench.selfcheck.doctor import DoctorError, examine, findings, warnings

    try:
        with Console(stderr=True).status("measuring for about a minute"):
            measured = examine()
    except DoctorError as error:
        _complain(f"error: {error}")
        raise typer.Exit(Exit.NOT_ALL) from error
    for line in findings(measured):
        typer.echo(line)
    found = warnings(measured)
    for line in found:
        typer.echo(f"warning: {line}")
    raise typer.Exit(Exit.BAD_ANSWER if found else Exit.FINE)


@app.command()
def agree(
    first: Annotated[Path, typer.Argument(metavar="DIR", help="A run's folder.")],
    second: Annotated[Path, typer.Argument(metavar="DIR", help="Another's, of the same machine.")],
) -> None:
    """Say whether two runs agree on the headline ratios. Exit code 1 if they don't, 4 if one can't be told."""
    from bench.analysis.repeats import repeats
    from bench.records import read_run
    from bench.report.plain_text import agreement

    with _wrong_use():
        found = repeats(read_run(first), read_run(second))
    for line in agreement(found) if found else ():
        typer.echo(line)
    judged = [repeat.agrees for repeat in found]
    if False in judged:
        raise typer.Exit(Exit.BAD_ANSWER)
    if not judged or None in judged:
        _complain("the two have no headline ratio in common" if not judged else "measure more rounds")
        raise typer.Exit(Exit.NO_VERDICT)


@app.command()
def calibrate(
    runs: Annotated[int, typer.Option(min=1, help="Short runs; a hundred take six minutes or so.")] = 100,
    out: Annotated[Path, typer.Option(help="The folder to write calibration.json and calibration.md into.")] = DEFAULT_OUT,
) -> None:
    """Run `numpy_nn` against itself: does the ratio's 95 % interval hold 1 in 93 % of the runs? Exit code 1 if it doesn't."""
    from bench.execution.run_directory import claimed
    from bench.selfcheck.calibration import CalibrationError, page, write
    from bench.selfcheck.calibration import calibrate as measure

    with ExitStack() as claim:
        with _wrong_use():
            claim.enter_context(claimed(out))  # that nothing can be written there is known before six minutes have gone by
        try:
            with Console(stderr=True).status("") as status:
                found = measure(runs, clock=time.perf_counter, ended=lambda number: status.update(f"{number} of {runs} runs"))
            write(found, out)
        except (CalibrationError, OSError) as error:
            _complain(f"error: {error}")
            raise typer.Exit(Exit.NOT_ALL) from error
    typer.echo(page(found))
    raise typer.Exit(Exit.FINE if found.good else Exit.BAD_ANSWER)


for command in (compare, track, certify):
    app.command()(command)


def _new_job(options: RunOptions, directory: Path, claim: ExitStack) -> Job:
    """A new run; what a run before has left in the folder goes only when all is known to be right."""
    from bench.execution.run_directory import claimed, clear
    from bench.execution.run_selection import new_job

    job = new_job(options, directory, ["python", "-m", "bench", *sys.argv[1:]])
    claim.enter_context(claimed(directory))
    clear(directory)
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
        _complain(f"{damage}; it is set aside")
    return resumed_job(data)


def _measure(job: Job, time_budget_seconds: float) -> Exit:
    """Run a job, write the report of what there is, and say how it went."""
    from bench.cli.progress import watching
    from bench.execution.runner import Runner
    from bench.execution.worker_process import Launcher
    from bench.records import read_run

    for note in job.run.notes:
        _complain(note)
    more = None if job.run.quick else _more_rounds(time_budget_seconds)
    with watching(Console(stderr=True)) as observer:
        run = Runner(job, launch=Launcher(job.directory), observer=observer).run(more)
    if run.status == "interrupted":
        _complain(f"the run has ended before it was complete ({run.stop_reason}); go on with it by  --resume {job.directory}")
    try:
        data = read_run(job.directory)
        if data.trials:
            _report(job.directory)
    except OSError as error:
        _complain(f"the report could not be written: {error}")
        return Exit.NOT_ALL
    return _exit_code(data, run)


def _exit_code(data: RunData, run: Run) -> Exit:
    from bench.analysis.parity import parity_broken

    if parity_broken(data):
        return Exit.BAD_ANSWER
    whole = run.status == "complete" and all(trial.status in ("ok", "skipped") for trial in data.trials)
    return Exit.FINE if whole else Exit.NOT_ALL


def _more_rounds(time_budget_seconds: float) -> MoreRounds:
    from bench.execution.runner import MoreRounds

    def enough(data: RunData) -> str | None:
        from bench.analysis.precision import ENOUGH, headline_precision

        precision = headline_precision(data)
        if precision is None:
            return "all planned rounds are done, and there is no headline ratio to be made more precise"
        return f"the headline ratios are known to ±{precision:.1%}" if precision <= ENOUGH else None

    return MoreRounds(enough, time_budget_seconds - REPORT_SECONDS)


def _report(directory: Path) -> None:
    from bench.report import write_report

    typer.echo(write_report(directory))
    page = directory / "index.html"
    console = Console()
    link = Style(link=page.resolve().as_uri()) if console.is_terminal else Style()
    console.print(Text.assemble("\nreport: ", (str(page), link)), soft_wrap=True)


@contextmanager
def _wrong_use() -> Iterator[None]:
    """What can't be done as it was asked for is wrong use: every check of ours says so with a ValueError of one line."""
    try:
        yield
    except ValueError as error:
        raise typer.TyperException(str(error)) from error


def _complain(text: str) -> None:
    typer.echo(text, err=True)
