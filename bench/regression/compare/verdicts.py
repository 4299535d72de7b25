"""The verdicts of `compare`. Imports the standard library only, since the command line's table of exit codes uses it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum


class Verdict(StrEnum):
    """What is said of a benchmark, or of a whole comparison; the gravest first."""

    BROKEN = "broken"
    """It runs at BASE and fails at HEAD."""
    REGRESSED = "regressed"
    DIFFERENT = "different"
    """The two sides compute something else: not timed."""
    LEFT_OUT = "left out"
    """It doesn't run at BASE: not timed."""
    INCONCLUSIVE = "inconclusive"
    IMPROVED = "improved"
    NO_CHANGE = "no change"


def overall(verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict on a whole comparison: the gravest of its benchmarks'."""
    return next(verdict for verdict in Verdict if verdict in verdicts)
