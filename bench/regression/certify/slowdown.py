"""Puts a known slowdown into the training of a copy of `numpy_nn`, through its public names only.

Called by `real_runs`. The copy's `fit` gets one more callback, which checks of a number of bytes at the end of each epoch whether
they are letters. That uses the CPU, allocates nothing, changes no result, and takes a time that is proportional to the number of
bytes.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

MEASURED_BYTES = (50, 50_000)
"""A number small enough to show the cost of the callback itself, and one large enough to show the cost of a byte."""
ADDITION = """

_fit = Sequential.fit
_check_bytes = (b"a" * {count}).isalpha


class _SlowCallback(Callback):
    def on_epoch_end(self, *arguments):
        _check_bytes()


def _slower_fit(self, *arguments, callbacks=None, **settings):
    return _fit(self, *arguments, callbacks=[_SlowCallback(), *(callbacks or ())], **settings)


Sequential.fit = _slower_fit
"""
"""For the end of the package's `__init__`."""


def slowed_copy(package: Path, destination: Path, count: int) -> Path:
    """Copy `package` into `destination`, with a `fit` that also checks `count` bytes an epoch."""
    copy = Path(shutil.copytree(package, destination / package.name, ignore=shutil.ignore_patterns("__pycache__")))
    with (copy / "__init__.py").open("a", encoding="utf-8") as file:
        file.write(ADDITION.format(count=count))
    return copy


@dataclass(frozen=True)
class SlowdownCost:
    """What the added callback costs on this machine, as shares of the time of `step`."""

    callback: float
    byte: float

    def count(self, share: float) -> int:
        """The number of bytes that make `step` slower by `share`."""
        return max(1, round((share - self.callback) / self.byte))


def measure_cost(slowed_by: Callable[[int], float]) -> SlowdownCost:
    """The straight line through two measured slowdowns; `slowed_by(count)` is the share that so many bytes cost."""
    low, high = (slowed_by(count) for count in MEASURED_BYTES)
    byte = (high - low) / (MEASURED_BYTES[1] - MEASURED_BYTES[0])
    return SlowdownCost(low - MEASURED_BYTES[0] * byte, byte)
