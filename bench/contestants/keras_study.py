"""Keras in a study, where no clock runs: the same computation as `KerasFit` on TensorFlow, with less around it.

One compiled model trains all seeds of a cell, its weights and its optimizer's state set anew for each, with the settings that
`KerasTuned` has by itself. A training takes a sixth of the time, and gives the same figures up to rounding, which a test holds it
to. `bench.execution.fast_paths` chooses it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bench.contestants.base import Array, Task
from bench.contestants.keras_fit import KerasTuned


@dataclass(frozen=True)
class _Cell:
    key: str
    model: Any
    optimizer_state: Sequence[Array]
    """Before the first step."""


class KerasStudy(KerasTuned):
    """Keeps the model of the last cell in its process."""

    _cell: ClassVar[_Cell | None] = None

    def _build(self, task: Task) -> Any:
        fields = (task.architecture, task.optimizer, task.loss, task.dtype, len(task.x), task.rows_a_step)
        key = json.dumps(fields, default=dict, sort_keys=True)
        cell = KerasStudy._cell
        if cell is None or cell.key != key:
            KerasStudy._cell = None
            self._keras.backend.clear_session()
            model = super()._build(task)
            model.optimizer.build(model.trainable_variables)
            cell = KerasStudy._cell = _Cell(key, model, [np.array(variable.numpy()) for variable in model.optimizer.variables])
        for variable, value in zip(cell.model.optimizer.variables, cell.optimizer_state, strict=True):
            variable.assign(value)
        return cell.model

    def warm_up(self) -> None:
        """Nothing: no clock runs."""

    def details(self) -> dict[str, Any]:
        """Without what tuning has measured, which a study doesn't do."""
        found = super().details() | {"fast_path": "one model a cell, an execution an epoch"}
        return {name: value for name, value in found.items() if name != "measured"}
