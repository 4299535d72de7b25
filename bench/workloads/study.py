"""The cells of a study: what the axes of an untimed grid, which may be any key of a workload, make of it.

Called by the schedule (`cell`), the request builder (`changes_arrays`) and the validation (`places`). A study trains every cell
from every scored seed, without a clock.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from bench.records.workload_records import GridValue
from bench.workloads.data_sets import GENERATORS, Data
from bench.workloads.models import Training, Workload

NETWORK_AXES = ("width", "depth", "activation")
"""`depth` hidden layers of `width` units and one `activation`, before the workload's last layer."""
_FILE_KEYS = ("path", "target", "features", "separator", "target_kind")
"""What a data file is read by, which is the same in all cells."""
ARRAY_AXES = (*NETWORK_AXES, "test_size")
"""Axes that change a trial's arrays, besides those of the data set; `initializer` and `dtype` are in a file's name anyway."""


def places(workload: Workload) -> dict[str, str]:
    """Return the axes that a workload's study may have, each with the table that holds the key."""
    from numpy_nn import optimizers

    names = {str(workload.training.optimizer.get("name")), *map(str, workload.grid.get("optimizer", []))}
    classes = [optimizers.OPTIMIZERS[name] for name in sorted(names) if name in optimizers.OPTIMIZERS]
    found = dict.fromkeys(NETWORK_AXES, "architecture")
    found |= {axis: "training.optimizer" for one in classes for axis in inspect.signature(one).parameters}
    found |= {axis: "data.parameters" for axis in GENERATORS[workload.data.name].model_fields if axis not in _FILE_KEYS}
    found |= {"test_size": "data"}
    return found | dict.fromkeys(Training.model_fields, "training")


def cell(workload: Workload, point: Mapping[str, GridValue]) -> Workload:
    """Return the workload of a cell: `workload` with the values of `point` in their places.

    Raises
    ------
    pydantic.ValidationError
        If a value can't be one of its key.

    """
    where = places(workload)
    training = workload.training.model_dump()
    optimizer: dict[str, Any] = dict(training["optimizer"])
    data = workload.data.model_dump()
    for axis, value in point.items():
        if axis == "optimizer":
            optimizer["name"] = value
        elif where[axis] == "training":
            training[axis] = value
        elif where[axis] == "training.optimizer":
            optimizer[axis] = value
        elif where[axis] == "data.parameters":
            data["parameters"] = {**data["parameters"], axis: value}
        elif where[axis] == "data":
            data[axis] = value
    return workload.model_copy(
        update={
            "training": Training.model_validate({**training, "optimizer": optimizer}),
            "data": Data.model_validate(data),
            "architecture": _architecture(workload, point),
        }
    )


def changes_arrays(workload: Workload, axis: str) -> bool:
    """Whether a trial's data or first weights follow from an axis, other than from the initializer and the precision."""
    return axis in ARRAY_AXES or axis in GENERATORS[workload.data.name].model_fields


def _architecture(workload: Workload, point: Mapping[str, GridValue]) -> list[dict[str, Any]]:
    if not any(axis in point for axis in NETWORK_AXES):
        return workload.architecture
    *hidden, last = workload.architecture
    first = hidden[0] if hidden else last
    if "width" in point or "depth" in point:
        width, depth = point.get("width", first["output_dim"]), point.get("depth", len(hidden))
        hidden = [{"output_dim": width, "activation": first["activation"]}] * int(depth)
    if "activation" in point:
        hidden = [{**layer, "activation": point["activation"]} for layer in hidden]
    layers = [*hidden, last]
    inputs = [workload.architecture[0]["input_dim"], *(layer["output_dim"] for layer in hidden)]
    return [{**layer, "input_dim": dimension} for layer, dimension in zip(layers, inputs, strict=True)]
