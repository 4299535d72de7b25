"""Every activation's value and derivative against Keras', and its safety at any finite input in both precisions."""

import warnings
from types import ModuleType

import numpy as np
import pytest
from keras_oracle_parts import ACTIVATIONS, ELEMENTWISE, ROUNDED, keras_activation, our_activation

INPUTS = np.concatenate([np.linspace(-30, 30, 241), [0.0, -0.0, 1e-12, -1e-12, 2.5, -2.5, 3.0, -3.0, 700.0, -700.0]])
EXTREME = [0.0, 1.0, 20.0, 88.0, 89.0, 104.0, 709.0, 710.0, 745.0, 1e4, 1e30]
TOLERANCE = dict.fromkeys(ROUNDED, 1e-7)


def close(name: str, ours: np.ndarray, theirs: np.ndarray) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=TOLERANCE.get(name, 1e-12), atol=TOLERANCE.get(name, 1e-14))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_value_is_that_of_keras(name: str, keras64: ModuleType) -> None:
    z = np.minimum(INPUTS, 600).reshape(1, -1) if name == "exponential" else INPUTS.reshape(1, -1)
    close(name, our_activation(name)(z), np.asarray(keras_activation(name)(z)))


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_the_derivative_is_that_of_keras(name: str, keras64: ModuleType) -> None:
    import tensorflow as tf

    z = INPUTS[np.abs(INPUTS) <= 30]
    variable = tf.constant(z)
    with tf.GradientTape() as tape:
        tape.watch(variable)
        total = tf.reduce_sum(keras_activation(name)(variable))
    theirs = tape.gradient(total, variable).numpy()
    ours = our_activation(name).derivative(z)
    # Taken from the output, a derivative keeps the digits that 1 - a keeps.
    np.testing.assert_allclose(ours, theirs, rtol=TOLERANCE.get(name, 1e-10), atol=TOLERANCE.get(name, 1e-14))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if name != "exponential"])
def test_any_finite_input_has_a_finite_output_and_derivative_without_a_warning(name: str, dtype: type) -> None:
    activation = our_activation(name)
    z = np.array([sign * value for value in EXTREME for sign in (1, -1)], dtype)
    with warnings.catch_warnings(), np.errstate(all="warn", under="ignore"):
        warnings.simplefilter("error")
        a, slopes = activation(z.reshape(1, -1)), activation.derivative(z.reshape(1, -1))
    assert a.dtype == dtype
    assert np.isfinite(a).all()
    assert np.isfinite(slopes).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_exponential_overflows_to_infinity_without_a_warning(dtype: type) -> None:
    with warnings.catch_warnings(), np.errstate(all="warn"):
        warnings.simplefilter("error")
        a = our_activation("exponential")(np.array([[-1e4, 0, 1e4]], dtype))
    assert a.tolist() == [[0, 1, np.inf]]
