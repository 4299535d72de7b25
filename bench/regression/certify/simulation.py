"""Comparisons of equal revisions without any process: over simulated noise of five shapes, and over resampled recorded blocks.

Called by `certificate_figures`, to reach counts that real runs can't. The code that decides is that of a real comparison:
`log_ratio` of the blocks of each launch, then `DecisionRule`. The tolerance is 0, so that every benchmark is measured up to the
last launch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from bench.micro.suite import LEAST_TOLERANCES
from bench.regression.compare.comparison import Blocks, log_ratio
from bench.regression.compare.e_process import LEVEL, DecisionRule
from bench.regression.compare.verdicts import Verdict

Array = NDArray[np.float64]
NoiseShape = Callable[[np.random.Generator, tuple[int, int, int]], Array]
"""(generator, (launches, builds, blocks)) -> log of the machine's slowness during each block, in order of time."""

LAUNCHES, BUILDS, PAIRS = 60, 4, 24
"""As in a comparison of about 20 s."""
BENCHMARKS = len(LEAST_TOLERANCES)
"""As many as the suite has, which share the level."""


def _over_time(values: Array, shape: tuple[int, int, int]) -> Array:
    return values.reshape(shape)


def heavy_tails(generator: np.random.Generator, shape: tuple[int, int, int]) -> Array:
    """Student's t with two degrees of freedom, whose variance is infinite: 3 % times that."""
    return 0.03 * generator.standard_t(2, shape)


def drift(generator: np.random.Generator, shape: tuple[int, int, int]) -> Array:
    """A random walk of 1 % a block, and 3 % of white noise."""
    return _over_time(0.01 * generator.standard_normal(np.prod(shape)).cumsum(), shape) + 0.03 * generator.standard_normal(shape)


def spikes(generator: np.random.Generator, shape: tuple[int, int, int]) -> Array:
    """2 % of white noise; one block in ten takes up to several times as long."""
    hit = generator.random(shape) < 0.1
    return 0.02 * generator.standard_normal(shape) + hit * generator.exponential(0.7, shape)


def autocorrelation(generator: np.random.Generator, shape: tuple[int, int, int]) -> Array:
    """A first-order autoregression with 0.98 from block to block, and a spread of 15 %."""
    from scipy.signal import lfilter

    coefficient, spread = 0.98, 0.15
    pushes = spread * np.sqrt(1 - coefficient**2) * generator.standard_normal(np.prod(shape))
    return _over_time(lfilter([1.0], [1.0, -coefficient], pushes), shape)


def two_modes(generator: np.random.Generator, shape: tuple[int, int, int]) -> Array:
    """A machine that is a fifth slower half of the time, for about 50 blocks in a row, and 2 % of white noise."""
    switches = generator.random(np.prod(shape)) < 1 / 50
    slow = _over_time(switches.cumsum() % 2.0, shape)
    return 0.2 * slow + 0.02 * generator.standard_normal(shape)


SHAPES: Mapping[str, NoiseShape] = {
    "heavy tails": heavy_tails,
    "drift": drift,
    "spikes": spikes,
    "autocorrelation": autocorrelation,
    "two modes": two_modes,
}


def simulated_launches(noise: NoiseShape, generator: np.random.Generator, launches: int = LAUNCHES) -> Blocks:
    """Blocks of equal sides (launches, builds, 2, pairs), each pair in random order.

    Each side of each build also has a speed of its own (0.3 %), as networks at different places in memory have.
    """
    slowness = noise(generator, (launches, BUILDS, 2 * PAIRS)).reshape(launches, BUILDS, PAIRS, 2)
    head_first = generator.random((launches, BUILDS, PAIRS, 1)) < 0.5
    by_side = np.where(head_first, slowness[..., ::-1], slowness)
    builds = 0.003 * generator.standard_normal((launches, BUILDS, 1, 2))
    blocks: Blocks = np.exp(np.clip(by_side + builds, -30, 30)).swapaxes(-1, -2)
    return blocks


def resampled_launches(recorded: Sequence[Sequence[Blocks]], generator: np.random.Generator) -> list[Blocks]:
    """The launches of a comparison of equal sides, resampled from recorded ones of one benchmark.

    Launch n is launch n of a recorded comparison, drawn for each n among those with so many launches. Its builds, and the pairs of
    each build, are drawn with replacement, and the sides of the whole launch are swapped with probability ½, as in a real one.
    """
    launches = []
    for number in range(max(len(comparison) for comparison in recorded)):
        candidates = [comparison[number] for comparison in recorded if len(comparison) > number]
        blocks = candidates[generator.integers(len(candidates))]
        builds, _, pairs = blocks.shape
        drawn_builds = generator.integers(builds, size=(builds, 1, 1))
        counts = np.isfinite(blocks[:, 0]).sum(axis=-1)[drawn_builds]
        drawn_pairs = (generator.random((builds, 1, pairs)) * counts).astype(int)
        drawn = blocks[drawn_builds, [[[0], [1]]], drawn_pairs]
        launches.append(drawn[:, ::-1] if generator.random() < 0.5 else drawn)
    return launches


def false_alarms(comparisons: int, one: Callable[[], Sequence[Sequence[float]]], level: float = LEVEL) -> int:
    """The number of comparisons in which any benchmark is called regressed or improved; `one()` gives the log ratios of each."""
    alarms = 0
    for _ in range(comparisons):
        benchmarks = one()
        rule = DecisionRule(len(benchmarks), tolerance=0.0, level=level)
        alarms += any(rule.first_verdict(log_ratios)[0] is not Verdict.INCONCLUSIVE for log_ratios in benchmarks)
    return alarms


def simulated_comparison(noise: NoiseShape, generator: np.random.Generator) -> list[Sequence[float]]:
    """The log ratios of each benchmark of a comparison over simulated noise."""
    return [list(log_ratio(simulated_launches(noise, generator))) for _ in range(BENCHMARKS)]


def resampled_comparison(
    recorded: Mapping[str, Sequence[Sequence[Blocks]]], generator: np.random.Generator
) -> list[Sequence[float]]:
    """The log ratios of each benchmark of a comparison resampled from recorded blocks."""
    return [
        [float(log_ratio(blocks)) for blocks in resampled_launches(comparisons, generator)] for comparisons in recorded.values()
    ]
