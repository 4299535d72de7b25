"""Adam, and Adam with the weight decay that Keras has on by default."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from numpy_nn._engine.arrays import Array
from numpy_nn._engine.program import Program, into
from numpy_nn.checks import fraction, positive
from numpy_nn.optimizers.base import Optimizer, Setting
from numpy_nn.schedules import LearningRateSchedule


class Adam(Optimizer):
    """w −= m η √(1 − β₂ᵗ) / (1 − β₁ᵗ) / (√v + ε) (Kingma and Ba, 2015, in the form before their section 2.1, as in Keras).

    `amsgrad` takes the largest v so far (Reddi et al., 2018).
    """

    name = "adam"
    decaying = ("momentum", "velocity")
    beta_1, beta_2, epsilon = Setting(fraction), Setting(fraction), Setting(positive)

    def __init__(
        self,
        learning_rate: float | Mapping[str, Any] | LearningRateSchedule = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        **keras: Any,
    ) -> None:
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, **keras)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.amsgrad = bool(amsgrad)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        own = {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon, "amsgrad": self.amsgrad}
        return {"learning_rate": config.pop("learning_rate"), **own, **config}

    def first_state(self) -> dict[str, float]:
        return {"momentum": 0.0, "velocity": 0.0, **({"velocity_hat": 0.0} if self.amsgrad else {})}

    def constants(self) -> dict[str, float]:
        # What each step's rate is made from; these are read faster than settings.
        constants = super().constants()
        self._rate, self._beta_1, self._beta_2 = constants["rate"], self.beta_1, self.beta_2
        return {**constants, "rest_1": 1 - self.beta_1, "rest_2": 1 - self.beta_2, "epsilon": self.epsilon}

    def record_begin(self) -> Program:
        return [*super().record_begin(), self._correct_bias]

    def _correct_bias(self) -> None:
        t = self.iterations + 1
        self.numbers["rate"][()] = self._rate * math.sqrt(1 - self._beta_2**t) / (1 - self._beta_1**t)

    def record_step(self, weights: Array, gradient: Array, place: slice) -> Program:
        mean, square, spare = self.arrays["momentum"][place], self.arrays["velocity"][place], np.empty_like(weights)
        largest, keep_largest = square, []
        if "velocity_hat" in self.used:
            largest = self.arrays["velocity_hat"][place]
            keep_largest = [into(np.maximum, largest, square, largest)]
        return [
            partial(np.subtract, gradient, mean, spare),
            partial(np.multiply, spare, self.numbers["rest_1"], spare),
            partial(np.add, mean, spare, mean),
            partial(np.multiply, gradient, gradient, gradient),
            partial(np.subtract, gradient, square, gradient),
            partial(np.multiply, gradient, self.numbers["rest_2"], gradient),
            partial(np.add, square, gradient, square),
            *keep_largest,
            partial(np.sqrt, largest, gradient),
            partial(np.add, gradient, self.numbers["epsilon"], gradient),
            partial(np.multiply, mean, self.numbers["rate"], spare),
            partial(np.divide, spare, gradient, spare),
            partial(np.subtract, weights, spare, weights),
        ]


class AdamW(Adam):
    """Adam with decoupled weight decay, w −= η λ w before the step, biases too (Loshchilov and Hutter, 2019; Keras' default λ)."""

    name = "adamw"
    weight_decay = Setting(fraction, switch=True)

    def __init__(
        self,
        learning_rate: float | Mapping[str, Any] | LearningRateSchedule = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        **keras: Any,
    ) -> None:
        super().__init__(
            learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, clipnorm, clipvalue, global_clipnorm, **keras
        )
