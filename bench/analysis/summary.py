"""From the records of a run to every figure that the report shows, in one pass.

`analyse` is what the report calls; each of its parts is a module beside this one. Tables are tidy DataFrames, a row a figure, with
the columns named here; a figure that wasn't measured is a missing row or NaN, never a zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from bench.analysis.accuracy import accuracy_table, agreement_table, curves_table
from bench.analysis.latency import latency_tables
from bench.analysis.limits import limits_table
from bench.analysis.noise_warnings import noise_warnings
from bench.analysis.parity import parity_curves_table, parity_table, parity_warnings
from bench.analysis.precision import precision_warnings
from bench.analysis.scaling import scaling_table
from bench.analysis.targets import arrivals, reached_table, target_measurements, target_time_rows, target_warnings, targets_table
from bench.analysis.timing import MEASURES, RatioRow, TimeRow, measurements, memory_table, ratio_rows, time_rows
from bench.records import RunData

__all__ = ["MEASURES", "Analysis", "analyse"]


@dataclass(frozen=True)
class Analysis:
    """All tables of a run. `low` and `high` are always the ends of a 95 % interval."""

    data: RunData

    accuracy: pd.DataFrame
    """workload, contestant, seeds, accuracy_mean, accuracy_low, accuracy_high, loss_mean, loss_low, loss_high (test accuracy, and
    the training loss of the last epoch), and to the reference, paired by seed: difference_mean, difference_low, difference_high,
    equivalent (bool or None: the two one-sided tests at 5 % within ±0.005)."""
    agreement: pd.DataFrame
    """workload, contestant, seed, points, near (within 1e-4 of 0.5 at the reference), disagree (class differs on a point not near),
    largest_difference: of the test predictions to the reference's."""
    parity: pd.DataFrame
    """workload, contestant, reference, epochs, steps, loss, accuracy, weights, predictions: the largest differences over all
    epochs."""
    parity_curves: pd.DataFrame
    """workload, contestant, epoch, loss, accuracy, weights."""
    times: pd.DataFrame
    """workload, contestant, measure, median, low, high, trials, launches; in seconds. measure is one of MEASURES, or "to 0.95" and
    so on for each target (from process start: cold start and training up to the end of the epoch that reached it), "fit to 0.95"
    (training alone)."""
    ratios: pd.DataFrame
    """workload, contestant, reference ("keras", "keras-tuned", "floor": every other contestant), measure, ratio, low, high, pairs,
    launches; paired by round."""
    targets: pd.DataFrame
    """workload, contestant, target, seeds, reached, median_epoch (counted from 1): how many of the seeds got there (the others are
    censored)."""
    reached: pd.DataFrame
    """workload, contestant, target, seconds, share: the Kaplan–Meier share that got there by then, steps of a curve."""
    curves: pd.DataFrame
    """workload, contestant, seed, epoch (from 0), loss, accuracy, val_loss, val_accuracy, of scored trials; in a workload without,
    of the first timed trial (val_… is NaN)."""
    latency: pd.DataFrame
    """workload, contestant, rows, compiled_by_hand, median_seconds, median_low, median_high, p99_seconds, p99_low, p99_high,
    minimum_seconds, calls, launches, call (its name, where there were several ways)."""
    latency_ratios: pd.DataFrame
    """workload, contestant, rows, compiled_by_hand, reference (one of LATENCY_REFERENCES), measure ("median", "p99"), ratio, low,
    high; paired by round."""
    limits: pd.DataFrame
    """workload, contestant ("floor" too), step_seconds, floor_seconds, times_floor, low, high, share_of_peak."""
    scaling: pd.DataFrame
    """width, batch, layers, threads, contestant, step_seconds (the quickest tenth of the epochs), rank (NaN for the floor),
    ratio_to_best, low, high, left_out (the reason, missing where there is a figure)."""
    memory: pd.DataFrame
    """workload, contestant, peak_memory_bytes (largest of the timed trials)."""
    warnings: list[str]
    """What a sceptic should know of this run, each with what to do about it."""


def analyse(data: RunData) -> Analysis:
    """Every table of the run in `data`."""
    measured, arrived = measurements(data), arrivals(data)
    times = [*time_rows(measured), *target_time_rows(arrived)]
    ratios = ratio_rows([*measured, *target_measurements(arrived)])
    latency, latency_ratios = latency_tables(data)
    return Analysis(
        data=data,
        accuracy=accuracy_table(data),
        agreement=agreement_table(data),
        parity=parity_table(data),
        parity_curves=parity_curves_table(data),
        times=pd.DataFrame(times, columns=TimeRow._fields),
        ratios=pd.DataFrame(ratios, columns=RatioRow._fields),
        targets=targets_table(data),
        reached=reached_table(arrived),
        curves=curves_table(data),
        latency=latency,
        latency_ratios=latency_ratios,
        limits=limits_table(data, times, ratios),
        scaling=scaling_table(data),
        memory=memory_table(data),
        warnings=[*parity_warnings(data), *target_warnings(data), *precision_warnings(data), *noise_warnings(data)],
    )
