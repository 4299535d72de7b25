"""What the run of `synthetic` has in it: the true figures of each contestant, its histories, its data, its machine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.records import Environment, PartParity
from bench.workloads import Workload

STEP_SECONDS = {
    "numpy_nn": 36e-6,
    "article": 1.5e-3,
    "keras": 2.7e-3,
    "keras-tuned": 1.4e-3,
    "jax": 48e-6,
    "sklearn": 0.28e-3,
    "torch": 0.4e-3,
    "floor": 21e-6,
}
"""The true median step of each contestant at batch 32."""
COLD_SECONDS = {"numpy_nn": 0.12, "article": 0.12, "jax": 1.4, "sklearn": 1.1, "floor": 0.11}
"""From process start to the first step; 5 s for those that bring TensorFlow."""
CALL_SECONDS = {"numpy_nn": 5e-6, "keras": 2.4e-3, "keras-tuned": 0.9e-3, "jax": 30e-6, "sklearn": 0.2e-3, "onnxruntime": 5.5e-6}
"""The true median of predicting one row."""
FLOPS_PER_STEP = 978_000
PEAK_FLOPS_PER_SECOND = 9.0e10
CANARY_SECONDS = 16e-6
TRAINING_ROWS, TEST_ROWS, BATCH = 900, 100, 32
STARTED_AT = "2025-01-01T00:00:00+00:00"
QUIET = {"other_cpu_share": 0.01, "steal_share": 0.0, "load_1min": 0.9, "frequency_mhz": 2800.0}
SURFACE_POINTS = 40
TUNED = {"steps_per_execution": 29, "jit_compile": True}
LEFT_OUT = "given up after 2 failures in a row; the last was took longer than 60 s"

Array = NDArray[np.float64]


def steps_of(batch: int | None) -> int:
    return -(-TRAINING_ROWS // (batch or TRAINING_ROWS))


def step_seconds_of(workload: Workload, name: str) -> float:
    if workload.name == "article" and name == "numpy_nn":
        return 0.5e-3
    return STEP_SECONDS[name]


def history_of(epochs: int, seed: int, drop: float = 0.0) -> dict[str, list[float]]:
    loss = 0.07 + 0.6 * np.exp(-np.arange(epochs) / (6 + seed)) - drop
    accuracy = 0.98 - 0.4 * np.exp(-np.arange(epochs) / 5)
    return {"loss": loss.tolist(), "accuracy": np.round(accuracy, 3).tolist()}


def accuracies_of(epochs: int, seed: int) -> list[float]:
    epoch = np.arange(epochs)
    best = 0.96 if seed == 4 else 0.97 + 0.005 * (seed % 2)
    return np.select([epoch < 8 + seed, epoch < 14 + seed], [0.90, 0.95], best).tolist()


def predictions_of(seed: int, difference: float) -> Array:
    logits = np.random.default_rng(seed).normal(0, 4, TEST_ROWS)
    outputs = 1 / (1 + np.exp(-logits))
    outputs[0] = 0.5 + 5e-7
    return np.asarray(outputs - difference)


def surface_arrays() -> dict[str, Array]:
    x, y = np.linspace(-1.5, 2.5, SURFACE_POINTS), np.linspace(-1.0, 2.0, SURFACE_POINTS)
    grid_x, grid_y = np.meshgrid(x, y)
    return {"surface": 1 / (1 + np.exp(4 * (grid_y - 0.5 * np.cos(2 * grid_x)))), "surface_x": x, "surface_y": y}


def point_arrays() -> dict[str, Array]:
    x = np.random.default_rng(0).normal(0, 0.5, (TRAINING_ROWS + TEST_ROWS, 2))
    y = (x[:, 1:] < 0.5 * np.cos(2 * x[:, :1])).astype(float)
    train, test = slice(TRAINING_ROWS), slice(TRAINING_ROWS, None)
    return {"x": x[train], "y": y[train], "x_test": x[test], "y_test": y[test]}


def part_parities() -> list[PartParity]:
    """Two short trainings that are the same on both sides."""
    plain = {"reference": "keras", "activations": "relu, linear", "loss": "huber", "optimizer": "sgd(learning_rate=0.1)"}
    differences = {"weights_difference": 2.2e-16, "loss_difference": 1.1e-16, "tolerance": 1e-12}
    return [PartParity.model_validate({"case": number, "task": "regression", **plain, **differences}) for number in (1, 2)]


def environment_record() -> Environment:
    return Environment(
        cpu="A CPU That Isn't",
        cores=2,
        memory_bytes=8_000_000_000,
        operating_system="Linux 6.1",
        python="3.12.1",
        versions={"numpy": "2.4.0", "keras": "3.15.0", "tensorflow": "2.21.0"},
        blas="OpenBLAS 0.3.31",
        blas_threads=2,
        commit="0123456789abcdef0123456789abcdef01234567",
        dirty=False,
        date=STARTED_AT,
        load_1min=0.4,
        clock_resolution_seconds=1e-9,
    )
