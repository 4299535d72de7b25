"""From a planned trial to the request that a worker gets: data and first weights, the same for every contestant, as files.

Called by the runner. Data comes from `workloads.data_sets`, weights from `numpy_nn`'s initializers, drawn in float64 whatever the
precision of the training.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bench.contestants.base import Array
from bench.execution.messages import Request
from bench.execution.run_directory import SCRATCH_FOLDER
from bench.execution.schedule import PlannedTrial
from bench.records import ARRAYS_FOLDER
from bench.workloads.data_sets import Split, make_split
from bench.workloads.models import REFERENCE, Training, Workload

ARTICLE_SURFACE_BOX = (-1.5, 2.5, -1.0, 2.0)
"""The article's grid: x from, x to, y from, y to."""
GRID_FLOPS = 6e9
"""A grid's cell trains for as many steps as take this many operations in matrix products: a tenth of a second or so."""
MOST_GRID_STEPS = 64
"""In an epoch, and no more than there are rows for; at least one."""
FEWEST_GRID_EPOCHS = 4
"""The first of which isn't steady; the workload's own `epochs` are the most."""
SURFACE_MARGIN = 0.1
"""Of the data's range, around any other data set."""


class Tasks:
    """Makes requests; what they point to stands in `directory`: `scratch/` until the run is complete, `arrays/` for good."""

    def __init__(self, directory: Path, *, threads: int, reference: str = REFERENCE) -> None:
        self._scratch = directory / SCRATCH_FOLDER
        self._arrays = directory / ARRAYS_FOLDER
        self._threads = threads
        self._reference = reference
        self._splits: dict[tuple[str, int], Split] = {}
        self._written: dict[str, Path] = {}

    def request(self, planned: PlannedTrial, options: Mapping[str, Any]) -> Request:
        """The request for a trial, its arrays written; `options` are what the contestant chose when it was tuned."""
        workload, spec, point = planned.workload, planned.spec, planned.point
        training = workload.training_of(spec.name)
        split = self._split(workload, planned.seed)
        surface = self._surface(planned, split)
        return Request(
            kind=planned.kind,
            target=spec.target,
            data=str(self._data(planned, split, training)),
            architecture=architecture_at(workload, point),
            loss=training.loss,
            optimizer=training.optimizer,
            batch_size=point.get("batch", training.batch_size),
            epochs=epochs_at(workload, point, training.epochs),
            dtype=training.dtype,
            threads=self.threads_of(planned),
            seed=planned.seed,
            shuffle=training.shuffle,
            options=options,
            reference=self._reference,
            trajectory=str(self._scratch / f"{_stem(workload, point)}-trajectory.npz"),
            is_reference=spec.name == self._reference,
            surface=None if surface is None else str(surface),
            surface_box=surface_box(workload, split),
            prediction_rows=workload.prediction_rows,
            keep=planned.kind == "predict" or (planned.kind == "timed" and bool(point)),
        )

    def threads_of(self, planned: PlannedTrial) -> int:
        """The threads of a trial: its cell's, or the run's."""
        return planned.point.get("threads", self._threads)

    def _split(self, workload: Workload, seed: int) -> Split:
        key = (workload.name, seed)
        if key not in self._splits:
            data = workload.data
            self._splits[key] = make_split(
                data.name,
                data.parameters,
                test_size=data.test_size,
                seed=seed,
                sample_seed=data.sample_seed,
                split_seed=data.split_seed,
            )
        return self._splits[key]

    def _data(self, planned: PlannedTrial, split: Split, training: Training) -> Path:
        workload, point = planned.workload, planned.point
        name = f"{_stem(workload, point)}-{planned.seed}-{training.initializer}-{training.dtype}.npz"
        if name not in self._written:
            seed = planned.seed if workload.weights_seed is None else workload.weights_seed
            weights = first_weights(architecture_at(workload, point), training.initializer, seed)
            rows = slice(_grid_rows(workload, point, len(split.x)))
            arrays = {"x": split.x[rows], "y": split.y[rows], "x_test": split.x_test, "y_test": split.y_test}
            arrays |= {f"weights_{index}": array for index, array in enumerate(weights)}
            self._scratch.mkdir(exist_ok=True)
            np.savez(self._scratch / name, **{key: array.astype(training.dtype) for key, array in arrays.items()})  # type: ignore[arg-type]
            self._written[name] = self._scratch / name
        return self._written[name]

    def _surface(self, planned: PlannedTrial, split: Split) -> Path | None:
        wanted = planned.kind == "scored" and planned.seed == 0 and not planned.point
        if not wanted or split.x.shape[1] != 2 or split.y.shape[1] != 1:
            return None
        self._arrays.mkdir(exist_ok=True)
        return self._arrays / f"{planned.workload.name}-{planned.spec.name}-surface.npz"


def first_weights(architecture: list[dict[str, Any]], initializer: str, seed: int) -> list[Array]:
    """Kernels (in, out) and biases (out,), layer by layer, float64."""
    from numpy_nn import Sequential

    return list(Sequential(architecture, initializer=initializer, seed=seed, dtype="float64").get_weights())


def architecture_at(workload: Workload, point: Mapping[str, int]) -> list[dict[str, Any]]:
    """The architecture of a grid's cell: `layers` dense layers, all `width` wide but the output; elsewhere the workload's own."""
    first, last = workload.architecture[0], workload.architecture[-1]
    if "width" not in point and "layers" not in point:
        return workload.architecture
    width = point.get("width", first["output_dim"])
    count = point.get("layers", len(workload.architecture))
    dimensions = [first["input_dim"], *[width] * (count - 1), last["output_dim"]]
    activations = [first["activation"]] * (count - 1) + [last["activation"]]
    return [
        {"input_dim": inputs, "output_dim": outputs, "activation": activation}
        for inputs, outputs, activation in zip(dimensions[:-1], dimensions[1:], activations, strict=True)
    ]


def _grid_rows(workload: Workload, point: Mapping[str, int], rows: int) -> int | None:
    """How many of the `rows` a cell with a batch size of its own trains on: whole batches only; None is all of them."""
    if "batch" not in point:
        return None
    steps = min(max(int(_trial_steps(workload, point) / workload.training.epochs), 1), MOST_GRID_STEPS)
    return min(steps, max(rows // point["batch"], 1)) * point["batch"]


def epochs_at(workload: Workload, point: Mapping[str, int], most: int) -> int:
    """The epochs of a cell: `most`, and fewer where a step takes so long that few suffice."""
    if "batch" not in point:
        return most
    return min(most, max(int(_trial_steps(workload, point)), FEWEST_GRID_EPOCHS))


def _trial_steps(workload: Workload, point: Mapping[str, int]) -> float:
    """How many steps of a cell `GRID_FLOPS` make: three products a kernel, each a multiplication and an addition a row."""
    weights = sum(layer["input_dim"] * layer["output_dim"] for layer in architecture_at(workload, point))
    return GRID_FLOPS / float(6 * weights * point["batch"])


def surface_box(workload: Workload, split: Split) -> tuple[float, float, float, float] | None:
    """Where the decision surface of a data set with two features is drawn."""
    if split.x.shape[1] != 2:
        return None
    if workload.data.name == "moons":
        return ARTICLE_SURFACE_BOX
    low, high = split.x.min(axis=0), split.x.max(axis=0)
    margin = SURFACE_MARGIN * (high - low)
    (x_low, y_low), (x_high, y_high) = (low - margin).tolist(), (high + margin).tolist()
    return x_low, x_high, y_low, y_high


def _stem(workload: Workload, point: Mapping[str, int]) -> str:
    return "-".join([workload.name, *(f"{name}{value}" for name, value in sorted(point.items()))])
