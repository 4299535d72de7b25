"""Checks of the numbers that parts of a network are made with: each returns the number, or raises an error that names it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

SHOWN_LETTERS = 120


def shown(value: object) -> str:
    """What an argument was, as Python writes it, in one line for an error: the middle of a long one is left out."""
    text = " ".join(repr(value).split())
    half = SHOWN_LETTERS // 2
    return text if len(text) <= SHOWN_LETTERS else f"{text[:half]}…{text[-half:]}"


def finite(name: str, value: Any) -> float:
    """`value`, a number that is neither NaN nor infinite."""
    return _number(name, value, "a finite number", math.isfinite)


def not_negative(name: str, value: Any) -> float:
    """`value`, a number of at least 0."""
    return _number(name, value, "a number of at least 0", lambda number: 0 <= number < math.inf)


def positive(name: str, value: Any) -> float:
    """`value`, a number above 0."""
    return _number(name, value, "a positive number", lambda number: 0 < number < math.inf)


def fraction(name: str, value: Any) -> float:
    """`value`, a number of at least 0 and below 1."""
    return _number(name, value, "at least 0 and below 1", lambda number: 0 <= number < 1)


def share(name: str, value: Any) -> float:
    """`value`, a number from 0 to 1."""
    return _number(name, value, "a number from 0 to 1", lambda number: 0 <= number <= 1)


def _number(name: str, value: Any, wanted: str, fits: Callable[[float], bool]) -> float:
    number = value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value
    if isinstance(number, (bool, np.bool_)) or not isinstance(number, (int, float, np.number)) or not fits(float(number)):
        raise ValueError(f"{name} was {shown(value)}: it must be {wanted}")
    return float(number)
