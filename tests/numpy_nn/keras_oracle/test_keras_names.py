"""Every alias and class name that Keras takes for a part that we have is one that we take."""

import re
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


@pytest.mark.parametrize(("kind", "part"), [(kind, part) for kind in list(NAMES)[1:] for part in NAMES[kind]])
def test_what_keras_writes_of_a_part_makes_ours(kind: str, part: str) -> None:
    import keras

    theirs = getattr(getattr(keras, kind), part)()
    ours = getattr(numpy_nn, kind)
    expected = getattr(ours, part)().get_config()
    for found in (getattr(ours, part).from_config(theirs.get_config()), ours.get(keras.saving.serialize_keras_object(theirs))):
        assert found.get_config().keys() == expected.keys()
        for name, value in found.get_config().items():
            assert value == expected[name] or value == pytest.approx(expected[name], rel=1e-6)  # Keras has float32 for some


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: numpy_nn.SGD(use_ema=True), "an optimizer has no 'use_ema', which was True: there is a callback"),
        (lambda: numpy_nn.Adam(gradient_accumulation_steps=2), "'gradient_accumulation_steps', which was 2: there is batch_size"),
        (lambda: numpy_nn.Adam(lr=0.1), "'lr', which was 0.1: there is learning_rate"),
        (
            lambda: numpy_nn.losses.MeanSquaredError(reduction="sum"),
            "a loss has no 'reduction', which was 'sum': there is",
        ),
        (lambda: numpy_nn.losses.BinaryCrossentropy(axis=0), "a loss has no 'axis', which was 0"),
        (lambda: numpy_nn.initializers.HeNormal(dtype="float16"), "an initializer has no 'dtype', which was 'float16'"),
        (lambda: numpy_nn.schedules.ExponentialDecay(0.1, 3, 0.5, step=1), "a schedule has no 'step'"),
    ],
)
def test_an_argument_of_keras_that_would_change_something_is_refused(make: Any, said: str) -> None:
    with pytest.raises(TypeError, match=re.escape(said)):
        make()


def _class_of(keras: Any, kind: str, function: Any) -> str:
    """The class whose function Keras found: it has functions for losses and metrics."""
    classes = {name.replace("_", "").lower(): name for name in dir(getattr(keras, kind)) if name[0].isupper()}
    return classes.get(getattr(function, "__name__", "").replace("_", ""), "")
