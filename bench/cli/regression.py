"""The commands `compare`, `track` and `certify`."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.boundary import CommandError, complain, known_errors, wrong_use
from bench.cli.exit_codes import VERDICT_EXIT_CODES, ExitCode
from bench.cli.paths import given_file, given_path
from bench.cli.report import tell_damage
from bench.cli.result_files import ResultFiles, check_replaceable, check_writable, write_job_page
from bench.files import in_words

if TYPE_CHECKING:
    from bench.regression.compare.comparison import Comparison
    from bench.regression.compare.comparison_processes import ComparisonProcesses
    from bench.regression.compare.settings import Settings

CERTIFICATE_FOLDER = Path("results/certificate")
MOST_COMPARISONS = 10_000_000
MOST_SHARE = 1000
"""Ten hours each."""
PLOT_SUFFIXES = (".png", ".svg")
HISTORY_FILE = Path("results/history.jsonl")


def compare(
    base: Annotated[str, typer.Argument(metavar="BASE", help="Git revision.")],
    head: Annotated[str | None, typer.Argument(metavar="HEAD", help="Git revision; the working tree by default.")] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(min=0, max=50, metavar="PERCENT", help="Changes up to this size are ignored. Default: 0.5."),
    ] = None,
    budget: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", help="After which measuring ends. Default: 240.")
    ] = None,
    benchmark: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A benchmark of  python -m bench list;  may be given again. Default: all."),
    ] = None,
    repository: Annotated[Path, typer.Option(parser=given_path, metavar="DIR", help="Any folder of the git repository.")] = Path(),
    package: Annotated[
        str | None, typer.Option(metavar="NAME", help="A package of pure Python in the repository. Default: numpy_nn.")
    ] = None,
    benchmarks: Annotated[
        Path | None, typer.Option(parser=given_path, metavar="PATH", help="File or folder with the benchmarks of --package.")
    ] = None,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(metavar="VERDICTS", help="As regressed,broken, separated by commas: end with 0 where the verdict is another."),
    ] = None,
    json_: Annotated[
        Path | None, typer.Option("--json", parser=given_file, metavar="FILE", help="File to write the figures into.")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option(parser=given_file, metavar="FILE", help="File to write a Markdown page into.")
    ] = None,
) -> ExitCode:
    """Check whether numpy_nn is slower at HEAD than at BASE.

    Exit code 1 if it is slower or broken, 3 if the two compute different values or a benchmark doesn't run at BASE, 4 if the time
    ends before there is a verdict. Another package and its options may stand in its project's pyproject.toml, in the table
    [tool.moons-bench.compare]; this command needs no more than  python -m pip install ".[compare]"  in its environment.
    """
    from bench.regression.compare.settings import find_project, read_fail_on, read_settings

    files = ResultFiles(json_, markdown)
    with wrong_use():
        check_writable([json_, markdown])
    with wrong_use(), _noted(files):
        failing = read_fail_on(",".join(fail_on) if fail_on else None)  # given twice, it is both
        project = find_project(repository)
        settings = read_settings(project, package, benchmarks, tolerance, budget)
        if settings.benchmarks is None:
            _benchmark_names(benchmark or [])
    comparison = _compare_into(files, project, base, head, benchmark or [], settings)
    if failing is not None and comparison.verdict not in failing and not any(comparison.of_verdict(verdict) for verdict in failing):
        return ExitCode.FINE
    return VERDICT_EXIT_CODES[comparison.verdict]


def certify(
    out: Annotated[
        Path, typer.Option(parser=given_path, metavar="DIR", help="Folder to write into; runs that are in it are kept.")
    ] = CERTIFICATE_FOLDER,
    share: Annotated[
        float,
        typer.Option(min=0, max=MOST_SHARE, metavar="SHARE", help="Of the runs of a whole certificate, which takes ten hours."),
    ] = 1.0,
    budget: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="After which no run is started.")] = math.inf,
    comparisons: Annotated[
        int,
        typer.Option(min=1, max=MOST_COMPARISONS, metavar="N", help="Comparisons and series to simulate for each shape of noise."),
    ] = 10_000,
) -> ExitCode:
    """Measure how often compare is wrong, with known slowdowns.

    It covers numpy_nn and its benchmarks as they are beside this command: all of them with equal sides, slowdowns of the training
    step alone. Its result names the commit and the benchmarks; of others, and of other packages, it says nothing. Exit code 1 if a
    real comparison of equal revisions is called regressed, improved, broken or different.
    """
    from rich.console import Console

    from bench.execution.run_directory import claimed
    from bench.regression.certify import certificate_figures, certificate_report
    from bench.regression.certify.real_runs import make_runs, package_folder
    from bench.regression.certify.recorded_runs import read_folder
    from bench.regression.compare.launch_process import ComparisonProcessError

    with ExitStack() as claim:
        with wrong_use():
            claim.enter_context(claimed(out))
            check_replaceable(out, certificate_report.FILES, certificate_report.JSON_KEYS)
            earlier, set_aside = read_folder(out)
        for line in set_aside:
            complain(f"{line}; it is set aside")
        status = claim.enter_context(Console(stderr=True).status("calibrating"))
        with known_errors(ExitCode.NOT_ALL, ComparisonProcessError, OSError):
            runs = make_runs(out, package_folder(), earlier, share=share, budget_seconds=budget, watch=status.update)
            status.update("resampling and simulating")
            others = certificate_figures.simulated_figures(out, comparisons)
            change_points = certificate_figures.change_point_figures(comparisons)
            real = certificate_figures.real_figures(runs)
            environment = {**_environment(), **certificate_figures.conditions(runs)}
            page = certificate_report.write(out, real, others, change_points, runs, environment)
    print(page)
    false_alarm = any(row["count"] for row in real if row["slowdown"] == 0)
    return ExitCode.BAD_ANSWER if false_alarm else ExitCode.FINE


def track(
    directory: Annotated[Path, typer.Argument(parser=given_path, metavar="DIR", help="Folder of a run.")],
    history: Annotated[
        Path, typer.Option(parser=given_file, metavar="FILE", help="File to add a line to; a plot is written beside it.")
    ] = HISTORY_FILE,
) -> ExitCode:
    """Add a run to the history, and look for change points in it.

    Reads the records of the run and the history, and executes nothing in them. Writes a line to the history, and a plot beside it.
    """
    from bench.analysis.summary import analyse
    from bench.records import read_run
    from bench.records.json_lines import read_json_lines
    from bench.regression.history.change_points import find_change_points
    from bench.regression.history.history_report import draw, markdown
    from bench.regression.history.tracked_runs import TrackedRun, add, check_history, read_history, tracked

    with wrong_use():
        if history.suffix.lower() in PLOT_SUFFIXES:
            raise ValueError(f"--history was {history}: the plot beside it has that name: it must end in .jsonl")
        check_writable([history])
        plots = [history.with_suffix(suffix) for suffix in PLOT_SUFFIXES]
        check_writable(plots)
        check_history(history, plots)
        data = tell_damage(read_run(directory))
        earlier, _ = read_json_lines(history, TrackedRun)
    analysis = analyse(data)
    with wrong_use():
        run = tracked(analysis)
    with known_errors(ExitCode.NOT_ALL, OSError, prefix="the history could not be written: "):
        if not add(history, run, earlier):
            complain(f"run {run.run_id} is in {history} already: it is not added again")
        runs, damaged = read_history(history)
        found = find_change_points(runs)
        page = markdown(runs, found, damaged, run)
        draw(runs, found, history)
        write_job_page(page)
    print(page)
    return ExitCode.FINE


@contextmanager
def _noted(files: ResultFiles) -> Iterator[None]:
    """Write into the result files that the block refuses what the user named, so that nobody reads an older verdict."""
    from bench.regression.compare.comparison_report import failure_as_json

    try:
        yield
    except (ValueError, OSError) as error:
        files.write_so_far(failure_as_json("wrong use", in_words(error)))
        raise


def _compare_into(
    files: ResultFiles, repository: Path, base: str, head: str | None, names: list[str], settings: Settings
) -> Comparison:
    """Compare, and keep the result files up to date, whatever happens."""
    from bench.regression.compare.comparison_report import as_json, failure_as_json, failure_as_markdown
    from bench.regression.compare.comparison_report import markdown as as_markdown
    from bench.regression.compare.launch_process import ComparisonProcessError
    from bench.regression.compare.revisions import RevisionError
    from bench.regression.compare.verdicts import Verdict

    files.write_so_far(failure_as_json("unfinished", "the comparison has not ended"))
    environment = _environment()
    last: list[Comparison] = []

    def record(state: Comparison) -> None:
        last[:] = [state]
        files.write_so_far(as_json(state, environment))

    try:
        comparison = _compare(repository, base, head, names, settings, record)
    except (RevisionError, ComparisonProcessError) as error:
        message = str(error)
        document, page = failure_as_json(error.kind, message), failure_as_markdown(message, settings.package)
        if last:  # what is known stays known
            state = replace(last[0], stop_reason=message)
            document, page = {**as_json(state, environment), "error": document["error"]}, as_markdown(state, environment)
        with known_errors(ExitCode.NOT_ALL, OSError, prefix="the result could not be written: "):
            files.write(document, page)
        if document["verdict"] == Verdict.BROKEN:
            complain(f"error: {message}")
            _show(state)
            return state
        refused = isinstance(error, RevisionError)
        raise CommandError(message, ExitCode.WRONG_USE if refused else ExitCode.NOT_ALL) from error
    except KeyboardInterrupt:
        if last:
            state = replace(last[0], stop_reason="interrupted")
            with known_errors(ExitCode.NOT_ALL, OSError, prefix="interrupted, and the result could not be written: "):
                files.write(as_json(state, environment), as_markdown(state, environment))
        else:
            files.write_so_far(failure_as_json("interrupted", "interrupted before anything was measured"))
        raise
    try:
        with known_errors(ExitCode.NOT_ALL, OSError, prefix="the result could not be written: "):
            files.write(as_json(comparison, environment), as_markdown(comparison, environment))
    finally:
        _show(comparison)
    return comparison


def _compare(
    repository: Path,
    base: str,
    head: str | None,
    names: list[str],
    settings: Settings,
    record: Callable[[Comparison], None],
) -> Comparison:
    from rich.console import Console
    from rich.live import Live

    from bench.regression.compare.comparison import compare as compare_sides
    from bench.regression.compare.comparison_processes import ComparisonProcesses
    from bench.regression.compare.comparison_report import screen
    from bench.regression.compare.revisions import side_by_side

    console = Console(stderr=True)
    compared = side_by_side(repository, base, head, settings.package, settings.benchmarks)
    with compared as sides, ComparisonProcesses(sides) as processes:
        for note in dict.fromkeys(sides.notes):
            complain(note)
        wanted = _wanted(processes, names, settings)
        with Live(console=console, transient=True) as live:

            def watch(state: Comparison) -> None:
                record(state)
                live.update(screen(state, console.width))

            return compare_sides(
                processes,
                wanted,
                base=str(sides.base),
                head=str(sides.head),
                package=settings.package,
                tolerance=settings.tolerance,
                budget_seconds=settings.budget_seconds,
                watch=watch,
            )


def _wanted(processes: ComparisonProcesses, names: list[str], settings: Settings) -> dict[str, float]:
    """The benchmarks that are asked for, with their least tolerances."""
    from bench.micro.suite import LEAST_TOLERANCES
    from bench.regression.compare.revisions import RevisionError

    if settings.benchmarks is None:
        return {name: LEAST_TOLERANCES[name] for name in _benchmark_names(names)}
    known = processes.names()
    try:
        wanted = _chosen(names, known)
    except ValueError as error:
        raise RevisionError("wrong use", str(error)) from error
    processes.refuse_unsupported(wanted)
    return dict.fromkeys(wanted, 0.0)


def _show(comparison: Comparison) -> None:
    """Print the verdict, the table it rests on, and what it says nothing about."""
    from rich.console import Console

    from bench import escaping
    from bench.regression.compare.comparison_report import headline, last_line, screen

    print(escaping.terminal(headline(comparison)))
    console = Console()
    console.print(screen(comparison, console.width))
    if line := last_line(comparison):
        print(line)


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
    """The benchmarks of `numpy_nn` that are asked for; all of them by default."""
    from bench.micro.suite import BENCHMARKS, PROCESS_BENCHMARKS

    return _chosen(given, [*BENCHMARKS, *PROCESS_BENCHMARKS])


def _chosen(given: list[str], known: list[str]) -> list[str]:
    from bench.error_messages import may_be

    for name in given:
        if name not in known:
            raise ValueError(f"benchmark {name!r} is unknown: {may_be(name, known)}")
    return list(dict.fromkeys(given)) or known
