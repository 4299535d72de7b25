"""Warnings about noise in a run: outlying rounds, drift, two modes, other processes, steal time, CPU frequency, clock resolution.

Called by `bench.analysis.summary`. Every warning ends in what to do. A quiet run has none: a threshold of significance goes with a
threshold of size, so that a warning needs a difference that chance rarely gives and that shows in a ratio.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from bench.analysis.disturbed_trials import disturbed_warnings
from bench.analysis.selection import by_name, succeeded
from bench.analysis.timing import TimeMeasurement, harness_share, measurements
from bench.records import RunData, Trial

MAD_TO_SIGMA = 1.4826
"""The standard deviation of a normal distribution divided by its median absolute deviation."""
OUTLYING_SIGMAS = 3.5
"""The threshold of the modified z-score (Iglewicz and Hoaglin 1993)."""
OUTLYING_SHARE = 0.10
"""The least relative distance of an outlier from the median, so that very quiet runs have none."""
FEWEST_FOR_OUTLIERS = 5
DRIFT_LEVEL = 0.01
"""The level of Kendall's test for a trend over the rounds."""
DRIFT_SHARE = 0.05
"""The least relative change from the first round to the last that counts as drift."""
MODES_APART = 4.5
"""The least Ashman's D of two modes. A normal distribution split in two has 2.7, a uniform one 3.5."""
MODES_SHARE = 0.05
"""The least relative distance between the two modes."""
SMALLER_MODE = 0.1
"""The least share of the epochs in the smaller mode; fewer are outliers."""
FEWEST_FOR_MODES = 20
OTHER_CPU = 0.05
"""The largest share of the CPU that other processes may take."""
STEAL = 0.01
"""The largest share of the CPU that the hypervisor may take."""
FREQUENCY_SPREAD = 0.05
HARNESS_SHARE = 0.01
"""The largest share of the harness' own time in a fit; more would show in a ratio."""
RESOLUTION_SHARE = 0.01
"""The largest resolution of the clock as a share of an epoch; a coarser clock rounds the time of a step."""


def noise_warnings(data: RunData) -> list[str]:
    """All warnings about the timed trials, in a fixed order."""
    timed = succeeded(data, "timed")
    measured = [one for one in measurements(data) if one.measure == "step"]
    return [
        *disturbed_warnings(data),
        *_launch_warnings([*timed, *succeeded(data, "turns")]),
        *_outlier_warnings(measured),
        *_drift_warnings(measured),
        *_mode_warnings(timed),
        *_load_warnings(data),
        *_clock_warnings(data, timed),
        *_harness_warnings(timed),
    ]


def outlying(values: ArrayLike) -> list[int]:
    """The indices of outliers, by the modified z-score of the logarithms; none of fewer than `FEWEST_FOR_OUTLIERS` values."""
    logarithms = np.log(np.asarray(values, dtype=float))
    if len(logarithms) < FEWEST_FOR_OUTLIERS:
        return []
    deviations = np.abs(logarithms - np.median(logarithms))
    limit = max(OUTLYING_SIGMAS * MAD_TO_SIGMA * float(np.median(deviations)), np.log1p(OUTLYING_SHARE))
    return [int(place) for place in np.flatnonzero(deviations > limit)]


def drift(values: ArrayLike) -> float | None:
    """The relative change over a run (Theil and Sen's slope of the logarithms); None if there is no trend.

    A trend is significant by Kendall's test at `DRIFT_LEVEL`, and larger than `DRIFT_SHARE`.
    """
    logarithms = np.log(np.asarray(values, dtype=float))
    if len(logarithms) < FEWEST_FOR_OUTLIERS or np.ptp(logarithms) == 0:
        return None
    order = np.arange(len(logarithms))
    if stats.kendalltau(order, logarithms).pvalue >= DRIFT_LEVEL:
        return None
    change = float(np.expm1(stats.theilslopes(logarithms, order).slope * (len(order) - 1)))
    return change if abs(change) > DRIFT_SHARE else None


def two_modes(values: ArrayLike) -> tuple[float, float] | None:
    """The medians of the two modes of positive values; None if there is a single mode.

    The logarithms are split where the sum of squares within the two parts is least. The parts are two modes if their distance by
    Ashman's D (Ashman, Bird and Zepf 1994) is at least `MODES_APART`.
    """
    logarithms = np.sort(np.log(np.asarray(values, dtype=float)))
    count = len(logarithms)
    if count < FEWEST_FOR_MODES:
        return None
    sizes = np.arange(1, count)
    sums, squares = np.cumsum(logarithms), np.cumsum(logarithms**2)
    within = squares[-1] - sums[:-1] ** 2 / sizes - (sums[-1] - sums[:-1]) ** 2 / (count - sizes)
    cut = int(within.argmin()) + 1
    fast, slow = logarithms[:cut], logarithms[cut:]
    distance = float(slow.mean() - fast.mean())
    spread = float(np.sqrt((fast.var() + slow.var()) / 2))
    if min(len(fast), len(slow)) < SMALLER_MODE * count or distance < MODES_APART * spread or distance < np.log1p(MODES_SHARE):
        return None
    return float(np.exp(np.median(fast))), float(np.exp(np.median(slow)))


def _launch_warnings(trials: Sequence[Trial]) -> list[str]:
    launches: dict[str, set[int]] = {}
    rounds: dict[str, set[int]] = {}
    for trial in trials:
        launches.setdefault(trial.workload, set()).add(trial.launch)
        rounds.setdefault(trial.workload, set()).add(trial.round)
    return [
        f"`{workload}` was timed in one launch only: its intervals come from rounds within one process, and don't cover the "
        "differences between processes. Measure the workload in two launches or more before you quote them."
        for workload, numbers in launches.items()
        if len(numbers) == 1 and len(rounds[workload]) > 1  # a single round has no interval
    ]


def _outlier_warnings(measured: Iterable[TimeMeasurement]) -> list[str]:
    sentences = []
    for (workload, contestant), steps in _series(measured).items():
        middle = float(np.median([one.seconds for one in steps]))
        for place in outlying([one.seconds for one in steps]):
            one = steps[place]
            sentences.append(
                f"Round {one.round} of `{workload}` is an outlier for `{contestant}`: its step took "
                f"{one.seconds / middle:.2f} times the median. Medians are robust to it; if there are more of these, close "
                "other programs and measure again."
            )
    return sentences


def _drift_warnings(measured: Iterable[TimeMeasurement]) -> list[str]:
    changes: dict[str, list[str]] = {}
    for (workload, contestant), steps in _series(measured).items():
        change = drift([one.seconds for one in steps])
        if change is not None:
            changes.setdefault(workload, []).append(f"`{contestant}` {100 * change:+.0f} %")
    return [
        f"Times drifted from the first round of `{workload}` to the last: {', '.join(found)}. Ratios by round are robust to drift, "
        "seconds aren't: let the machine cool down, or fix its frequency, and measure again."
        for workload, found in changes.items()
    ]


def _mode_warnings(timed: Sequence[Trial]) -> list[str]:
    sentences = []
    for (workload, contestant), trials in by_name(timed).items():
        epochs = [trial.epoch_seconds[1:] for trial in trials if trial.epoch_seconds and len(trial.epoch_seconds) > 1]
        disturbed = set(outlying([np.median(seconds) for seconds in epochs]))  # these have their own warning
        modes = two_modes([second for place, seconds in enumerate(epochs) if place not in disturbed for second in seconds])
        if modes is not None:
            sentences.append(
                f"`{contestant}` has two speeds in `{workload}`: its epochs take {modes[0]:.3g} s or {modes[1]:.3g} s, "
                "and little in between. The figure of its step is of the quicker one: look for a changing frequency, cores of two "
                "kinds, or threads that move, and pin the run to fixed cores (`taskset`)."
            )
    return sentences


def _load_warnings(data: RunData) -> list[str]:
    timed = [trial for trial in data.trials if trial.kind == "timed" and trial.status == "ok"]
    sentences = []
    for name, limit, what, advice in (
        ("other_cpu_share", OTHER_CPU, "other processes took", "close them, and measure again"),
        (
            "steal_share",
            STEAL,
            "the hypervisor took",
            "the machine is shared: measure at another hour, or on a machine of your own",
        ),
    ):
        shares = [trial.load[name] for trial in timed if name in trial.load]
        high = [share for share in shares if share > limit]
        if high:
            sentences.append(
                f"In {len(high)} of {len(shares)} timed trials {what} more than {100 * limit:g} % of the CPU, at most "
                f"{100 * max(high):.0f} %: {advice}."
            )
    frequencies = [trial.load["frequency_mhz"] for trial in timed if trial.load.get("frequency_mhz")]
    if frequencies and max(frequencies) > (1 + FREQUENCY_SPREAD) * min(frequencies):
        sentences.append(
            f"The CPU's frequency was between {min(frequencies):.0f} and {max(frequencies):.0f} MHz: fix it "
            "(governor `performance`, no turbo) where seconds matter; it affects ratios by round less."
        )
    load, cores = data.run.environment.load_1min, data.run.environment.cores
    if load is not None and load > cores / 2:
        sentences.append(
            f"The machine had a load of {load:.1f} on {cores} cores before the run began: wait until it is idle, or ask "
            "`python -m bench doctor`, and measure again."
        )
    return sentences


def _clock_warnings(data: RunData, timed: Sequence[Trial]) -> list[str]:
    epochs = [seconds for trial in timed for seconds in trial.epoch_seconds or [] if seconds > 0]
    resolution = data.run.environment.clock_resolution_seconds
    if not epochs or resolution <= RESOLUTION_SHARE * min(epochs):
        return []
    return [
        f"The clock's resolution of {resolution:.1e} s is {100 * resolution / min(epochs):.0f} % of the shortest epoch: use a "
        "workload with more steps an epoch, or a system with a finer clock."
    ]


def _harness_warnings(timed: Sequence[Trial]) -> list[str]:
    """Contestants whose epochs are so short that the harness' own time matters."""
    return [
        f"The harness' own time is {100 * share:.1f} % of `{contestant}`'s training time in `{workload}`: use a workload "
        "with more steps an epoch."
        for (workload, contestant), trials in by_name(timed).items()
        if (share := harness_share(trials)) > HARNESS_SHARE
    ]


def _series(measured: Iterable[TimeMeasurement]) -> dict[tuple[str, str], list[TimeMeasurement]]:
    """The measurements of each workload and contestant, in the order of their rounds."""
    series: dict[tuple[str, str], list[TimeMeasurement]] = {}
    for one in sorted(measured, key=lambda one: one.round):
        series.setdefault((one.workload, one.contestant), []).append(one)
    return series
