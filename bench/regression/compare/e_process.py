"""The statistical test of `compare`: a sequential test of one log ratio a launch, which may be evaluated after every launch.

Called by `comparison` for real launches, and by the certificate for resampled and simulated ones. Knows nothing of clocks or
processes.

Each launch gives, for a benchmark, x = log(time of HEAD / time of BASE). Which revision comes first (loaded, built, run) is drawn
at random. If both are the same code, the opposite draws would have turned x into −x: x is symmetric about 0 given |x| and
everything before, whatever the noise is (heavy tails, drift, two modes, dependence). A bet of the share c·tanh(λ|x|) of the wealth
on the sign of x is then fair: the wealth Π (1 + c·tanh(λ x)) is a nonnegative martingale, an e-process, and by Ville's inequality
it ever reaches 1/α with a probability of at most α, however often it is evaluated. The best λ depends on the size of the noise,
which isn't known; the stake is divided among several. With x − m in place of x it tests whether the centre is m; the m that are not
rejected form a confidence sequence.

Sources: Ramdas, Ruf, Larsson and Koolen (2020), arXiv:2009.03167, on testing symmetry (the admissible tests are these martingales,
with an odd function of x); Koning (2023), arXiv:2310.01153, on sign flips (1 + tanh(λx) = exp(λx)/cosh(λx)); Waudby-Smith and
Ramdas (2024), JRSS B 86, on confidence sequences by betting.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.regression.compare.verdicts import Verdict

LARGEST_STAKE = 0.8
"""c: the largest share of the wealth in one bet. With 1, a single outlier on the wrong side would take all of it."""
SENSITIVITIES = (50.0, 100.0, 200.0, 400.0, 800.0)
"""λ: the bet on a log ratio of 1/λ (2 % … 0.125 %) is tanh(1) = 76 % of the largest stake."""
WIDEST_LOG_RATIO = 3.0
"""Intervals are searched for between −3 and 3: a twentieth to twenty times as fast."""
LEVEL = 0.001
"""The probability that a whole comparison of equal revisions calls any benchmark regressed or improved: half for each."""
INTERVAL_LEVEL = 0.01
"""The probability that any interval of a whole comparison ever misses its ratio; "no change" is an interval within the tolerance.

Ten times `LEVEL`: a false alarm costs somebody an hour, while a change slightly above the tolerance that is missed once is likely
to be found by the next comparison.
"""


def log_wealths(log_ratios: Sequence[float], centre: float, *, above: bool) -> NDArray[np.float64]:
    """Log of the wealth after each of the bets that `log_ratios` lie above (or below) `centre`.

    For x symmetric about `centre` the wealth is a martingale that starts at 1; where the centre of x is below (above) it, it is a
    supermartingale, as 1 + c·tanh(λ x) grows with x.
    """
    gains = np.subtract(log_ratios, centre) * (1 if above else -1)
    purses = np.log1p(LARGEST_STAKE * np.tanh(np.outer(SENSITIVITIES, gains))).cumsum(axis=1)
    return np.asarray(np.logaddexp.reduce(purses, axis=0) - math.log(len(SENSITIVITIES)))


def log_wealth(log_ratios: Sequence[float], centre: float, *, above: bool) -> float:
    """The last of `log_wealths`."""
    return float(log_wealths(log_ratios, centre, above=above)[-1])


@dataclass(frozen=True)
class DecisionRule:
    """The conditions for each verdict.

    Parameters
    ----------
    benchmarks
        The number of benchmarks of the comparison, which share the level (Bonferroni).
    tolerance
        Changes up to this share are ignored.
    level
        Of a false "regressed" or "improved" in a whole comparison, half of it for either direction.
    interval_level
        Of an interval that misses its ratio, and so of a false "no change".

    """

    benchmarks: int
    tolerance: float
    level: float = LEVEL
    interval_level: float = INTERVAL_LEVEL

    def log_threshold(self, level: float) -> float:
        """1/α of Ville's inequality, for one benchmark and one direction of a whole comparison at `level`."""
        return math.log(2 * self.benchmarks / level)

    def verdict(self, log_ratios: Sequence[float]) -> Verdict:
        """Whether the centre of `log_ratios`, one a launch, is surely beyond the tolerance, surely within it, or neither."""
        slower, faster, within = (bool(sure[-1]) for sure in self._sure(log_ratios))
        return self._name(slower, faster, within)

    def first_verdict(self, log_ratios: Sequence[float]) -> tuple[Verdict, int]:
        """The first verdict other than inconclusive when it is evaluated after every launch, and after how many launches.

        Gives the same as repeated calls of `verdict`, in one pass; for simulations.
        """
        slower, faster, within = self._sure(log_ratios)
        sure = np.flatnonzero(slower | faster | within)
        if not len(sure):
            return Verdict.INCONCLUSIVE, len(log_ratios)
        first = sure[0]
        return self._name(slower[first], faster[first], within[first]), int(first) + 1

    def interval(self, log_ratios: Sequence[float]) -> tuple[float, float]:
        """The interval of the ratio HEAD / BASE: all values that are not rejected; (0, inf) if there are too few launches.

        It holds at all times and for all benchmarks together, with a probability of 1 − `interval_level`.
        """
        low = self._edge(log_ratios, above=True)
        high = self._edge(log_ratios, above=False)
        return math.exp(low), math.exp(high)

    def estimate(self, log_ratios: Sequence[float]) -> float:
        """The ratio HEAD / BASE: the centre at which bets on both sides have the same wealth; always within the interval."""
        low, high = -WIDEST_LOG_RATIO, WIDEST_LOG_RATIO
        while high - low > 1e-6:
            middle = (low + high) / 2
            if log_wealth(log_ratios, middle, above=True) > log_wealth(log_ratios, middle, above=False):
                low = middle
            else:
                high = middle
        return math.exp((low + high) / 2)

    @staticmethod
    def _name(slower: bool, faster: bool, within: bool) -> Verdict:
        if slower or faster:
            return Verdict.REGRESSED if slower else Verdict.IMPROVED
        return Verdict.NO_CHANGE if within else Verdict.INCONCLUSIVE

    def _sure(self, log_ratios: Sequence[float]) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
        """After each launch, whether HEAD is surely slower than the tolerance allows, surely faster, surely neither."""
        edge = math.log1p(self.tolerance)
        alarm, interval = self.log_threshold(self.level), self.log_threshold(self.interval_level)
        slower, faster = log_wealths(log_ratios, edge, above=True), log_wealths(log_ratios, -edge, above=False)
        not_slower, not_faster = log_wealths(log_ratios, edge, above=False), log_wealths(log_ratios, -edge, above=True)
        return slower >= alarm, faster >= alarm, (not_slower >= interval) & (not_faster >= interval)

    def _rejected(self, log_ratios: Sequence[float], centre: float, *, above: bool) -> bool:
        """Whether `centre` is rejected at the interval's level because the log ratios lie above (below) it."""
        return log_wealth(log_ratios, centre, above=above) >= self.log_threshold(self.interval_level)

    def _edge(self, log_ratios: Sequence[float], *, above: bool) -> float:
        """The innermost rejected centre, found by bisection: the wealth decreases monotonically towards the interval."""
        rejected = -WIDEST_LOG_RATIO if above else WIDEST_LOG_RATIO
        if not self._rejected(log_ratios, rejected, above=above):
            return -math.inf if above else math.inf
        kept = -rejected
        while abs(kept - rejected) > 1e-6:
            middle = (rejected + kept) / 2
            if self._rejected(log_ratios, middle, above=above):
                rejected = middle
            else:
                kept = middle
        return rejected
