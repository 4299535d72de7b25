"""The exit codes of all commands: the one table of them.

Each command returns one; `boundary` has those for exceptions.
"""

from __future__ import annotations

from enum import IntEnum

from bench.regression.compare.verdicts import Verdict


class ExitCode(IntEnum):
    """What a command says to the program that called it."""

    FINE = 0
    BAD_ANSWER = 1
    """Measured, and the answer is bad: regressed, broken at HEAD, parity broken. Never anything else."""
    WRONG_USE = 2
    """Refused before anything was measured."""
    NOT_ALL = 3
    """Measured, but not all of it: the rest is reported."""
    NO_VERDICT = 4
    """Measured, and no verdict was reached."""
    UNFORESEEN = 5
    """An error that no code expects."""


VERDICT_EXIT_CODES = {
    Verdict.BROKEN: ExitCode.BAD_ANSWER,
    Verdict.REGRESSED: ExitCode.BAD_ANSWER,
    Verdict.DIFFERENT: ExitCode.NOT_ALL,
    Verdict.LEFT_OUT: ExitCode.NOT_ALL,
    Verdict.INCONCLUSIVE: ExitCode.NO_VERDICT,
    Verdict.IMPROVED: ExitCode.FINE,
    Verdict.NO_CHANGE: ExitCode.FINE,
}
"""Of `compare`."""
