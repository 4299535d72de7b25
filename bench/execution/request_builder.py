"""From a planned trial to the request for a worker: data and first weights, the same for every contestant, written to files.

Called by the runner. Data come from `bench.workloads.data_sets`, first weights from `numpy_nn`'s initializers, drawn in float64
whatever the precision of the training.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bench.contestants.base import Array
from bench.execution.messages import Paths, Request, TaskSpec
from bench.execution.run_directory import SCRATCH_FOLDER
from bench.execution.schedule import UNTIMED, PlannedTrial
from bench.execution.trial_checks import is_unchanged, sha256
from bench.files import replacing
from bench.records import ARRAYS_FOLDER, OURS, REFERENCE
from bench.records.run_files import RunFiles
from bench.workloads import grid
from bench.workloads.data_sets import Split, make_split
from bench.workloads.grid import Point
from bench.workloads.models import Training, Workload
from bench.workloads.study import changes_arrays
from numpy_nn import optimizers

FIRST_SEED = 0
"""The seed whose data and decision surfaces the report draws."""
ARTICLE_SURFACE_BOX = (-1.5, 2.5, -1.0, 2.0)
"""The article's grid: x from, x to, y from, y to."""
SPLITS_KEPT = 8
"""Of seeds other than the first, whose data are needed again only if a file of theirs has been changed."""
MOST_WEIGHTS = 1_000_000
"""Of a network whose weights are sent to the runner."""
SURFACE_MARGIN = 0.1
"""Of the data's range, around any other data set."""


class RequestBuilder:
    """Builds requests and writes their files: `scratch/` holds them until the run is complete, `arrays/` for good.

    Parameters
    ----------
    directory
        The run's folder.
    threads
        Of trials whose cell has no number of threads.
    reference
        The contestant that parity is measured against.
    quick
        Whether the run is a smaller one.

    """

    def __init__(self, directory: Path, *, threads: int, reference: str = REFERENCE, quick: bool = False) -> None:
        self._files = RunFiles(directory)
        place = directory.absolute()  # a contestant may change its current folder
        self._scratch = place / SCRATCH_FOLDER
        self._arrays = place / ARRAYS_FOLDER
        self._threads = threads
        self._reference = reference
        self._quick = quick
        self._splits: dict[tuple[str, str, int], Split] = {}
        self._written: dict[str, Path] = {}
        self._sha256: dict[str, str] = {}
        self._rows: dict[str, int] = {}

    def request(self, planned: PlannedTrial, options: Mapping[str, Any]) -> Request:
        """Return the request for a trial, its data written; `options` are what the contestant chose when it was tuned."""
        workload, point = planned.workload, planned.point
        data, surface, box = self._data(planned), None, None
        if self._draws_surface(planned):
            surface, box = self._surface(planned), surface_box(workload, self._split(workload, planned.seed))
        return Request(
            kind=planned.kind,
            target=planned.spec.target,
            task=self._task(planned, options),
            paths=Paths(
                data=str(data),
                trajectory=str(self._listed(self._scratch / f"{_stem(workload, point)}-{_trajectory(planned)}.npz")),
                surface=surface,
            ),
            reference=None if planned.spec.name == self._reference else self._reference,
            surface_box=box,
            film_epochs=self._film_epochs(planned),
            prediction_rows=workload.prediction_rows,
            learns=planned.spec.learns,
            quick=self._quick,
            rows=self._rows[data.name],
            shows_weights=self._shows_weights(planned),
            data_sha256=self._sha256[data.name],
            keep=planned.kind == "predict" or (planned.kind == "timed" and bool(point)),
        )

    def _shows_weights(self, planned: PlannedTrial) -> bool:
        """Whether the weights that a trial ends with are checked: not in grids and studies, which have very many, or train on."""
        if planned.kind not in ("timed", "scored") or planned.point or not planned.spec.learns:
            return False
        layers = planned.workload.architecture
        count = sum((layer["input_dim"] + 1) * layer["output_dim"] for layer in layers if "output_dim" in layer)
        return bool(count <= MOST_WEIGHTS)

    def threads_of(self, planned: PlannedTrial) -> int:
        """Return the threads of a trial: its cell's, or the run's; one without a clock, which has a core to itself."""
        return int(planned.point.get("threads", 1 if planned.kind in UNTIMED else self._threads))

    def _task(self, planned: PlannedTrial, options: Mapping[str, Any]) -> TaskSpec:
        workload, point = planned.workload, planned.point
        training = workload.training_of(planned.spec.name)
        return TaskSpec(
            architecture=grid.architecture_at(workload, point),
            loss=training.loss,
            optimizer=_with_learning_rate(training.optimizer),
            batch_size=point.get("batch", training.batch_size),
            epochs=grid.epochs_at(workload, point, training.epochs),
            dtype=training.dtype,
            threads=self.threads_of(planned),
            seed=planned.seed,
            shuffle=training.shuffle,
            options=options,
        )

    def _split(self, workload: Workload, seed: int) -> Split:
        """Return a seed's data; the first seed's are kept, of the others the last ones."""
        key = (workload.name, workload.data.model_dump_json(), seed)
        if key not in self._splits:
            others = [other for other in self._splits if other[2] != FIRST_SEED or workload.is_study]
            for other in others[: len(others) + 1 - SPLITS_KEPT]:
                del self._splits[other]
            self._splits[key] = make_split(workload.data, seed)
            if seed == FIRST_SEED:
                self._write_points(workload, self._splits[key])
        return self._splits[key]

    def _write_points(self, workload: Workload, split: Split) -> None:
        """Write the rows that the report draws, to `arrays/<workload>-points.npz`; only classes over two features can be drawn."""
        if split.x.shape[1] == 2 and split.has_classes and not workload.grid:
            points = {"x": split.x, "y": split.y, "x_test": split.x_test, "y_test": split.y_test}
            self._write(self._arrays / f"{workload.name}-points.npz", points)

    def _data(self, planned: PlannedTrial) -> Path:
        workload, point = planned.workload, planned.point
        training = workload.training_of(planned.spec.name)
        name = f"{_stem(workload, _shaping(workload, point))}-{planned.seed}-{training.initializer}-{training.dtype}.npz"
        if name not in self._written or not is_unchanged(self._written[name], self._sha256[name]):
            arrays = _task_arrays(planned, self._split(workload, planned.seed), training)
            self._written[name], self._rows[name] = self._scratch / name, len(arrays["x"])
            self._write(self._written[name], {key: array.astype(training.dtype) for key, array in arrays.items()}, sync=False)
            self._sha256[name] = sha256(self._written[name])
        return self._written[name]

    def _write(self, path: Path, arrays: Mapping[str, Array], *, sync: bool = True) -> None:
        path.parent.mkdir(exist_ok=True)
        with replacing(self._listed(path), sync=sync) as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]

    def _draws_surface(self, planned: PlannedTrial) -> bool:
        """Whether a trial's decision surface is recorded."""
        if planned.kind != "scored" or planned.seed != FIRST_SEED or planned.point:
            return False
        split = self._split(planned.workload, planned.seed)
        return bool(split.x.shape[1] == 2 and split.y.shape[1] == 1)

    def _surface(self, planned: PlannedTrial) -> str:
        self._arrays.mkdir(exist_ok=True)
        return str(self._listed(self._arrays / f"{planned.workload.name}-{planned.spec.name}-surface.npz"))

    def _listed(self, path: Path) -> Path:
        """List a file among the run's before it is written."""
        self._files.add(f"{path.parent.name}/{path.name}")
        return path

    def _film_epochs(self, planned: PlannedTrial) -> list[int]:
        """Return the epochs of a film's frames, evenly spaced; none for contestants that it doesn't show."""
        workload, wanted = planned.workload, planned.kind == "scored" and planned.seed == FIRST_SEED
        if not wanted or not workload.film_frames or planned.spec.name not in (OURS, self._reference):
            return []
        last = workload.training_of(planned.spec.name).epochs - 1
        return sorted({round(epoch) for epoch in np.linspace(0, last, workload.film_frames).tolist()})


def _task_arrays(planned: PlannedTrial, split: Split, training: Training) -> dict[str, Array]:
    """The arrays of a trial's data file, by their names in it."""
    workload, point = planned.workload, planned.point
    seed = planned.seed if workload.weights_seed is None else workload.weights_seed
    weights = first_weights(grid.architecture_at(workload, point), training.initializer, seed)
    rows = slice(grid.rows_at(workload, point, len(split.x)))
    arrays = {"x": split.x[rows], "y": split.y[rows], "x_test": split.x_test, "y_test": split.y_test}
    return arrays | {f"weights_{index}": array for index, array in enumerate(weights)}


def first_weights(architecture: list[dict[str, Any]], initializer: str, seed: int) -> list[Array]:
    """Draw kernels (in, out) and biases (out,), layer by layer, in float64."""
    from numpy_nn import Sequential

    return list(Sequential(architecture, initializer=initializer, seed=seed, dtype="float64").get_weights())


def surface_box(workload: Workload, split: Split) -> tuple[float, float, float, float] | None:
    """Return where the decision surface of a data set with two features is drawn: x from, x to, y from, y to."""
    if split.x.shape[1] != 2:
        return None
    if workload.data.name == "moons":
        return ARTICLE_SURFACE_BOX
    low, high = split.x.min(axis=0), split.x.max(axis=0)
    margin = SURFACE_MARGIN * (high - low)
    (x_low, y_low), (x_high, y_high) = (low - margin).tolist(), (high + margin).tolist()
    return x_low, x_high, y_low, y_high


def _shaping(workload: Workload, point: Point) -> Point:
    """Return the part of a cell that its data file depends on: cells of a study that differ in the learning rate share theirs."""
    return {axis: value for axis, value in point.items() if not workload.is_study or changes_arrays(workload, axis)}


def _trajectory(planned: PlannedTrial) -> str:
    return "parts" if planned.kind == "parts" else "trajectory"


def _stem(workload: Workload, point: Point) -> str:
    return "-".join([workload.name, *(f"{name}{value}" for name, value in sorted(point.items()))])


def _with_learning_rate(optimizer: Mapping[str, Any]) -> dict[str, Any]:
    """An optimizer whose learning rate is there also where it is the default: contestants of one's own read it."""
    found = {**optimizer}
    if found["name"] in optimizers.OPTIMIZERS:
        found.setdefault("learning_rate", optimizers.get(found["name"]).learning_rate)
    return found
