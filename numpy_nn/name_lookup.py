"""Name lookup: parts of a network by their Keras names, in any case, with an error that lists them.

Called by `get` of activations, losses, optimizers, initializers, regularizers and schedules. A part with arguments is written as in
Keras: `{"class_name": "leaky_relu", "config": {"negative_slope": 0.25}}`; what Keras writes beside these two is left unread.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from numpy_nn.checks import shown

Value = TypeVar("Value")


class Configured:
    """What has a configuration of its arguments."""

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """One with the arguments that `get_config`, here or of Keras, gave."""
        return cls(**config)


class Part(Configured):
    """What parts share: a Keras name, a configuration, and equality by both."""

    name: str

    def get_config(self) -> dict[str, Any]:
        """The arguments that make a part like this one."""
        return {}

    def identifier(self) -> str | dict[str, Any]:
        """What `get` makes an equal part from, fit for JSON: the name, with the arguments where they aren't the defaults."""
        try:
            plain = type(self)() == self
        except TypeError:  # an argument has no default
            plain = False
        return self.name if plain else {"class_name": type(self).name, "config": self.get_config()}

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.get_config() == other.get_config()

    def __hash__(self) -> int:
        return hash((type(self), repr(self.get_config())))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{key}={value!r}' for key, value in self.get_config().items())})"


def find(kind: str, name: object, table: Mapping[str, Value], aliases: Mapping[str, str] | None = None) -> Value:
    """The entry of `table` called `name`, in any case and with or without underscores, or with that alias.

    Raises
    ------
    ValueError
        If there is none; the message has `kind`, `name`, and all names of the table.

    """
    if isinstance(name, str):
        if name in table:
            return table[name]
        wanted = _plain(name)
        for known, target in {**{known: known for known in table}, **(aliases or {})}.items():
            if _plain(known) == wanted:
                return table[target]
    raise ValueError(f"{kind} was {shown(name)}: it may be one of {', '.join(table)}")


def make(kind: str, identifier: object, table: Mapping[str, type[Value]], aliases: Mapping[str, str] | None = None) -> Value:
    """The part that a name, a class of the table, or a dict of a class name and its arguments stands for.

    Without arguments it has its defaults.

    Raises
    ------
    ValueError
        If there is none of that name, or an argument is not one of those allowed.

    """
    config: object = {}
    name = identifier.name if isinstance(identifier, type) and identifier in table.values() else identifier  # type: ignore[attr-defined]
    if isinstance(identifier, Mapping):
        if not set(identifier) <= {"class_name", "config", "module", "registered_name"} or "class_name" not in identifier:
            raise ValueError(f"{kind} was {dict(identifier)!r}: a dict must have the keys 'class_name' and 'config'")
        name, config = identifier["class_name"], identifier.get("config", {})
    made = find(kind, name, table, aliases)
    if not isinstance(config, Mapping):
        raise ValueError(f"{kind} had the config {config!r}: it must be a dict of the arguments of {name!r}")
    try:
        return made(**config)
    except TypeError as error:
        raise ValueError(f"{kind} was {shown(identifier)}: {error}") from None


def _plain(name: str) -> str:
    return name.replace("_", "").lower()
