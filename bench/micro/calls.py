"""Families of single calls: a variant is a function of the package's interface, called by itself with the same arguments each time.

Used by the benchmarks of the smaller parts. The variants of a family count alike, however long they take, so that one of ten that
becomes a tenth slower is one per cent of the family.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from itertools import repeat, starmap
from types import ModuleType
from typing import Any

from bench.micro.benchmark import Benchmark, Work
from bench.micro.comparable import comparable
from bench.micro.work import Calls

CALLS_A_BLOCK = 5
"""Of a function that takes some microseconds."""
SHORT_CALLS = 20
"""Of one that takes a fraction of a microsecond, in a loop that takes less than one of Python."""

Call = Callable[[], Any]
MakeCall = Callable[[ModuleType], Call]


def often(call: Call) -> Call:
    """The same call `SHORT_CALLS` times, as one that gives the last result."""
    return lambda: deque(starmap(call, repeat((), SHORT_CALLS)), maxlen=1)[0]


def repeated(make: MakeCall) -> MakeCall:
    """Makes what `make` makes, called often."""
    return lambda package: often(make(package))


def short_family(name: str, summary: str, calls: Mapping[str, MakeCall]) -> Benchmark:
    """A family of calls that take a fraction of a microsecond each."""
    return family(name, summary, {variant: repeated(make) for variant, make in calls.items()}, calls_a_block=1)


def family(name: str, summary: str, calls: Mapping[str, MakeCall], *, calls_a_block: int = CALLS_A_BLOCK) -> Benchmark:
    """A benchmark with a variant for each of `calls`, which make a call of a package."""
    return Benchmark(name, summary, {variant: partial(work_of, make=make, calls=calls_a_block) for variant, make in calls.items()})


def work_of(package: ModuleType, _seed: int, *, make: MakeCall, calls: int) -> Work:
    """The calls of one function, in which there is nothing random."""
    return Calls(make(package), comparable, calls=calls)
