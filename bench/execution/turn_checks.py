"""Whether a contestant's turns train as its whole fits do: as far, as fast, and on as many cores as it was given.

Called by `bench.execution.agreement`, in the runner, whose clock and a scored trial check the whole fits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from bench.records import Turn
from bench.records.disturbance import ONE_THREAD, QuietSoFar, reasons

MOST_TIMES_FASTER = 3.0
"""An epoch of turns than one of whole fits, or the other way round, on a quiet machine. Honest contestants of a published run were
at most 1.1 times as fast; beside something that stopped them for half of every 20 ms, which no meter sees, 2."""
SHORTEST_EPOCH_SECONDS = 20e-6
"""In shorter epochs, much of the time is the harness' own."""
TIMES_FASTER_WHEN_BUSY = 3.5
"""Beside other processes, or in a fit that was disturbed."""
BUSY_EPOCH_SECONDS = 0.002
TIMES_FASTER_IF_LONG = 30.0
"""The same for longer epochs: only the quickest of shorter ones run between two changes of process."""
TIMES_FASTER_WITH_THREADS = 300.0
"""The same for several threads, which wait for one another: some of their epochs take fifty times as long as others."""
FEWEST_EPOCHS = 2
"""Of either side, without the first of a fit: what is so short that it was taken together counts as one."""
MOST_MORE_CORES = 0.5
"""That a contestant works on than it was given threads: a framework's main thread hands out the work of its pool."""
QUICK_SHARE = 0.1
"""Of epochs, whose slowest counts as what the contestant can do."""
BUSY_SHARE = 0.05
"""Of all cores' time, that other processes take: then a fit says little about speed."""


@dataclass(frozen=True)
class Fit:
    """A whole fit that was timed: its epochs but the first, and what the machine did."""

    epoch_seconds: Sequence[float]
    canary_seconds: tuple[float, float]
    is_busy: bool = False
    """Whether other processes were seen to run beside it, or it was disturbed otherwise."""


def fit_of(epoch_seconds: Sequence[float] | None, load: dict[str, float], *, is_disturbed: bool = False) -> Fit | None:
    """Return a fit to compare turns with; None if it has too few epochs."""
    canaries = load.get("canary_before_seconds"), load.get("canary_after_seconds")
    is_busy = is_disturbed or any(load.get(name, 0.0) > BUSY_SHARE for name in ("other_cpu_share", "steal_share"))
    if canaries[0] is None or canaries[1] is None or len(epoch_seconds or ()) <= FEWEST_EPOCHS:
        return None
    return Fit((epoch_seconds or ())[1:], (canaries[0], canaries[1]), is_busy)


def undisturbed(turns: Sequence[Turn], cores: int) -> list[Turn]:
    """Return the turns of one launch that nothing was seen to disturb."""
    so_far = QuietSoFar(cores)
    so_far.add(turns)
    known = so_far.figures()
    return [] if known is None else [turn for turn, why in zip(turns, reasons(turns, known), strict=True) if why is None]


def pace_doubt(turns: Sequence[Turn], fit: Fit, cores: int) -> str | None:
    """Return in words how far the epochs of turns and of a fit are from one speed; None if they aren't, or it can't be known."""
    quiet = undisturbed(turns, cores)
    turns = quiet or turns  # disturbed ones are longer, and too fast all the more
    epochs = [seconds for turn in turns for seconds in turn.epoch_seconds]
    if len(epochs) < FEWEST_EPOCHS:
        return None
    turns_canary = median(seconds for turn in turns for seconds in (turn.canary_before_seconds, turn.canary_after_seconds))
    in_turns, in_fit = _speeds(epochs), _speeds(fit.epoch_seconds)
    slower_fit = max(1.0, max(fit.canary_seconds) / turns_canary)
    slower_turns = max(1.0, turns_canary / min(fit.canary_seconds))
    most = MOST_TIMES_FASTER
    if fit.is_busy or not quiet:
        is_long = max(in_fit.quick, in_turns.quick) > BUSY_EPOCH_SECONDS
        most = TIMES_FASTER_WITH_THREADS if _has_threads(turns) else TIMES_FASTER_IF_LONG if is_long else TIMES_FASTER_WHEN_BUSY
    too_fast = in_fit.quick > max(most * slower_fit * in_turns.usual, SHORTEST_EPOCH_SECONDS)
    too_slow = in_turns.quick > max(most * slower_turns * in_fit.usual, SHORTEST_EPOCH_SECONDS)
    if not (too_fast or too_slow):
        return None
    return (
        f"an epoch takes {in_turns.usual * 1e6:.4g} µs in its turns, and {in_fit.usual * 1e6:.4g} µs in its whole fit: "
        "both must train alike"
    )


def _has_threads(turns: Sequence[Turn]) -> bool:
    """Whether several threads work at once, in most turns: in a single one, the readings may be of different moments."""
    shares = [
        ((turn.run_seconds or 0.0) + (turn.wait_seconds or 0.0)) / turn.wall_seconds for turn in turns if turn.wall_seconds > 0
    ]
    return bool(shares) and median(shares) > ONE_THREAD


@dataclass(frozen=True)
class _Speeds:
    quick: float
    usual: float


def _speeds(epoch_seconds: Sequence[float]) -> _Speeds:
    quick = np.quantile(epoch_seconds, QUICK_SHARE, method="lower")  # of two epochs the quicker, though a pause fell into the other
    return _Speeds(float(quick), float(np.median(epoch_seconds)))


def cores_doubt(turns: Sequence[Turn], threads: int) -> str | None:
    """Return in words that a contestant works on more cores than it was given threads; None if it doesn't."""
    used = [turn.run_seconds / turn.wall_seconds for turn in turns if turn.run_seconds is not None and turn.wall_seconds > 0]
    if not used or median(used) <= threads + MOST_MORE_CORES:
        return None
    return f"it worked on {median(used):.2g} cores in its turns, and task.threads is {threads}"


def progress_doubt(turns: Sequence[Turn], losses: Sequence[float], final_loss: float, most_gap: float) -> str | None:
    """Return in words how far the test loss in turns is from that of a scored fit after as many epochs; None if it isn't far.

    `losses` are those after each epoch, and `final_loss` that when the scored fit had returned.
    """
    after_fit = {len(losses): final_loss}  # whose weights may be those of its best epoch
    places = [
        (
            min(abs(turn.test_loss - loss) for loss in (losses[turn.epochs_done - 1], after_fit.get(turn.epochs_done, math.inf))),
            turn.epochs_done,
            turn.test_loss,
        )
        for turn in turns
        if turn.test_loss is not None and turn.epochs_done is not None and 0 < turn.epochs_done <= len(losses)
    ]
    if not places or median(gap for gap, _, _ in places) <= most_gap:
        return None
    _, epochs, loss = max(places)
    return (
        f"after {epochs} epochs of its turns the test loss is {loss:.4g}, and after as many of its scored fit "
        f"{losses[epochs - 1]:.4g}: both must train alike"
    )
