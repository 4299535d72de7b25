"""The commands that check the machine and the harness itself: `doctor` and `calibrate`."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.boundary import complain, known_errors, wrong_use
from bench.cli.exit_codes import ExitCode
from bench.cli.paths import given_path
from bench.cli.result_files import check_replaceable

MOST_RUNS = 100_000
CALIBRATION_FOLDER = Path("results/latest")


def doctor() -> ExitCode:
    """Check how quiet this machine is; takes twenty seconds at most.

    Leads with the answer, and says how precise a run will be. Exit code 1 if the machine is not quiet enough.
    """
    from rich.console import Console

    from bench.report.plain_text import hanging
    from bench.selfcheck.doctor import DoctorError, conclusion, examine, findings, warnings

    console = Console(stderr=True)
    with known_errors(ExitCode.NOT_ALL, DoctorError), console.status("") as status:
        measured = examine(watch=status.update if console.is_terminal else complain)
    found = warnings(measured)
    lines = [("", conclusion(measured)), *(("! ", text) for text in found), *(("  ", text) for text in findings(measured))]
    for head, text in lines:
        print("\n".join(hanging(head, text)))
    return ExitCode.BAD_ANSWER if found else ExitCode.FINE


def calibrate(
    runs: Annotated[
        int, typer.Option(min=1, max=MOST_RUNS, metavar="N", help="Number of short runs; 100 take about a quarter of an hour.")
    ] = 100,
    out: Annotated[
        Path, typer.Option(parser=given_path, metavar="DIR", help="Folder to write calibration.json and calibration.md into.")
    ] = CALIBRATION_FOLDER,
) -> ExitCode:
    """Check the 95 % intervals: run numpy_nn against itself.

    Exit code 1 if fewer than 93 % of the intervals of the step's ratio contain 1, 4 if no run has that ratio.
    """
    from rich.console import Console

    from bench.execution.run_directory import claimed
    from bench.selfcheck.calibration import FILES, JSON_KEYS, CalibrationError, page, write
    from bench.selfcheck.calibration import calibrate as measure

    with ExitStack() as claim:
        with wrong_use():
            claim.enter_context(claimed(out))  # a folder that can't be written is refused before minutes of measuring
            check_replaceable(out, FILES, JSON_KEYS)
        with known_errors(ExitCode.NOT_ALL, CalibrationError, OSError):
            with Console(stderr=True).status("") as status:
                found = measure(runs, clock=time.perf_counter, ended=lambda number: status.update(f"{number} of {runs} runs"))
            write(found, out)
    print(page(found))
    if found.good is None:
        return ExitCode.NO_VERDICT
    return ExitCode.FINE if found.good else ExitCode.BAD_ANSWER
