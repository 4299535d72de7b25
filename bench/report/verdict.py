"""The verdict, in sentences, and the article's claims beside the measurements.

Called by `bench.report.build`. Every figure in a sentence comes from the analysis; the constants below are the thresholds of the
judgements and the article's own figures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.analysis.accuracy import MARGIN
from bench.analysis.parity import LARGEST_DIFFERENCE
from bench.analysis.precision import HEADLINE_REFERENCES, HEADLINE_WORKLOAD
from bench.analysis.selection import FLOOR, OURS, workload_named
from bench.analysis.summary import Analysis
from bench.records import REFERENCE
from bench.report import units

ARTICLE_ACCURACY = 0.95
"""The test accuracy that, by the article, both networks reach approximately."""
TENS_OF_TIMES = 10.0
"""The least ratio that the article's "tens of times" holds for."""
AS_PUBLISHED, PARITY = "article", "parity"
"""The workloads of the sentences, beside the headline's."""
TEXTBOOK = "article"
"""The contestant that is the article's network."""
CLOSE = 1.05
"""A step whose ratio to the fastest is at most this counts as close to it."""
NOT_MEASURED = "not measured in this run"
OPEN = "open"

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Claim:
    """A claim of the article, and the judgement of it."""

    claim: str
    article: str
    """The article's figure or reason."""
    measured: str
    judgement: str


def verdict(analysis: Analysis) -> list[str]:
    """A sentence per question of the report; questions that this run can't answer are left out."""
    sentences = [
        *_same_computation(analysis),
        *_same_accuracy(analysis),
        *_how_long(analysis),
        *_to_target(analysis),
        *_fastest(analysis),
        *_distance_to_limit(analysis),
        *_where_first(analysis),
        *_what_is_missing(analysis),
    ]
    return sentences or ["This run has no figures for a verdict."]


def main_workload(analysis: Analysis) -> str | None:
    """The workload of the headline: `moons` if it was measured, else the first that was, without grids."""
    names = [workload["name"] for workload in analysis.data.run.workloads if not workload["grid"]]
    measured = set(analysis.times["workload"]) | set(analysis.accuracy["workload"])
    return min(
        (name for name in names if name in measured), key=lambda name: (name != HEADLINE_WORKLOAD, names.index(name)), default=None
    )


def _like_for_like(analysis: Analysis) -> str:
    """The main workload, if all contestants have the same settings in it; else an empty name."""
    name = main_workload(analysis)
    workload = workload_named(analysis.data, name or "")
    return "" if workload.get("settings") else name or ""


def claims(analysis: Analysis) -> list[Claim]:
    """The article's claims, judged."""
    return [_claim_of_accuracy(analysis), _claim_of_slowness(analysis), _claim_like_for_like(analysis), _claim_of_cause(analysis)]


def compared(row: Row) -> str:
    """A ratio of times in words, with its interval: "1/74.6 [1/83.8, 1/66.4] of the time"."""
    ratio, low, high = row["ratio"], row["low"], row["high"]
    show = _fraction if ratio < units.FRACTION_BELOW else _number
    if high < 1:
        return f"{show(ratio)}{_between(low, high, show)} of the time"
    if low > 1:
        return f"{_number(ratio)}{_between(low, high)} times the time"
    if math.isnan(low):
        return f"{show(ratio)} times the time (too few rounds for an interval)"
    return f"the same time, as far as this run can tell (ratio {_number(ratio)}{_between(low, high)}), as that"


def _same_computation(analysis: Analysis) -> list[str]:
    row = _row(analysis.parity, contestant=OURS, workload=PARITY)
    if row is None:
        return []
    differences = f"{row['loss']:.1e} in the loss and {row['weights']:.1e} in the weights over {row['steps']:,} steps in float64"
    if row["loss"] <= LARGEST_DIFFERENCE and row["weights"] <= LARGEST_DIFFERENCE:
        return [f"`{OURS}` and `{row['reference']}` are the same computation: they differ by at most {differences}."]
    return [f"`{OURS}` and `{row['reference']}` are NOT the same computation: they differ by {differences}."]


def _same_accuracy(analysis: Analysis) -> list[str]:
    workload = _like_for_like(analysis)
    ours, reference = (_row(analysis.accuracy, workload=workload, contestant=name) for name in (OURS, REFERENCE))
    if ours is None or reference is None:
        return []
    means = f"{units.percent(ours['accuracy_mean'])} for `{OURS}` and {units.percent(reference['accuracy_mean'])} for `{REFERENCE}`"
    within = f"equal within ±{100 * MARGIN:g} points"
    judged = {True: within, False: f"not shown to be {within}"}.get(ours["equivalent"], "from too few seeds for a test")
    return [
        f"The mean test accuracy over {units.counted(ours['seeds'], 'seed')} is {means}: a difference of "
        f"{100 * ours['difference_mean']:+.2f} points, {judged}."
    ]


def _how_long(analysis: Analysis) -> list[str]:
    parts = []
    for reference in HEADLINE_REFERENCES:
        row = _ratio(analysis, _like_for_like(analysis), OURS, reference, "step")
        if row is not None:
            parts.append(f"{compared(row)} of a step of `{reference}`")
    return [f"A training step of `{OURS}` takes {', and '.join(parts)}."] if parts else []


def _to_target(analysis: Analysis) -> list[str]:
    row = _ratio(analysis, _like_for_like(analysis), OURS, REFERENCE, f"to {ARTICLE_ACCURACY:g}")
    if row is None:
        return []
    target = units.percent(ARTICLE_ACCURACY, 0)
    return [f"From process start to {target} test accuracy, `{OURS}` takes {compared(row)} of `{REFERENCE}`."]


def _fastest(analysis: Analysis) -> list[str]:
    times, workload = analysis.times, _like_for_like(analysis)
    steps = times[(times["workload"] == workload) & (times["measure"] == "step")]
    others = steps[~steps["contestant"].isin((OURS, FLOOR))].sort_values(["median", "contestant"])
    if others.empty:
        return []
    rival = str(others["contestant"].iloc[0])
    row = _ratio(analysis, workload, OURS, rival, "step")
    if row is None:
        return []
    return [f"The fastest of the others ({len(others)}) is `{rival}`: a step of `{OURS}` takes {compared(row)} of its step."]


def _distance_to_limit(analysis: Analysis) -> list[str]:
    row = _row(analysis.limits, workload=_like_for_like(analysis), contestant=OURS)
    if row is None:
        return []
    factor = f"{_number(row['times_floor'])}{_between(row['low'], row['high'])}"
    return [f"A step of `{OURS}` takes {factor} times its floor, the time of its matrix products alone."]


def _where_first(analysis: Analysis) -> list[str]:
    ours = analysis.scaling[analysis.scaling["contestant"] == OURS].dropna(subset=["step_seconds"])
    if ours.empty:
        return []
    close = int((ours["ratio_to_best"] <= CLOSE).sum())
    return [
        f"Of {len(ours)} sizes of network and batch, `{OURS}` is first in {int((ours['rank'] == 1).sum())}, and first or within "
        f"{units.percent(CLOSE - 1, 0)} of the first in {close} ({units.percent(close / len(ours), 0)})."
    ]


def _what_is_missing(analysis: Analysis) -> list[str]:
    run = analysis.data.run
    lost = sorted({trial.contestant for trial in analysis.data.trials if trial.status != "ok" and not trial.point})
    absent = sorted(record.name for record in run.contestants if record.missing)
    sentences = []
    if lost:
        sentences.append(f"Trials failed or ran out of time for {_names(lost)}: what is missing is named below.")
    if absent:
        sentences.append(f"Not installed here, and so not measured: {_names(absent)}.")
    if run.status != "complete":
        sentences.append(f"The run's status is {run.status}: these figures are from what there is.")
    return sentences


def _claim_of_accuracy(analysis: Analysis) -> Claim:
    claim, said = "Both networks classify the test set well.", f"Both at about {units.percent(ARTICLE_ACCURACY, 0)}."
    textbook, keras = (_row(analysis.accuracy, workload=AS_PUBLISHED, contestant=name) for name in (TEXTBOOK, REFERENCE))
    if textbook is None or keras is None:
        return Claim(claim, said, NOT_MEASURED, OPEN)
    means = (textbook["accuracy_mean"], keras["accuracy_mean"])
    measured = f"As the article ran them: the textbook network {units.percent(means[0])}, `{REFERENCE}` {units.percent(means[1])}."
    ours = _row(analysis.accuracy, workload=HEADLINE_WORKLOAD, contestant=OURS)
    if ours is not None:
        seeds, mean = units.counted(ours["seeds"], "seed"), units.percent(ours["accuracy_mean"])
        measured += f" Over {seeds}, trained as `{REFERENCE}` is, `{OURS}` {mean}."
    if analysis.data.run.quick:
        return Claim(claim, said, measured, "undecided: a --quick run trains too little")
    return Claim(claim, said, measured, "holds" if min(means) >= ARTICLE_ACCURACY else "doesn't hold here")


def _claim_of_slowness(analysis: Analysis) -> Claim:
    claim, said = "The NumPy network needs far longer than Keras to get there.", "Tens of times longer."
    row = _ratio(analysis, AS_PUBLISHED, TEXTBOOK, REFERENCE, "fit")
    if row is None:
        return Claim(claim, said, NOT_MEASURED, OPEN)
    measured = (
        "As the article ran them, with other batches and another number of steps, the whole training of the textbook network takes "
        f"{compared(row)} of `{REFERENCE}`'s."
    )
    return Claim(claim, said, measured, _judged_slower(row))


def _claim_like_for_like(analysis: Analysis) -> Claim:
    claim, said = "NumPy is slower than Keras at this.", "Follows from the claim before; nothing was measured like for like."
    row = _ratio(analysis, HEADLINE_WORKLOAD, OURS, REFERENCE, "fit")
    if row is None:
        return Claim(claim, said, NOT_MEASURED, OPEN)
    measured = (
        f"From the same weights, over the same batches, in the same precision, the whole training of `{OURS}` takes "
        f"{compared(row)} of `{REFERENCE}`'s."
    )
    return Claim(claim, said, measured, _judged(row, shorter="the opposite holds", longer="holds"))


def _claim_of_cause(analysis: Analysis) -> Claim:
    claim, said = "What the NumPy network lacks is optimisation.", "Named as the reason, and not measured."
    row = _ratio(analysis, AS_PUBLISHED, OURS, TEXTBOOK, "fit")
    if row is None:
        return Claim(claim, said, NOT_MEASURED, OPEN)
    measured = f"The same training, optimised and still plain NumPy (`{OURS}`), takes {compared(row)} of the textbook network's."
    to_keras = _ratio(analysis, AS_PUBLISHED, OURS, REFERENCE, "fit")
    if to_keras is not None:
        measured += f" With the article's settings for each side, it takes {compared(to_keras)} of `{REFERENCE}`'s."
    return Claim(claim, said, measured, _judged(row, shorter="holds: optimising made it faster", longer="doesn't hold here"))


def _judged(row: Row, *, shorter: str, longer: str) -> str:
    """The judgement of a ratio whose interval lies below 1, or above it."""
    if row["high"] < 1:
        return shorter
    return longer if row["low"] > 1 else "undecided"


def _judged_slower(row: Row) -> str:
    if row["low"] >= TENS_OF_TIMES:
        return "holds"
    tens = "slower, but not tens of times" if row["high"] < TENS_OF_TIMES else "slower; how many times, this run leaves open"
    return _judged(row, shorter="the opposite holds", longer=tens)


def _ratio(analysis: Analysis, workload: str, contestant: str, reference: str, measure: str) -> Row | None:
    return _row(analysis.ratios, workload=workload, contestant=contestant, reference=reference, measure=measure)


def _row(frame: pd.DataFrame, **values: str) -> Row | None:
    """The first row with these values."""
    for name, value in values.items():
        frame = frame[frame[name] == value]
    return None if frame.empty else {str(name): value for name, value in frame.iloc[0].items()}


def _number(value: float) -> str:
    """`value` with three digits, without an exponent."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _fraction(ratio: float) -> str:
    return f"1/{_number(1 / ratio)}"


def _between(low: float, high: float, show: Callable[[float], str] = _number) -> str:
    """The ends of an interval, written like its middle."""
    return "" if math.isnan(low) or math.isnan(high) else f" [{show(low)}, {show(high)}]"


def _names(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
