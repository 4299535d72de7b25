"""The commands that check the machine and the harness itself: `doctor` and `calibrate`."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.boundary import known_errors, wrong_use
from bench.cli.exit_codes import ExitCode
from bench.cli.paths import given_path

CALIBRATION_FOLDER = Path("results/latest")


def doctor() -> ExitCode:
    """Check how quiet this machine is; takes a minute.

    Also says how small a slowdown can be seen on it. Exit code 1 if the machine is not quiet enough.
    """
    from rich.console import Console

    from bench.selfcheck.doctor import DoctorError, examine, findings, warnings

    with known_errors(ExitCode.NOT_ALL, DoctorError), Console(stderr=True).status("measuring for about a minute"):
        measured = examine()
    for line in findings(measured):
        print(line)
    found = warnings(measured)
    for line in found:
        print(f"warning: {line}")
    return ExitCode.BAD_ANSWER if found else ExitCode.FINE


def calibrate(
    runs: Annotated[int, typer.Option(min=1, help="Number of short runs; 100 take about six minutes.")] = 100,
    out: Annotated[
        Path, typer.Option(parser=given_path, metavar="PATH", help="Folder to write calibration.json and calibration.md into.")
    ] = CALIBRATION_FOLDER,
) -> ExitCode:
    """Check the 95 % intervals: run `numpy_nn` against itself.

    Exit code 1 if fewer than 93 % of the intervals of the step's ratio contain 1.
    """
    from rich.console import Console

    from bench.execution.run_directory import claimed
    from bench.selfcheck.calibration import CalibrationError, page, write
    from bench.selfcheck.calibration import calibrate as measure

    with ExitStack() as claim:
        with wrong_use():
            claim.enter_context(claimed(out))  # a folder that can't be written is refused before six minutes of measuring
        with known_errors(ExitCode.NOT_ALL, CalibrationError, OSError):
            with Console(stderr=True).status("") as status:
                found = measure(runs, clock=time.perf_counter, ended=lambda number: status.update(f"{number} of {runs} runs"))
            write(found, out)
    print(page(found))
    return ExitCode.FINE if found.good else ExitCode.BAD_ANSWER
