"""Parity: the largest differences to the reference, epoch by epoch, and of each activation, loss and optimiser.

Called by `bench.analysis.summary`, and by the command line, whose exit code depends on it.
"""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from bench.analysis.selection import succeeded
from bench.records import LARGEST_DIFFERENCE, OURS, Parity, PartParity, RunData, Trial


class ParityRow(NamedTuple):
    """A row of `Analysis.parity`."""

    workload: str
    contestant: str
    reference: str
    epochs: int
    steps: int
    loss: float
    accuracy: float
    weights: float
    predictions: float


class ParityCurveRow(NamedTuple):
    """A row of `Analysis.parity_curves`."""

    workload: str
    contestant: str
    epoch: int
    loss: float
    accuracy: float
    weights: float


class PartRow(NamedTuple):
    """A row of `Analysis.parity_parts`."""

    workload: str
    contestant: str
    reference: str
    case: int
    task: str
    activations: str
    loss: str
    optimizer: str
    weights_difference: float
    loss_difference: float
    tolerance: float
    verdict: str
    """"same", "different" or "diverged"."""


def parity_table(data: RunData) -> pd.DataFrame:
    """`Analysis.parity`."""
    rows = [
        ParityRow(
            trial.workload,
            trial.contestant,
            parity.reference,
            len(parity.loss),
            trial.steps,
            _largest(parity.loss),
            _largest(parity.accuracy),
            _largest(parity.weights),
            parity.predictions,
        )
        for trial, parity in _compared(data)
    ]
    return pd.DataFrame(rows, columns=ParityRow._fields)


def parity_curves_table(data: RunData) -> pd.DataFrame:
    """`Analysis.parity_curves`; epochs are counted from 0."""
    rows = [
        ParityCurveRow(trial.workload, trial.contestant, epoch, *values)
        for trial, parity in _compared(data)
        for epoch, values in enumerate(zip(parity.loss, parity.accuracy, parity.weights, strict=True))
    ]
    return pd.DataFrame(rows, columns=ParityCurveRow._fields)


def parts_table(data: RunData) -> pd.DataFrame:
    """`Analysis.parity_parts`."""
    rows = [
        PartRow(trial.workload, trial.contestant, **part.model_dump(exclude={"diverged"}), verdict=part_verdict(part))
        for trial in succeeded(data, "parts")
        for part in trial.parts or []
    ]
    return pd.DataFrame(rows, columns=PartRow._fields)


def part_verdict(part: PartParity) -> str:
    """Whether a short training is the "same" on both sides, "different", or "diverged", which shows nothing to be the same."""
    if part.diverged:
        return "diverged"
    alike = part.weights_difference <= part.tolerance and part.loss_difference <= part.tolerance  # NaN is not alike
    return "same" if alike else "different"


def parity_broken(data: RunData) -> bool:
    """Whether `numpy_nn` differs from the reference in float64 by more than rounding, in a workload or in one of its parts.

    A difference of any other contestant is a warning (`parity_warnings`) and doesn't break parity.
    """
    return any(trial.contestant == OURS for trial in _broken(data)) or bool(_broken_parts(data))


def parity_warnings(data: RunData) -> list[str]:
    """A sentence per contestant, and per part, whose difference is too large to be rounding."""
    found = [
        f"`{trial.contestant}` differs from `{parity.reference}` in `{trial.workload}` by {_largest(parity.weights):.1e} in its "
        f"weights and {_largest(parity.loss):.1e} in its loss: more than the {LARGEST_DIFFERENCE:g} that rounding could explain. "
        "It computes something else, so don't compare its times; look for the epoch at which its parity curve leaves 1e-15."
        for trial in _broken(data)
        if (parity := trial.parity) is not None
    ]
    return found + [
        f"`{OURS}` and `{part.reference}` don't train alike in case {part.case} of the parts ({part.task}; {part.activations}; "
        f"{part.loss}; {part.optimizer}): {_difference(part)}."
        for part in _broken_parts(data)
    ]


def _difference(part: PartParity) -> str:
    if part.diverged:
        return "a weight or a loss became NaN or infinite"
    return (
        f"the weights differ by {part.weights_difference:.1e} and the losses by {part.loss_difference:.1e}, and rounding explains "
        f"{part.tolerance:g}"
    )


def _broken_parts(data: RunData) -> list[PartParity]:
    return [part for trial in succeeded(data, "parts") for part in trial.parts or [] if part_verdict(part) != "same"]


def _broken(data: RunData) -> list[Trial]:
    # `not <=` rather than `>`, so that NaN counts as broken.
    return [
        trial
        for trial, parity in _compared(data)
        if trial.dtype == "float64" and not _largest([*parity.loss, *parity.weights]) <= LARGEST_DIFFERENCE
    ]


def _compared(data: RunData) -> list[tuple[Trial, Parity]]:
    return [(trial, trial.parity) for trial in succeeded(data, "parity") if trial.parity is not None]


def _largest(values: list[float]) -> float:
    """The largest of the values; NaN if any of them is NaN."""
    return float("nan") if any(value != value for value in values) else max(values, default=float("nan"))
