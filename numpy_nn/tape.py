"""The words that the fast path is made of: a step is a tape, the list of array operations on buffers made once.

Activations, losses and optimisers each add the operations that they need, `workspace` puts them in order, `Sequential` plays them.
An operation is a NumPy function with its arguments bound, output last, so that playing one allocates nothing. Arrays' own methods,
`a.dot` and `a.__setitem__`, are taken rather than `np.dot` and `np.copyto`, which look for other kinds of arrays first (0.15 µs).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Operation = Callable[[], object]
Tape = list[Operation]


def play(tape: Tape) -> None:
    """Carry out the operations of a tape, in order."""
    for operation in tape:
        operation()


def scalar(value: float, dtype: np.dtype[Any]) -> Array:
    """A zero-dimensional array: a ufunc takes it faster than a Python number, and it can be changed in place."""
    return np.array(value, dtype)
