"""The kinds of real runs that a certificate has, and which one comes next. Called by `real_runs` and `certificate_figures`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.regression.compare.comparison import TOLERANCE


@dataclass(frozen=True)
class RunKind:
    """A kind of comparison with a known answer, and how many of it a whole certificate has."""

    name: str
    runs: int
    slowdown: float = 0.0
    """As a share of the time of `step`."""
    tolerance: float = TOLERANCE
    busy: bool = False
    """Whether another process keeps one core busy half of the time: the comparison's own core, where it is pinned to one."""

    def wanted(self, share: float) -> int:
        """The number of runs in a certificate that has `share` of a whole one's."""
        return max(1, round(share * self.runs))


RUN_KINDS = (
    RunKind("equal", 300),
    RunKind("equal, half a core busy", 100, busy=True),
    RunKind("0.5 % slower", 40, 0.005, tolerance=0.0),
    RunKind("1 % slower", 60, 0.01),
    RunKind("2 % slower", 20, 0.02),
    RunKind("5 % slower", 100, 0.05),
)


def next_kind(runs: Sequence[Mapping[str, Any]], share: float) -> RunKind | None:
    """The kind that is furthest from its number, so that a certificate that ends early has some of each; None if all are done."""

    def done(kind: RunKind) -> float:
        count: int = sum(run["cell"] == kind.name for run in runs)
        return count / kind.wanted(share)

    kind = min(RUN_KINDS, key=done)
    return kind if done(kind) < 1 else None
