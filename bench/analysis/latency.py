"""How long one prediction takes, and as a ratio to Keras' fastest call and to ONNX Runtime. Called by `bench.analysis.summary`.

A contestant's latency is measured once, over thousands of calls in one process, so these ratios have no interval: what differs
between processes isn't known here.
"""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from bench.analysis.selection import succeeded
from bench.records import Latency, RunData

KERAS = "keras"
"""Contestants whose names begin so are Keras, of any backend and setting."""
PREDICTION_PEER = "onnxruntime"


class LatencyRow(NamedTuple):
    """A row of `Analysis.latency`."""

    workload: str
    contestant: str
    rows: int
    median_seconds: float
    p99_seconds: float
    minimum_seconds: float
    calls: int
    ratio_keras_fastest: float
    ratio_onnxruntime: float
    p99_ratio_keras_fastest: float
    p99_ratio_onnxruntime: float


def latency_table(data: RunData) -> pd.DataFrame:
    """`Analysis.latency`."""
    measured: dict[tuple[str, int], dict[str, Latency]] = {}
    for trial in succeeded(data, "predict"):
        for latency in trial.latencies or []:
            measured.setdefault((trial.workload, latency.rows), {})[trial.contestant] = latency
    rows = []
    for (workload, _), latencies in measured.items():
        keras = [latency for name, latency in latencies.items() if name.startswith(KERAS)]
        fastest = min(keras, key=lambda latency: latency.median_seconds, default=None)
        rows += [_row(workload, name, latency, fastest, latencies.get(PREDICTION_PEER)) for name, latency in latencies.items()]
    return pd.DataFrame(rows, columns=LatencyRow._fields)


def _row(workload: str, name: str, latency: Latency, keras: Latency | None, peer: Latency | None) -> LatencyRow:
    nan = float("nan")
    return LatencyRow(
        workload,
        name,
        latency.rows,
        latency.median_seconds,
        latency.p99_seconds,
        latency.minimum_seconds,
        latency.calls,
        latency.median_seconds / keras.median_seconds if keras else nan,
        latency.median_seconds / peer.median_seconds if peer else nan,
        latency.p99_seconds / keras.p99_seconds if keras else nan,
        latency.p99_seconds / peer.p99_seconds if peer else nan,
    )
