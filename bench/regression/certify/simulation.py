"""Comparisons of equal revisions without any process, over made-up noise of five shapes and over recorded blocks; and trends.

Called by the certificate, to reach counts that real runs can't. What decides is the same code as in a real comparison:
`log_ratio` of the blocks of each launch, then `Rule`. There is no tolerance, so that no benchmark is done with before the last
launch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from bench.regression.compare.comparison import Blocks, log_ratio
from bench.regression.compare.sequential import LEVEL, Rule, Verdict
from bench.regression.history.change_points import change_points

Array = NDArray[np.float64]
Noise = Callable[[np.random.Generator, tuple[int, int, int]], Array]
"""(generator, (launches, builds, blocks)) -> log of the machine's slowness during each block, in the order of time."""

LAUNCHES, BUILDS, PAIRS = 60, 4, 24
"""As in a comparison that takes some 20 s."""
BENCHMARKS = 5


def _over_time(values: Array, shape: tuple[int, int, int]) -> Array:
    return values.reshape(shape)


def heavy_tails(generator: np.random.Generator, shape: tuple[int, int, int]) -> Array:
    """Student's t with two degrees of freedom, whose variance is infinite: 3 % times that."""
    return 0.03 * generator.standard_t(2, shape)


def drift(generator: np.random.Generator, shape: tuple[int, int, int]) -> Array:
    """A walk that never comes back: 1 % a block, besides 3 % of white noise."""
    return _over_time(0.01 * generator.standard_normal(np.prod(shape)).cumsum(), shape) + 0.03 * generator.standard_normal(shape)


def spikes(generator: np.random.Generator, shape: tuple[int, int, int]) -> Array:
    """One block in ten takes up to several times as long, the others 2 % of white noise."""
    hit = generator.random(shape) < 0.1
    return 0.02 * generator.standard_normal(shape) + hit * generator.exponential(0.7, shape)


def autocorrelation(generator: np.random.Generator, shape: tuple[int, int, int]) -> Array:
    """A first-order autoregression with 0.98 from block to block, and a spread of 15 %."""
    from scipy.signal import lfilter

    coefficient, spread = 0.98, 0.15
    pushes = spread * np.sqrt(1 - coefficient**2) * generator.standard_normal(np.prod(shape))
    return _over_time(lfilter([1.0], [1.0, -coefficient], pushes), shape)


def two_modes(generator: np.random.Generator, shape: tuple[int, int, int]) -> Array:
    """A machine that is a fifth slower half of the time, for some 50 blocks on end, besides 2 % of white noise."""
    switches = generator.random(np.prod(shape)) < 1 / 50
    slow = _over_time(switches.cumsum() % 2.0, shape)
    return 0.2 * slow + 0.02 * generator.standard_normal(shape)


SHAPES: Mapping[str, Noise] = {
    "heavy tails": heavy_tails,
    "drift": drift,
    "spikes": spikes,
    "autocorrelation": autocorrelation,
    "two modes": two_modes,
}


def simulated_launches(noise: Noise, generator: np.random.Generator, launches: int = LAUNCHES) -> Blocks:
    """Blocks of equal sides (launches, builds, 2, pairs), in each pair in the order that a coin gives.

    Each side of each build also has a speed of its own (0.3 %), as a network has that lies elsewhere in memory.
    """
    slowness = noise(generator, (launches, BUILDS, 2 * PAIRS)).reshape(launches, BUILDS, PAIRS, 2)
    head_first = generator.random((launches, BUILDS, PAIRS, 1)) < 0.5
    by_side = np.where(head_first, slowness[..., ::-1], slowness)
    builds = 0.003 * generator.standard_normal((launches, BUILDS, 1, 2))
    blocks: Blocks = np.exp(np.clip(by_side + builds, -30, 30)).swapaxes(-1, -2)
    return blocks


def resampled_launches(recorded: Sequence[Sequence[Blocks]], generator: np.random.Generator) -> list[Blocks]:
    """The launches of a comparison of equal sides, put together from recorded ones of one benchmark.

    The n-th launch is the n-th of a recorded comparison that is drawn anew for each n (of those that got so far); its builds, and
    the pairs of each build, are drawn with replacement, and a coin swaps the sides of the whole launch, as it does in a real one.
    """
    launches = []
    for number in range(max(len(comparison) for comparison in recorded)):
        candidates = [comparison[number] for comparison in recorded if len(comparison) > number]
        blocks = candidates[generator.integers(len(candidates))]
        builds, _, pairs = blocks.shape
        drawn_builds = generator.integers(builds, size=(builds, 1, 1))
        drawn_pairs = generator.integers(pairs, size=(builds, 1, pairs))
        drawn = blocks[drawn_builds, [[[0], [1]]], drawn_pairs]
        launches.append(drawn[:, ::-1] if generator.random() < 0.5 else drawn)
    return launches


def false_alarms(comparisons: int, one: Callable[[], Sequence[Sequence[float]]], level: float = LEVEL) -> int:
    """In how many of so many comparisons any benchmark is called regressed or improved; `one` gives each benchmark's log ratios."""
    alarms = 0
    for _ in range(comparisons):
        benchmarks = one()
        rule = Rule(len(benchmarks), tolerance=0.0, level=level)
        alarms += any(rule.first_verdict(log_ratios)[0] is not Verdict.INCONCLUSIVE for log_ratios in benchmarks)
    return alarms


def simulated_comparison(noise: Noise, generator: np.random.Generator) -> list[Sequence[float]]:
    """The log ratios of each benchmark of a comparison over simulated noise."""
    return [list(log_ratio(simulated_launches(noise, generator))) for _ in range(BENCHMARKS)]


def resampled_comparison(
    recorded: Mapping[str, Sequence[Sequence[Blocks]]], generator: np.random.Generator
) -> list[Sequence[float]]:
    """The log ratios of each benchmark of a comparison put together from recorded blocks."""
    return [
        [float(log_ratio(blocks)) for blocks in resampled_launches(comparisons, generator)] for comparisons in recorded.values()
    ]


TREND_NOISES: Mapping[str, Callable[[np.random.Generator, int], Array]] = {
    "normal": lambda generator, points: generator.standard_normal(points),
    "heavy tails": lambda generator, points: generator.standard_t(3, points),
    "Laplace's": lambda generator, points: generator.laplace(size=points),
    "lognormal": lambda generator, points: np.exp(0.5 * generator.standard_normal(points)),
}
"""(generator, points) -> a series of tracked runs without a change of level."""
RECOVERED = (20, 30, 50)
"""A series that is slower from the 20th of its 50 points on, and as before from the 30th on, by five times the noise's spread."""


def trend_false_alarms(noise: str, points: int, series: int, generator: np.random.Generator) -> int:
    """How many of so many series of noise are said to bend."""
    return sum(bool(change_points(list(TREND_NOISES[noise](generator, points)))) for _ in range(series))


def recovered_found(series: int, generator: np.random.Generator) -> int:
    """In how many of so many series a slowdown that has recovered is found: both of its ends, within a point, and no other."""
    slower, recovered, points = RECOVERED
    found = 0
    for _ in range(series):
        values = generator.standard_normal(points)
        values[slower:recovered] += 5
        bends = change_points(list(values))
        found += len(bends) == 2 and abs(bends[0] - slower) <= 1 and abs(bends[1] - recovered) <= 1
    return found
