"""Checks of the numbers and files that parts of a network are given: each returns the value, or raises an error that names it."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any

import numpy as np

_SEPARATORS = tuple(filter(None, (os.sep, os.altsep)))
SHOWN_LETTERS = 120


def shown(value: object) -> str:
    """What an argument was, as Python writes it, in one line for an error: the middle of a long one is left out."""
    text = " ".join(repr(value).split())
    half = (SHOWN_LETTERS - 1) // 2
    return text if len(text) <= SHOWN_LETTERS else f"{text[:half]}…{text[-half:]}"


def finite(name: str, value: Any) -> float:
    """`value`, a number that is neither NaN nor infinite."""
    return _number(name, value, "a finite number", math.isfinite)


def not_negative(name: str, value: Any) -> float:
    """`value`, a number of at least 0."""
    return _number(name, value, "a finite number of at least 0", lambda number: 0 <= number < math.inf)


def positive(name: str, value: Any) -> float:
    """`value`, a number above 0."""
    return _number(name, value, "a finite, positive number", lambda number: 0 < number < math.inf)


def fraction(name: str, value: Any) -> float:
    """`value`, a number of at least 0 and below 1."""
    return _number(name, value, "at least 0 and below 1", lambda number: 0 <= number < 1)


def share(name: str, value: Any) -> float:
    """`value`, a number from 0 to 1."""
    return _number(name, value, "a number from 0 to 1", lambda number: 0 <= number <= 1)


def file_path(name: str, value: Any) -> str:
    """`value`, the path of a file, as a string."""
    try:
        path = os.fsdecode(value)
    except TypeError:
        raise ValueError(f"{name} was {shown(value)}: it must be the path of a file, a string or a pathlib.Path") from None
    if not path or "\0" in path or path.endswith(_SEPARATORS) or not _is_encodable(path):
        raise ValueError(f"{name} was {path!r}: it must be the path of a file")
    return path


def _is_encodable(path: str) -> bool:
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return False
    return True


def _number(name: str, value: Any, wanted: str, fits: Callable[[float], bool]) -> float:
    number = value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value
    if isinstance(number, (bool, np.bool_)) or not isinstance(number, (int, float, np.number)) or not fits(float(number)):
        raise ValueError(f"{name} was {shown(value)}: it must be {wanted}")
    return float(number)
