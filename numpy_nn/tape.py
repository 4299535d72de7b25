"""The words that the fast path is made of: a step is a tape, the list of array operations on buffers made once.

Activations, losses and optimisers each add the operations that they need, `workspace` puts them in order, `Sequential` plays them.
An operation is a NumPy function with its arguments bound, output last, so that playing one allocates nothing. Arrays' own methods,
`a.dot` and `a.__setitem__`, are taken rather than `np.dot` and `np.copyto`, which look for other kinds of arrays first (0.15 µs).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Operation = Callable[[], object]
Tape = list[Operation]

CACHE_LINE_BYTES = 64


def play(tape: Tape) -> None:
    """Carry out the operations of a tape, in order."""
    for operation in tape:
        operation()


def into(ufunc: Callable[..., object], left: Array, right: Array, out: Array) -> Operation:
    """`ufunc(left, right, out=out)`, for one that wants `out` by name: `partial` calls with a name 0.1 µs more slowly."""
    return lambda: ufunc(left, right, out=out)


def empty(shape: int | tuple[int, ...], dtype: Any) -> Array:
    """An array of any values that begins on a cache line.

    Where it begins elsewhere, each vector of numbers lies on two lines, and an operation takes up to a quarter longer; where NumPy
    puts it is chance.
    """
    dtype = np.dtype(dtype)
    size = math.prod(shape if isinstance(shape, tuple) else (shape,)) * dtype.itemsize
    memory = np.empty(size + CACHE_LINE_BYTES, np.uint8)
    start = -memory.ctypes.data % CACHE_LINE_BYTES
    array: Array = memory[start : start + size].view(dtype).reshape(shape)
    return array


def full(shape: int | tuple[int, ...], value: float, dtype: Any) -> Array:
    """The same, of one value."""
    array = empty(shape, dtype)
    array.fill(value)
    return array


def zeros(shape: tuple[int, ...], dtype: Any) -> Array:
    """Zeros, for reading only: one array for all who ask for that shape, as long as any of them keeps it."""
    key = shape, np.dtype(dtype).str
    array = _ZEROS.get(key)
    if array is None:
        array = _ZEROS[key] = full(shape, 0, dtype)
        array.flags.writeable = False
    return array


_ZEROS: WeakValueDictionary[tuple[tuple[int, ...], str], Array] = WeakValueDictionary()


def scalar(value: float, dtype: np.dtype[Any]) -> Array:
    """A zero-dimensional array: a ufunc takes it faster than a Python number, and it can be changed in place."""
    return np.array(value, dtype)
