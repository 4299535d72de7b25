"""Every benchmark of the suite, for pytest-benchmark and pytest-codspeed: blocks of work, as `bench compare` times them."""

from __future__ import annotations

from collections.abc import Callable

from bench.micro.benchmark import Work


def test_micro(benchmark: Callable[..., object], work: Work) -> None:
    benchmark(work)
