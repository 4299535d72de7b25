"""What of a function's result can be compared with another's: numbers, and texts as numbers. Called by `external` and `calls`."""

from __future__ import annotations

import numbers
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np

from bench.micro.benchmark import Array

MOST_COMPARED_VALUES = 100_000
MOST_ELEMENTS = 100
"""Of a list, a dict or a set."""
DEEPEST = 20


def comparable(result: Any) -> list[Array]:
    """The numbers, and the texts as bytes, in a result; empty for an object of which nothing is known."""
    return list(_arrays(result, 0))


def _arrays(result: Any, depth: int) -> Iterator[Array]:
    if isinstance(result, np.ndarray):
        if result.dtype.kind in "biufc":
            yield from [result.real, result.imag] if result.dtype.kind == "c" else [result]
    elif isinstance(result, (str, bytes, bytearray)):
        data = result.encode(errors="replace") if isinstance(result, str) else result
        yield np.frombuffer(data[:MOST_COMPARED_VALUES], np.uint8).astype(np.float64)
    elif isinstance(result, (numbers.Complex, np.bool_)):
        yield _number(result)
    elif depth < DEEPEST:  # a list may hold itself
        yield from (array for value in _elements(result) for array in _arrays(value, depth + 1))


def _elements(result: Any) -> list[Any]:
    """What is in a container, in an order that two equal ones have in common."""
    if isinstance(result, Mapping) and isinstance(result, dict):
        return [value for _, value in sorted(result.items(), key=lambda pair: _key(pair[0]))[:MOST_ELEMENTS]]
    if isinstance(result, AbstractSet) and isinstance(result, (set, frozenset)):
        return sorted((value for value in result if isinstance(value, (str, bytes, int, float))), key=_key)[:MOST_ELEMENTS]
    return list(result[:MOST_ELEMENTS]) if isinstance(result, (list, tuple)) else []


def _key(value: Any) -> tuple[str, str]:
    is_plain = isinstance(value, (str, bytes, int, float))
    return type(value).__name__, repr(value) if is_plain else ""


def _number(value: Any) -> Array:
    try:
        found = complex(value)
    except (OverflowError, ValueError, TypeError):  # an integer beyond a float
        data = str(hash(value)).encode()
        return np.frombuffer(data, np.uint8).astype(np.float64)
    return np.array([found.real, found.imag] if found.imag else [found.real])
