"""The parts that `numpy_nn` shall have, beside Keras' own: and by which names each is found.

`numpy_nn` and Keras are looked up when a test runs. A row of a table is our name and how Keras makes the same thing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

Make = Callable[[Any], Any]
"""From a package, `keras` or `numpy_nn`, to a part of it."""

ACTIVATIONS = (
    "linear",
    "relu",
    "elu",
    "tanh",
    "softplus",
    "sigmoid",
    "softmax",
    "leaky_relu",
    "leaky_relu_quarter",
    "selu",
    "gelu",
    "gelu_tanh",
    "silu",
    "hard_sigmoid",
    "softsign",
    "mish",
    "exponential",
)
"""Keras' names, and those of `OBJECTS`."""
OBJECTS = {
    "leaky_relu_quarter": ("LeakyRelu", "leaky_relu", {"negative_slope": 0.25}),
    "gelu_tanh": ("Gelu", "gelu", {"approximate": True}),
}
"""Activations with arguments: our class, Keras' function, the arguments."""
ROUNDED = ("leaky_relu", "gelu", "gelu_tanh")
"""Activations of which Keras has constants in float32, also where everything else is float64."""

ELEMENTWISE = tuple(name for name in ACTIVATIONS if name != "softmax")


class LossRow(NamedTuple):
    """A loss: how both packages make it, the output activations that suit it, and what its labels are."""

    make: Make
    last: tuple[str, ...]
    labels: str


def of(kind: str, name: str, **options: Any) -> Make:
    """The class of that name in that module of a package, made with those options."""
    return lambda package: getattr(getattr(package, kind), name)(**options)


LOSSES: dict[str, LossRow] = {
    "binary_crossentropy": LossRow(of("losses", "BinaryCrossentropy"), ("sigmoid", "softmax"), "binary"),
    "binary_crossentropy_logits": LossRow(of("losses", "BinaryCrossentropy", from_logits=True), ("linear",), "binary"),
    "binary_crossentropy_smoothed": LossRow(of("losses", "BinaryCrossentropy", label_smoothing=0.125), ("sigmoid",), "binary"),
    "categorical_crossentropy": LossRow(of("losses", "CategoricalCrossentropy"), ("softmax", "sigmoid"), "one_hot"),
    "categorical_crossentropy_logits": LossRow(of("losses", "CategoricalCrossentropy", from_logits=True), ("linear",), "one_hot"),
    "categorical_crossentropy_smoothed": LossRow(
        of("losses", "CategoricalCrossentropy", label_smoothing=0.125), ("softmax",), "one_hot"
    ),
    "sparse_categorical_crossentropy": LossRow(of("losses", "SparseCategoricalCrossentropy"), ("softmax", "sigmoid"), "class"),
    "sparse_categorical_crossentropy_logits": LossRow(
        of("losses", "SparseCategoricalCrossentropy", from_logits=True), ("linear",), "class"
    ),
    "mean_squared_error": LossRow(of("losses", "MeanSquaredError"), ("linear", "tanh", "softmax"), "real"),
    "mean_absolute_error": LossRow(of("losses", "MeanAbsoluteError"), ("linear", "tanh"), "real"),
    "huber": LossRow(of("losses", "Huber", delta=0.5), ("linear", "tanh"), "real"),
}

_ADAM = {"beta_1": 0.75, "beta_2": 0.875, "epsilon": 2.0**-10}
EXACT: dict[str, dict[str, float]] = {"SGD": {}, "Adam": _ADAM, "AdamW": _ADAM, "RMSprop": {"rho": 0.875, "epsilon": 2.0**-10}}
"""Arguments of the classes that are exact in binary."""

OPTIMIZERS: dict[str, Make] = {
    "sgd": of("optimizers", "SGD", learning_rate=0.125),
    "sgd_momentum": of("optimizers", "SGD", learning_rate=0.0625, momentum=0.75),
    "sgd_nesterov": of("optimizers", "SGD", learning_rate=0.0625, momentum=0.75, nesterov=True),
    "sgd_weight_decay": of("optimizers", "SGD", learning_rate=0.125, weight_decay=2.0**-6),
    "sgd_clipvalue": of("optimizers", "SGD", learning_rate=0.125, clipvalue=2.0**-4),
    "sgd_clipnorm": of("optimizers", "SGD", learning_rate=0.125, clipnorm=2.0**-2),
    "sgd_global_clipnorm": of("optimizers", "SGD", learning_rate=0.125, global_clipnorm=2.0**-2),
    "rmsprop": of("optimizers", "RMSprop", learning_rate=2.0**-7, rho=0.875, epsilon=2.0**-10),
    "rmsprop_momentum": of("optimizers", "RMSprop", learning_rate=2.0**-8, rho=0.875, momentum=0.5, epsilon=2.0**-10),
    "rmsprop_centered": of("optimizers", "RMSprop", learning_rate=2.0**-8, rho=0.875, epsilon=2.0**-6, centered=True),
    "adam": of("optimizers", "Adam", learning_rate=2.0**-7, **_ADAM),
    "adam_amsgrad": of("optimizers", "Adam", learning_rate=2.0**-7, amsgrad=True, **_ADAM),
    "adam_clipnorm": of("optimizers", "Adam", learning_rate=2.0**-7, clipnorm=2.0**-4, **_ADAM),
    "adamw": of("optimizers", "AdamW", learning_rate=2.0**-7, weight_decay=2.0**-6, **_ADAM),
    "adagrad": of("optimizers", "Adagrad", learning_rate=2.0**-5, initial_accumulator_value=0.125, epsilon=2.0**-10),
    "adagrad_weight_decay": of(
        "optimizers", "Adagrad", learning_rate=2.0**-5, initial_accumulator_value=0.125, epsilon=2.0**-10, weight_decay=2.0**-6
    ),
}
"""What is exact in binary, since Keras' hyper-parameters pass through float32."""


def parameter(*values: Any, reason: str = "", slow: bool = False) -> Any:
    """A row of parameters, strictly failing where there is a reason."""
    marks = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
    return pytest.param(*values, marks=[*marks, *([pytest.mark.slow] if slow else [])], id="-".join(map(str, values)))


def our_activation(name: str) -> Any:
    """Our activation of a name of `ACTIVATIONS`."""
    import numpy_nn

    if name in OBJECTS:
        class_name, _, options = OBJECTS[name]
        return getattr(numpy_nn.activations, class_name)(**options)
    return numpy_nn.activations.get(name)


def keras_activation(name: str) -> Callable[[Any], Any]:
    """Keras' function of a name of `ACTIVATIONS`."""
    import keras

    if name in OBJECTS:
        _, function, options = OBJECTS[name]
        return lambda z: getattr(keras.activations, function)(z, **options)
    return keras.activations.get(name)
