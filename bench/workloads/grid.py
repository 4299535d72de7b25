"""The cells of a grid, and what the axes of a scaling study (`width`, `batch`, `layers`, `threads`) make of a workload.

Called by the schedule (`points`) and the request builder (the rest). A point maps axes to their values in one cell; that of a
workload without a grid is empty. `bench.workloads.study` has the axes of a study.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

from bench.records.workload_records import GridValue, sorted_values
from bench.workloads.models import Workload

Point = Mapping[str, Any]
"""A cell: its value on each axis; in a scaling study whole numbers."""
FLOPS = 6e9
"""A cell with a batch size trains for as many steps as take this many operations in matrix products: about a tenth of a second."""
MOST_STEPS = 64
"""Of an epoch, and no more than there are rows for; at least one."""
FEWEST_EPOCHS = 4
"""The first of which isn't steady; the workload's own `epochs` are the most."""


def points(workload: Workload) -> list[dict[str, GridValue]]:
    """Return the cells of a grid, the smallest values first; for any other workload the one empty point."""
    names = list(workload.grid)
    return [dict(zip(names, values, strict=True)) for values in product(*(sorted_values(workload.grid[name]) for name in names))]


def architecture_at(workload: Workload, point: Point) -> list[dict[str, Any]]:
    """Return a cell's architecture: `layers` dense layers, all `width` wide but the output; without these axes the workload's."""
    first, last = workload.architecture[0], workload.architecture[-1]
    if workload.is_study or ("width" not in point and "layers" not in point):  # a study's cell is a workload of its own
        return workload.architecture
    width = point.get("width", first["output_dim"])
    count = point.get("layers", len(workload.architecture))
    dimensions = [first["input_dim"], *[width] * (count - 1), last["output_dim"]]
    activations = [first["activation"]] * (count - 1) + [last["activation"]]
    return [
        {"input_dim": inputs, "output_dim": outputs, "activation": activation}
        for inputs, outputs, activation in zip(dimensions[:-1], dimensions[1:], activations, strict=True)
    ]


def rows_at(workload: Workload, point: Point, rows: int) -> int | None:
    """Return how many of the `rows` a cell with a batch size of its own trains on, whole batches only; None means all."""
    if "batch" not in point:
        return None
    steps = min(max(int(_trial_steps(workload, point) / workload.training.epochs), 1), MOST_STEPS)
    batch = int(point["batch"])
    return min(steps, max(rows // batch, 1)) * batch


def epochs_at(workload: Workload, point: Point, most: int) -> int:
    """Return the epochs of a cell: `most`, or fewer where a step takes so long that few suffice."""
    if "batch" not in point:
        return most
    return min(most, max(int(_trial_steps(workload, point)), FEWEST_EPOCHS))


def _trial_steps(workload: Workload, point: Point) -> float:
    """Return how many steps of a cell make `FLOPS`: three products for each kernel, each a multiplication and an addition a row."""
    weights = sum(layer["input_dim"] * layer["output_dim"] for layer in architecture_at(workload, point))
    return FLOPS / float(6 * weights * point["batch"])
