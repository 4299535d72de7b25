"""The table of all contestants of a workload: how many trials, how accurate, how fast, how much memory."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from bench.analysis.accuracy import final_trials
from bench.analysis.divergence import divergence
from bench.analysis.selection import FLOOR, succeeded
from bench.analysis.summary import Analysis
from bench.records import REFERENCE
from bench.report import units
from bench.report.derived import estimates, of_workload
from bench.report.document import Comparison, Ranking, RankingRow
from bench.report.style import in_order
from bench.report.tables.cells import records

DIVERGED = "diverged"
_DIVIDES = 0.01
"""Two times that divide into their ratio to this relative accuracy need no note."""
_Counts = dict[str, tuple[int, int, int]]


def ranking(analysis: Analysis, workload: str, caption: str, target: str | None) -> Ranking | None:
    """The ranking of a workload, sorted by step; `target` is a measure such as "to 0.95" or None."""
    times = estimates(analysis, workload)
    scores = {row["contestant"]: row["accuracy_mean"] for row in records(of_workload(analysis.accuracy, workload))}
    memory = {row["contestant"]: row["peak_memory_bytes"] for row in records(of_workload(analysis.memory, workload))}
    steps = {str(name): float(value) for name, value in times["step"].dropna().items()} if "step" in times else {}
    names = [*sorted(steps, key=lambda name: (steps[name], name))]
    names += [name for name in in_order([*scores, *times.index]) if name not in steps]
    if not names:
        return None
    comparisons = _comparisons(analysis, workload, steps)
    baseline = REFERENCE if REFERENCE in steps else next(iter(steps), "")
    counts = _counts(analysis, workload)
    diverged = {row.contestant for row in divergence(analysis.data) if row.workload == workload}
    reach = dict(times[target].dropna()) if target is not None and target in times else {}
    columns = ["contestant", "trials · launches · seeds", "accuracy", "step", f"step against {baseline}"]
    columns += [f"to {100 * float(str(target).removeprefix('to ')):g} %"] if reach else []
    rows = []
    for name in names:
        compared = comparisons.get(baseline, {}).get(name)
        seconds = reach.get(name)
        cells = [
            (name, None),
            (" · ".join(map(units.count, counts[name])), float(counts[name][0])),
            (DIVERGED, None) if name in diverged else (units.percent(scores.get(name)), scores.get(name)),
            (units.seconds(steps.get(name)), steps.get(name)),
            (compared.text if compared else units.ABSENT, compared.ratio if compared else None),
            *([(units.seconds(seconds), seconds)] if reach else []),
            (units.size(memory.get(name)), memory.get(name)),
        ]
        doubt = "; ".join(_doubts(counts[name], name in diverged))
        rows.append(RankingRow(tuple(text for text, _ in cells), tuple(value for _, value in cells), doubt))
    notes = _notes(analysis, workload, baseline, steps, comparisons.get(baseline, {}), target if reach else None)
    return Ranking(caption, (*columns, "memory"), tuple(rows), 4, baseline, comparisons, notes)


def _comparisons(analysis: Analysis, workload: str, steps: Mapping[str, float]) -> dict[str, dict[str, Comparison]]:
    found: dict[str, dict[str, Comparison]] = {name: {name: Comparison("baseline", 1.0)} for name in steps}
    rows = of_workload(analysis.ratios, workload)
    for row in records(rows[(rows["measure"] == "step") & (rows["reference"] != FLOOR)]):
        words = Comparison(units.comparison(row["ratio"], row["low"], row["high"]), float(row["ratio"]))
        found.setdefault(row["reference"], {})[row["contestant"]] = words
    return found


def _counts(analysis: Analysis, workload: str) -> _Counts:
    """By contestant: trials whose epochs were timed, launches, and seeds of the accuracy."""
    seeds: dict[str, set[int]] = {}
    for trial in final_trials(analysis.data):
        if trial.workload == workload:
            seeds.setdefault(trial.contestant, set()).add(trial.seed)
    timed: dict[str, list[int]] = {}
    for trial in [*succeeded(analysis.data, "timed"), *succeeded(analysis.data, "turns")]:
        if trial.workload == workload:
            timed.setdefault(trial.contestant, []).append(trial.launch)
    known = pd.Index([*seeds, *timed, *(trial.contestant for trial in analysis.data.trials)]).unique()
    return {
        str(name): (len(timed.get(name, [])), len(set(timed.get(name, []))), len(seeds.get(name, ())))
        for name in [*known, *of_workload(analysis.times, workload)["contestant"]]
    }


def _doubts(counts: tuple[int, int, int], diverged: bool) -> list[str]:
    trials, launches, seeds = counts
    return [
        *(["diverged"] if diverged else []),
        *(["one seed"] if seeds == 1 else []),
        *(["one trial"] if trials == 1 else ["one launch"] if launches == 1 else []),
    ]


def _notes(
    analysis: Analysis,
    workload: str,
    baseline: str,
    steps: Mapping[str, float],
    compared: Mapping[str, Comparison],
    target: str | None,
) -> tuple[str, ...]:
    apart = [
        name
        for name, found in compared.items()
        if name in steps and abs(steps[name] / steps[baseline] / found.ratio - 1) > _DIVIDES
    ]
    notes = []
    if apart:
        notes.append(
            "Ratios are paired round by round and steps are estimated over all rounds, so two steps don't divide exactly into "
            "their ratio."
        )
    targets = analysis.targets[analysis.targets["workload"] == workload]
    if target is not None and (targets["reached"] < targets["seeds"]).any():
        notes.append("Some trainings never reached a target: their time counts as longer than they ran, and not as missing.")
    return tuple(notes)
