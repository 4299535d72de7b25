"""Where a launch is: a few bytes of shared memory that it writes and that whoever watches it reads, also after it has died.

Written between timed blocks: a write takes less than a microsecond and no system call.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

_FORMAT = struct.Struct("=IBBHHH")
_NONE = 0xFFFF
PHASES = ("start", "import", "check", "measure")
SIDES = ("base", "head")


@dataclass(frozen=True)
class Place:
    """What a launch was doing; `side` and `benchmark` are empty where it was between two of them."""

    moves: int
    phase: str
    side: str
    benchmark: str
    variant: int | None
    patience_seconds: int = 0
    """How long it may stay there, if that is longer than the limit of the phase."""


class Position:
    """The place of one launch at a time.

    Parameters
    ----------
    path
        The file behind the memory; made if need be.
    benchmarks
        The names that a place may have.

    """

    def __init__(self, path: Path, benchmarks: Sequence[str] = ()) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.ftruncate(descriptor, _FORMAT.size)
            self._memory = mmap.mmap(descriptor, _FORMAT.size)
        finally:
            os.close(descriptor)
        self._benchmarks = list(benchmarks)
        self._moves, self._phase, self._place = 0, 0, (_NONE, _NONE, 0)
        self.on_side: Callable[[str], object] = lambda _: None
        """Called with each side that is entered."""
        self.most_patience_seconds = 0xFFFF
        """A larger patience is lessened to this."""

    def enter(self, phase: str, side: str = "", benchmark: str = "", variant: int | None = None, patience_seconds: int = 0) -> None:
        """Set the phase, what is run in it, and how long that may take, if longer than the limit of the phase."""
        number = self._benchmarks.index(benchmark) if benchmark else _NONE
        self._phase, self._place = (
            PHASES.index(phase),
            (number, _NONE if variant is None else variant, min(patience_seconds, self.most_patience_seconds)),
        )
        self.at(side)

    def at(self, side: str) -> None:
        """Set the side, and count a move."""
        self._moves = (self._moves + 1) % 2**32
        place = SIDES.index(side) if side else len(SIDES)
        _FORMAT.pack_into(self._memory, 0, self._moves, self._phase, place, *self._place)
        if side:
            self.on_side(side)

    def read(self) -> Place:
        """What was last written, by this process or another."""
        moves, phase, side, benchmark, variant, patience_seconds = _FORMAT.unpack_from(self._memory, 0)
        return Place(
            moves,
            PHASES[phase] if phase < len(PHASES) else PHASES[-1],  # a revision may have written there
            SIDES[side] if side < len(SIDES) else "",
            self._benchmarks[benchmark] if benchmark < len(self._benchmarks) else "",
            None if variant == _NONE else variant,
            patience_seconds,
        )
