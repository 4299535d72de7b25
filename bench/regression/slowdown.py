"""A known slowdown, put into the training step of a copy of `numpy_nn`.

Called by the certificate. The copy gets one more operation a step, of a length that was calibrated on this machine: it asks of a
string of letters whether they are letters, which keeps to the CPU, allocates nothing, changes no figure, and costs little to call.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

CALIBRATION_LENGTHS = (50, 10_000)
"""Short enough for what a call costs by itself, and long enough for what a letter does."""
ADDITION = """

_record_update = SGD.record_update


def _slower_update(self, *arguments):
    return [*_record_update(self, *arguments), (b"a" * {length}).isalpha]


SGD.record_update = _slower_update
"""


def slowed_copy(package: Path, destination: Path, length: int) -> Path:
    """A copy of `package` below `destination` whose training step also looks at `length` letters."""
    copy = Path(shutil.copytree(package, destination / package.name, ignore=shutil.ignore_patterns("__pycache__")))
    with (copy / "optimizers.py").open("a", encoding="utf-8") as file:
        file.write(ADDITION.format(length=length))
    return copy


@dataclass(frozen=True)
class Calibration:
    """What the added operation costs on this machine, as shares of a training step."""

    call: float
    letter: float

    def length(self, share: float) -> int:
        """How many letters make a step slower by `share`."""
        return max(1, round((share - self.call) / self.letter))


def calibrate(slowed_by: Callable[[int], float]) -> Calibration:
    """The straight line through two slowdowns that are measured as all others are: `slowed_by(length)` is a share."""
    short, long = (slowed_by(length) for length in CALIBRATION_LENGTHS)
    letter = (long - short) / (CALIBRATION_LENGTHS[1] - CALIBRATION_LENGTHS[0])
    return Calibration(short - CALIBRATION_LENGTHS[0] * letter, letter)
