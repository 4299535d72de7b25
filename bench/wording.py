"""How a mistake is put into words: one line that names the key, what it was and what it may be.

Called by whatever reads what a user wrote (workloads, data sets, contestants, records). Standard library only: a worker has it too.
"""

from __future__ import annotations

import difflib
import re
import reprlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, get_args

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 80


def one_line(text: object) -> str:
    """`text` with every run of white space, line breaks too, made one blank."""
    return " ".join(str(text).split())


def short(value: object) -> str:
    """What a value was, quoted as Python writes it, cut where it is long."""
    return one_line(_SHORT.repr(value))


def may_be(word: str, known: Iterable[str]) -> str:
    """All the words that would have been right, the nearest to `word` named first."""
    words = list(known)
    near = difflib.get_close_matches(word, words, n=1)
    guess = f"did you mean {near[0]!r}? " if near else ""
    return f"{guess}it may be one of {', '.join(words)}"


def first_mistake(error: ValidationError, model: type[BaseModel], prefix: str = "") -> str:
    """The first thing that pydantic found wrong with a `model`, by its dotted key; `prefix` is the key of the model itself."""
    mistake = error.errors(include_url=False)[0]
    location = mistake["loc"]
    key = ".".join(str(part) for part in ([prefix] if prefix else []) + list(location))
    kind, message = mistake["type"], one_line(mistake["msg"]).removeprefix("Value error, ")
    if kind == "extra_forbidden":
        return f"{key} is no key that is known: {may_be(str(location[-1]), _keys(model, location[:-1]))}"
    if kind == "missing":
        return f"{key} is missing"
    if kind == "json_invalid" or not key:
        return message
    return f"{key} is {short(mistake['input'])}: {re.sub('^[A-Z][a-z]+ should', 'it should', message)}"


def _keys(model: type[BaseModel], location: Iterable[int | str]) -> list[str]:
    """The fields of the model that stands at `location` inside `model`."""
    place: Any = model
    for part in location:
        fields = getattr(place, "model_fields", None)
        place = fields[str(part)].annotation if fields is not None else get_args(place)[-1]
    return list(getattr(place, "model_fields", {}))
