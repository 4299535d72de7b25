"""A `parts` trial: the short trainings of `part_cases`, compared with the reference's.

Called by the trial session, inside the contestant's process: the reference writes its weights and losses to a file, `numpy_nn`
compares its own with that file. Imports NumPy, contestants and the standard library only.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from bench.contestants.base import Array
from bench.execution.messages import Request
from bench.execution.part_cases import PartCase, part_cases
from bench.files import replacing

Trained = dict[str, Array]
"""The weights and the loss after each epoch, by name."""


def compare_parts(contestant_class: type[Any], request: Request) -> dict[str, Any]:
    """Train every case; return the largest differences to the reference's, a row a case (none for the reference itself)."""
    cases = part_cases(quick=request.quick)
    trained = {case.number: train(contestant_class, case, request.task.threads) for case in cases}
    figures: dict[str, Any] = {"steps": sum(case.training(1).steps for case in cases)}
    path = Path(str(request.paths.trajectory))
    if request.reference is None:
        with replacing(path) as file:
            np.savez(file, **{f"{number}-{name}": array for number, found in trained.items() for name, array in found.items()})  # type: ignore[arg-type]
        return figures
    if not path.exists():
        return {**figures, "details": {"parity": f"not compared: {request.reference} left no trajectory"}}
    with np.load(path, allow_pickle=False) as file:
        references = {case.number: {name: file[f"{case.number}-{name}"] for name in ("weights", "loss")} for case in cases}
    return {**figures, "parts": [row(case, trained[case.number], references[case.number], request.reference) for case in cases]}


def train(contestant_class: type[Any], case: PartCase, threads: int) -> Trained:
    """Return the weights and the loss after each epoch of a case."""
    weights: list[Array] = []
    contestant = contestant_class(case.training(threads))

    def on_epoch_end(_epoch: int) -> None:
        weights.append(np.concatenate([np.ravel(array) for array in contestant.get_weights()]).astype(np.float64))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a training that diverged is found in the row
        history = contestant.fit(on_epoch_end)
    return {"weights": np.array(weights), "loss": np.array(history["loss"], np.float64)}


def row(case: PartCase, ours: Trained, theirs: Trained, reference: str) -> dict[str, Any]:
    """Return the fields of a `bench.records.PartParity`."""
    return {
        **case.description,
        "reference": reference,
        **{f"{name}_difference": _largest(ours[name], theirs[name]) for name in ("weights", "loss")},
        "tolerance": case.tolerance,
        "diverged": not all(np.isfinite(values).all() for side in (ours, theirs) for values in side.values()),
    }


def _largest(values: Array, reference: Array) -> float:
    """Return the largest absolute difference; infinite where the shapes differ or a value isn't finite, also if both aren't."""
    if values.shape != reference.shape:
        return float("inf")
    with np.errstate(all="ignore"):
        gap = np.abs(values - reference)
    return float(gap.max()) if np.isfinite(gap).all() else float("inf")
