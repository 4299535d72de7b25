"""What a model on disk costs: to write, and to read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.micro.cases import Case
from numpy_nn import Sequential

Benchmark = Callable[..., object]


@pytest.mark.benchmark(group="save")
def test_save(benchmark: Benchmark, case: Case, tmp_path: Path) -> None:
    benchmark(case.model().save, tmp_path / "model.npz")


@pytest.mark.benchmark(group="load")
def test_load(benchmark: Benchmark, case: Case, tmp_path: Path) -> None:
    case.model().save(tmp_path / "model.npz")
    benchmark(Sequential.load, tmp_path / "model.npz")
