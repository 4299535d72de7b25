"""How long one prediction takes, and as a ratio to Keras' fastest call and to ONNX Runtime. Called by `bench.analysis.summary`.

A turn of a contestant gives a median and a 99th percentile over its calls; these are what is summed up, over the rounds and
launches of the run. Keras' own calls (`predict`, `predict_on_batch`, the model itself) and functions that a user compiles from a
model by hand are kept apart: the latter show what the backend can do, as its own contestant does.
"""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from bench.analysis.selection import succeeded
from bench.analysis.statistics import ratio_interval, time_interval
from bench.records import Latency, RunData

KERAS = "keras"
"""Contestants whose names begin so are Keras, of any backend and setting."""
PREDICTION_PEER = "onnxruntime"
OWN_CALL, COMPILED_CALL = "Keras' fastest call", "Keras compiled by hand"
LATENCY_REFERENCES = (OWN_CALL, COMPILED_CALL, PREDICTION_PEER)
LATENCY_MEASURES = ("median", "p99")
CALL_DETAILS = {False: "prediction_call", True: "compiled_prediction_call"}
"""By whether it is compiled by hand: where a trial's details name the way that was chosen."""


class LatencyRow(NamedTuple):
    """A row of `Analysis.latency`."""

    workload: str
    contestant: str
    rows: int
    compiled_by_hand: bool
    median_seconds: float
    median_low: float
    median_high: float
    p99_seconds: float
    p99_low: float
    p99_high: float
    minimum_seconds: float
    calls: int
    launches: int
    call: str | None
    """What was called, where a contestant had more than one way for a row."""


class LatencyRatioRow(NamedTuple):
    """A row of `Analysis.latency_ratios`."""

    workload: str
    contestant: str
    rows: int
    compiled_by_hand: bool
    reference: str
    measure: str
    ratio: float
    low: float
    high: float


class _Way(NamedTuple):
    """A contestant's calls for a number of rows."""

    workload: str
    contestant: str
    rows: int
    compiled_by_hand: bool


_Turns = dict[int, tuple[int, Latency]]
"""By round: the launch, and what was measured in it."""


def latency_tables(data: RunData) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`Analysis.latency` and `Analysis.latency_ratios`."""
    ways: dict[_Way, _Turns] = {}
    calls: dict[_Way, str | None] = {}
    for trial in succeeded(data, "predict"):
        for latency in trial.latencies or []:
            way = _Way(trial.workload, trial.contestant, latency.rows, latency.compiled_by_hand)
            ways.setdefault(way, {})[trial.round] = (trial.launch, latency)
            calls[way] = trial.details.get(CALL_DETAILS[way.compiled_by_hand]) if way.rows == 1 else None
    rows = {way: _row(way, turns, calls[way]) for way, turns in ways.items()}
    ratios = [
        LatencyRatioRow(*way, name, measure, *_ratio(turns, ways[reference], measure))
        for way, turns in ways.items()
        for name, reference in _references(way, rows).items()
        for measure in LATENCY_MEASURES
    ]
    return pd.DataFrame(rows.values(), columns=LatencyRow._fields), pd.DataFrame(ratios, columns=LatencyRatioRow._fields)


def _row(way: _Way, turns: _Turns, call: str | None) -> LatencyRow:
    launches = [launch for launch, _ in turns.values()]
    latencies = [latency for _, latency in turns.values()]
    return LatencyRow(
        *way,
        *time_interval([latency.median_seconds for latency in latencies], launches),
        *time_interval([latency.p99_seconds for latency in latencies], launches),
        min(latency.minimum_seconds for latency in latencies),
        sum(latency.calls for latency in latencies),
        len(set(launches)),
        call,
    )


def _references(way: _Way, rows: dict[_Way, LatencyRow]) -> dict[str, _Way]:
    """What a way is compared with: the fastest of each kind, for as many rows of the same workload."""
    same = [other for other in rows if (other.workload, other.rows) == (way.workload, way.rows)]
    kinds = {
        OWN_CALL: [other for other in same if other.contestant.startswith(KERAS) and not other.compiled_by_hand],
        COMPILED_CALL: [other for other in same if other.contestant.startswith(KERAS) and other.compiled_by_hand],
        PREDICTION_PEER: [other for other in same if other.contestant == PREDICTION_PEER],
    }
    return {name: min(found, key=lambda other: rows[other].median_seconds) for name, found in kinds.items() if found}


def _ratio(own: _Turns, other: _Turns, measure: str) -> tuple[float, float, float]:
    """By round, as every ratio; NaN where the two have no round in common."""
    both = sorted(own.keys() & other.keys())
    if not both:
        return (float("nan"),) * 3
    seconds = [[getattr(turns[number][1], f"{measure}_seconds") for number in both] for turns in (own, other)]
    middle, low, high = ratio_interval(seconds[0], seconds[1], [own[number][0] for number in both])
    return middle, low, high
