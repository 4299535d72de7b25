"""Every alias and class name that Keras takes for a part that we have is one that we take."""

from typing import Any

import pytest

import numpy_nn

NAMES: dict[str, dict[str, list[str]]] = {
    "activations": {
        **{
            name: [name]
            for name in (
                *("linear", "relu", "leaky_relu", "elu", "selu", "gelu", "sigmoid", "hard_sigmoid", "tanh", "softplus", "softsign"),
                *("mish", "exponential", "softmax"),
            )
        },
        "silu": ["silu", "swish"],
    },
    "losses": {
        "BinaryCrossentropy": ["binary_crossentropy", "BinaryCrossentropy", "bce", "BCE"],
        "CategoricalCrossentropy": ["categorical_crossentropy", "CategoricalCrossentropy"],
        "SparseCategoricalCrossentropy": ["sparse_categorical_crossentropy", "SparseCategoricalCrossentropy"],
        "MeanSquaredError": ["mean_squared_error", "MeanSquaredError", "mse", "MSE"],
        "MeanAbsoluteError": ["mean_absolute_error", "MeanAbsoluteError", "mae", "MAE"],
        "Huber": ["huber", "Huber"],
    },
    "optimizers": {
        "SGD": ["sgd", "SGD"],
        "Adam": ["adam", "Adam"],
        "AdamW": ["adamw", "AdamW"],
        "RMSprop": ["rmsprop", "RMSprop"],
        "Adagrad": ["adagrad", "Adagrad"],
    },
    "metrics": {
        "BinaryAccuracy": ["binary_accuracy", "BinaryAccuracy"],
        "CategoricalAccuracy": ["categorical_accuracy", "CategoricalAccuracy"],
        "SparseCategoricalAccuracy": ["sparse_categorical_accuracy", "SparseCategoricalAccuracy"],
        "MeanAbsoluteError": ["mean_absolute_error", "MeanAbsoluteError", "mae", "MAE"],
        "MeanSquaredError": ["mean_squared_error", "MeanSquaredError", "mse", "MSE"],
    },
    "initializers": {
        "GlorotUniform": ["glorot_uniform", "GlorotUniform"],
        "GlorotNormal": ["glorot_normal", "GlorotNormal"],
        "HeUniform": ["he_uniform", "HeUniform"],
        "HeNormal": ["he_normal", "HeNormal"],
        "LecunUniform": ["lecun_uniform", "LecunUniform"],
        "LecunNormal": ["lecun_normal", "LecunNormal"],
        "RandomUniform": ["random_uniform", "RandomUniform", "uniform"],
        "RandomNormal": ["random_normal", "RandomNormal", "normal"],
        "TruncatedNormal": ["truncated_normal", "TruncatedNormal"],
        "Zeros": ["zeros", "Zeros", "zero"],
        "Ones": ["ones", "Ones", "one"],
    },
    "regularizers": {"L1": ["l1", "L1"], "L2": ["l2", "L2"], "L1L2": ["l1l2", "L1L2"]},
}


@pytest.mark.parametrize(
    ("kind", "part", "name"),
    [(kind, part, name) for kind, parts in NAMES.items() for part, names in parts.items() for name in names],
)
def test_a_name_of_keras_finds_the_same_part_of_ours(kind: str, part: str, name: str) -> None:
    import keras

    theirs: Any = getattr(keras, kind).get(name)
    assert part in (type(theirs).__name__, getattr(theirs, "__name__", None), _class_of(keras, kind, theirs))
    ours = getattr(numpy_nn, kind)
    found = ours.get(name)
    # Activations are found by Keras' name of the function, not of a class.
    assert part in (type(found).__name__, getattr(found, "name", None))


def _class_of(keras: Any, kind: str, function: Any) -> str:
    """The class whose function Keras found: it has functions for losses and metrics."""
    classes = {name.replace("_", "").lower(): name for name in dir(getattr(keras, kind)) if name[0].isupper()}
    return classes.get(getattr(function, "__name__", "").replace("_", ""), "")
