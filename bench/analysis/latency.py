"""The latency of a prediction, and its ratio to Keras' fastest call and to ONNX Runtime. Called by `bench.analysis.summary`.

Each turn of a contestant has a median and a 99th percentile over its calls; intervals are over the run's rounds and launches.
Keras' own calls (`predict`, `predict_on_batch`, the model itself) and functions that a user compiles from a model by hand are
separate rows, since the latter measure the backend rather than Keras.
"""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from bench.analysis.selection import succeeded
from bench.analysis.statistics import ratio_interval, time_interval
from bench.records import Latency, RunData

KERAS = "keras"
"""The prefix of the names of all Keras contestants, whatever their backend and settings."""
PREDICTION_PEER = "onnxruntime"
OWN_CALL, COMPILED_CALL = "Keras' fastest call", "Keras compiled by hand"
LATENCY_REFERENCES = (OWN_CALL, COMPILED_CALL, PREDICTION_PEER)
LATENCY_MEASURES = ("median", "p99")
CALL_DETAILS = {False: "prediction_call", True: "compiled_prediction_call"}
"""By `compiled_by_hand`: the key in a trial's details with the name of the function that was called."""


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
    """The function that was called to predict one row, where the contestant has several."""


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


class _Case(NamedTuple):
    """What is timed: a contestant's prediction of a number of rows, by the library's own call or a function compiled by hand."""

    workload: str
    contestant: str
    rows: int
    compiled_by_hand: bool


_Turns = dict[tuple[str, int], tuple[int, Latency]]
"""By machine and round: the launch, and its latency."""


def latency_tables(data: RunData) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`Analysis.latency` and `Analysis.latency_ratios`."""
    cases: dict[_Case, _Turns] = {}
    calls: dict[_Case, str | None] = {}
    for trial in succeeded(data, "predict"):
        for latency in trial.latencies or []:
            case = _Case(trial.workload, trial.contestant, latency.rows, latency.compiled_by_hand)
            cases.setdefault(case, {})[trial.machine or "", trial.round] = (trial.launch, latency)
            calls[case] = trial.details.get(CALL_DETAILS[case.compiled_by_hand]) if case.rows == 1 else None
    rows = {case: _row(case, turns, calls[case]) for case, turns in cases.items()}
    ratios = [
        LatencyRatioRow(*case, name, measure, *_ratio(turns, cases[reference], measure))
        for case, turns in cases.items()
        for name, reference in _references(case, rows).items()
        for measure in LATENCY_MEASURES
    ]
    return pd.DataFrame(rows.values(), columns=LatencyRow._fields), pd.DataFrame(ratios, columns=LatencyRatioRow._fields)


def _row(case: _Case, turns: _Turns, call: str | None) -> LatencyRow:
    launches = [launch for launch, _ in turns.values()]
    latencies = [latency for _, latency in turns.values()]
    return LatencyRow(
        *case,
        *time_interval([latency.median_seconds for latency in latencies], launches),
        *time_interval([latency.p99_seconds for latency in latencies], launches),
        min(latency.minimum_seconds for latency in latencies),
        sum(latency.calls for latency in latencies),
        len(set(launches)),
        call,
    )


def _references(case: _Case, rows: dict[_Case, LatencyRow]) -> dict[str, _Case]:
    """The cases that `case` is compared with: the fastest of each kind for the same workload and number of rows."""
    same = [other for other in rows if (other.workload, other.rows) == (case.workload, case.rows)]
    kinds = {
        OWN_CALL: [other for other in same if other.contestant.startswith(KERAS) and not other.compiled_by_hand],
        COMPILED_CALL: [other for other in same if other.contestant.startswith(KERAS) and other.compiled_by_hand],
        PREDICTION_PEER: [other for other in same if other.contestant == PREDICTION_PEER],
    }
    return {name: min(found, key=lambda other: rows[other].median_seconds) for name, found in kinds.items() if found}


def _ratio(own: _Turns, other: _Turns, measure: str) -> tuple[float, float, float]:
    """The ratio with its interval, paired by machine and round; NaN if the two have none in common."""
    both = sorted(own.keys() & other.keys())
    if not both:
        return (float("nan"),) * 3
    seconds = [[getattr(turns[number][1], f"{measure}_seconds") for number in both] for turns in (own, other)]
    middle, low, high = ratio_interval(seconds[0], seconds[1], [own[number][0] for number in both])
    return middle, low, high
