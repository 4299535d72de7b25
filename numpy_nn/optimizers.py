"""Optimizers: from a flat gradient to a flat step. They know nothing of layers or networks.

Each follows Keras, to the place of its ε. The `record_` methods are for the engine: they return operations on its buffers. The
learning rate can be changed between epochs through the attribute.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from functools import partial
from typing import Any

import numpy as np

from numpy_nn._engine import tuning
from numpy_nn._engine.arrays import Array, scalar
from numpy_nn._engine.program import Program
from numpy_nn.name_lookup import find

FLUSH_EVERY_STEPS = 128
"""A number that decays by a tenth a step becomes a millionth in so many: most are set to zero before they are subnormal."""
FLUSHED_BITS = 20
"""A flush rounds to multiples of the smallest normal number times 2 to this power: 1e-32 in float32, 2e-302 in float64."""


class Optimizer(ABC):
    """What all optimizers share: a learning rate, and state for one vector of weights."""

    name: str
    _owner: Any = None

    def __init__(self, learning_rate: float) -> None:
        self.learning_rate = _positive("learning_rate", learning_rate)
        self.iterations = 0
        """Updates made so far; counted where the step depends on it."""

    def __repr__(self) -> str:
        settings = ", ".join(f"{key}={value!r}" for key, value in self.get_config().items())
        return f"{type(self).__name__}({settings})"

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an optimizer like this one."""
        return {"learning_rate": self.learning_rate}

    @property
    def gradient_factor(self) -> float:
        """A factor of the gradient that `record_update` leaves out: the scale of the loss includes it at no cost."""
        return 1.0

    @abstractmethod
    def build(self, count: int, dtype: np.dtype[Any], owner: Any = None) -> None:
        """Make new state for a vector of `count` weights."""

    def record_begin(self) -> Program:
        """Operations to run once before each update of the whole vector."""
        return []

    @abstractmethod
    def record_update(self, weights: Array, gradient: Array, place: slice = slice(None)) -> Program:
        """Operations that update `weights`, which stand at `place` in the vector, from `gradient`, which they may overwrite."""

    def refresh(self) -> None:  # noqa: B027  # most have nothing to refresh
        """Use a changed learning rate; called before each epoch."""

    def get_state(self) -> dict[str, Array]:
        """Copies of the state."""
        return {"iterations": np.array(self.iterations), **{f"a{n}": array.copy() for n, array in enumerate(self.state())}}

    def set_state(self, state: Any) -> None:
        """Take over what `get_state` gave."""
        self.iterations = int(state["iterations"])
        for n, array in enumerate(self.state()):
            array[...] = state[f"a{n}"]

    def state(self) -> list[Array]:
        """The arrays in which earlier gradients decay."""
        return []

    def record_flush(self) -> Program:
        """Operations, to be run every `FLUSH_EVERY_STEPS`, that set tiny values of the state to zero.

        The state of a relu unit that is no longer active decays until it is subnormal, and stays there: nine tenths of the smallest
        number are rounded to that number. CPUs compute slowly with subnormal numbers; TensorFlow and XLA let them take zero
        instead, which NumPy can't. The change is far below the rounding of ε.
        """
        program: Program = []
        size = tuning.this_machine().flush_tile
        for array in self.state():
            limits = np.finfo(array.dtype)
            # What is smaller than the rounding of this number adds nothing to it.
            large = scalar(limits.tiny * 2.0**FLUSHED_BITS / limits.eps, array.dtype)
            for start in range(0, len(array), size):
                tile = array[start : start + size]
                program += [partial(np.add, tile, large, tile), partial(np.subtract, tile, large, tile)]
        return program


class SGD(Optimizer):
    """Gradient descent, with momentum m = μ m − η g; w += m, or Nesterov's w += μ m − η g.

    Without momentum the learning rate is a factor of the loss's gradient (`gradient_factor`), and the update one subtraction.
    """

    name = "sgd"

    def __init__(self, learning_rate: float = 0.01, momentum: float = 0.0, nesterov: bool = False) -> None:
        super().__init__(learning_rate)
        self.momentum = _fraction("momentum", momentum)
        self.nesterov = bool(nesterov)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "momentum": self.momentum, "nesterov": self.nesterov}

    @property
    def gradient_factor(self) -> float:
        return self.learning_rate

    def build(self, count: int, dtype: np.dtype[Any], owner: Any = None) -> None:
        self._velocity = np.zeros(count if self.momentum else 0, dtype)

    def state(self) -> list[Array]:
        return [self._velocity] if self.momentum else []

    def record_update(self, weights: Array, gradient: Array, place: slice = slice(None)) -> Program:
        if not self.momentum:
            return [partial(np.subtract, weights, gradient, weights)]
        velocity, momentum = self._velocity[place], scalar(self.momentum, weights.dtype)
        step: Program = [partial(np.multiply, velocity, momentum, velocity), partial(np.subtract, velocity, gradient, velocity)]
        if not self.nesterov:
            return [*step, partial(np.add, weights, velocity, weights)]
        ahead = np.empty_like(weights)
        return [
            *step,
            partial(np.multiply, velocity, momentum, ahead),
            partial(np.subtract, ahead, gradient, ahead),
            partial(np.add, weights, ahead, weights),
        ]


class Adam(Optimizer):
    """w −= m η √(1 − β₂ᵗ) / (1 − β₁ᵗ) / (√v + ε) (Kingma and Ba, 2015, in the form before their section 2.1, as in Keras)."""

    name = "adam"

    def __init__(self, learning_rate: float = 0.001, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7) -> None:
        super().__init__(learning_rate)
        self.beta_1 = _fraction("beta_1", beta_1)
        self.beta_2 = _fraction("beta_2", beta_2)
        self.epsilon = _positive("epsilon", epsilon)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}

    def build(self, count: int, dtype: np.dtype[Any], owner: Any = None) -> None:
        self.iterations = 0
        self._mean = np.zeros(count, dtype)
        self._square = np.zeros(count, dtype)
        self._rate = scalar(self.learning_rate, dtype)

    def state(self) -> list[Array]:
        return [self._mean, self._square]

    def record_begin(self) -> Program:
        return [self._count]

    def record_update(self, weights: Array, gradient: Array, place: slice = slice(None)) -> Program:
        mean, square, spare, dtype = self._mean[place], self._square[place], np.empty_like(weights), weights.dtype
        return [
            partial(np.subtract, gradient, mean, spare),
            partial(np.multiply, spare, scalar(1 - self.beta_1, dtype), spare),
            partial(np.add, mean, spare, mean),
            partial(np.multiply, gradient, gradient, gradient),
            partial(np.subtract, gradient, square, gradient),
            partial(np.multiply, gradient, scalar(1 - self.beta_2, dtype), gradient),
            partial(np.add, square, gradient, square),
            partial(np.sqrt, square, gradient),
            partial(np.add, gradient, scalar(self.epsilon, dtype), gradient),
            partial(np.multiply, mean, self._rate, spare),
            partial(np.divide, spare, gradient, spare),
            partial(np.subtract, weights, spare, weights),
        ]

    def _count(self) -> None:
        self.iterations += 1
        t = self.iterations
        self._rate[()] = self.learning_rate * math.sqrt(1 - self.beta_2**t) / (1 - self.beta_1**t)


class AdamW(Adam):
    """Adam with decoupled weight decay, w −= η λ w before the step, biases too (Loshchilov and Hutter, 2019; Keras' default λ)."""

    name = "adamw"

    def __init__(
        self,
        learning_rate: float = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon)
        self.weight_decay = _fraction("weight_decay", weight_decay)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "weight_decay": self.weight_decay}

    def build(self, count: int, dtype: np.dtype[Any], owner: Any = None) -> None:
        super().build(count, dtype)
        self._decay = scalar(1, dtype)
        self.refresh()

    def refresh(self) -> None:
        self._decay[()] = 1 - self.learning_rate * self.weight_decay

    def record_update(self, weights: Array, gradient: Array, place: slice = slice(None)) -> Program:
        return [partial(np.multiply, weights, self._decay, weights), *super().record_update(weights, gradient, place)]


class RMSprop(Optimizer):
    """v = ρ v + (1 − ρ) g²; w −= η g / √(v + ε), ε inside the root (Hinton's lecture 6e, as in Keras)."""

    name = "rmsprop"

    def __init__(self, learning_rate: float = 0.001, rho: float = 0.9, epsilon: float = 1e-7) -> None:
        super().__init__(learning_rate)
        self.rho = _fraction("rho", rho)
        self.epsilon = _positive("epsilon", epsilon)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rho": self.rho, "epsilon": self.epsilon}

    def build(self, count: int, dtype: np.dtype[Any], owner: Any = None) -> None:
        self._square = np.zeros(count, dtype)
        self._rate = scalar(self.learning_rate, dtype)

    def state(self) -> list[Array]:
        return [self._square]

    def refresh(self) -> None:
        self._rate[()] = self.learning_rate

    def record_update(self, weights: Array, gradient: Array, place: slice = slice(None)) -> Program:
        square, spare, dtype = self._square[place], np.empty_like(weights), weights.dtype
        return [
            partial(np.multiply, square, scalar(self.rho, dtype), square),
            partial(np.multiply, gradient, gradient, spare),
            partial(np.multiply, spare, scalar(1 - self.rho, dtype), spare),
            partial(np.add, square, spare, square),
            partial(np.add, square, scalar(self.epsilon, dtype), spare),
            partial(np.sqrt, spare, spare),
            partial(np.multiply, gradient, self._rate, gradient),
            partial(np.divide, gradient, spare, gradient),
            partial(np.subtract, weights, gradient, weights),
        ]


OPTIMIZERS: dict[str, type[Optimizer]] = {optimizer.name: optimizer for optimizer in (SGD, Adam, AdamW, RMSprop)}


def get(identifier: str | Optimizer) -> Optimizer:
    """The optimizer of that name with its defaults, or the optimizer itself.

    Raises
    ------
    ValueError
        If there is none of that name.

    """
    return identifier if isinstance(identifier, Optimizer) else find("optimizer", identifier, OPTIMIZERS)()  # type: ignore[call-arg]  # every one of them has a default


def _positive(name: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not 0 < value < math.inf:
        raise ValueError(f"{name} was {value!r}: it must be a positive number")
    return float(value)


def _fraction(name: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not 0 <= value < 1:
        raise ValueError(f"{name} was {value!r}: it must be at least 0 and below 1")
    return float(value)
