"""Compares the headline ratios of two runs of one machine. Called by `python -m bench agree`.

Two ratios agree if the interval of their quotient contains 1. On the log scale, the half-width of that interval is the root of the
sum of squares of the two ratios' half-widths and of what two runs differ by besides: each run's interval holds for its own minutes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from bench.analysis.precision import headline_ratios
from bench.analysis.timing import RatioRow
from bench.records import RunData

BETWEEN_RUNS_SIGMA = 0.022
"""What runs of one machine differ by, and launches of a run don't: the standard deviation of a ratio's logarithm, see
`docs/statistics.md`."""
BETWEEN_TWO_RUNS = 1.96 * math.sqrt(2) * BETWEEN_RUNS_SIGMA
"""The half-width of that for two runs, at 95 %."""


@dataclass(frozen=True)
class Repeat:
    """One headline ratio, measured in two runs."""

    first: RatioRow
    second: RatioRow

    @property
    def quotient(self) -> tuple[float, float, float]:
        """The second ratio divided by the first, with the ends of its interval, which are NaN if either ratio has no interval."""
        middle = math.log(self.second.ratio / self.first.ratio)
        half = math.hypot(BETWEEN_TWO_RUNS, *(math.log(row.high / row.low) / 2 for row in (self.first, self.second)))
        return math.exp(middle), math.exp(middle - half), math.exp(middle + half)

    @property
    def agrees(self) -> bool | None:
        """Whether the two ratios agree; None if either of them has no interval."""
        _, low, high = self.quotient
        return None if math.isnan(low) else low <= 1 <= high


def repeats(first: RunData, second: RunData) -> list[Repeat]:
    """The headline ratios that both runs have."""
    repeated = {row.reference: row for row in headline_ratios(second)}
    rows = sorted(headline_ratios(first), key=lambda row: row.reference)
    return [Repeat(row, repeated[row.reference]) for row in rows if row.reference in repeated]
