"""The commands that read the records of runs: `report`, `export` and `agree`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bench.cli.boundary import complain, known_errors, wrong_use
from bench.cli.exit_codes import ExitCode
from bench.cli.paths import given_file, given_path
from bench.error_messages import plain_path
from bench.files import in_words

if TYPE_CHECKING:
    import pandas as pd

    from bench.records import RunData

HISTORY_NAME = "history.jsonl"
"""Beside the folder of a run."""
MOST_LINES = 100
"""Of a run that are told of one by one: a foreign file has as many as it likes."""


def report(
    directory: Annotated[Path, typer.Argument(parser=given_path, metavar="DIR", help="Folder of a run.")],
    film: Annotated[bool, typer.Option("--film", help="Make the films too, of a run with --film.")] = False,
) -> ExitCode:
    """Write the report of the run in DIR again, from its records.

    Reads the records and arrays in DIR, executes nothing in them, and writes into DIR alone.
    """
    from bench.records import RecordError, read_run

    with wrong_use():
        data = tell_damage(read_run(directory))
    with known_errors(ExitCode.WRONG_USE, OSError, RecordError, prefix="the report could not be written: "):
        print_report(data, film=film)
    return ExitCode.FINE


def export(
    directory: Annotated[Path, typer.Argument(parser=given_path, metavar="DIR", help="Folder of a run.")],
    format_: Annotated[str, typer.Argument(metavar="FORMAT", help="csv, parquet, markdown or latex.")],
    file: Annotated[Path, typer.Argument(parser=given_file, metavar="FILE", help="File to write.")],
    table: Annotated[
        Literal["trials", "summary"] | None,
        typer.Option(help="trials, or summary: a row a contestant. Default: trials for CSV and Parquet, else summary."),
    ] = None,
) -> ExitCode:
    """Write a run's trials, or a summary, in another format.

    Reads the records in DIR, executes nothing in them, and writes FILE alone.
    """
    from bench.records import read_run
    from bench.report.export import export as write

    with wrong_use():
        write(directory, format_, file, table, read=lambda place: tell_damage(read_run(place)))
    return ExitCode.FINE


def agree(
    first: Annotated[Path, typer.Argument(parser=given_path, metavar="FIRST", help="Folder of a run.")],
    second: Annotated[Path, typer.Argument(parser=given_path, metavar="SECOND", help="Folder of another run of the same machine.")],
) -> ExitCode:
    """Compare the headline ratios of two runs.

    Reads the records in both folders, and neither writes nor executes anything.

    Exit code 1 if two ratios differ by more than chance, 4 if that can't be decided.
    """
    from bench.analysis.repeats import repeats
    from bench.records import read_run
    from bench.report.plain_text import agreement

    with wrong_use():
        runs = tell_damage(read_run(first)), tell_damage(read_run(second))
        if runs[0].run.run_id == runs[1].run.run_id:
            raise ValueError(f"{first} and {second} hold the same run, {runs[0].run.run_id}: name the folders of two")
    found = repeats(*runs)
    for line in agreement(found, *runs) if found else ():
        print(line)
    judged = [repeat.agrees for repeat in found]
    if False in judged:
        return ExitCode.BAD_ANSWER
    if not judged or None in judged:
        complain(
            "the two have no headline ratio in common" if not judged else "give both runs more time: --time-budget adds launches"
        )
        return ExitCode.NO_VERDICT
    return ExitCode.FINE


def tell_damage(data: RunData) -> RunData:
    """Tell which lines of a run are set aside, and return the run."""
    for damage in data.damaged[:MOST_LINES]:
        complain(f"{data.directory}: {damage}; it is set aside")
    if more := data.damaged[MOST_LINES:]:
        complain(f"{data.directory}: {len(more):,} more lines are set aside")
    return data


def print_report(data: RunData, *, film: bool) -> None:
    """Write the report of a run beside its records, with its films if asked, and print its answer and where it is."""
    from bench.report import write_report

    if film:
        from bench.report.film import write_films

        if not write_films(data.directory, data):  # before the page, which links to them
            complain(
                "no film: this run has no recorded decision surfaces (run --film records them, of two features and one output)"
            )
    print(write_report(data.directory, data, _history(data.directory.resolve().parent / HISTORY_NAME)))
    page = data.directory / "index.html"
    print(f"\nreport: {_link(page) if sys.stdout.isatty() else plain_path(page)}, as Markdown: report.md")


def _history(path: Path) -> pd.DataFrame | None:
    """The steps of the tracked runs in `path`, as the report draws them; None if there are none, or the file can't be read."""
    import pandas as pd

    from bench.analysis.precision import HEADLINE_MEASURE
    from bench.records import HEADLINE_WORKLOAD
    from bench.regression.history.tracked_runs import read_history
    from bench.report.plots.history import COLUMNS

    try:
        runs, _ = read_history(path)
    except (OSError, ValueError) as error:
        complain(f"the report has no history: {in_words(error)}")
        return None
    prefix = f"{HEADLINE_WORKLOAD}: {HEADLINE_MEASURE} / "
    rows = [
        (run.run_id, run.label, run.fingerprint, name.removeprefix(prefix), 1 / ratio)
        for run in runs
        for name, ratio in run.ratios.items()
        if name.startswith(prefix)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)) if rows else None


def _link(path: Path) -> str:
    """The path with the escape sequence (OSC 8) by which terminals open it."""
    return f"\x1b]8;;{path.resolve().as_uri()}\x1b\\{plain_path(path)}\x1b]8;;\x1b\\"
