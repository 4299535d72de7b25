"""The answer in one sentence and the verdict in several. Called by `bench.report.build`.

Every figure in a sentence comes from the analysis; the constants below are the thresholds of the judgements.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from bench import escaping
from bench.analysis.accuracy import MARGIN
from bench.analysis.divergence import divergence
from bench.analysis.latency import OWN_CALL
from bench.analysis.learning import nothing_learned
from bench.analysis.selection import FLOOR, workload_named
from bench.analysis.summary import Analysis
from bench.records import HEADLINE_REFERENCES, HEADLINE_WORKLOAD, LARGEST_DIFFERENCE, OURS, REFERENCE
from bench.report import units

ARTICLE_ACCURACY = 0.95
"""The test accuracy that, by the article, both networks reach approximately."""
PARITY = "parity"
"""The workload of the sentence on parity."""
CLOSE = 1.05
"""A step whose ratio to the fastest is at most this counts as close to it."""
_MOST_PREDICTIONS = 3
_MOST_NAMED = 4
NOTHING = "This run has no figures for an answer."

Row = Mapping[str, Any]


def answer(analysis: Analysis) -> str:
    """The answer to the report's question in one sentence of plain words."""
    row = _headline(analysis)
    if row is None:
        return _answer_of_map(analysis) or _answer_of_predictions(analysis) or _answer_without_times(analysis) or NOTHING
    ours, reference = "NumPy", "Keras" if row["reference"] == REFERENCE else escaping.code(row["reference"])
    broken = _parity(analysis)
    also = [] if broken is None or row["reference"] != REFERENCE else [_computation(analysis, broken)]
    accuracy = _accuracies(analysis, str(row["reference"]))
    if accuracy is not None:
        also.insert(0, _to_accuracy(analysis, accuracy))
    if math.isnan(row["low"]):
        seconds = " and ".join(
            f"{units.seconds(_step(analysis, name))} with {words}" for name, words in ((OURS, ours), (row["reference"], reference))
        )
        return f"Too few rounds to tell whether {ours} or {reference} trains this network faster: a step took {seconds}."
    words = units.comparison(row["ratio"], row["low"], row["high"])
    if words.startswith(units.NO_DIFFERENCE):
        lead = f"No difference seen between the speed of {ours} and {reference} {words.removeprefix(units.NO_DIFFERENCE).strip()}"
        also = []
    else:
        lead = f"{ours} trains this network {words.replace(' [', f' than {reference} [', 1).replace(', ', ' to ')}"
    return ", ".join([lead, *also]) + "."


def verdict(analysis: Analysis) -> list[str]:
    """The answer, and a sentence per question of the report; questions that this run can't answer are left out."""
    sentences = [
        answer(analysis),
        *same_computation(analysis),
        *same_parts(analysis),
        *same_accuracy(analysis),
        *_how_long(analysis),
        *_to_target(analysis),
        *_fastest(analysis),
        *_distance_to_limit(analysis),
        *_where_first(analysis),
        *what_is_missing(analysis),
    ]
    return list(dict.fromkeys(sentences))  # one of the others may be the answer


def main_workload(analysis: Analysis) -> str | None:
    """The workload of the headline: `moons` if it was measured, else the first that was, without grids."""
    names = [workload["name"] for workload in analysis.data.run.workloads if not workload["grid"]]
    measured = set(analysis.times["workload"]) | set(analysis.accuracy["workload"])
    return min(
        (name for name in names if name in measured), key=lambda name: (name != HEADLINE_WORKLOAD, names.index(name)), default=None
    )


def versus(row: Row) -> str:
    """A ratio of times as a predicate: "is 92 × faster [75, 112] than", before what it is compared with."""
    words = units.comparison(row["ratio"], row["low"], row["high"])
    if words.startswith(units.NO_DIFFERENCE):
        return f"shows {words.replace(' seen', '', 1)} to"
    if math.isnan(row["low"]):
        return f"is {units.times(row['ratio'])} ({units.TOO_FEW}) than"
    return f"is {words} than"


def same_computation(analysis: Analysis) -> list[str]:
    """Whether `numpy_nn` and the reference compute the same, in a sentence."""
    row = _parity(analysis)
    if row is None:
        lost = [found.contestant for found in divergence(analysis.data) if found.workload == PARITY]
        lost = [name for name in (OURS, REFERENCE) if name in lost]
        return (
            [f"Whether {_both()} are the same computation isn't known: {' and '.join(map(escaping.code, lost))} diverged."]
            if lost
            else []
        )
    differences = f"{row['loss']:.1e} in the loss and {row['weights']:.1e} in the weights over {row['steps']:,} steps in float64"
    if _computes_the_same(row):
        return [f"`{OURS}` and `{row['reference']}` are the same computation: they differ by at most {differences}."]
    return [f"`{OURS}` and `{row['reference']}` are NOT the same computation: they differ by {differences}."]


def same_parts(analysis: Analysis) -> list[str]:
    """Whether every activation, loss and optimiser trains as the reference's, in a sentence."""
    rows = analysis.parity_parts
    if rows.empty:
        return []
    odd = rows[rows["verdict"] != "same"]
    covered = "a third of the cases, with each activation and optimiser once" if analysis.data.run.quick else "on both sides"
    if odd.empty:
        largest = rows.groupby("tolerance")["weights_difference"].max().tolist()  # the exact ones first
        rounded = [f"{value:.1e} where Keras has a constant of the activation in float32" for value in largest[1:]]
        return [
            f"Every activation, loss and optimiser ({covered}) trains alike: in {len(rows)} short trainings on two classes, three, "
            f"and regression, the weights differ by at most {', and '.join([f'{largest[0]:.1e}', *rounded])}."
        ]
    cases = ", ".join(f"{row['case']} ({row['verdict']})" for row in odd.to_dict("records"))
    return [f"{_both()} do NOT train alike in {len(odd)} of {len(rows)} short trainings with other parts: cases {cases}."]


def same_accuracy(analysis: Analysis) -> list[str]:
    """The two accuracies and their difference, in a sentence."""
    both = _accuracies(analysis, REFERENCE)
    if both is None:
        return []
    ours, reference = both
    means = f"{units.percent(ours['accuracy_mean'])} for `{OURS}` and {units.percent(reference['accuracy_mean'])} for `{REFERENCE}`"
    seeds, others = ours["seeds"], reference["seeds"]
    counted = units.counted(seeds, "seed") if seeds == others else f"{seeds} and {units.counted(others, 'seed')}"
    over = "" if seeds == others else " over the seeds of both"
    within = f"equal within ±{100 * MARGIN:g} points"
    nothing = _learned_nothing(analysis, ours, reference)
    if nothing:
        return [f"{names_of(nothing)} learned nothing: the mean test accuracy is {means}, that of the most frequent class."]
    judged = {True: within, False: f"not shown to be {within}"}.get(ours["equivalent"], "from too few seeds for a test")
    return [
        f"The mean test accuracy over {counted} is {means}: a difference of "
        f"{units.points(ours['difference_mean'])} points{over}, {judged}."
    ]


def what_is_missing(analysis: Analysis) -> list[str]:
    """Failed trials, contestants that aren't installed, and a run that isn't whole, in sentences."""
    run = analysis.data.run
    lost = sorted({trial.contestant for trial in analysis.data.trials if trial.status in ("failed", "timeout") and not trial.point})
    absent = sorted(record.name for record in run.contestants if record.missing)
    sentences = []
    if lost:
        sentences.append(f"Trials failed or ran out of time for {names_of(lost)}: what is missing is named below.")
    if absent:
        sentences.append(f"Not installed here, and so not measured: {names_of(absent)}.")
    if run.status != "complete":
        sentences.append(f"The run's status is {run.status}: these figures are from what there is.")
    return sentences


def ratio_row(analysis: Analysis, workload: str, contestant: str, reference: str, measure: str) -> Row | None:
    """The row of `Analysis.ratios` with these values."""
    return row_of(analysis.ratios, workload=workload, contestant=contestant, reference=reference, measure=measure)


def row_of(frame: pd.DataFrame, **values: str) -> Row | None:
    """The first row with these values."""
    for name, value in values.items():
        frame = frame[frame[name] == value]
    return None if frame.empty else {str(name): value for name, value in frame.iloc[0].items()}


def names_of(names: list[str], most: int = 8) -> str:
    """Names as a list in words, the first `most` of them."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(escaping.code(name) for name in names[:most]) + more


def _headline(analysis: Analysis) -> Row | None:
    """`numpy_nn`'s step against Keras', or if Keras wasn't measured, against the fastest of the others."""
    workload = like_for_like(analysis)
    row = ratio_row(analysis, workload, OURS, REFERENCE, "step")
    if row is not None:
        return row
    rival = _rivals(analysis)
    return None if rival.empty else ratio_row(analysis, workload, OURS, str(rival["contestant"].iloc[0]), "step")


def _answer_of_map(analysis: Analysis) -> str:
    sentences = _where_first(analysis)
    return sentences[0] if sentences else ""


def _answer_of_predictions(analysis: Analysis) -> str:
    """How long a prediction takes, for each number of rows, where nothing else was measured."""
    found = analysis.latency_ratios
    found = found[(found["contestant"] == OURS) & (found["reference"] == OWN_CALL) & (found["measure"] == "median")]
    found = found[found["workload"] == found["workload"].iloc[0]].sort_values("rows") if len(found) else found
    parts = [
        f"{units.counted(row['rows'], 'row')} {units.comparison(row['ratio'], row['low'], row['high'])}"
        for row in found.to_dict("records")[:_MOST_PREDICTIONS]
    ]
    return f"Predictions of NumPy against {OWN_CALL}: {', '.join(parts)}." if parts else ""


def _answer_without_times(analysis: Analysis) -> str:
    """What was computed, predicted or reached where no training was timed."""
    if len(analysis.times):
        return ""
    for sentence in [*same_computation(analysis), *same_accuracy(analysis)]:
        return sentence
    if (row := row_of(analysis.parity, contestant=OURS)) is not None:  # of a workload of the user's own
        figures = f"{row['loss']:.1e} in the loss and {row['weights']:.1e} in the weights over {row['steps']:,} steps"
        return f"No time was measured; `{OURS}` and `{row['reference']}` differ by at most {figures}."
    scores = analysis.accuracy[analysis.accuracy["workload"] == main_workload(analysis)]
    scores = scores[scores["accuracy_mean"].notna()]
    if len(scores):
        reached = [
            f"{units.percent(row['accuracy_mean'])} for {escaping.code(row['contestant'])}" for row in scores.to_dict("records")
        ]
        return f"No time was measured; the mean test accuracy is {_listed(reached)}."
    calls = analysis.latency[~analysis.latency["compiled_by_hand"].astype(bool)].to_dict("records")
    first = [row for row in calls if (row["workload"], row["rows"]) == (calls[0]["workload"], calls[0]["rows"])]
    taken = [f"{units.seconds(row['median_seconds'])} with {escaping.code(row['contestant'])}" for row in first]
    return f"A prediction of {units.counted(first[0]['rows'], 'row')} takes {_listed(taken)}." if first else ""


def _listed(parts: list[str]) -> str:
    more = f", and {len(parts) - _MOST_NAMED} more" if len(parts) > _MOST_NAMED else ""
    return ", ".join(parts[:_MOST_NAMED]) + more


def like_for_like(analysis: Analysis) -> str:
    """The main workload, if all contestants have the same settings in it; else an empty name."""
    name = main_workload(analysis)
    workload = workload_named(analysis.data, name or "")
    return "" if workload.get("settings") else name or ""


def _parity(analysis: Analysis) -> Row | None:
    return row_of(analysis.parity, contestant=OURS, workload=PARITY)


def _computes_the_same(row: Row) -> bool:
    return bool(row["loss"] <= LARGEST_DIFFERENCE and row["weights"] <= LARGEST_DIFFERENCE)


def _computation(analysis: Analysis, row: Row) -> str:
    alike = bool((analysis.parity_parts["verdict"] == "same").all())
    return "by the same computation" if alike and _computes_the_same(row) else "but NOT by the same computation"


def _accuracies(analysis: Analysis, reference: str) -> tuple[Row, Row] | None:
    workload = like_for_like(analysis)
    ours, other = (row_of(analysis.accuracy, workload=workload, contestant=name) for name in (OURS, reference))
    return None if ours is None or other is None else (ours, other)


def _to_accuracy(analysis: Analysis, rows: tuple[Row, Row]) -> str:
    ours, reference = rows
    lost = {row.contestant for row in divergence(analysis.data) if row.workload == ours["workload"]}
    lost &= {ours["contestant"], reference["contestant"]}
    if lost:
        return f"but {names_of(sorted(lost))} diverged"
    nothing = _learned_nothing(analysis, ours, reference)
    if nothing:
        return f"but {names_of(nothing)} learned nothing"
    if ours["equivalent"] in (True,) and reference["contestant"] == REFERENCE:
        return "to the same accuracy"
    both = f"{units.percent(ours['accuracy_mean'])} against {units.percent(reference['accuracy_mean'])}"
    return f"to an accuracy of {both} (not shown to be the same)"


def _learned_nothing(analysis: Analysis, *rows: Row) -> list[str]:
    """The contestants of rows of one workload that learned nothing in most of their trainings."""
    found = {(row.workload, row.contestant) for row in nothing_learned(analysis.data) if 2 * row.nothing > row.trials}
    return [row["contestant"] for row in rows if (row["workload"], row["contestant"]) in found]


def _both() -> str:
    return f"`{OURS}` and `{REFERENCE}`"


def _step(analysis: Analysis, contestant: str) -> float | None:
    row = row_of(analysis.times, workload=like_for_like(analysis), contestant=contestant, measure="step")
    return None if row is None else float(row["median"])


def _rivals(analysis: Analysis) -> pd.DataFrame:
    """The other contestants' steps in the main workload, the fastest first."""
    times = analysis.times
    steps = times[(times["workload"] == like_for_like(analysis)) & (times["measure"] == "step")]
    return steps[~steps["contestant"].isin((OURS, FLOOR))].sort_values(["median", "contestant"])


def _how_long(analysis: Analysis) -> list[str]:
    parts = []
    for reference in HEADLINE_REFERENCES:
        row = ratio_row(analysis, like_for_like(analysis), OURS, reference, "step")
        if row is not None:
            parts.append(f"{versus(row)} one of `{reference}`")
    return [f"A training step of `{OURS}` {', and '.join(parts)}."] if parts else []


def _to_target(analysis: Analysis) -> list[str]:
    row = ratio_row(analysis, like_for_like(analysis), OURS, REFERENCE, f"to {ARTICLE_ACCURACY:g}")
    if row is None:
        return []
    target = units.percent(ARTICLE_ACCURACY, 0)
    return [f"From process start to {target} test accuracy, `{OURS}` {versus(row)} `{REFERENCE}`."]


def _fastest(analysis: Analysis) -> list[str]:
    others = _rivals(analysis)
    if others.empty:
        return []
    rival = str(others["contestant"].iloc[0])
    row = ratio_row(analysis, like_for_like(analysis), OURS, rival, "step")
    if row is None:
        return []
    name = escaping.code(rival)
    return [f"The fastest of the others ({len(others)}) is {name}: a step of `{OURS}` {versus(row)} one of {name}."]


def _distance_to_limit(analysis: Analysis) -> list[str]:
    row = row_of(analysis.limits, workload=like_for_like(analysis), contestant=OURS)
    if row is None:
        return []
    factor = units.multiple(row["times_floor"], row["low"], row["high"])
    return [f"A step of `{OURS}` takes {factor} its floor, the time of its matrix products alone in NumPy."]


def _where_first(analysis: Analysis) -> list[str]:
    ours = analysis.scaling[analysis.scaling["contestant"] == OURS].dropna(subset=["step_seconds"])
    if ours.empty:
        return []
    close = int((ours["ratio_to_best"] <= CLOSE).sum())
    return [
        f"Of {len(ours)} sizes of network and batch, `{OURS}` is first in {int((ours['rank'] == 1).sum())}, and first or within "
        f"{units.percent(CLOSE - 1, 0)} of the first in {close} ({units.percent(close / len(ours), 0)})."
    ]
