"""Every loss's value against Keras', in float64: labels of its kind, outputs at and beyond the ends of what is clipped."""

from types import ModuleType
from typing import Any

import numpy as np
import pytest
from keras_oracle_parts import LOSSES

import numpy_nn

OUTPUTS = np.array([[0.0, 1.0, 0.5], [1.0, 0.0, 1e-9], [0.2, 0.3, 0.5], [1e-7, 1 - 1e-7, 0.25], [0.7, 0.2, 0.1]])
LOGITS = np.array([[-40.0, 40.0, 0.0], [800.0, -800.0, 3.0], [0.1, 0.2, 0.3], [-1e-9, 1e-9, 0.0], [5.0, -5.0, 2.0]])
REAL = np.array([[-3.0, 0.25, 0.5], [1e6, -1e6, 0.0], [0.2, 0.3, 0.5], [1.0, 1.5, -0.5], [0.7, 0.2, 0.1]])
LABELS: dict[str, Any] = {
    "binary": np.array([[0.0, 1, 1], [1, 0, 0], [0, 0, 1], [1, 1, 0], [0, 1, 0]]),
    "one_hot": np.eye(3)[[0, 1, 2, 1, 0]],
    "class": np.array([0, 1, 2, 1, 0]),
    "real": np.array([[-3.0, 0.0, 1.0], [1.0, 2.0, 3.0], [0.2, 0.8, 0.5], [0.0, 1.0, 0.0], [-0.7, 0.2, 9.0]]),
}
WEIGHTS = np.array([0.5, 2.0, 0.0, 1.25, 3.0])


def outputs(name: str) -> np.ndarray:
    if name.endswith("_logits"):
        return LOGITS
    return REAL if LOSSES[name].labels == "real" else OUTPUTS


@pytest.mark.parametrize("name", LOSSES)
def test_the_value_is_that_of_keras(name: str, keras64: ModuleType) -> None:
    y_true, y_pred = LABELS[LOSSES[name].labels], outputs(name)
    ours, theirs = (LOSSES[name].make(package)(y_true, y_pred) for package in (numpy_nn, keras64))
    np.testing.assert_allclose(ours, float(theirs), rtol=1e-12)


@pytest.mark.parametrize("name", LOSSES)
def test_the_weighted_value_is_that_of_keras(name: str, keras64: ModuleType) -> None:
    y_true, y_pred = LABELS[LOSSES[name].labels], outputs(name)
    ours, theirs = (LOSSES[name].make(package)(y_true, y_pred, sample_weight=WEIGHTS) for package in (numpy_nn, keras64))
    np.testing.assert_allclose(ours, float(theirs), rtol=1e-12)


def test_soft_labels_are_those_of_keras(keras64: ModuleType) -> None:
    y_true = np.array([[0.9], [0.1], [0.5]])
    y_pred = np.array([[0.3], [0.6], [1.0]])
    for options in ({}, {"from_logits": True}):
        ours, theirs = (package.losses.BinaryCrossentropy(**options)(y_true, y_pred) for package in (numpy_nn, keras64))
        np.testing.assert_allclose(ours, float(theirs), rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", [name for name in LOSSES if name.endswith("_logits")])
def test_extreme_logits_have_a_finite_loss_without_a_warning(name: str, dtype: type) -> None:
    y_pred = np.array([[1e4, -1e4, 0], [-1e30, 1e30, 1], [90, 710, -745], [0, 0, 0], [-104, 104, 50]], dtype)
    with np.errstate(all="raise", under="ignore"):
        value = LOSSES[name].make(numpy_nn)(LABELS[LOSSES[name].labels], y_pred)
    assert np.isfinite(value)
