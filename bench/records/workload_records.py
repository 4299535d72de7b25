"""What a workload is in `run.json`: the keys that analysis and report rely on, each within its limits.

Called by `bench.records.models`. `bench.workloads.models` has all keys; keys that are unknown here are left to it, so that records
of other versions are read.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.records.validation_errors import first_mistake

AXES = ("width", "batch", "layers", "threads")
"""Of a scaling study."""
LARGEST_COUNT = 10**15
MOST_CELLS = 10_000
"""Of a scaling study."""
Name = Annotated[str, Field(pattern=r"^\w[\w .+-]*$", max_length=100)]
"""Of a workload or contestant: it becomes a part of file names, tables and plots."""
Dimension = Annotated[int, Field(ge=1, le=10**7)]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


class _Data(_Shape):
    name: Name
    parameters: dict[str, Any] = Field(default_factory=dict)


class _Layer(_Shape):
    input_dim: Dimension
    output_dim: Dimension
    activation: Name


class _Training(_Shape):
    optimizer: dict[str, Any]
    loss: Name
    epochs: Dimension
    batch_size: Annotated[int, Field(ge=1, le=LARGEST_COUNT)] | None
    dtype: Name
    initializer: Name
    shuffle: bool


class _Workload(_Shape):
    name: Name
    summary: str
    data: _Data
    architecture: Annotated[list[_Layer], Field(min_length=1, max_length=1000)]
    training: _Training
    settings: dict[Name, _Training]
    contestants: list[Name] | None = None
    targets: list[Annotated[float, Field(gt=0, le=1)]] = Field(default_factory=list)
    grid: dict[Literal["width", "batch", "layers", "threads"], Annotated[list[Dimension], Field(min_length=1)]]


def check_workloads(workloads: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return `workloads` as they are.

    Raises
    ------
    ValueError
        If one can't be a workload, or two have one name.

    """
    names = []
    for number, fields in enumerate(workloads):
        try:
            workload = _Workload.model_validate(fields)
        except ValidationError as error:
            raise ValueError(first_mistake(error, _Workload, f"workloads.{number}")) from None
        if math.prod(len(values) for values in workload.grid.values()) > MOST_CELLS:
            raise ValueError(f"workloads.{number}.grid has more than {MOST_CELLS:,} cells")
        if workload.name in names:
            raise ValueError(f"workloads.{number}.name is {workload.name!r}, as another's is")
        names.append(workload.name)
    return workloads
