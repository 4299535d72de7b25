"""Ratios of each machine of a run that was measured on several, and where two disagree. Called by `bench.analysis.summary`.

A launch is wholly on one machine, and only trials of one machine are paired; a run's ratios are over the launches of all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import NamedTuple

from bench.analysis.timing import TimeMeasurement, ratio_rows
from bench.records import OURS, RunData

MEASURE = "step"


class MachineRatioRow(NamedTuple):
    """A row of `Analysis.machines`."""

    machine: str
    """The host; the machine that the run was started on is named by its processor."""
    workload: str
    contestant: str
    reference: str
    measure: str
    ratio: float
    low: float
    high: float
    pairs: int
    launches: int


def machine_ratio_rows(data: RunData, measured: Iterable[TimeMeasurement]) -> list[MachineRatioRow]:
    """`numpy_nn`'s step to all others' on each machine; empty where the run has one machine."""
    by_machine: dict[str | None, list[TimeMeasurement]] = {}
    for one in measured:
        if one.measure == MEASURE:
            by_machine.setdefault(one.machine, []).append(one)
    if len(by_machine) < 2:
        return []
    return [
        MachineRatioRow(machine or f"this machine ({data.run.environment.cpu})", *row)
        for machine, own in by_machine.items()
        for row in ratio_rows(own)
        if row.contestant == OURS
    ]


def disagreements(rows: Sequence[MachineRatioRow]) -> list[str]:
    """A sentence per ratio whose intervals on two machines have nothing in common."""
    return [
        f"Machines disagree on the ratio of `{one.contestant}`'s step to `{one.reference}`'s in `{one.workload}`: "
        f"{_text(one)} on `{one.machine}`, {_text(other)} on `{other.machine}`. Quote it for each machine."
        for one, other in combinations(rows, 2)
        if (one.workload, one.reference) == (other.workload, other.reference) and (one.high < other.low or other.high < one.low)
    ]


def _text(row: MachineRatioRow) -> str:
    return f"{row.ratio:.3g} [{row.low:.3g}, {row.high:.3g}]"
