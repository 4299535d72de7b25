"""A study that was never made: records with known accuracies, losses and epochs, for the tests of its analysis and report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from synthetic import synthetic_run
from synthetic_figures import STARTED_AT

from bench.records import RunData, Trial, append_trial, write_run
from bench.workloads import ARTICLE_ARCHITECTURE, Data, Training, Workload

EPOCHS, ROWS = 10, 50


class Outcome(NamedTuple):
    """How a made-up training ends."""

    accuracy: float
    loss: float = 0.1
    reached_after: int | None = 4
    """The epoch, from 0, from which the test accuracy is 0.95; None: never."""
    status: str = "ok"


def study_run(
    outcome: Callable[[Mapping[str, Any], str, int], Outcome],
    *,
    grid: Mapping[str, Sequence[Any]],
    seeds: int = 8,
    contestants: Sequence[str] = ("numpy_nn", "keras"),
    directory: Path | None = None,
    targets: Sequence[float] = (0.9,),
) -> RunData:
    """A run of one study; `outcome` says how each training ends, by its cell, contestant and seed."""
    study = Workload(
        name="study",
        summary="made up",
        data=Data(name="moons"),
        architecture=ARTICLE_ARCHITECTURE,
        training=Training(epochs=EPOCHS),
        scored_seeds=seeds,
        targets=list(targets),
        grid={axis: list(values) for axis, values in grid.items()},
    )
    run = synthetic_run().run.model_copy(update={"workloads": [study.model_dump(mode="json")]})
    points = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    trials = [
        made(run.run_id, point, name, seed, outcome(point, name, seed))
        for name in contestants
        for point in points
        for seed in range(seeds)
    ]
    if directory is not None:
        write_run(directory, run)
        for trial in trials:
            append_trial(directory, trial)
    return RunData(directory or Path(), run, trials)


def made(run_id: str, point: Mapping[str, Any], contestant: str, seed: int, outcome: Outcome) -> Trial:
    figures: dict[str, Any] = {}
    if outcome.status == "ok":
        after = EPOCHS if outcome.reached_after is None else outcome.reached_after
        right = round(outcome.accuracy * ROWS)
        losses = np.linspace(0.7, outcome.loss, EPOCHS).tolist()
        figures = {
            "steps": 29 * EPOCHS,
            "history": {
                "loss": losses,
                "accuracy": [0.9] * EPOCHS,
                "val_loss": losses,
                "val_accuracy": [0.95 if epoch >= after else 0.5 for epoch in range(EPOCHS)],
            },
            "test_accuracy": right / ROWS,
            "test_loss": outcome.loss,
            "test_predictions": [0.9] * right + [0.1] * (ROWS - right),
        }
    return Trial(
        run_id=run_id,
        workload="study",
        contestant=contestant,
        kind="scored",
        seed=seed,
        round=0,
        launch=0,
        point=dict(point),
        status=outcome.status,
        error=None if outcome.status == "ok" else "made up",
        dtype="float32",
        threads=1,
        started_at=STARTED_AT,
        **figures,
    )
