"""The commands `compare`, `track` and `certify`."""

from __future__ import annotations

import json
import math
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.cli.boundary import CommandError, complain, known_errors, wrong_use
from bench.cli.exit_codes import VERDICT_EXIT_CODES, ExitCode
from bench.cli.paths import given_path
from bench.cli.result_files import check_writable, write_job_page
from bench.files import write_whole

if TYPE_CHECKING:
    from bench.regression.compare.comparison import Comparison

TOLERANCE_PERCENT = 0.5
BUDGET_SECONDS = 120.0
CERTIFICATE_FOLDER = Path("results/certificate")
HISTORY_FILE = Path("results/history.jsonl")


def compare(
    base: Annotated[str, typer.Argument(metavar="BASE", help="Git revision.")],
    head: Annotated[str | None, typer.Argument(metavar="HEAD", help="Git revision; the working tree by default.")] = None,
    tolerance: Annotated[
        float, typer.Option(min=0, max=50, help="Per cent: changes up to this size are ignored.")
    ] = TOLERANCE_PERCENT,
    budget: Annotated[float, typer.Option(min=0, help="Seconds after which measuring ends.")] = BUDGET_SECONDS,
    benchmark: Annotated[list[str] | None, typer.Option(help="NAME of a benchmark; may be given again. Default: all.")] = None,
    repository: Annotated[Path, typer.Option(parser=given_path, metavar="PATH", help="Any folder of the git repository.")] = Path(),
    json_: Annotated[
        Path | None, typer.Option("--json", parser=given_path, metavar="FILE", help="File to write the figures into.")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option(parser=given_path, metavar="PATH", help="File to write a Markdown page into.")
    ] = None,
) -> ExitCode:
    """Check whether `numpy_nn` is slower at HEAD than at BASE.

    Exit code 1 if it is slower, 3 if the two compute different values or a benchmark doesn't run on both, 4 if the time ends before
    there is a verdict.
    """
    from bench.regression.compare.comparison_processes import ComparisonProcessError
    from bench.regression.compare.comparison_report import as_json, failure_as_json, failure_as_markdown
    from bench.regression.compare.comparison_report import markdown as as_markdown
    from bench.regression.compare.revisions import RevisionError

    with wrong_use():
        names = _benchmark_names(benchmark or [])
        check_writable([json_, markdown])
    try:
        comparison = _compare(repository, base, head, names, tolerance / 100, budget)
    except (RevisionError, ComparisonProcessError) as error:
        _write(failure_as_json(error.kind, str(error)), failure_as_markdown(str(error)), json_, markdown)
        refused = isinstance(error, RevisionError)
        raise CommandError(str(error), ExitCode.WRONG_USE if refused else ExitCode.NOT_ALL) from error
    environment = _environment()
    try:
        _write(as_json(comparison, environment), as_markdown(comparison, environment), json_, markdown)
    finally:
        _show(comparison)
    return VERDICT_EXIT_CODES[comparison.verdict]


def certify(
    out: Annotated[
        Path, typer.Option(parser=given_path, metavar="PATH", help="Folder to write into; runs that are in it are kept.")
    ] = CERTIFICATE_FOLDER,
    share: Annotated[float, typer.Option(min=0, help="Share of the runs of a whole certificate (two hours) to make.")] = 1.0,
    budget: Annotated[float, typer.Option(min=0, help="Seconds after which no run is started.")] = math.inf,
    comparisons: Annotated[int, typer.Option(min=1, help="Comparisons and series to simulate for each shape of noise.")] = 10_000,
) -> ExitCode:
    """Measure how often `compare` is wrong, with known slowdowns.

    Exit code 1 if a real comparison of equal revisions is called regressed or improved.
    """
    from rich.console import Console

    from bench.regression.certify import certificate_figures, certificate_report
    from bench.regression.certify.real_runs import make_runs, package_folder
    from bench.regression.compare.comparison_processes import ComparisonProcessError

    with wrong_use():
        out.mkdir(exist_ok=True)
        check_writable([out / certificate_report.JSON_FILE])
    with known_errors(ExitCode.NOT_ALL, ComparisonProcessError), Console(stderr=True).status("calibrating") as status:
        runs = make_runs(out, package_folder(), share=share, budget_seconds=budget, watch=status.update)
        status.update("resampling and simulating")
        others = certificate_figures.simulated_figures(out, comparisons)
        change_points = certificate_figures.change_point_figures(comparisons)
    real = certificate_figures.real_figures(runs)
    environment = {**_environment(), **certificate_figures.conditions(runs)}
    print(certificate_report.write(out, real, others, change_points, runs, environment))
    false_alarm = any(row["count"] for row in real if row["slowdown"] == 0)
    return ExitCode.BAD_ANSWER if false_alarm else ExitCode.FINE


def track(
    directory: Annotated[Path, typer.Argument(parser=given_path, metavar="DIR", help="Folder of a run.")],
    history: Annotated[
        Path, typer.Option(parser=given_path, metavar="PATH", help="File to add a line to; a plot is written beside it.")
    ] = HISTORY_FILE,
) -> ExitCode:
    """Add a run to the history, and look for change points in it.

    Reads the records of the run and the history, and executes nothing in them. Writes a line to the history, and a plot beside it.
    """
    from bench.analysis.summary import analyse
    from bench.records import read_run
    from bench.regression.history.change_points import find_change_points
    from bench.regression.history.history_report import draw, markdown, plot_files
    from bench.regression.history.tracked_runs import add, read_history, tracked

    with wrong_use():
        if history.suffix != ".jsonl":
            raise ValueError(f"--history was {history}: it must end in .jsonl, since the plot beside it is named after it")
        check_writable([history, *plot_files(history)])
        data = read_run(directory)
        earlier, damaged = read_history(history)
    for line in damaged:
        complain(f"{line}; it is set aside")
    analysis = analyse(data)
    with wrong_use():
        run = tracked(analysis)
    with known_errors(ExitCode.NOT_ALL, OSError, prefix="the history could not be written: "):
        if not add(history, run, earlier):
            complain(f"run {run.run_id} is in {history} already: it is not added again")
        runs, damaged = read_history(history)
        found = find_change_points(runs)
        page = markdown(runs, found, damaged)
        draw(runs, found, history)
        write_job_page(page)
    print(page)
    return ExitCode.FINE


def _compare(
    repository: Path, base: str, head: str | None, names: list[str], tolerance: float, budget_seconds: float
) -> Comparison:
    from rich.console import Console
    from rich.live import Live

    from bench.regression.compare.comparison import compare as compare_sides
    from bench.regression.compare.comparison_processes import ComparisonProcesses
    from bench.regression.compare.comparison_report import screen
    from bench.regression.compare.revisions import side_by_side

    console = Console(stderr=True)
    with side_by_side(repository, base, head) as sides:
        for name in sides.left_aside:
            complain(f"{name} is no regular file, and is left aside")
        with Live(console=console, transient=True) as live:
            return compare_sides(
                ComparisonProcesses(sides),
                names,
                base=str(sides.base),
                head=str(sides.head),
                tolerance=tolerance,
                budget_seconds=budget_seconds,
                watch=lambda state: live.update(screen(state)),
            )


def _show(comparison: Comparison) -> None:
    """Print the verdict, and the table it rests on."""
    from rich.console import Console

    from bench.regression.compare.comparison_report import headline, screen

    print(headline(comparison))
    Console().print(screen(comparison))


def _write(document: dict[str, Any], page: str, json_: Path | None, markdown: Path | None) -> None:
    """Write the result into the files that were asked for, and on the page of the GitHub job."""
    with known_errors(ExitCode.NOT_ALL, OSError, prefix="the result could not be written: "):
        if json_ is not None:
            write_whole(json_, json.dumps(document, indent=2) + "\n")
        if markdown is not None:
            write_whole(markdown, page)
        write_job_page(page)


def _environment() -> dict[str, str]:
    from bench.execution.environment import blas, cores, cpu_name, versions

    found = versions()
    return {
        "cpu": f"{cpu_name()}, {cores()} of {os.cpu_count()} cores",
        "python": platform.python_version(),
        "numpy": found.get("numpy", "?"),
        "blas": blas(),
    }


def _benchmark_names(given: list[str]) -> list[str]:
    from bench.error_messages import may_be
    from bench.regression.compare.benchmarks import BENCHMARKS

    for name in given:
        if name not in BENCHMARKS:
            raise ValueError(f"benchmark {name!r} is unknown: {may_be(name, BENCHMARKS)}")
    return list(dict.fromkeys(given)) or list(BENCHMARKS)
