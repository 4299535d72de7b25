"""The rule by which a turn counts as disturbed: one function for the runner, which goes on until enough turns are undisturbed, and
for the analysis, which counts undisturbed turns only.

It was fixed before anything was measured, and looks at no epoch and no ratio: only at the canary, which is no contestant, and at
the system's meters. `docs/statistics.md` has how often it is wrong.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from bench.records.models import Turn

QUIET_QUANTILE = 0.1
"""Of a run's canaries, and of the shares of waiting: what they are while nothing disturbs."""
SLOWEST_CANARY = 1.05
"""Times the run's quiet canary."""
MOST_WAITING = 0.05
"""Of the turn, beyond what the contestant's own threads wait for one another in its quietest turns."""
ONE_THREAD = 1.05
"""Times the turn: where a contestant's threads ran and waited for longer together, several of them did at once, and may have waited
for one another. Then waiting tells nothing that the CPU time of other processes doesn't."""
MOST_OTHER_CPU = 0.05
"""CPU time of other processes, as a share of all cores' time in the turn."""
MOST_STEAL = 0.01
"""As a share of all cores' time in the turn; one tick of the system's clock isn't counted, which may be older than the turn."""
TICK_SECONDS = 0.01
MOST_SUSPENDED_SECONDS = 0.01


class Quiet(NamedTuple):
    """What a run's figures are while nothing disturbs: the measure for its turns."""

    canary_seconds: float
    cores: int


def quiet(turns: Iterable[Turn], cores: int) -> Quiet | None:
    """Return the quiet figures of the turns of a run so far; None if there are none."""
    so_far = QuietSoFar(cores)
    so_far.add(turns)
    return so_far.figures()


class QuietSoFar:
    """The quiet figures of turns that are still taken: `quiet`, without going through all of them after each turn.

    Parameters
    ----------
    cores
        Of the machine.

    """

    def __init__(self, cores: int) -> None:
        self._cores = cores
        self._canaries: list[float] = []  # sorted

    def add(self, turns: Iterable[Turn]) -> None:
        """Add turns of the run."""
        added = [seconds for turn in turns for seconds in (turn.canary_before_seconds, turn.canary_after_seconds)]
        if len(added) > 2:
            self._canaries = sorted([*self._canaries, *added])
            return
        for seconds in added:
            insort(self._canaries, seconds)

    def figures(self) -> Quiet | None:
        """Return what `quiet` returns of all turns that were added."""
        if not self._canaries:
            return None
        place = QUIET_QUANTILE * (len(self._canaries) - 1)
        below = math.floor(place)
        pair = self._canaries[below : below + 2]
        return Quiet(float(np.interp(place - below, (0.0, 1.0), (pair[0], pair[-1]))), self._cores)


def reasons(turns: Sequence[Turn], quiet: Quiet) -> list[str | None]:
    """Return, for each turn of one contestant in one launch, what disturbed it; None where nothing was seen to."""
    own_waiting = _own_waiting(turns)
    return [_reason(turn, quiet, own_waiting) for turn in turns]


def meters_known(turn: Turn) -> bool:
    """Whether the system tells what else ran; where it doesn't, the canary alone decides, and what it misses can't be known."""
    return turn.wait_seconds is not None or turn.other_cpu_seconds is not None


def _own_waiting(turns: Sequence[Turn]) -> float:
    """The share of a turn that a contestant's threads wait for one another: threads may outnumber the cores."""
    shares = [turn.wait_seconds / turn.wall_seconds for turn in turns if turn.wait_seconds is not None and turn.wall_seconds > 0]
    return float(np.quantile(shares, QUIET_QUANTILE)) if shares else 0.0


def _reason(turn: Turn, quiet: Quiet, own_waiting: float) -> str | None:
    wall, all_cores = turn.wall_seconds, turn.wall_seconds * quiet.cores
    if turn.pause is not None:
        return "paused"
    if (turn.suspended_seconds or 0.0) > MOST_SUSPENDED_SECONDS:
        return "suspended"
    if max(turn.canary_before_seconds, turn.canary_after_seconds) > SLOWEST_CANARY * quiet.canary_seconds:
        return "canary"
    if (turn.steal_seconds or 0.0) > max(MOST_STEAL * all_cores, TICK_SECONDS):
        return "steal"
    if (turn.other_cpu_seconds or 0.0) > MOST_OTHER_CPU * all_cores:
        return "other processes"
    one_thread = (turn.run_seconds or 0.0) + (turn.wait_seconds or 0.0) <= ONE_THREAD * wall
    if (one_thread or turn.other_cpu_seconds is None) and (turn.wait_seconds or 0.0) > (own_waiting + MOST_WAITING) * wall:
        return "waiting"
    return None
