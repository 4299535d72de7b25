"""What a workload is in `run.json`: the keys that analysis and report rely on, each within its limits.

Called by `bench.records.models`. `bench.workloads.models` has all keys; keys that are unknown here are left to it, so that records
of other versions are read.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bench.records.validation_errors import first_mistake

AXES = ("width", "batch", "layers", "threads")
"""Of a scaling study."""
LARGEST_COUNT = 10**15
MOST_CELLS = 10_000
"""Of a scaling study."""
Name = Annotated[str, Field(pattern=r"^\w[\w .+-]*$", max_length=100)]
"""Of a workload or contestant: it becomes a part of file names, tables and plots."""
Dimension = Annotated[int, Field(ge=1, le=10**7)]
LARGEST_DIMENSION = 10**7
_Word = Annotated[str, Field(pattern=r"^\w[\w .+-]*$", max_length=100)]
_Whole = Annotated[int, Field(ge=-LARGEST_COUNT, le=LARGEST_COUNT)]
GridValue = bool | _Whole | Annotated[float, Field(allow_inf_nan=False)] | _Word
"""A value of an axis: words and numbers of a study, positive integers of a scaling study."""


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
    grid: dict[Name, Annotated[list[GridValue], Field(min_length=1)]]
    scored_seeds: int = 0
    rounds: int = 0

    @model_validator(mode="after")
    def _has_sizes(self) -> _Workload:
        if not is_study(self.model_dump()):
            for axis, values in self.grid.items():
                for value in values:
                    check_size("grid", axis, value)
        return self


def is_study(workload: Mapping[str, Any]) -> bool:
    """Whether a workload is a study: a grid of any keys, every cell trained from many seeds and never timed."""
    return bool(workload["grid"]) and not workload.get("rounds") and bool(workload.get("scored_seeds"))


def sorted_values(values: Iterable[GridValue]) -> list[GridValue]:
    """Return the values of an axis in their order in tables and plots: numbers by size, then words."""
    return sorted(values, key=lambda value: (isinstance(value, str), value if isinstance(value, str) else 0, value))


def check_size(where: str, axis: str, value: GridValue) -> None:
    """Check a value of a scaling study: of its grid, or of a trial's point in it.

    Raises
    ------
    ValueError
        If it is none of `AXES`, or no positive integer.

    """
    if axis not in AXES:
        raise ValueError(f"{where} has {axis!r}: without scored_seeds, or with rounds, it may have {', '.join(AXES)}")
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LARGEST_DIMENSION:
        raise ValueError(f"{where}.{axis} has {value!r}: it must be a whole number from 1 to {LARGEST_DIMENSION:,}")


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
