"""The fastest of several ways to ask a framework for one row, found by trying.

Called by the contestants whose framework has more than one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter

from bench.contestants.base import Array

CALLS, SECONDS = 100, 0.1
"""Of each way, whichever ends first; the quickest call counts, since whatever disturbs one makes it slower."""


def fastest_call(ways: Mapping[str, Callable[[Array], Array]], row: Array) -> str:
    """The name of the quickest of `ways` to predict `row` (1, features), each having been called once before the clock."""
    return min(ways, key=lambda name: _quickest_seconds(ways[name], row))


def _quickest_seconds(call: Callable[[Array], Array], row: Array) -> float:
    call(row)
    quickest, end = float("inf"), perf_counter() + SECONDS
    for _ in range(CALLS):
        start = perf_counter()
        call(row)
        now = perf_counter()
        quickest = min(quickest, now - start)
        if now > end:
            break
    return quickest
