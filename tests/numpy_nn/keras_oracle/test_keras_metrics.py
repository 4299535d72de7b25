"""Every metric against Keras', and by name in a model: what "accuracy" means follows from the loss and the labels."""

from types import ModuleType
from typing import Any

import numpy as np
import pytest

import numpy_nn
from numpy_nn import Sequential

BINARY, ONE_HOT, CLASSES = np.array([[0.0], [1], [1], [0]]), np.eye(3)[[0, 2, 1, 1]], np.array([0, 2, 1, 1])
PROBABILITIES = np.array([[0.5], [0.7], [0.3], [0.2]])
SHARES = np.array([[0.5, 0.5, 0.0], [0.2, 0.3, 0.5], [0.2, 0.3, 0.5], [0.1, 0.8, 0.1]])
WEIGHTS = np.array([0.5, 2.0, 1.25, 3.0])
METRICS: list[tuple[str, dict[str, Any], np.ndarray, np.ndarray]] = [
    ("BinaryAccuracy", {}, BINARY, PROBABILITIES),
    ("BinaryAccuracy", {"threshold": 0.25}, BINARY, PROBABILITIES),
    ("BinaryAccuracy", {"threshold": 0.75}, ONE_HOT, SHARES),
    ("CategoricalAccuracy", {}, ONE_HOT, SHARES),
    ("SparseCategoricalAccuracy", {}, CLASSES, SHARES),
    ("MeanAbsoluteError", {}, ONE_HOT, SHARES),
    ("MeanSquaredError", {}, ONE_HOT, SHARES),
]
TWICE = {"metrics": ["mse", "mse"], "weighted_metrics": ["mse", "mse", "mae", "mae"]}
NAMES = ("binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy", "mae", "mse", "acc")
LAST = {"binary_accuracy": (1, BINARY), "sparse_categorical_accuracy": (3, CLASSES)}
LOSS = {"binary_accuracy": "binary_crossentropy", "sparse_categorical_accuracy": "sparse_categorical_crossentropy"}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("name", "options", "y_true", "y_pred"), METRICS)
def test_the_value_is_that_of_keras(
    name: str, options: dict[str, Any], y_true: np.ndarray, y_pred: np.ndarray, weighted: bool, keras64: ModuleType
) -> None:
    weights = {"sample_weight": WEIGHTS} if weighted else {}
    ours, theirs = (getattr(package.metrics, name)(**options)(y_true, y_pred, **weights) for package in (numpy_nn, keras64))
    # Keras sums a metric in float32.
    np.testing.assert_allclose(float(ours), float(theirs), rtol=1e-6)


def both(keras: ModuleType, outputs: int, loss: str, **options: Any) -> tuple[Any, Any]:
    """The same compiled network twice."""
    last = "softmax" if outputs > 1 else "sigmoid"
    theirs = keras.Sequential([keras.Input((2,)), keras.layers.Dense(outputs, activation=last)])
    ours = Sequential([{"input_dim": 2, "output_dim": outputs, "activation": last}], dtype="float64")
    ours.set_weights(theirs.get_weights())
    for model in (ours, theirs):
        model.compile("sgd", loss, **options)
    return ours, theirs


@pytest.mark.parametrize("kind", ["metrics", "weighted_metrics"])
@pytest.mark.parametrize("name", NAMES)
def test_a_model_reports_a_metric_as_keras_does(name: str, kind: str, keras64: ModuleType) -> None:
    outputs, y = LAST.get(name, (3, ONE_HOT))
    x = np.random.default_rng(0).normal(size=(4, 2))
    models = both(keras64, outputs, LOSS.get(name, "categorical_crossentropy"), **{kind: [name]})
    ours, theirs = (model.evaluate(x, y, sample_weight=WEIGHTS, verbose=0, return_dict=True) for model in models)
    assert list(ours) == list(theirs)
    np.testing.assert_allclose([ours[key] for key in theirs], list(theirs.values()), rtol=1e-6)


def test_metrics_that_are_given_twice_have_the_names_of_keras(keras64: ModuleType) -> None:
    x = np.random.default_rng(0).normal(size=(4, 2))
    models = both(keras64, 1, "binary_crossentropy", **TWICE)
    ours, theirs = (model.evaluate(x, BINARY, sample_weight=WEIGHTS, verbose=0, return_dict=True) for model in models)
    assert list(ours) == list(theirs)
    np.testing.assert_allclose(list(ours.values()), list(theirs.values()), rtol=1e-6)


def test_the_classes_of_one_output_are_zeros(keras64: ModuleType) -> None:
    x = np.random.default_rng(0).normal(size=(4, 2))
    models = both(keras64, 1, "binary_crossentropy", metrics=["sparse_categorical_accuracy"])
    ours, theirs = (model.evaluate(x, BINARY, verbose=0, return_dict=True) for model in models)
    np.testing.assert_allclose(ours["sparse_categorical_accuracy"], theirs["sparse_categorical_accuracy"])
