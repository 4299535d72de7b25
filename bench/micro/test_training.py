"""What training costs: a step, an epoch, and the forward pass of a step by itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench.micro.cases import BATCH_ROWS, Case

Benchmark = Callable[..., object]


@pytest.mark.benchmark(group="step")
def test_step(benchmark: Benchmark, case: Case) -> None:
    model = case.model()
    x, y = case.rows(BATCH_ROWS)
    benchmark(model.train_on_batch, x, y)


@pytest.mark.benchmark(group="epoch")
def test_epoch(benchmark: Benchmark, case: Case) -> None:
    model = case.model()
    x, y = case.rows()
    benchmark(model.fit, x, y, batch_size=BATCH_ROWS, epochs=1, shuffle=False, verbose=0)


@pytest.mark.benchmark(group="forward")
def test_forward(benchmark: Benchmark, case: Case) -> None:
    benchmark(case.model().predict, case.rows(BATCH_ROWS)[0])
