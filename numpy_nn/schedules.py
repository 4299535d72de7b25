"""Schedules: learning rates that depend on the step, as Keras' `optimizers.schedules`.

`schedule(step) -> learning rate`, the first step being 0. Give one to an optimizer as its `learning_rate`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from numpy_nn.checks import not_negative, positive
from numpy_nn.keras_names import check_arguments
from numpy_nn.name_lookup import Part, make


class LearningRateSchedule(Part, ABC):
    """`schedule(step) -> float`; `name` is taken, as Keras takes it, and changes nothing."""

    def __init__(self, **keras: Any) -> None:
        check_arguments("a schedule", keras)

    @abstractmethod
    def __call__(self, step: float) -> float:
        """The learning rate of the step number `step`."""


class ExponentialDecay(LearningRateSchedule):
    """initial_learning_rate · decay_rate^(step / decay_steps), whose exponent `staircase` rounds down."""

    name = "ExponentialDecay"

    def __init__(
        self, initial_learning_rate: float, decay_steps: float, decay_rate: float, staircase: bool = False, **keras: Any
    ) -> None:
        super().__init__(**keras)
        self.initial_learning_rate = not_negative("initial_learning_rate", initial_learning_rate)
        self.decay_steps = positive("decay_steps", decay_steps)
        self.decay_rate = positive("decay_rate", decay_rate)
        self.staircase = bool(staircase)

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "decay_rate": self.decay_rate,
            "staircase": self.staircase,
        }

    def __call__(self, step: float) -> float:
        share = step / self.decay_steps
        return float(self.initial_learning_rate * self.decay_rate ** (math.floor(share) if self.staircase else share))


class CosineDecay(LearningRateSchedule):
    """Half a cosine from the initial learning rate to `alpha` times it, in `decay_steps` (Loshchilov and Hutter, 2017).

    With `warmup_target` it first rises linearly to that in `warmup_steps`, and falls from there.
    """

    name = "CosineDecay"

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        warmup_target: float | None = None,
        warmup_steps: float = 0,
        **keras: Any,
    ) -> None:
        super().__init__(**keras)
        self.initial_learning_rate = not_negative("initial_learning_rate", initial_learning_rate)
        self.decay_steps = positive("decay_steps", decay_steps)
        self.alpha = not_negative("alpha", alpha)
        self.warmup_target = None if warmup_target is None else not_negative("warmup_target", warmup_target)
        self.warmup_steps = not_negative("warmup_steps", warmup_steps)

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "alpha": self.alpha,
            "warmup_target": self.warmup_target,
            "warmup_steps": self.warmup_steps,
        }

    def __call__(self, step: float) -> float:
        highest, first = self.initial_learning_rate, self.initial_learning_rate
        if self.warmup_target is not None:
            highest = self.warmup_target
            if step < self.warmup_steps:
                return float(first + (highest - first) * step / self.warmup_steps)
            step -= self.warmup_steps
        cosine = 0.5 * (1 + math.cos(math.pi * min(step / self.decay_steps, 1)))
        return float(highest * ((1 - self.alpha) * cosine + self.alpha))


class PiecewiseConstantDecay(LearningRateSchedule):
    """`values[0]` up to the step `boundaries[0]`, that one included, `values[1]` up to `boundaries[1]`, and so on."""

    name = "PiecewiseConstantDecay"

    def __init__(self, boundaries: Sequence[float], values: Sequence[float], **keras: Any) -> None:
        super().__init__(**keras)
        self.boundaries = [not_negative("boundaries", boundary) for boundary in boundaries]
        self.values = [not_negative("values", value) for value in values]
        if len(self.values) != len(self.boundaries) + 1:
            raise ValueError(
                f"values had {len(self.values)} numbers: it must have {len(self.boundaries) + 1}, one more than boundaries"
            )
        if any(later <= earlier for earlier, later in pairwise(self.boundaries)):
            raise ValueError(f"boundaries was {list(boundaries)!r}: each must be larger than the one before")

    def get_config(self) -> dict[str, Any]:
        return {"boundaries": list(self.boundaries), "values": list(self.values)}

    def __call__(self, step: float) -> float:
        return float(self.values[bisect_left(self.boundaries, step)])


SCHEDULES: dict[str, type[LearningRateSchedule]] = {
    schedule.name: schedule for schedule in (ExponentialDecay, CosineDecay, PiecewiseConstantDecay)
}


def get(identifier: str | Mapping[str, Any] | LearningRateSchedule) -> LearningRateSchedule:
    """The schedule of that dict of a class name and its arguments, or itself.

    Raises
    ------
    ValueError
        If there is none of that name, or an argument is not one of those allowed.

    """
    return identifier if isinstance(identifier, LearningRateSchedule) else make("schedule", identifier, SCHEDULES)
