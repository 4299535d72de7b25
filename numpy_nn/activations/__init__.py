"""Activations: the value and the derivative.

Called directly, an activation takes samples in rows, as everywhere. The `record_` methods are for the engine: they return
operations on its buffers, with features in rows and samples in columns. The derivative is computed from the activation's *output*,
since the input has been overwritten when the backward pass needs it; for an activation that isn't monotonic the engine keeps the
input (`derivative_of_input`). It is a factor for elementwise activations, and a product with the Jacobian for softmax, whose
outputs depend on one another. One more activation is a class in `of_output` or `of_input` and its name in `ACTIVATIONS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy_nn.activations.base import Activation, Elementwise
from numpy_nn.activations.of_input import Gelu, Mish, Silu
from numpy_nn.activations.of_output import (
    Elu,
    Exponential,
    HardSigmoid,
    LeakyRelu,
    Linear,
    Relu,
    Selu,
    Sigmoid,
    Softmax,
    Softplus,
    Softsign,
    Tanh,
)
from numpy_nn.keras_names import finder
from numpy_nn.name_lookup import make

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "Elementwise",
    "Elu",
    "Exponential",
    "Gelu",
    "HardSigmoid",
    "LeakyRelu",
    "Linear",
    "Mish",
    "Relu",
    "Selu",
    "Sigmoid",
    "Silu",
    "Softmax",
    "Softplus",
    "Softsign",
    "Tanh",
    "get",
]

ACTIVATIONS: dict[str, type[Activation]] = {
    activation.name: activation
    for activation in (
        *(Linear, Relu, Sigmoid, Tanh, Softmax, Softplus, Elu, LeakyRelu),
        *(Selu, Gelu, Silu, Mish, HardSigmoid, Softsign, Exponential),
    )
}
ALIASES = {"swish": "silu"}


def get(identifier: str | Mapping[str, Any] | Activation | None, kind: str = "activation") -> Activation:
    """The activation of that name, of that dict of a class name and its arguments, or itself; None is linear, as in Keras.

    Raises
    ------
    ValueError
        If there is none of that name; the message begins with `kind`.

    """
    if isinstance(identifier, str) and identifier in _DEFAULTS:
        return _DEFAULTS[identifier]
    if isinstance(identifier, Activation):
        return identifier
    made = make(kind, "linear" if identifier is None else identifier, ACTIVATIONS, ALIASES)
    return _DEFAULTS[made.name] if made == _DEFAULTS[made.name] else made


_DEFAULTS = {name: activation() for name, activation in ACTIVATIONS.items()}


__getattr__ = finder("numpy_nn.activations", [part.__name__ for part in ACTIVATIONS.values()])
