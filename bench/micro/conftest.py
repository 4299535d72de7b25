"""What every micro-benchmark is handed: work to time, and the parity that goes beside its figures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import numpy_nn
from bench.micro.benchmark import Work
from bench.micro.suite import BENCHMARKS

REPOSITORY = Path(__file__).resolve().parents[2]
CASES = [(name, variant) for name, benchmark in BENCHMARKS.items() for variant in benchmark.variants]


@pytest.fixture(params=CASES, ids=["-".join(filter(None, case)).replace(" ", "_") for case in CASES])
def work(request: pytest.FixtureRequest, benchmark: Any, parities: Mapping[str, float]) -> Iterator[Work]:
    """The work of one benchmark and variant; one that this revision doesn't have is skipped."""
    name, variant = request.param
    try:
        prepared = BENCHMARKS[name].prepare(numpy_nn, 0, variant)
    except (ValueError, ImportError) as error:
        pytest.skip(str(error))
    benchmark.group = name
    benchmark.extra_info["parity"] = parities["float64" if "float64" in variant else "float32"]
    yield prepared
    prepared.close()


@pytest.fixture(scope="session")
def parities() -> Mapping[str, float]:
    """The largest difference to Keras in each precision."""
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-m", "bench.micro.parity"], cwd=REPOSITORY, stdout=subprocess.PIPE, env=environment, check=True, text=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found
