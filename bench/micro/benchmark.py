"""What a benchmark is: a name, and work of a package that is prepared from a seed, in one or more variants.

Used by the pytest suite beside it and by `bench.regression.compare`. The package is an argument, since `compare` has it twice,
under two names. A benchmark uses public names only, so that it runs on any revision.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class NotRunError(Exception):
    """A benchmark doesn't want to run, as a test that is skipped."""


class UnsupportedUseError(Exception):
    """A benchmark asks for what can't be timed; the message goes on after its name."""


class Work(ABC):
    """The work of one benchmark with one package, ready to be timed; a call does one block of it."""

    can_repeat = True
    """Whether blocks may follow one another without `before_block`, to make a longer one."""

    @abstractmethod
    def __call__(self) -> None:
        """Do one block."""

    def before_block(self) -> None:  # noqa: B027  # most have nothing to do
        """Prepare the next block, outside its time."""

    @abstractmethod
    def outcome(self) -> list[Array]:
        """The values computed so far, to be compared with the other side's after the same number of blocks."""

    def close(self) -> None:  # noqa: B027  # most have nothing to release
        """Release resources."""


Prepare = Callable[[ModuleType, int], Work]
"""(package, seed) -> work: the same weights and rows for the same seed."""


@dataclass(frozen=True)
class Benchmark:
    """A kind of work by name.

    Parameters
    ----------
    name
        What `--benchmark` takes.
    summary
        A line for the report.
    variants
        What is prepared, by the variant's name. A benchmark with several is a family: each launch times all of them, and their
        mean log ratio is one test, so that 10 % in one of eight is 1.2 % of the family.
    tolerance
        The least one, where equal sides differ by more than others do: changes up to this share are ignored.
    most_pairs
        Pairs of blocks of both sides in a build, at most; 0: as many as for others. For blocks that are long.

    """

    name: str
    summary: str
    variants: Mapping[str, Prepare] = field(repr=False)
    tolerance: float = 0.0
    most_pairs: int = 0

    @classmethod
    def single(cls, name: str, summary: str, prepare: Prepare, tolerance: float = 0.0) -> Benchmark:
        """A benchmark with one variant, without a name."""
        return cls(name, summary, {"": prepare}, tolerance)

    def prepare(self, package: ModuleType, seed: int, variant: str | None = None) -> Work:
        """The work with `package`; a variant that isn't given is drawn from the seed."""
        names = list(self.variants)
        chosen = names[int(np.random.default_rng(seed).integers(len(names)))] if variant is None else variant
        return self.variants[chosen](package, seed)


@dataclass(frozen=True)
class ProcessBenchmark:
    """What is measured of a whole process, which imports one package: see `process_probe`.

    Parameters
    ----------
    tolerance
        The least one: changes up to this share are ignored, as processes differ by more than blocks of work do.

    """

    name: str
    summary: str
    tolerance: float
    unit: str
