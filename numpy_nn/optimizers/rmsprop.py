"""RMSprop."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from numpy_nn._engine.arrays import Array, scalar
from numpy_nn._engine.program import Program, into
from numpy_nn.checks import fraction, positive
from numpy_nn.optimizers.base import Optimizer, Setting
from numpy_nn.schedules import LearningRateSchedule


class RMSprop(Optimizer):
    """v = ρ v + (1 − ρ) g²; w −= η g / √(v + ε), ε inside the root (Hinton's lecture 6e, as in Keras).

    `momentum` accumulates the steps, m = μ m + η g / √(v + ε); w −= m. `centered` takes the square of g's mean off v, so that the
    root is of g's variance.
    """

    name = "rmsprop"
    decaying = ("velocity", "momentum", "average_gradient")
    rho, momentum, epsilon = Setting(fraction), Setting(fraction, switch=True), Setting(positive)

    def __init__(
        self,
        learning_rate: float | Mapping[str, Any] | LearningRateSchedule = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        **keras: Any,
    ) -> None:
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, **keras)
        self.rho, self.momentum, self.epsilon = rho, momentum, epsilon
        self.centered = bool(centered)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        own = {"rho": self.rho, "momentum": self.momentum, "epsilon": self.epsilon, "centered": self.centered}
        return {"learning_rate": config.pop("learning_rate"), **own, **config}

    def first_state(self) -> dict[str, float]:
        used = {"velocity": True, "momentum": bool(self.momentum), "average_gradient": self.centered}
        return {name: 0.0 for name, is_used in used.items() if is_used}

    def constants(self) -> dict[str, float]:
        own = {"rho": self.rho, "rest": 1 - self.rho, "epsilon": self.epsilon, "momentum": self.momentum}
        return {**super().constants(), **own}

    def record_step(self, weights: Array, gradient: Array, place: slice) -> Program:
        square, spare, n = self.arrays["velocity"][place], np.empty_like(weights), self.numbers
        program: Program = [
            partial(np.multiply, square, n["rho"], square),
            partial(np.multiply, gradient, gradient, spare),
            partial(np.multiply, spare, n["rest"], spare),
            partial(np.add, square, spare, square),
        ]
        variance = square
        if "average_gradient" in self.used:
            mean, variance = self.arrays["average_gradient"][place], spare
            program += [
                partial(np.multiply, mean, n["rho"], mean),
                partial(np.multiply, gradient, n["rest"], spare),
                partial(np.add, mean, spare, mean),
                partial(np.multiply, mean, mean, spare),
                partial(np.subtract, square, spare, spare),
                # Rounding can leave less than nothing of a large constant gradient.
                into(np.maximum, spare, scalar(0, weights.dtype), spare),
            ]
        program += [
            partial(np.add, variance, n["epsilon"], spare),
            partial(np.sqrt, spare, spare),
            partial(np.multiply, gradient, n["rate"], gradient),
            partial(np.divide, gradient, spare, gradient),
        ]
        if "momentum" not in self.used:
            return [*program, partial(np.subtract, weights, gradient, weights)]
        step = self.arrays["momentum"][place]
        return [
            *program,
            partial(np.multiply, step, n["momentum"], step),
            partial(np.add, step, gradient, step),
            partial(np.subtract, weights, step, weights),
        ]
