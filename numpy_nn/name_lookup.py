"""Parts found by name, with the error that says which names there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

Part = TypeVar("Part")


def find(kind: str, name: object, table: Mapping[str, Part]) -> Part:
    """The part of `table` called `name`.

    Raises
    ------
    ValueError
        If there is none; the message names `kind`, what was asked for, and all that may be.

    """
    if isinstance(name, str) and name in table:
        return table[name]
    raise ValueError(f"{kind} was {name!r}: it may be one of {', '.join(table)}")
