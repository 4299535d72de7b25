"""Measure how many times as fast an `Ensemble` trains its networks as they train one after another.

Usage: `python docs/measure_ensemble.py [--networks N] [--batch-size N] [--epochs N] [--turns N] [UNITS ...]`, where UNITS are the
hidden layers of a network, as `25-50-50-25`; the article's, and layers of 8 units, if none is named.

Both train the same networks on the same 900 samples, in float32 and on one core, a `fit` each, in turns: one after another, at
once, and so on. The table has the quickest step of a network of either, the ratio of these, and the median of the turns' ratios.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from numpy_nn import SGD, Ensemble, Sequential

SAMPLES = 900
COMPILED: dict[str, Any] = {"loss": "binary_crossentropy", "metrics": ["accuracy"]}


def architecture(units: str) -> list[dict[str, Any]]:
    """The layers of a network from two features to one probability."""
    sizes = [2, *map(int, units.split("-")), 1]
    names = ["relu"] * (len(sizes) - 2) + ["sigmoid"]
    layers = zip(sizes, sizes[1:], names, strict=False)
    return [{"input_dim": inputs, "output_dim": outputs, "activation": name} for inputs, outputs, name in layers]


def seconds(call: Callable[[], object]) -> float:
    """The time of one call."""
    start = perf_counter()
    call()
    return perf_counter() - start


def measure(units: str, networks: int, batch_size: int, epochs: int, turns: int) -> tuple[list[float], list[float]]:
    """The seconds of each turn, one after another and at once."""
    layers = architecture(units)
    alone = [Sequential(layers, seed=seed, threads=1) for seed in range(networks)]
    for network in alone:
        network.compile(SGD(0.01), **COMPILED)
    ensemble = Ensemble(layers, seeds=range(networks))
    ensemble.compile(SGD(0.01), **COMPILED)
    generator = np.random.default_rng(0)
    x = generator.normal(size=(SAMPLES, 2)).astype("float32")
    y = (x[:, 0] * x[:, 1] > 0).astype("float32")
    one, many = [], []
    for _ in range(turns + 1):
        one.append(seconds(lambda: [network.fit(x, y, batch_size, epochs, verbose=0) for network in alone]))
        many.append(seconds(lambda: ensemble.fit(x, y, batch_size, epochs, verbose=0)))
    return one[1:], many[1:]  # the first of each makes its buffers


def main() -> None:
    """Print a line for each network."""
    parser = argparse.ArgumentParser(description="Measure how many times as fast an Ensemble trains as its networks alone.")
    parser.add_argument("units", nargs="*", metavar="UNITS", default=["25-50-50-25", "8-8-8-8"])
    parser.add_argument("--networks", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=50, help="of each turn")
    parser.add_argument("--turns", type=int, default=5)
    arguments = parser.parse_args()
    print(f"{'units':<16}{'one after another':>18}{'at once':>10}{'ratio':>8}{'median':>8}   {arguments.networks} networks")
    for units in arguments.units:
        settings = arguments.networks, arguments.batch_size, arguments.epochs, arguments.turns
        one, many = measure(units, *settings)
        steps = arguments.networks * arguments.epochs * -(-SAMPLES // arguments.batch_size)
        ratio = median(first / second for first, second in zip(one, many, strict=True))
        alone, at_once = (f"{min(times) / steps * 1e6:.2f} µs" for times in (one, many))
        print(f"{units:<16}{alone:>18}{at_once:>10}{min(one) / min(many):>8.2f}{ratio:>8.2f}", flush=True)


if __name__ == "__main__":
    main()
