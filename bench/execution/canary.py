"""The canary: a millisecond of fixed products in the runner, which is slow whenever the machine is. Called before and after turns.

A shared machine runs 1.4 to 1.9 times slower for seconds at a time, and neither load, steal nor waiting shows it. The canary is no
contestant, so a rule that looks at it favours none.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from statistics import median

import numpy as np
from threadpoolctl import threadpool_limits

SIZE = 96
CALLS = 12
MOST_CORES = 4
"""That are looked at. A neighbour slows one core and leaves another alone; contestants of several threads use both."""
SETTLED_CALLS = 200
"""Before the first reading, so that caches and clock frequency are as later."""


class Canary:
    """Times fixed products; NumPy's BLAS has one thread in this process from then on."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._limits = threadpool_limits(limits=1, user_api="blas")
        rng = np.random.default_rng(0)
        self._a, self._b = (rng.normal(size=(SIZE, SIZE)).astype(np.float32) for _ in range(2))
        self._out = np.empty_like(self._a)
        for _ in range(SETTLED_CALLS):
            np.dot(self._a, self._b, self._out)

    @property
    def cores(self) -> int:
        """How many cores a reading looks at: 1 where a core can't be chosen."""
        return min(len(os.sched_getaffinity(0)), MOST_CORES) if hasattr(os, "sched_setaffinity") else 1

    def seconds(self) -> float:
        """Return the median time of a product, over `CALLS` products; that of the slowest core, where a core can be chosen."""
        if not hasattr(os, "sched_setaffinity"):
            return self.seconds_here()
        allowed = os.sched_getaffinity(0)
        try:
            return max([self._seconds_on(core) for core in sorted(allowed)[:MOST_CORES]])
        except OSError:  # the cores that this process may use have just been changed
            return self.seconds_here()
        finally:
            with suppress(OSError):
                os.sched_setaffinity(0, allowed)

    def _seconds_on(self, core: int) -> float:
        os.sched_setaffinity(0, {core})
        return self.seconds_here()

    def seconds_here(self) -> float:
        """Return the median time of a product, wherever the system has this thread run."""
        marks = [self._clock()]
        for _ in range(CALLS):
            np.dot(self._a, self._b, self._out)
            marks.append(self._clock())
        return median(after - before for before, after in pairwise(marks))
