"""Pydantic's errors of a record or a workload as one line that names the key."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from bench.error_messages import may_be, one_line, short

_WORDS = {"dict_type": "it should be a table", "list_type": "it should be a list, as [1, 2]"}
"""What pydantic says in Python's terms, by the type of its error."""
_SCALARS = ("bool", "int", "constrained-int", "float", "constrained-float", "constrained-str")
"""What pydantic adds to the key of a value that may be of several types."""


def first_mistake(error: ValidationError, model: type[BaseModel], prefix: str = "") -> str:
    """Return the first error of a `model` in one line with its dotted key; `prefix` is the key of the model itself."""
    return one_line(_first_mistake(error, model, prefix))


def _first_mistake(error: ValidationError, model: type[BaseModel], prefix: str) -> str:
    mistake = error.errors(include_url=False)[0]
    location = mistake["loc"]
    kind, message = mistake["type"], mistake["msg"].removeprefix("Value error, ")
    if len(location) > 1 and location[-1] in _SCALARS:
        location, message = location[:-1], "it must be a finite number, true or false, or a word of letters and digits"
    key = ".".join(str(part) for part in ([prefix] if prefix else []) + list(location))
    if kind == "extra_forbidden":
        return f"{key} is no key that is known: {may_be(str(location[-1]), _keys(model, location[:-1]))}"
    if kind == "missing":
        return f"{key} is missing"
    if kind == "json_invalid" or not key:
        return message
    return f"{key} is {short(mistake['input'])}: {re.sub('^[A-Z][a-z]+ should', 'it should', _WORDS.get(kind, message))}"


def _keys(model: type[BaseModel], location: Iterable[int | str]) -> list[str]:
    """Return the field names of the model at `location` inside `model`."""
    place: Any = model
    for part in location:
        fields = getattr(place, "model_fields", None)
        place = fields[str(part)].annotation if fields is not None else get_args(place)[-1]
    return list(getattr(place, "model_fields", {}))
