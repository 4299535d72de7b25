"""Adagrad."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from numpy_nn._engine.arrays import Array
from numpy_nn._engine.program import Program
from numpy_nn.checks import not_negative, positive
from numpy_nn.optimizers.base import Optimizer, Setting
from numpy_nn.schedules import LearningRateSchedule


class Adagrad(Optimizer):
    """v += g²; w −= η g / √(v + ε), with v = `initial_accumulator_value` at first (Duchi et al., 2011, as in Keras)."""

    name = "adagrad"
    initial_accumulator_value, epsilon = Setting(not_negative), Setting(positive)

    def __init__(
        self,
        learning_rate: float | Mapping[str, Any] | LearningRateSchedule = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        **keras: Any,
    ) -> None:
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, **keras)
        self.initial_accumulator_value, self.epsilon = initial_accumulator_value, epsilon

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        own = {"initial_accumulator_value": self.initial_accumulator_value, "epsilon": self.epsilon}
        return {"learning_rate": config.pop("learning_rate"), **own, **config}

    def first_state(self) -> dict[str, float]:
        return {"accumulator": self.initial_accumulator_value}

    def constants(self) -> dict[str, float]:
        return {**super().constants(), "epsilon": self.epsilon}

    def record_step(self, weights: Array, gradient: Array, place: slice) -> Program:
        total, spare = self.arrays["accumulator"][place], np.empty_like(weights)
        return [
            partial(np.multiply, gradient, gradient, spare),
            partial(np.add, total, spare, total),
            partial(np.add, total, self.numbers["epsilon"], spare),
            partial(np.sqrt, spare, spare),
            partial(np.multiply, gradient, self.numbers["rate"], gradient),
            partial(np.divide, gradient, spare, gradient),
            partial(np.subtract, weights, gradient, weights),
        ]
