"""What all optimizers share: settings that count from the next step, state for one vector of weights, weight decay and clipping."""

from __future__ import annotations

import gc
import math
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from numpy_nn import schedules
from numpy_nn._engine import tuning
from numpy_nn._engine.arrays import Array, full, scalar
from numpy_nn._engine.program import Program, into
from numpy_nn.checks import fraction, not_negative, positive
from numpy_nn.keras_names import check_arguments
from numpy_nn.name_lookup import Configured
from numpy_nn.schedules import LearningRateSchedule

FLUSH_EVERY_STEPS = 128
"""A number that decays by a tenth a step becomes a millionth in so many: most are set to zero before they are subnormal."""
FLUSHED_BITS = 20
"""A flush rounds to multiples of the smallest normal number times 2 to this power: 1e-32 in float32, 2e-302 in float64."""
CLIPPING = ("clipnorm", "clipvalue", "global_clipnorm")


class Setting:
    """A setting of an optimizer: checked when it is set, and in force from the next step on.

    Parameters
    ----------
    check
        `check(name, value)` gives the value to keep, or raises a ValueError.
    switch
        Whether 0 or None means that the steps leave it out: such a setting can't be switched on between steps.

    """

    def __init__(self, check: Callable[[str, Any], Any], *, switch: bool = False) -> None:
        self._check, self._switch = check, switch

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, optimizer: Any, owner: type | None = None) -> Any:
        return self if optimizer is None else optimizer.settings[self._name]

    def __set__(self, optimizer: Optimizer, value: Any) -> None:
        checked = self._check(self._name, value)
        if self._switch and checked and optimizer.is_built and self._name not in optimizer.used:
            raise ValueError(f"{self._name} was {value!r}: the model was compiled without, set it and compile again")
        optimizer.settings[self._name] = checked
        optimizer.changed = True


def _or_none(check: Callable[[str, Any], float]) -> Callable[[str, Any], float | None]:
    return lambda name, value: None if value is None else check(name, value)


class Optimizer(Configured, ABC):
    """From a flat gradient to a flat step; the `record_` methods are for the engine.

    Parameters
    ----------
    learning_rate
        A number, or a schedule of `numpy_nn.schedules`.
    weight_decay
        The share of all weights, times the learning rate, that is taken off before each update.
    clipnorm, clipvalue, global_clipnorm
        The largest norm of the gradient of each kernel and bias; the largest size of a number in it; the largest norm of the whole
        gradient. One of them at most. (What only Keras has, as `name`, is taken with values that change nothing.)

    """

    name: str
    decaying: tuple[str, ...] = ()
    """Names of the arrays in which earlier gradients decay."""
    weight_decay = Setting(_or_none(fraction), switch=True)
    clipnorm = Setting(_or_none(positive), switch=True)
    clipvalue = Setting(_or_none(positive), switch=True)
    global_clipnorm = Setting(_or_none(positive), switch=True)

    def __init__(
        self,
        learning_rate: float | Mapping[str, Any] | LearningRateSchedule,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        **keras: Any,
    ) -> None:
        if keras:
            check_arguments("an optimizer", keras)
        self.settings: dict[str, Any] = {}
        self.used: frozenset[str] = frozenset()
        """Settings that were neither 0 nor None when the state was made, and arrays of the state."""
        self.changed = False
        """Whether a setting has been set since the last `refresh`."""
        self.iterations = 0
        """Updates made so far; the engine counts them."""
        self.arrays: dict[str, Array] = {}
        """The state, by Keras' names."""
        self.numbers: dict[str, Array] = {}
        """What the recorded operations read: 0-dimensional arrays that `refresh` writes."""
        self.gradient_factor = 1.0
        """A factor of the gradient that `record_update` leaves out: the scale of the loss includes it at no cost."""
        self._owner: weakref.ref[Any] | None = None
        self.learning_rates: Array | None = None
        """Of stacked networks (`Ensemble`): (networks, 1), a learning rate for each in place of `learning_rate`."""
        self.schedule: LearningRateSchedule | None = None
        if isinstance(learning_rate, (Mapping, LearningRateSchedule)):
            self.schedule = schedules.get(learning_rate)
        else:
            self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.clipnorm, self.clipvalue, self.global_clipnorm = clipnorm, clipvalue, global_clipnorm
        if sum(self.settings[name] is not None for name in CLIPPING) > 1:
            raise ValueError(
                "Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set: "
                f"they were {clipnorm!r}, {clipvalue!r} and {global_clipnorm!r}"
            )

    def __repr__(self) -> str:
        settings = {key: value for key, value in self.get_config().items() if value is not None}
        return f"{type(self).__name__}({', '.join(f'{key}={value!r}' for key, value in settings.items())})"

    def __getstate__(self) -> dict[str, Any]:
        """What a copy is made from: it has state of its own, and no owner yet."""
        return {**self.__dict__, "_owner": None}

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step; it can be set where it isn't a schedule's."""
        return float(self.settings["learning_rate"] if self.schedule is None else self.schedule(self.iterations))

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        if self.schedule is not None:
            raise TypeError(f"learning_rate was {value!r}: it can't be set, since the optimizer has a schedule, {self.schedule!r}")
        self.settings["learning_rate"] = not_negative("learning_rate", value)
        self.changed = True

    @property
    def rate(self) -> Any:
        """What the next step multiplies by: the learning rate, or those of stacked networks."""
        return self.learning_rate if self.learning_rates is None else self.learning_rates

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an optimizer like this one, fit for JSON."""
        rate = self.settings["learning_rate"] if self.schedule is None else self.schedule.identifier()
        return {"learning_rate": rate, **{name: self.settings[name] for name in ("weight_decay", *CLIPPING)}}

    # --- state -----------------------------------------------------------------------------------------------------------------

    @property
    def is_built(self) -> bool:
        """Whether there is state for a vector of weights."""
        return bool(self.numbers)

    def build(self, count: int | tuple[int, int], dtype: np.dtype[Any], owner: Any = None) -> None:
        """Make state for a vector of `count` weights, or for the vectors (networks, weights) of stacked networks.

        Parameters
        ----------
        owner
            Whose weights they are. State that the optimizer has for the same owner stays, as in Keras.

        Raises
        ------
        ValueError
            If the optimizer has state for another owner already.

        """
        if owner is not None:
            if not self._is_free_for(owner):
                gc.collect()  # the other may be gone, but for a cycle of references
            if not self._is_free_for(owner):
                raise ValueError(f"optimizer was {self!r}, which trains another model: each model needs one of its own")
        goes_on = owner is not None and self._owner is not None and self._owner() is owner
        if owner is not None:
            self._owner = weakref.ref(owner)
        first = self.first_state()
        self.used = frozenset([*first, *(name for name, value in self.settings.items() if value)])
        kept = self.arrays if goes_on else {}
        self.iterations = self.iterations if goes_on else 0
        self.arrays = {name: kept[name] if name in kept else full(count, value, dtype) for name, value in first.items()}
        self.numbers = {name: scalar(value, dtype) for name, value in self.constants().items()}
        self.gradient_factor = self.factor()
        self.changed = False

    def _is_free_for(self, owner: Any) -> bool:
        other = None if self._owner is None else self._owner()
        return other is None or other is owner

    def first_state(self) -> dict[str, float]:
        """Names of the arrays of the state, and what is in them at first."""
        return {}

    def constants(self) -> dict[str, float]:
        """What the recorded operations read, from the settings of now."""
        rate = self.rate
        clip = self.clipvalue or math.inf
        return {"rate": rate, "decay": 1 - rate * (self.weight_decay or 0.0), "most": clip, "least": -clip}

    def refresh(self) -> None:
        """Let the settings of now count."""
        constants = self.constants()
        for name, number in self.numbers.items():
            number[()] = constants[name]
        self.gradient_factor = self.factor()
        self.changed = False

    def get_state(self) -> dict[str, Array]:
        """Copies of the state: the arrays, and the number of updates as "iterations"."""
        return {"iterations": np.array(self.iterations), **{name: array.copy() for name, array in self.arrays.items()}}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Take over what `get_state` of an optimizer with the same settings gave; nothing is changed if it doesn't fit.

        Raises
        ------
        ValueError
            If the names or shapes differ, or a value is not finite.

        """
        wanted = {"iterations": (), **{name: array.shape for name, array in self.arrays.items()}}
        given = {name: np.asarray(value) for name, value in state.items()}
        if {name: value.shape for name, value in given.items()} != wanted:
            shapes = {name: value.shape for name, value in given.items()}
            raise ValueError(f"state had the arrays {shapes}: {type(self).__name__} has {wanted}")
        for name, value in given.items():
            if value.dtype.kind not in "iuf" or not np.isfinite(value).all():
                raise ValueError(f"state[{name!r}] had a value that is not a finite number")
        iterations = given.pop("iterations")
        if iterations < 0 or iterations != np.floor(iterations):
            raise ValueError(f"state['iterations'] was {iterations}: it must be an integer of at least 0")
        self.iterations = int(iterations)
        for name, value in given.items():
            self.arrays[name][...] = value
        self.changed = True

    def state(self) -> list[Array]:
        """The arrays in which earlier gradients decay."""
        return [self.arrays[name] for name in self.decaying if name in self.arrays]

    # --- for the engine --------------------------------------------------------------------------------------------------------

    def factor(self) -> float:
        """The `gradient_factor`, from the settings of now."""
        return 1.0

    @property
    def needs_whole_gradient(self) -> bool:
        """Whether no weight can be updated before all of the gradient is there."""
        return not self.used.isdisjoint(("clipnorm", "global_clipnorm"))

    def record_begin(self) -> Program:
        """Operations to run once before each update of the whole vector."""
        return [] if self.schedule is None else [self.refresh]

    def record_clipping(self, parts: Sequence[Array]) -> Program:
        """Operations that clip the gradient's norm, if that is wanted; `parts` are views of each kernel's and bias', flat."""
        if "clipnorm" in self.used:
            return [partial(self._clip, "clipnorm", [part]) for part in parts]
        return [partial(self._clip, "global_clipnorm", parts)] if "global_clipnorm" in self.used else []

    def _clip(self, name: str, parts: Sequence[Array]) -> None:
        limit = self.settings[name] or math.inf
        norm = math.sqrt(sum(float(part.dot(part)) for part in parts))
        if norm > limit:
            for part in parts:
                np.multiply(part, limit / norm, part)

    def record_update(self, weights: Array, gradient: Array, place: slice = slice(None)) -> Program:
        """Operations that update `weights`, which stand at `place` in the vector, from `gradient`, which they may overwrite."""
        program: Program = []
        if "clipvalue" in self.used:
            program += [
                into(np.minimum, gradient, self.numbers["most"], gradient),
                into(np.maximum, gradient, self.numbers["least"], gradient),
            ]
        if "weight_decay" in self.used:
            program.append(partial(np.multiply, weights, self.numbers["decay"], weights))
        return [*program, *self.record_step(weights, gradient, place)]

    @abstractmethod
    def record_step(self, weights: Array, gradient: Array, place: slice) -> Program:
        """The same, of the clipped gradient, after the weight decay."""

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
