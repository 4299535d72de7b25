"""The list of dicts that describes a network, checked and turned into layer specs.

Called by `Sequential` before anything else, so that an error in the description is raised before anything is made from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import index
from typing import Any

from numpy_nn import activations

KEYS = ("input_dim", "output_dim", "activation")


@dataclass(frozen=True)
class LayerSpec:
    """A dense layer: `activation(x @ kernel + bias)`, with a kernel of (input_dim, output_dim)."""

    input_dim: int
    output_dim: int
    activation: str = "linear"

    @property
    def parameter_count(self) -> int:
        return (self.input_dim + 1) * self.output_dim


def parse_architecture(architecture: Sequence[Mapping[str, Any]]) -> tuple[LayerSpec, ...]:
    """The layers of a network, first to last.

    Parameters
    ----------
    architecture
        A dict a layer: `input_dim` and `output_dim`, positive integers, and `activation`, a name ("linear" if left out).

    Raises
    ------
    ValueError
        If it is empty, a layer is not a dict with those keys, a dimension is not a positive integer, an activation is unknown, or a
        layer's inputs are not the outputs of the layer before.

    """
    if isinstance(architecture, (str, bytes, Mapping)) or not isinstance(architecture, Sequence) or not architecture:
        raise ValueError(f"architecture was {architecture!r}: it must be a list of one dict a layer, with {', '.join(KEYS)}")
    layers = tuple(_parse_layer(number, layer) for number, layer in enumerate(architecture))
    for number, (before, layer) in enumerate(pairwise(layers), start=1):
        if layer.input_dim != before.output_dim:
            raise ValueError(
                f"architecture[{number}]['input_dim'] was {layer.input_dim}: "
                f"it must be {before.output_dim}, the output_dim of the layer before"
            )
    return layers


def as_dicts(layers: Sequence[LayerSpec]) -> list[dict[str, Any]]:
    """The list of dicts that `parse_architecture` makes equal layers from."""
    return [{"input_dim": layer.input_dim, "output_dim": layer.output_dim, "activation": layer.activation} for layer in layers]


def _parse_layer(number: int, layer: object) -> LayerSpec:
    place = f"architecture[{number}]"
    if not isinstance(layer, Mapping):
        raise ValueError(f"{place} was {layer!r}: it must be a dict with {', '.join(KEYS)}")
    unknown = [key for key in layer if key not in KEYS]
    if unknown:
        raise ValueError(f"{place} has the key {unknown[0]!r}: the keys are {', '.join(KEYS)}")
    for key in ("input_dim", "output_dim"):
        if key not in layer:
            raise ValueError(f"{place} lacks {key!r}: the keys are {', '.join(KEYS)}")
    activation = layer.get("activation", "linear")
    if not isinstance(activation, str) or activation not in activations.ACTIVATIONS:
        raise ValueError(f"{place}['activation'] was {activation!r}: it may be one of {', '.join(activations.ACTIVATIONS)}")
    return LayerSpec(
        _dimension(f"{place}['input_dim']", layer["input_dim"]),
        _dimension(f"{place}['output_dim']", layer["output_dim"]),
        activation,
    )


def _dimension(place: str, value: object) -> int:
    message = f"{place} was {value!r}: it must be a positive integer"
    if isinstance(value, bool):
        raise ValueError(message)
    try:
        number = index(value)  # type: ignore[arg-type]  # whatever has __index__ is an integer; all else is refused below
    except TypeError:
        raise ValueError(message) from None
    if number < 1:
        raise ValueError(message)
    return number
