"""The terms of the report and what they mean. Called by the renderings.

The page explains each term near its top, and again as a tooltip where the term first stands.
"""

from __future__ import annotations

import re

from bench.analysis.steps import STEP_ESTIMATOR
from bench.report.units import INTERVAL

GLOSSARY = {
    "step": f"One update of the weights from one batch, in steady state: an epoch's time divided by its steps. "
    f"Its figure is {STEP_ESTIMATOR}, and the geometric mean over the launches.",
    "epoch": "One pass over all training rows.",
    "trial": "One training of one workload by one contestant from one seed.",
    "turn": "A piece of a trial, 50 ms or longer, while the others wait: contestants take turns in random order.",
    "round": "Every contestant trains once, in random order. Ratios are paired by round.",
    "launch": "A fresh process of a contestant. Several launches show what differs between processes.",
    "run": "All that one call of the benchmark measures, on one machine.",
    "seed": "The number that fixes the data, the split and the first weights.",
    "cold start": "From the start of the process to the end of the first step: imports, building, compiling.",
    "steady state": "Every epoch of a training but the first.",
    "floor": "The matrix products of a step alone, called through NumPy's BLAS in the fastest layout found: NumPy's limit here. "
    "A contestant with another BLAS or layout may go below it.",
    "peak": "The most multiplications a second that this machine was seen to do.",
    "parity": "The largest difference to Keras' loss and weights from the same first weights and batches; "
    "in float64 about 1e-16 is one rounding.",
    "interval": f"The {INTERVAL} in brackets. It covers the differences between rounds and launches of this run, "
    "and says nothing about other machines. On a shared machine, runs of other hours differ by some 2 % more (standard deviation).",
    "target": "A test accuracy to reach. Its time runs from the start of the process to the end of the epoch that reaches it. "
    "A training that never reaches it is counted as longer than it ran.",
    "study": "Every combination of some settings, each trained from many seeds without a clock, to see who learns what.",
    "cell": "One combination of the settings of a study or of a map: one network, one way of training it.",
    "stuck": "The last loss of the training is no more than 0.001 below that of a network that ignores its input, which for two "
    "classes is ln 2 = 0.6931: it has learned nothing.",
    "false discovery rate": "Of the differences that are called real, the share that is chance, on average. p-values are adjusted "
    "for it (q) by the procedure of Benjamini and Hochberg.",
    "baseline": "The contestant that the others are compared with.",
    "disturbed": "Other work was seen to take the cores. Such turns are kept, and not counted.",
    "diverged": "A loss or an output became NaN or infinite.",
    "workload": "What is trained: data, network, optimiser, batch and number of epochs.",
    "contestant": "Who trains it: a library, or one way of using it.",
}
"""By term. A dash in a table means not measured, and never zero."""

_PLURALS = {name: rf"{re.escape(name)}(?:e?s)?" for name in GLOSSARY} | {
    "diverged": "diverged",
    "disturbed": "disturbed",
    "peak": r"peaks?(?! memory)",
}
PATTERN = re.compile(rf"\b(?:{'|'.join(f'({pattern})' for pattern in _PLURALS.values())})\b(?!\.\w)", re.IGNORECASE)
_NAMES = tuple(_PLURALS)


def term_of(match: re.Match[str]) -> str:
    """The term that a match of `PATTERN` is a form of."""
    return _NAMES[(match.lastindex or 1) - 1]


def anchor(term: str) -> str:
    """The id of a term's entry."""
    return f"term-{term.replace(' ', '-')}"
