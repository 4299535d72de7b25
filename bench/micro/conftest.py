"""What every micro-benchmark is handed: a case, and the loss and parity that go beside its figures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bench.micro.cases import CASES, Case, loss_and_weights

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture(scope="session")
def parities() -> Mapping[str, float]:
    """The largest difference of each case to Keras."""
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-m", "bench.micro.cases"], cwd=REPOSITORY, stdout=subprocess.PIPE, env=environment, check=True, text=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


@pytest.fixture(autouse=True)
def extra_info(benchmark: Any, case: Case, parities: Mapping[str, float]) -> None:
    """Beside each time: the loss that the case comes to, and how far it is from Keras."""
    benchmark.extra_info["loss"] = loss_and_weights(case, case.model())[0]
    benchmark.extra_info["parity"] = parities[str(case)]
