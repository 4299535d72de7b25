"""The fastest of several ways to ask a framework for one row, found by trying.

Called by the contestants whose framework has more than one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter

from bench.contestants.base import Array

CALLS = 100
"""Of each way; the quickest of them counts, since whatever disturbs a call makes it slower."""


def fastest_call(ways: Mapping[str, Callable[[Array], Array]], row: Array) -> str:
    """The name of the quickest of `ways` to predict `row` (1, features), each having been called once before the clock."""
    return min(ways, key=lambda name: _quickest_seconds(ways[name], row))


def _quickest_seconds(call: Callable[[Array], Array], row: Array) -> float:
    call(row)
    quickest = float("inf")
    for _ in range(CALLS):
        start = perf_counter()
        call(row)
        quickest = min(quickest, perf_counter() - start)
    return quickest
