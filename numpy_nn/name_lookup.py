"""Name lookup: activations, losses, optimizers and initializers by their Keras names, with an error that lists them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

Value = TypeVar("Value")


def find(kind: str, name: object, table: Mapping[str, Value]) -> Value:
    """The entry of `table` called `name`.

    Raises
    ------
    ValueError
        If there is none; the message has `kind`, `name`, and all names of the table.

    """
    if isinstance(name, str) and name in table:
        return table[name]
    raise ValueError(f"{kind} was {name!r}: it may be one of {', '.join(table)}")
