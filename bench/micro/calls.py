"""Families of single calls: a variant is a function of the package's interface, called by itself with the same arguments each time.

Used by the benchmarks of the smaller parts. The variants of a family count alike, however long they take, so that one of ten that
becomes a tenth slower is one per cent of the family.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import ModuleType
from typing import Any

from bench.micro.benchmark import Benchmark, Work
from bench.micro.comparable import comparable
from bench.micro.work import Calls

CALLS_A_BLOCK = 5
"""Of a function that takes some microseconds."""
SHORT_CALLS_A_BLOCK = 20
"""Of one that takes less than the loop around it."""

Call = Callable[[], Any]
MakeCall = Callable[[ModuleType], Call]


def family(name: str, summary: str, calls: Mapping[str, MakeCall], *, calls_a_block: int = CALLS_A_BLOCK) -> Benchmark:
    """A benchmark with a variant for each of `calls`, which make a call of a package."""
    return Benchmark(name, summary, {variant: partial(work_of, make=make, calls=calls_a_block) for variant, make in calls.items()})


def work_of(package: ModuleType, _seed: int, *, make: MakeCall, calls: int) -> Work:
    """The calls of one function, in which there is nothing random."""
    return Calls(make(package), comparable, calls=calls)
