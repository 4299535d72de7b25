"""The article's claims beside the measurements. Called by `bench.report.build`."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bench.analysis.summary import Analysis
from bench.records import HEADLINE_WORKLOAD, OURS, REFERENCE
from bench.report import units
from bench.report.verdict import ARTICLE_ACCURACY, Row, ratio_row, row_of, versus

TENS_OF_TIMES = 10.0
"""The least ratio that the article's "tens of times" holds for."""
AS_PUBLISHED = "article"
"""The workload in which each side trains as the article had it."""
TEXTBOOK = "article"
"""The contestant that is the article's network."""
SLOWEST_MACHINE = 2.0
"""One fit of each has no interval. Shared machines were seen to run up to 1.9 times slower for seconds: what is beyond this factor
isn't the machine's doing."""
ONE_FIT = f" (one fit of each, so there is no interval: a factor of {SLOWEST_MACHINE:g} is left for disturbances)"
NOT_MEASURED = "not measured in this run"
OPEN = "open"


@dataclass(frozen=True)
class Claim:
    """A claim of the article, and the judgement of it."""

    claim: str
    article: str
    """The article's figure or reason."""
    measured: str
    judgement: str


def claims(analysis: Analysis) -> list[Claim]:
    """The article's claims, judged."""
    return [_claim_of_accuracy(analysis), _claim_of_slowness(analysis), _claim_like_for_like(analysis), _claim_of_cause(analysis)]


def _claim_of_accuracy(analysis: Analysis) -> Claim:
    claim, said = "Both networks classify the test set well.", f"Both at about {units.percent(ARTICLE_ACCURACY, 0)}."
    textbook, keras = (row_of(analysis.accuracy, workload=AS_PUBLISHED, contestant=name) for name in (TEXTBOOK, REFERENCE))
    if textbook is None or keras is None:
        return Claim(claim, said, NOT_MEASURED, OPEN)
    means = (textbook["accuracy_mean"], keras["accuracy_mean"])
    measured = f"As the article ran them: the textbook network {units.percent(means[0])}, `{REFERENCE}` {units.percent(means[1])}."
    ours = row_of(analysis.accuracy, workload=HEADLINE_WORKLOAD, contestant=OURS)
    if ours is not None:
        seeds, mean = units.counted(ours["seeds"], "seed"), units.percent(ours["accuracy_mean"])
        measured += f" Over {seeds}, trained as `{REFERENCE}` is, `{OURS}` {mean}."
    if analysis.data.run.quick:
        return Claim(claim, said, measured, "undecided: a quick run trains too little")
    return Claim(claim, said, measured, "holds" if min(means) >= ARTICLE_ACCURACY else "doesn't hold here")


def _claim_of_slowness(analysis: Analysis) -> Claim:
    claim, said = "The NumPy network needs far longer than Keras to get there.", "Tens of times longer."
    row = ratio_row(analysis, AS_PUBLISHED, TEXTBOOK, REFERENCE, "fit")
    if row is None:
        return Claim(claim, said, NOT_MEASURED, OPEN)
    measured = (
        "As the article ran them, with other batches and another number of steps, the whole training of the textbook network "
        f"{versus(row)} `{REFERENCE}`'s."
    )
    return Claim(claim, said, measured, _judged_slower(row))


def _claim_like_for_like(analysis: Analysis) -> Claim:
    claim, said = "NumPy is slower than Keras at this.", "Follows from the claim before; nothing was measured like for like."
    row = ratio_row(analysis, HEADLINE_WORKLOAD, OURS, REFERENCE, "fit")
    if row is None:
        return Claim(claim, said, NOT_MEASURED, OPEN)
    measured = (
        f"From the same weights, over the same batches, in the same precision, the whole training of `{OURS}` "
        f"{versus(row)} `{REFERENCE}`'s."
    )
    return Claim(claim, said, measured, _judged(row, shorter="the opposite holds", longer="holds"))


def _claim_of_cause(analysis: Analysis) -> Claim:
    claim, said = "What the NumPy network lacks is optimisation.", "Named as the reason, and not measured."
    row = ratio_row(analysis, AS_PUBLISHED, OURS, TEXTBOOK, "fit")
    if row is None:
        return Claim(claim, said, NOT_MEASURED, OPEN)
    measured = f"The same training, optimised and still plain NumPy (`{OURS}`), {versus(row)} the textbook network's."
    to_keras = ratio_row(analysis, AS_PUBLISHED, OURS, REFERENCE, "fit")
    if to_keras is not None:
        measured += f" With the article's settings for each side, it {versus(to_keras)} `{REFERENCE}`'s."
    return Claim(claim, said, measured, _judged(row, shorter="holds: optimising made it faster", longer="doesn't hold here"))


def _judged(row: Row, *, shorter: str, longer: str) -> str:
    """The judgement of a ratio whose interval lies below 1, or above it."""
    low, high, of_one_fit = _ends(row)
    if high < 1:
        return shorter + of_one_fit
    return longer + of_one_fit if low > 1 else "undecided"


def _judged_slower(row: Row) -> str:
    low, high, of_one_fit = _ends(row)
    if low >= TENS_OF_TIMES:
        return "holds" + of_one_fit
    if low <= 1 <= high < TENS_OF_TIMES:
        return "not tens of times longer; whether longer at all, this run leaves open" + of_one_fit
    tens = "slower, but not tens of times" if high < TENS_OF_TIMES else "slower; how many times, this run leaves open"
    return _judged(row, shorter="the opposite holds", longer=tens)


def _ends(row: Row) -> tuple[float, float, str]:
    """The ends of a ratio's interval; without one, what a disturbed machine may make of it, and what is to be said then."""
    if math.isfinite(row["low"]) and math.isfinite(row["high"]):
        return row["low"], row["high"], ""
    return row["ratio"] / SLOWEST_MACHINE, row["ratio"] * SLOWEST_MACHINE, ONE_FIT
