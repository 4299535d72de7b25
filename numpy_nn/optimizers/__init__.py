"""Optimizers: from a flat gradient to a flat step. They know nothing of layers or networks.

Each follows Keras, to the place of its ε. The `record_` methods are for the engine: they return operations on its buffers. All
settings can be changed between steps, through the attributes. One more optimizer is a class with `record_step` and its name in
`OPTIMIZERS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy_nn import schedules
from numpy_nn.keras_names import finder
from numpy_nn.name_lookup import make
from numpy_nn.optimizers.adagrad import Adagrad
from numpy_nn.optimizers.adam import Adam, AdamW
from numpy_nn.optimizers.base import FLUSH_EVERY_STEPS, Optimizer
from numpy_nn.optimizers.rmsprop import RMSprop
from numpy_nn.optimizers.sgd import SGD

__all__ = [
    "FLUSH_EVERY_STEPS",
    "OPTIMIZERS",
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "Optimizer",
    "RMSprop",
    "get",
    "schedules",
]

OPTIMIZERS: dict[str, type[Optimizer]] = {optimizer.name: optimizer for optimizer in (SGD, Adam, AdamW, RMSprop, Adagrad)}


def get(identifier: str | Mapping[str, Any] | Optimizer) -> Optimizer:
    """The optimizer of that name with its defaults, of that dict of a class name and its arguments, or itself.

    Raises
    ------
    ValueError
        If there is none of that name.

    """
    if isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, type):  # as in Keras, which takes the classes of all other parts
        raise ValueError(f"optimizer was {identifier!r}: it must be an object of it; it may also be one of {', '.join(OPTIMIZERS)}")
    return make("optimizer", identifier, OPTIMIZERS)


__getattr__ = finder("numpy_nn.optimizers", [part.__name__ for part in OPTIMIZERS.values()])
