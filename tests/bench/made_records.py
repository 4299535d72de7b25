"""Records for tests of what reads and writes them: right in every field, each field open to be another."""

from __future__ import annotations

from typing import Any

from bench.records import ContestantRecord, Environment, Run, Trial

ENVIRONMENT = Environment(
    cpu="a processor",
    cores=2,
    memory_bytes=8_000_000_000,
    operating_system="Linux",
    python="3.11",
    versions={"numpy": "2.4"},
    blas="OpenBLAS 0.3",
    blas_threads=2,
    commit=None,
    dirty=None,
    date="2026-01-01T00:00:00Z",
    load_1min=0.1,
    clock_resolution_seconds=1e-9,
)

WORKLOAD: dict[str, Any] = {
    "name": "moons",
    "summary": "for a test",
    "data": {"name": "moons", "parameters": {}},
    "architecture": [{"input_dim": 2, "output_dim": 1, "activation": "sigmoid"}],
    "training": {
        "optimizer": {"name": "sgd"},
        "loss": "binary_crossentropy",
        "epochs": 2,
        "batch_size": 32,
        "dtype": "float32",
        "initializer": "glorot_uniform",
        "shuffle": False,
    },
    "settings": {},
    "grid": {},
}


def make_run(**fields: Any) -> Run:
    contestant = ContestantRecord(
        name="numpy_nn", summary="a network", batch_order="given", clock_includes="all", parity=True, peer=False, trains=True
    )
    standard: dict[str, Any] = {
        "run_id": "a-run",
        "command": ["bench", "run"],
        "quick": False,
        "seed": 1,
        "threads": 2,
        "workloads": [WORKLOAD],
        "contestants": [contestant],
        "environment": ENVIRONMENT,
    }
    return Run(**(standard | fields))


def make_trial(**fields: Any) -> Trial:
    standard: dict[str, Any] = {
        "run_id": "a-run",
        "workload": "moons",
        "contestant": "numpy_nn",
        "kind": "timed",
        "seed": 0,
        "round": 0,
        "launch": 0,
        "status": "ok",
        "dtype": "float32",
        "threads": 2,
        "steps": 58,
        "cold_start_seconds": 0.25,
        "fit_seconds": 0.0058,
        "epoch_seconds": [0.003, 0.0028],
        "history": {"loss": [0.5, 0.25], "accuracy": [0.75, 1.0]},
        "test_accuracy": 0.95,
        "test_loss": 0.3,
        "peak_memory_bytes": 50_000_000,
        "details": {"layers": [2, 1]},
        "started_at": "2026-01-01T00:00:01Z",
        "load": {"other_cpu_share": 0.02},
    }
    return Trial(**(standard | fields))
