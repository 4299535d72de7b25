"""A contestant's turns, inside its process: whole epochs until a turn's time is over, then a wait for the next word.

Called by `bench.execution.measurement`; `bench.execution.turn_rounds` is the runner's side. The contestant trains by its ordinary
`fit`, again and again, and waits in `on_epoch_end`; a private exception ends the last fit. NumPy and the standard library only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.contestants.base import Contestant

Exchange = Callable[[dict[str, Any]], float | None]
"""Answers with figures, and returns the next word: the least seconds of the next turn, or None after the last."""


BLOCK_SECONDS = 0.0002
"""Epochs that are shorter are taken together, and stand as their mean: a turn has some hundred figures at most."""
FEWEST_EPOCHS = 4
"""Counted in a turn: where an epoch is long, one alone would cost as much time as the first, which isn't counted."""
LONGEST = 20
"""Times the least seconds of a turn: then it ends with fewer epochs, also where its fits prepare for longer than they train."""


class _LastTurnEndedError(BaseException):
    """Leaves `fit` from its callback; no `Exception`, so that no contestant takes it for an error of its own."""


@dataclass(frozen=True)
class Scoring:
    """How turns tell how far their training has come, while no clock runs.

    Parameters
    ----------
    epochs
        Of a fit.
    test_loss
        Returns the test loss now, None if there is none. It is asked for in the first fit and after it: no scored fit goes further.

    """

    epochs: int
    test_loss: Callable[[], float | None]


class _Turns:
    def __init__(self, clock: Callable[[], float], exchange: Exchange, ready: dict[str, Any], scoring: Scoring) -> None:
        self._clock = clock
        self._exchange = exchange
        self._scoring = scoring
        self._progress: dict[str, Any] = {}
        self.done = 0
        """Epochs in all turns, counted or not."""
        self.begun_after = 0
        """Epochs that were done before this fit."""
        self.ended = False
        self._next_turn(ready)

    def _next_turn(self, figures: dict[str, Any]) -> None:
        seconds = self._exchange(figures)
        if seconds is None:
            self.ended = True
            raise _LastTurnEndedError
        self._wanted_seconds, self._turn_seconds, self._epochs = seconds, 0.0, list[float]()
        self._block_seconds, self._block_epochs = 0.0, 0
        self._began = self._clock()
        self.begin_anew()

    def begin_anew(self) -> None:
        """Leave out the next epoch: the first of a turn finds cold caches, the first of a fit includes what a fit prepares."""
        self._mark: float | None = None

    def begin_fit(self) -> None:
        """Begin the next fit; after the first, note how far it has come."""
        if 0 < self.done <= self._scoring.epochs:
            self._score()
        self.begun_after = self.done
        self.begin_anew()

    def _score(self) -> None:
        before = self._clock()
        self._progress = {"epochs_done": self.done, "test_loss": self._scoring.test_loss()}
        self._began += self._clock() - before

    def on_epoch_end(self, _epoch: int) -> None:
        if self.ended:  # the contestant has caught the exception
            raise _LastTurnEndedError
        now, self.done = self._clock(), self.done + 1
        if self.done - self.begun_after > self._scoring.epochs:
            raise ValueError(
                f"fit called on_epoch_end more than {self._scoring.epochs} times: it must do so after each of its epochs"
            )
        if self._mark is not None:
            self._block_seconds += now - self._mark
            self._block_epochs += 1
            if self._block_seconds >= BLOCK_SECONDS:
                self._end_block()
        if self._is_over(now):
            if self.done <= self._scoring.epochs:
                self._score()
            progress, self._progress = self._progress, {}
            self._next_turn({"epoch_seconds": self._epochs, **progress})
        else:
            self._mark = self._clock()

    def _is_over(self, now: float) -> bool:
        """Whether the counted epochs are enough for the turn, or take so long that they won't be."""
        is_too_long = now - self._began >= LONGEST * self._wanted_seconds
        if is_too_long and self._block_epochs:
            self._end_block()
        enough = self._turn_seconds >= self._wanted_seconds and len(self._epochs) >= FEWEST_EPOCHS
        return enough or (is_too_long and bool(self._epochs))

    def _end_block(self) -> None:
        self._epochs.append(self._block_seconds / self._block_epochs)
        self._turn_seconds += self._block_seconds
        self._block_seconds, self._block_epochs = 0.0, 0


def take_turns(
    contestant: Contestant, clock: Callable[[], float], exchange: Exchange, ready: dict[str, Any], scoring: Scoring
) -> None:
    """Train in turns until `exchange` returns None.

    The runner gets the figures `ready` before the first turn, and after each turn the `epoch_seconds` of its epochs but the first;
    until the first fit has ended also `epochs_done` in all turns so far, and the `test_loss` after them.

    Raises
    ------
    ValueError
        If `fit` reports no epoch, or a single one, so that there is nothing to count, or more than it must do.

    """
    try:
        turns = _Turns(clock, exchange, ready, scoring)
        while not turns.ended:
            turns.begin_fit()
            contestant.fit(turns.on_epoch_end)
            if turns.done < turns.begun_after + 2 and not turns.ended:
                raise ValueError(
                    f"fit called on_epoch_end {turns.done - turns.begun_after} times: turns need two epochs of a fit or more"
                )
    except _LastTurnEndedError:
        return
