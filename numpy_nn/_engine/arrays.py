"""Arrays that the engine computes on: aligned to cache lines, and made once."""

from __future__ import annotations

import math
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

CACHE_LINE_BYTES = 64


def empty(shape: int | tuple[int, ...], dtype: Any) -> Array:
    """An uninitialized array that begins on a cache line, so that no vector of numbers lies on two lines."""
    dtype = np.dtype(dtype)
    size = math.prod(shape if isinstance(shape, tuple) else (shape,)) * dtype.itemsize
    try:
        memory = np.empty(size + CACHE_LINE_BYTES, np.uint8)
    except (MemoryError, ValueError):
        raise MemoryError(f"an array of the shape {shape} takes {size:,} bytes, and there isn't as much memory") from None
    start = -memory.ctypes.data % CACHE_LINE_BYTES
    array: Array = memory[start : start + size].view(dtype).reshape(shape)
    return array


def full(shape: int | tuple[int, ...], value: float, dtype: Any) -> Array:
    """An array of one value that begins on a cache line."""
    array = empty(shape, dtype)
    array.fill(value)
    return array


def zeros(shape: tuple[int, ...], dtype: Any) -> Array:
    """A read-only array of zeros, shared by all callers that ask for the same shape and dtype."""
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
