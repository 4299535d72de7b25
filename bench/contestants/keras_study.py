"""Keras in a study, where no clock runs: the same computation as `KerasFit` on TensorFlow, with less around it.

One compiled model trains all seeds of a cell, its weights and its optimizer's state set anew for each. The data set repeats without
an end, so that Keras keeps one iterator through all epochs, and an execution is a whole epoch (`steps_per_execution`). A training
takes a sixth of the time, and gives the same figures up to rounding, which a test holds it to. `bench.execution.fast_paths` chooses
it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bench.contestants.base import Array, EpochEnd, Task
from bench.contestants.keras_fit import KerasFit


@dataclass(frozen=True)
class _Cell:
    key: str
    model: Any
    optimizer_state: Sequence[Array]
    """Before the first step."""


class KerasStudy(KerasFit):
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

    @staticmethod
    def _compile_options(task: Task) -> dict[str, Any]:
        return {"steps_per_execution": task.steps_an_epoch}

    def warm_up(self) -> None:
        """Nothing: no clock runs."""

    def fit(self, on_epoch_end: EpochEnd) -> Mapping[str, Sequence[float]]:
        import tensorflow as tf

        task = self._task
        rows = tf.data.Dataset.from_tensor_slices((task.x, task.y)).batch(task.rows_a_step).cache().repeat()
        callback = self._keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, _logs: on_epoch_end(epoch))
        history = self._model.fit(
            rows, steps_per_epoch=task.steps_an_epoch, epochs=task.epochs, shuffle=False, callbacks=[callback], verbose=0
        )
        return {name: [float(value) for value in values] for name, values in history.history.items()}

    def details(self) -> dict[str, Any]:
        return super().details() | {"fast_path": "one model a cell, an execution an epoch"}
