"""What an answer costs: for one row, and for many."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench.micro.cases import Case

Benchmark = Callable[..., object]


@pytest.mark.benchmark(group="predict one row")
def test_predict_one(benchmark: Benchmark, case: Case) -> None:
    benchmark(case.model().predict, case.rows(1)[0])


@pytest.mark.benchmark(group="predict many rows")
def test_predict_many(benchmark: Benchmark, case: Case) -> None:
    benchmark(case.model().predict, case.rows(10_000)[0])
