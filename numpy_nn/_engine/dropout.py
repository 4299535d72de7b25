"""Dropout: a training step sets a share of a layer's inputs to zero, and scales the others so that the mean stays.

Recorded by `forward` and `backward`; `buffers` holds one for each layer that has it. Prediction leaves it out.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from numpy_nn._engine.arrays import Array, empty, full, scalar
from numpy_nn._engine.program import Program


class Dropout:
    """The inputs of a layer after dropout, and the mask that was drawn for them.

    Parameters
    ----------
    rate
        The share that is set to zero; what is kept is divided by 1 − rate.
    generator
        Each step draws from it.

    """

    def __init__(self, inputs: int, rows: int, dtype: np.dtype[Any], *, rate: float, generator: np.random.Generator) -> None:
        self.inputs = full((inputs + 1, rows), 1, dtype)
        """(inputs + 1, rows): the last row is the ones of the bias, and stays."""
        self._mask, self._kept = empty((inputs, rows), dtype), empty((inputs, rows), bool)
        self._rate, self._generator = rate, generator

    def record_forward(self, inputs: Array) -> Program:
        """Operations that draw a mask, and write `inputs` (inputs + 1, rows) times the mask."""
        mask, dtype = self._mask, self._mask.dtype
        return [
            partial(self._generator.random, dtype=dtype.type, out=mask),
            partial(np.greater_equal, mask, scalar(self._rate, dtype), self._kept),
            partial(mask.__setitem__, ..., self._kept),
            partial(np.multiply, mask, scalar(1 / (1 - self._rate), dtype), mask),
            partial(np.multiply, inputs[:-1], mask, self.inputs[:-1]),
        ]

    def record_backward(self, delta: Array) -> Program:
        """Operations that turn the gradient by what the layer was given into that by its inputs."""
        return [partial(np.multiply, delta, self._mask, delta)]
