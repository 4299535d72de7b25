"""Gradient descent, plain or with momentum."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from numpy_nn._engine.arrays import Array
from numpy_nn._engine.program import Program
from numpy_nn.checks import fraction
from numpy_nn.optimizers.base import CLIPPING, Optimizer, Setting
from numpy_nn.schedules import LearningRateSchedule


class SGD(Optimizer):
    """Gradient descent, with momentum m = μ m − η g; w += m, or Nesterov's w += μ m − η g.

    A learning rate that is a number, with no clipping, is a factor of the loss's gradient (`gradient_factor`); without momentum the
    update is one subtraction.
    """

    name = "sgd"
    decaying = ("momentum",)
    momentum = Setting(fraction, switch=True)

    def __init__(
        self,
        learning_rate: float | Mapping[str, Any] | LearningRateSchedule = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        **keras: Any,
    ) -> None:
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, **keras)
        self.momentum = momentum
        self.nesterov = bool(nesterov)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return {"learning_rate": config.pop("learning_rate"), "momentum": self.momentum, "nesterov": self.nesterov, **config}

    @property
    def _includes_rate(self) -> bool:
        """Whether the gradient that `record_step` gets has the learning rate as a factor."""
        return self.schedule is None and self.used.isdisjoint(CLIPPING)

    def factor(self) -> Any:
        return self.rate if self._includes_rate else 1.0

    def first_state(self) -> dict[str, float]:
        return {"momentum": 0.0} if self.momentum else {}

    def constants(self) -> dict[str, float]:
        return {**super().constants(), "momentum": self.momentum}

    def record_step(self, weights: Array, gradient: Array, place: slice) -> Program:
        scale: Program = [] if self._includes_rate else [partial(np.multiply, gradient, self.numbers["rate"], gradient)]
        if "momentum" not in self.used:
            return [*scale, partial(np.subtract, weights, gradient, weights)]
        velocity, momentum = self.arrays["momentum"][place], self.numbers["momentum"]
        step: Program = [
            *scale,
            partial(np.multiply, velocity, momentum, velocity),
            partial(np.subtract, velocity, gradient, velocity),
        ]
        if not self.nesterov:
            return [*step, partial(np.add, weights, velocity, weights)]
        ahead = np.empty_like(weights)
        return [
            *step,
            partial(np.multiply, velocity, momentum, ahead),
            partial(np.subtract, ahead, gradient, ahead),
            partial(np.add, weights, ahead, weights),
        ]
