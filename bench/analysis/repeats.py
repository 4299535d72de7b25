"""Whether two runs of one machine say the same: their headline ratios side by side. Called by `python -m bench agree`.

Two ratios agree where their quotient can't be told from 1: its 95 % interval, of which the half-width on the log scale is the root
of the sum of the squares of both ratios' own, holds 1. That is asking more than that the two intervals overlap.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from bench.analysis.precision import headline_ratios
from bench.analysis.timing import RatioRow
from bench.records import RunData


@dataclass(frozen=True)
class Repeat:
    """One headline ratio as two runs measured it."""

    first: RatioRow
    second: RatioRow

    @property
    def quotient(self) -> tuple[float, float, float]:
        """The second ratio to the first, with the ends of its interval, which are NaN where one of the two has none."""
        middle = math.log(self.second.ratio / self.first.ratio)
        half = math.hypot(*(math.log(row.high / row.low) / 2 for row in (self.first, self.second)))
        return math.exp(middle), math.exp(middle - half), math.exp(middle + half)

    @property
    def agrees(self) -> bool | None:
        """None where a ratio has no interval, having been measured once."""
        _, low, high = self.quotient
        return None if math.isnan(low) else low <= 1 <= high


def repeats(first: RunData, second: RunData) -> list[Repeat]:
    """Every headline ratio that both runs have."""
    again = {row.reference: row for row in headline_ratios(second)}
    rows = sorted(headline_ratios(first), key=lambda row: row.reference)
    return [Repeat(row, again[row.reference]) for row in rows if row.reference in again]
