"""A contestant's turns, inside its process: whole epochs until a turn's time is over, then a wait for the next word.

Called by `bench.execution.measurement`; `bench.execution.turn_rounds` is the runner's side. The contestant trains by its ordinary
`fit`, again and again, and waits in `on_epoch_end`; a private exception ends the last fit. NumPy and the standard library only.
"""

from __future__ import annotations

from collections.abc import Callable
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


class _Turns:
    def __init__(self, clock: Callable[[], float], exchange: Exchange, ready: dict[str, Any]) -> None:
        self._clock = clock
        self._exchange = exchange
        self.done = 0
        """Epochs in all turns, counted or not."""
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

    def on_epoch_end(self, _epoch: int) -> None:
        if self.ended:  # the contestant has caught the exception
            raise _LastTurnEndedError
        now, self.done = self._clock(), self.done + 1
        if self._mark is not None:
            self._block_seconds += now - self._mark
            self._block_epochs += 1
            if self._block_seconds >= BLOCK_SECONDS:
                self._end_block()
        if self._is_over(now):
            self._next_turn({"epoch_seconds": self._epochs})
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


def take_turns(contestant: Contestant, clock: Callable[[], float], exchange: Exchange, ready: dict[str, Any]) -> None:
    """Train in turns until `exchange` returns None.

    The runner gets the figures `ready` before the first turn, and after each turn the `epoch_seconds` of its epochs but the first.

    Raises
    ------
    ValueError
        If `fit` reports no epoch, or a single one, so that there is nothing to count.

    """
    try:
        turns = _Turns(clock, exchange, ready)
        while not turns.ended:
            turns.begin_anew()
            before = turns.done
            contestant.fit(turns.on_epoch_end)
            if turns.done < before + 2 and not turns.ended:
                raise ValueError(f"fit called on_epoch_end {turns.done - before} times: turns need two epochs of a fit or more")
    except _LastTurnEndedError:
        return
