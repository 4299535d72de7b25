"""The list of dicts that describes a network, checked and turned into layer specs; and back.

Called by `Sequential` before anything else, so that an error in the description is raised before anything is made from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import index
from typing import Any, NoReturn

from numpy_nn import activations, initializers, regularizers
from numpy_nn.activations import Activation
from numpy_nn.checks import fraction, shown
from numpy_nn.initializers import Initializer
from numpy_nn.keras_names import OF_LAYER, REFUSED, is_harmless, raise_missing
from numpy_nn.regularizers import Regularizer

KEYS = (
    "input_dim",
    "output_dim",
    "activation",
    "use_bias",
    "kernel_initializer",
    "bias_initializer",
    "kernel_regularizer",
)
LARGEST_DIMENSION = 2**31 - 1
PLAIN = frozenset(KEYS[:3])


@dataclass(frozen=True)
class LayerSpec:
    """A dense layer: `activation(x @ kernel + bias)`, with a kernel of (input_dim, output_dim)."""

    input_dim: int
    output_dim: int
    activation: str | Activation = "linear"
    """A name, or an object where there are arguments."""
    use_bias: bool = True
    kernel_initializer: Initializer | None = None
    """None: the network's."""
    bias_initializer: Initializer | None = None
    """None: zeros, or what the network's initializer has."""
    kernel_regularizer: Regularizer | None = None
    dropout: float = 0.0
    """The share of the layer's inputs that a training step sets to zero."""

    def __getattr__(self, name: str) -> NoReturn:
        """Name the nearest thing to what a layer of Keras has and this has not."""
        raise_missing("a layer", name, OF_LAYER)

    @property
    def matrix_rows(self) -> int:
        """Rows of the layer's matrix: those of the kernel, and the bias."""
        return self.input_dim + self.use_bias

    @property
    def parameter_count(self) -> int:
        return (self.input_dim + self.use_bias) * self.output_dim


def parse_architecture(architecture: Sequence[Mapping[str, Any]]) -> tuple[LayerSpec, ...]:
    """The layers of a network, first to last.

    Parameters
    ----------
    architecture
        A dict a layer: `input_dim` and `output_dim`, positive integers, and `activation`, a name or an object, "linear" if left
        out; if wanted `use_bias`, `kernel_initializer`, `bias_initializer` and `kernel_regularizer`. Before a layer there may be
        `{"dropout": rate}`, which sets that share of the layer's inputs to zero in training. Other keys of Keras' Dense are taken
        where they change nothing (`name`, `bias_regularizer=None`).

    Raises
    ------
    ValueError
        If it is empty, an entry is not a dict with those keys, a value is not one of those allowed, or a layer's inputs are not the
        outputs of the layer before.

    """
    if isinstance(architecture, (str, bytes, Mapping)) or not isinstance(architecture, Sequence) or not architecture:
        raise ValueError(f"architecture was {shown(architecture)}: it must be a list of one dict a layer, with {', '.join(KEYS)}")
    layers: list[LayerSpec] = []
    places: list[str] = []
    dropout = 0.0
    for number, entry in enumerate(architecture):
        place = f"architecture[{number}]"
        if not isinstance(entry, Mapping):
            raise ValueError(f"{place} was {shown(entry)}: it must be a dict with {', '.join(KEYS)}")
        if "dropout" in entry:
            if dropout or number == len(architecture) - 1:
                raise ValueError(f"{place} was {dict(entry)!r}: a layer must follow a dropout")
            dropout = _dropout(place, entry)
            continue
        layers.append(_parse_layer(place, entry, dropout))
        places.append(place)
        dropout = 0.0
    for place, (before, layer) in zip(places[1:], pairwise(layers), strict=True):
        if layer.input_dim != before.output_dim:
            raise ValueError(
                f"{place}['input_dim'] was {layer.input_dim}: it must be {before.output_dim}, the output_dim of the layer before"
            )
    return tuple(layers)


def as_dicts(layers: Sequence[LayerSpec]) -> list[dict[str, Any]]:
    """The list of dicts that `parse_architecture` makes equal layers from, fit for JSON; what has its default is left out."""
    dicts: list[dict[str, Any]] = []
    for layer in layers:
        if layer.dropout:
            dicts.append({"dropout": layer.dropout})
        entry: dict[str, Any] = {"input_dim": layer.input_dim, "output_dim": layer.output_dim}
        entry["activation"] = activations.get(layer.activation).identifier()
        if not layer.use_bias:
            entry["use_bias"] = False
        parts = {
            "kernel_initializer": layer.kernel_initializer,
            "bias_initializer": layer.bias_initializer,
            "kernel_regularizer": layer.kernel_regularizer,
        }
        dicts.append(entry | {key: part.identifier() for key, part in parts.items() if part is not None})
    return dicts


def chained(entries: Sequence[Any], inputs: int) -> list[Any]:
    """The entries, each with an `input_dim` that is the outputs of the one before; `inputs` are the first one's."""
    filled: list[Any] = []
    for entry in entries:
        if isinstance(entry, Mapping) and "output_dim" in entry:
            filled.append({"input_dim": inputs, **entry})
            inputs = entry["output_dim"]
        else:
            filled.append(entry)
    return filled


def summary_lines(layers: Sequence[LayerSpec]) -> list[str]:
    """A table of the layers: shapes, activations, parameters."""
    lines = [f"{'layer':<8}{'kernel':<16}{'activation':<14}{'parameters':>10}"]
    for number, layer in enumerate(layers):
        shape = f"({layer.input_dim}, {layer.output_dim})"
        name = layer.activation if isinstance(layer.activation, str) else layer.activation.name
        lines.append(f"{number:<8}{shape:<16}{name:<14}{layer.parameter_count:>10,}")
    return lines


def _parse_layer(place: str, layer: Mapping[str, Any], dropout: float) -> LayerSpec:
    for key in [key for key in layer if key not in KEYS]:
        if not is_harmless("a layer", key, layer[key]):
            there = f"there is {REFUSED['a layer'][key]}" if key in REFUSED["a layer"] else f"the keys are {', '.join(KEYS)}"
            raise ValueError(f"{place} has the key {key!r}: {there}")
    for key in ("input_dim", "output_dim"):
        if key not in layer:
            raise ValueError(f"{place} lacks {key!r}: the keys are {', '.join(KEYS)}")
    use_bias = layer.get("use_bias", True)
    if not isinstance(use_bias, bool):
        raise ValueError(f"{place}['use_bias'] was {shown(use_bias)}: it must be True or False")
    bias_initializer = layer.get("bias_initializer")
    if not use_bias and bias_initializer is not None:
        raise ValueError(f"{place}['bias_initializer'] was {bias_initializer!r}: with use_bias=False there is no bias")
    dims = _dimension(place, "input_dim", layer["input_dim"]), _dimension(place, "output_dim", layer["output_dim"])
    activation = _activation(f"{place}['activation']", layer.get("activation"))
    if not dropout and layer.keys() <= PLAIN:
        return LayerSpec(*dims, activation)  # most layers are; the rest takes longer
    return LayerSpec(
        *dims,
        activation,
        use_bias,
        initializers.of_layer(f"{place}['kernel_initializer']", layer.get("kernel_initializer")),
        initializers.of_layer(f"{place}['bias_initializer']", bias_initializer),
        regularizers.get(layer.get("kernel_regularizer"), f"{place}['kernel_regularizer']"),
        dropout,
    )


def _activation(place: str, value: Any) -> str | Activation:
    """The name of an activation with its defaults, else the activation."""
    if isinstance(value, str) and value in activations.ACTIVATIONS:
        return value
    found = activations.get(value, place)
    return found.name if isinstance(found.identifier(), str) else found


def _dropout(place: str, entry: Mapping[str, Any]) -> float:
    if len(entry) > 1:
        raise ValueError(f"{place} was {dict(entry)!r}: beside 'dropout' there may be no other key")
    return fraction(f"{place}['dropout']", entry["dropout"])


def _dimension(place: str, key: str, value: object) -> int:
    try:
        number = 0 if isinstance(value, bool) else index(value)  # type: ignore[arg-type]  # whatever has __index__ is an integer
    except TypeError:
        number = 0
    if number < 1:
        raise ValueError(f"{place}[{key!r}] was {shown(value)}: it must be a positive integer")
    if number > LARGEST_DIMENSION:
        raise ValueError(f"{place}[{key!r}] was {shown(value)}: it must be at most {LARGEST_DIMENSION}")
    return number
