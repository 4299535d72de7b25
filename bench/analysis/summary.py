"""From the records of a run to all figures of the report.

The report calls `analyse`; each table is computed by a module beside this one. Tables are tidy DataFrames with the columns that are
named here. A figure that wasn't measured is a missing row or NaN, never a zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from bench.analysis.accuracy import accuracy_table, agreement_table, curves_table
from bench.analysis.latency import latency_tables
from bench.analysis.limits import limits_table
from bench.analysis.machines import MachineRatioRow, disagreements, machine_ratio_rows
from bench.analysis.noise_warnings import noise_warnings
from bench.analysis.parity import parity_curves_table, parity_table, parity_warnings, parts_table
from bench.analysis.precision import precision_warnings
from bench.analysis.scaling import scaling_table
from bench.analysis.steps import disturbance_warnings, turns_table
from bench.analysis.study import study_tables
from bench.analysis.targets import (
    reached_table,
    target_measurements,
    target_time_rows,
    target_warnings,
    targets_table,
    times_to_target,
)
from bench.analysis.timing import MEASURES, RatioRow, TimeRow, measurements, memory_table, ratio_rows, time_rows
from bench.records import RunData

__all__ = ["MEASURES", "Analysis", "analyse"]


@dataclass(frozen=True)
class Analysis:
    """All tables of a run. `low` and `high` are the ends of a confidence interval (level `statistics.CONFIDENCE`)."""

    data: RunData

    accuracy: pd.DataFrame
    """workload, contestant, seeds, accuracy_mean, accuracy_low, accuracy_high, loss_mean, loss_low, loss_high (test accuracy, and
    the training loss of the last epoch), and the difference of accuracy to the reference, paired by seed: difference_mean,
    difference_low, difference_high, equivalent (within ±`accuracy.MARGIN`, by two one-sided tests; None: too few seeds)."""
    agreement: pd.DataFrame
    """workload, contestant, seed, points, near (points near the threshold, see `accuracy.agreement`), disagree (other points whose
    class differs), largest_difference: the test predictions against the reference's."""
    parity: pd.DataFrame
    """workload, contestant, reference, epochs, steps, loss, accuracy, weights, predictions: the largest differences over all
    epochs."""
    parity_curves: pd.DataFrame
    """workload, contestant, epoch, loss, accuracy, weights."""
    parity_parts: pd.DataFrame
    """workload, contestant, reference, case, task, activations, loss, optimizer, weights_difference, loss_difference, tolerance,
    verdict ("same", "different", "diverged"): of short trainings with every activation, loss and optimiser."""
    times: pd.DataFrame
    """workload, contestant, measure, median, low, high, trials, launches; in seconds. measure is one of MEASURES, or per target
    "to 0.95" (from process start to the end of the epoch that reached the target) and "fit to 0.95" (training alone)."""
    ratios: pd.DataFrame
    """workload, contestant, reference (every other contestant), measure, ratio, low, high, pairs, launches; paired by round."""
    targets: pd.DataFrame
    """workload, contestant, target, seeds, reached (the number of seeds that reached it; the others are censored), median_epoch
    (counted from 1)."""
    reached: pd.DataFrame
    """workload, contestant, target, seconds, share: the Kaplan–Meier estimate of the share that reached the target by then."""
    curves: pd.DataFrame
    """workload, contestant, seed, epoch (from 0), loss, accuracy, val_loss, val_accuracy: of scored trials, or in a workload
    without, of the first timed trial (val_loss and val_accuracy are NaN)."""
    latency: pd.DataFrame
    """workload, contestant, rows, compiled_by_hand, median_seconds, median_low, median_high, p99_seconds, p99_low, p99_high,
    minimum_seconds, calls, launches, call (the function that was called, where there are several)."""
    latency_ratios: pd.DataFrame
    """workload, contestant, rows, compiled_by_hand, reference (one of LATENCY_REFERENCES), measure ("median", "p99"), ratio, low,
    high; paired by round."""
    limits: pd.DataFrame
    """workload, contestant ("floor" too), step_seconds, floor_seconds, times_floor, low, high, share_of_peak."""
    scaling: pd.DataFrame
    """width, batch, layers, threads, contestant, step_seconds (`bench.analysis.steps`), rank (NaN for the floor),
    ratio_to_best, low, high, left_out (the reason, if there is no figure)."""
    study: pd.DataFrame
    """workload, a column for each axis of the studies, contestant, seeds (that ended), failed, diverged, accuracy_mean,
    accuracy_low, accuracy_high, stuck (see `study.is_stuck`), stuck_share, stuck_low, stuck_high, and to the reference: pairs,
    difference_mean, difference_low, difference_high (of accuracy), p_value, points, disagree (of test predictions), q_value
    (adjusted), differs."""
    study_targets: pd.DataFrame
    """workload, the axes, contestant, target, seeds, reached, share, low, high, median_epoch (from 1; NaN if fewer than half
    reach the target), epoch_low, epoch_high."""
    turns: pd.DataFrame
    """workload, contestant, launch, turn, epochs, quickest_tenth_seconds, canary (the slower of the two, as a multiple of the run's
    quiet one), wait_share and other_cpu_share (NaN where unknown), reason (what disturbed it; None: nothing was seen to)."""
    memory: pd.DataFrame
    """workload, contestant, peak_memory_bytes (the largest of the timed trials)."""
    machines: pd.DataFrame
    """machine, workload, contestant, reference, measure ("step"), ratio, low, high, pairs, launches: of each machine alone;
    empty where the run has one machine."""
    warnings: list[str]
    """Warnings about this run, each with what to do."""


def analyse(data: RunData) -> Analysis:
    """Every table of the run in `data`."""
    measured, to_target = measurements(data), times_to_target(data)
    times = [*time_rows(measured), *target_time_rows(to_target)]
    ratios = ratio_rows([*measured, *target_measurements(to_target)])
    latency, latency_ratios = latency_tables(data)
    study, study_targets = study_tables(data)
    by_machine = machine_ratio_rows(data, measured)
    return Analysis(
        data=data,
        accuracy=accuracy_table(data),
        agreement=agreement_table(data),
        parity=parity_table(data),
        parity_curves=parity_curves_table(data),
        parity_parts=parts_table(data),
        times=pd.DataFrame(times, columns=TimeRow._fields),
        ratios=pd.DataFrame(ratios, columns=RatioRow._fields),
        targets=targets_table(data),
        reached=reached_table(to_target),
        curves=curves_table(data),
        latency=latency,
        latency_ratios=latency_ratios,
        limits=limits_table(data, times, ratios),
        scaling=scaling_table(data),
        study=study,
        study_targets=study_targets,
        turns=turns_table(data),
        memory=memory_table(data),
        machines=pd.DataFrame(by_machine, columns=MachineRatioRow._fields),
        warnings=[
            *parity_warnings(data),
            *target_warnings(data),
            *precision_warnings(data),
            *disagreements(by_machine),
            *disturbance_warnings(data),
            *noise_warnings(data),
        ],
    )
