"""The commands `compare`, `certify` and `track`: words in, exit code out.

Registered by `bench.cli.app` (`app.command()(compare)` and so on). Importing this is light: each command imports what it needs.
"""

from __future__ import annotations

import json
import math
import os
import platform
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

if TYPE_CHECKING:
    from bench.regression.compare.comparison import Comparison

TOLERANCE_PERCENT = 0.5
BUDGET_SECONDS = 120.0
CERTIFICATE_FOLDER = Path("results/certificate")
HISTORY_FILE = Path("results/history.jsonl")
NOT_ALL = 3
EXIT_CODES = {"regressed": 1, "different": NOT_ALL, "left out": NOT_ALL, "inconclusive": 4, "improved": 0, "no change": 0}
"""As DESIGN.md has them. 3 is "measured, but not all of it": the two sides compute something else, or it doesn't run on both."""


def compare(
    base: Annotated[str, typer.Argument(metavar="BASE", help="What git calls a commit.")],
    head: Annotated[str | None, typer.Argument(metavar="HEAD", help="The working tree, if left out.")] = None,
    tolerance: Annotated[
        float, typer.Option(min=0, max=50, help="Per cent: changes up to this size are of no interest.")
    ] = TOLERANCE_PERCENT,
    budget: Annotated[float, typer.Option(min=0, help="Seconds, after which there is no verdict.")] = BUDGET_SECONDS,
    benchmark: Annotated[list[str] | None, typer.Option(help="NAME of a benchmark, all if left out; may be given again.")] = None,
    repository: Annotated[Path, typer.Option(help="Any folder of the git repository.")] = Path(),
    json_: Annotated[Path | None, typer.Option("--json", help="A file to write the figures into.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="A file to write the page of a CI job into.")] = None,
) -> None:
    """Say whether `numpy_nn` is slower at HEAD than at BASE. Exit code 1 if it is, 3 if it computes something else, 4 if unsure."""
    from bench.regression.compare.launches import LaunchError
    from bench.regression.compare.output import as_json, failure_as_json, failure_as_markdown
    from bench.regression.compare.output import markdown as as_markdown
    from bench.regression.compare.revisions import RevisionError

    _end_politely()
    with _wrong_use():
        names = _benchmark_names(benchmark or [])
        _check_writable([path for path in (json_, markdown) if path is not None])
        try:
            comparison = _compare(repository, base, head, names, tolerance / 100, budget)
        except RevisionError as error:
            _write(failure_as_json(error.kind, str(error)), failure_as_markdown(str(error)), json_, markdown)
            raise
        except LaunchError as error:
            _write(failure_as_json("launch failed", str(error)), failure_as_markdown(str(error)), json_, markdown)
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(NOT_ALL) from error
    _show(comparison)
    environment = _environment()
    _write(as_json(comparison, environment), as_markdown(comparison, environment), json_, markdown)
    raise typer.Exit(EXIT_CODES[comparison.verdict])


def certify(
    out: Annotated[Path, typer.Option(help="The folder to write into; what is there is gone on with.")] = CERTIFICATE_FOLDER,
    share: Annotated[float, typer.Option(min=0, help="Of a whole certificate's runs, which take some two hours.")] = 1.0,
    budget: Annotated[float, typer.Option(min=0, help="Seconds, after which no run is begun.")] = math.inf,
    comparisons: Annotated[
        int, typer.Option(min=1, help="To resample, and to simulate, as well as series of `track`, over each shape of noise.")
    ] = 10_000,
) -> None:
    """Measure how often `compare` is wrong, with equal revisions and known slowdowns. Exit code 1 for a real false alarm."""
    from bench.regression.certify import certificate, certificate_report
    from bench.regression.compare.launches import LaunchError

    _end_politely()
    with _wrong_use():
        _check_writable([out])
        out.mkdir(exist_ok=True)
    try:
        with Console(stderr=True).status("calibrating") as status:
            package = certificate.package_folder()
            runs = certificate.real_runs(out, package, share=share, budget_seconds=budget, watch=status.update)
            status.update("resampling and simulating")
            others = certificate.more_figures(out, comparisons)
            trend = certificate.trend_figures(comparisons)
    except LaunchError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(NOT_ALL) from error
    real = certificate.figures(runs)
    typer.echo(certificate_report.write(out, real, others, trend, runs, {**_environment(), **certificate.conditions(runs)}))
    false_alarm = any(row["count"] for row in real if row["slowdown"] == 0)
    raise typer.Exit(1 if false_alarm else 0)


def track(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A run's folder.")],
    history: Annotated[Path, typer.Option(help="The file to add a line to; a plot goes beside it.")] = HISTORY_FILE,
) -> None:
    """Add a run to the history, and say where the trend bends."""
    from bench.analysis.summary import analyse
    from bench.records import read_run
    from bench.regression.history.change_points import changes
    from bench.regression.history.history import add, read_history, tracked
    from bench.regression.history.history_report import draw, markdown

    with _wrong_use():
        _check_writable([history])
        run = tracked(analyse(read_run(directory)))
        earlier, _ = read_history(history)
    if not add(history, run, earlier):
        typer.echo(f"run {run.run_id} is in {history} already: it is not added again", err=True)
    runs, damaged = read_history(history)
    found = changes(runs)
    page = markdown(runs, found, damaged)
    draw(runs, found, history)
    typer.echo(page)
    _write_job_page(page)


def _compare(
    repository: Path, base: str, head: str | None, names: list[str], tolerance: float, budget_seconds: float
) -> Comparison:
    from rich.live import Live

    from bench.regression.compare.comparison import compare as compare_sides
    from bench.regression.compare.launches import Launches
    from bench.regression.compare.output import screen
    from bench.regression.compare.revisions import side_by_side

    console = Console(stderr=True)
    with side_by_side(repository, base, head) as sides, Live(console=console, transient=True) as live:
        return compare_sides(
            Launches(sides),
            names,
            base=str(sides.base),
            head=str(sides.head),
            tolerance=tolerance,
            budget_seconds=budget_seconds,
            watch=lambda state: live.update(screen(state)),
        )


def _show(comparison: Comparison) -> None:
    """The verdict on screen, and what it rests on."""
    from bench.regression.compare.output import headline, screen

    typer.echo(headline(comparison))
    Console().print(screen(comparison))


def _write(document: dict[str, Any], page: str, json_: Path | None, markdown: Path | None) -> None:
    """Wherever else it was asked for; on GitHub also on the job's page. What stood there before is of another comparison."""
    if json_ is not None:
        json_.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    if markdown is not None:
        markdown.write_text(page, encoding="utf-8")
    _write_job_page(page)


def _write_job_page(text: str) -> None:
    """On GitHub, put `text` on the job's page."""
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(text)


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


def _check_writable(paths: list[Path]) -> None:
    """Refuse a file that couldn't be written, before anything is measured."""
    for path in paths:
        folder = path.resolve().parent
        if not folder.is_dir() or not os.access(folder, os.W_OK):
            raise ValueError(f"{path} can't be written: it must be in a folder that is there and may be written to")


def _end_politely() -> None:
    """Let a SIGTERM end things as Ctrl-C does: what was made is removed on the way out."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@contextmanager
def _wrong_use() -> Iterator[None]:
    """Every check of ours says what is wrong with a ValueError of one line; the command line turns this into exit code 2."""
    try:
        yield
    except ValueError as error:
        raise typer.TyperException(str(error)) from error
