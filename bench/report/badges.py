"""The badges beside the answer: what limits it, in a few words each. Called by `bench.report.sections`."""

from __future__ import annotations

import math

from bench import escaping
from bench.analysis.divergence import DivergedRow, divergence
from bench.analysis.learning import NothingLearnedRow, nothing_learned
from bench.analysis.noise_warnings import OTHER_CPU, STEAL
from bench.analysis.parity import parity_broken
from bench.analysis.precision import half_width, headline_goal, headline_ratios
from bench.analysis.steps import step_times
from bench.analysis.summary import Analysis
from bench.records import RunData
from bench.report import units
from bench.report.document import Badge
from bench.report.methodology import notes
from bench.report.verdict import main_workload

_LEAST_FACTOR = 1.0
"""The relative half-width of an interval from which on it is given as a factor."""


def badges(analysis: Analysis, problems: int = 0) -> tuple[Badge, ...]:
    """Every limit of the run that a reader must know before quoting it; `problems` are warnings from outside of the analysis."""
    data, main = analysis.data, main_workload(analysis)
    texts = [
        *(["parity broken"] if parity_broken(data) else []),
        *(["quick run: don't quote it"] if data.run.quick else []),
        *([f"run {data.run.status}: only what had ended"] if data.run.status != "complete" else []),
        *_precision(data),
        *_launches(analysis),
        *_shared(data),
        *(f"{escaping.code(row.contestant)} diverged" for row in divergence(data) if row.workload == main),
        *(f"{escaping.code(row.contestant)} learned nothing" for row in nothing_learned(data) if row.workload == main),
        *_failed(data),
    ]
    found = [Badge(text) for text in texts]
    warnings = len(analysis.warnings) + len(notes(data)) + len(data.damaged) + problems
    if warnings:
        found.append(Badge(units.counted(warnings, "warning"), serious=False))
    return tuple(found)


def divergence_warnings(rows: list[DivergedRow]) -> list[str]:
    """A sentence per contestant of which a training diverged."""
    return [
        f"{escaping.code(row.contestant)} diverged in {row.diverged} of {units.counted(row.trials, 'training')} of "
        f"{escaping.code(row.workload)}: a loss or an output became NaN or infinite. Its times are of a network that learned "
        "nothing; lower the learning rate."
        for row in rows
    ]


def nothing_learned_warnings(rows: list[NothingLearnedRow]) -> list[str]:
    """A sentence per contestant of which a training learned nothing."""
    return [
        f"{escaping.code(row.contestant)} learned nothing in {row.nothing} of {units.counted(row.trials, 'training')} of "
        f"{escaping.code(row.workload)}: its test accuracy is no better than that of the most frequent class, "
        f"{units.percent(row.majority)}. Train longer, or with another learning rate, before comparing accuracies."
        for row in rows
    ]


def _precision(data: RunData) -> list[str]:
    least_known = max(headline_ratios(data), key=half_width, default=None)
    if least_known is None or (precision := half_width(least_known)) <= headline_goal(data.run):
        return []
    if math.isinf(precision):
        return ["too few rounds for an interval"]
    factor = math.sqrt(least_known.high / least_known.low)
    known = (
        f"to ±{units.number(100 * precision, 2)} %"
        if precision < _LEAST_FACTOR
        else f"within a factor of {units.number(factor, 2)}"
    )
    return [f"ratio to {escaping.code(least_known.reference)} known {known} (goal ±{100 * headline_goal(data.run):.0f} %)"]


def _launches(analysis: Analysis) -> list[str]:
    launches = {step.trial.launch for step in step_times(analysis.data) if step.trial.workload == main_workload(analysis)}
    return ["one launch only"] if len(launches) == 1 else []


def _shared(data: RunData) -> list[str]:
    loads = [trial.load for trial in data.trials if trial.kind == "timed" and trial.status == "ok"]
    high = [load for load in loads if load.get("other_cpu_share", 0) > OTHER_CPU or load.get("steal_share", 0) > STEAL]
    return [f"machine shared in {len(high)} of {len(loads)} trials"] if high else []


def _failed(data: RunData) -> list[str]:
    lost = {trial.contestant for trial in data.trials if trial.status in ("failed", "timeout") and not trial.point}
    in_part = lost & {trial.contestant for trial in data.trials if trial.status == "ok"}
    counts = ((len(lost - in_part), "failed"), (len(in_part), "failed in part"))
    return [f"{units.counted(count, 'contestant')} {words}" for count, words in counts if count]
