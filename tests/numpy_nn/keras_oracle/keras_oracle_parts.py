"""The parts that `numpy_nn` shall have, beside Keras' own: by which names each is found, and which of ours aren't there yet.

`numpy_nn` and Keras are looked up when a test runs. A row of a table is our name and how Keras makes the same thing; a row of
`NOT_YET` is strict: as soon as its part is there, the tests that ask for it fail until the row is deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
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
    "adagrad_weight_decay": of("optimizers", "Adagrad", learning_rate=2.0**-5, epsilon=2.0**-10, weight_decay=2.0**-6),
}
"""What is exact in binary, since Keras' hyper-parameters pass through float32."""

NOT_YET: dict[str, str] = {
    **{name: f"activation {name}" for name in ("selu", "gelu", "silu", "hard_sigmoid", "softsign", "mish", "exponential")},
    "leaky_relu_quarter": "activations.LeakyRelu(negative_slope=...); a layer's activation may be an object",
    "gelu_tanh": "activations.Gelu(approximate=True); a layer's activation may be an object",
    "binary_crossentropy_smoothed": "label_smoothing of BinaryCrossentropy",
    "categorical_crossentropy_smoothed": "label_smoothing of CategoricalCrossentropy",
    "mean_absolute_error": "losses.MeanAbsoluteError",
    "huber": "losses.Huber(delta)",
    "sgd_weight_decay": "SGD(weight_decay)",
    "sgd_clipvalue": "clipvalue",
    "sgd_clipnorm": "clipnorm: of each kernel and bias by itself",
    "sgd_global_clipnorm": "global_clipnorm",
    "rmsprop_momentum": "RMSprop(momentum)",
    "rmsprop_centered": "RMSprop(centered)",
    "adam_amsgrad": "Adam(amsgrad)",
    "adam_clipnorm": "clipnorm: of each kernel and bias by itself",
    "adagrad": "optimizers.Adagrad",
    "adagrad_weight_decay": "optimizers.Adagrad, weight_decay",
    "l1": "kernel_regularizer of a layer: regularizers.L1(l1)",
    "l2": "kernel_regularizer of a layer: regularizers.L2(l2)",
    "l1_l2": "kernel_regularizer of a layer: regularizers.L1L2(l1, l2)",
}


PAIRS_NOT_YET = {
    ("softmax", "binary_crossentropy"): "Keras takes the cached logits for softmax too, as if sigmoid had been there",
    ("sigmoid", "categorical_crossentropy"): "Keras takes the cached logits for sigmoid too, as if softmax had been there",
    ("sigmoid", "sparse_categorical_crossentropy"): "Keras takes the cached logits for sigmoid too, as if softmax had been there",
}
"""Output activation and loss that aren't computed as in Keras."""


def reasons(*names: str, pair: tuple[str, str] | None = None) -> str:
    """Why a test of these parts can't pass yet; empty where it must."""
    found = [NOT_YET[name] for name in names if name in NOT_YET]
    return "; ".join([*found, PAIRS_NOT_YET[pair]] if pair in PAIRS_NOT_YET else found)


def parameter(*values: Any, reason: str, slow: bool = False) -> Any:
    """A row of parameters, strictly failing where there is a reason."""
    marks = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
    return pytest.param(*values, marks=[*marks, *([pytest.mark.slow] if slow else [])], id="-".join(map(str, values)))


def rows(names: Iterable[str]) -> list[Any]:
    """Names as parameters."""
    return [parameter(name, reason=reasons(name)) for name in names]


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
