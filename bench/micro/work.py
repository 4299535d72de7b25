"""The kinds of work that the benchmarks consist of: epochs of a `fit`, and plain calls.

A block takes a tenth to a third of a millisecond where that can be had: short enough to be undisturbed most times.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
from greenlet import getcurrent, greenlet

from bench.micro.benchmark import Array, Work


class Epochs(Work):
    """Whole epochs of `fit`, one a block.

    `fit` returns when the training is over, but two of them must take turns. Each runs in a greenlet, which switches back at the
    end of an epoch: a switch of stacks within one thread, in less than a microsecond.
    """

    def __init__(self, package: ModuleType, model: Any, x: Array, y: Array, batch_size: int) -> None:
        harness = getcurrent()

        class Turn(package.Callback):  # type: ignore[name-defined,misc]  # the module is known at run time only
            def on_epoch_end(self, *_: object) -> None:
                harness.switch()

        self._model = model
        settings = {"batch_size": batch_size, "epochs": sys.maxsize, "shuffle": False, "callbacks": [Turn()], "verbose": 0}
        self._fit = greenlet(partial(model.fit, x, y, **settings))

    def __call__(self) -> None:
        self._fit.switch()

    def outcome(self) -> list[Array]:
        if self._fit.dead:
            raise RuntimeError("fit returned before its last epoch")
        return list(self._model.get_weights())

    def close(self) -> None:
        self._fit.throw()  # leaves `fit` as an exception does, through its `with` blocks


class Calls(Work):
    """Some calls of a function a block.

    Parameters
    ----------
    function
        Without arguments.
    outcome
        The values to compare, from the last call's result.
    calls
        Of a block.

    """

    def __init__(
        self,
        function: Callable[[], Any],
        outcome: Callable[[Any], list[Array]],
        *,
        calls: int = 1,
        close: Callable[[], None] | None = None,
    ) -> None:
        self._function, self._outcome, self._calls, self._close = function, outcome, range(calls), close
        self._result: Any = None

    def __call__(self) -> None:
        function = self._function
        for _ in self._calls:
            self._result = function()

    def outcome(self) -> list[Array]:
        return [np.asarray(values) for values in self._outcome(self._result)]

    def close(self) -> None:
        if self._close is not None:
            self._close()
