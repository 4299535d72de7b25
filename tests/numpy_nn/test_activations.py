from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import oracle
import pytest
from cases import refused
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from numpy_nn import activations
from numpy_nn._engine.program import run

NAMES = sorted(oracle.ACTIVATIONS)
ELEMENTWISE = [name for name in NAMES if name != "softmax"]
FINITE = hnp.arrays(np.float64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=5), elements=st.floats(-800, 800))


def rowwise(function: Callable[[np.ndarray], np.ndarray], z: np.ndarray) -> np.ndarray:
    return np.array([function(row) for row in z])


def test_every_activation_has_its_oracle() -> None:
    assert sorted(activations.ACTIVATIONS) == NAMES


@pytest.mark.parametrize("name", NAMES)
@given(z=FINITE)
def test_an_activation_is_its_formula_for_small_and_huge_inputs(name: str, z: np.ndarray) -> None:
    np.testing.assert_allclose(activations.get(name)(z), rowwise(oracle.ACTIVATIONS[name], z), rtol=5e-13, atol=1e-300)


@pytest.mark.parametrize("name", NAMES)
@given(z=FINITE)
def test_a_derivative_is_its_formula(name: str, z: np.ndarray) -> None:
    expected = rowwise(oracle.JACOBIANS[name], z)
    if name in ELEMENTWISE:
        expected = np.einsum("nii->ni", expected)
    np.testing.assert_allclose(activations.get(name).derivative(z), expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", NAMES)
def test_value_and_gradient_are_keras_own(name: str, keras64: ModuleType) -> None:
    import tensorflow as tf

    generator = np.random.default_rng(0)
    z = np.concatenate([generator.normal(0, 3, (20, 4)), generator.normal(0, 100, (5, 4)), np.zeros((1, 4))])
    by_output = generator.normal(size=z.shape)
    variable = tf.Variable(z)
    with tf.GradientTape() as recorded:
        value = keras64.activations.get(name)(variable)
        total = tf.reduce_sum(value * by_output)
    activation = activations.get(name)
    derivative = activation.derivative(z)
    by_input = derivative * by_output if name in ELEMENTWISE else np.einsum("nij,ni->nj", derivative, by_output)
    rounded = name in ("leaky_relu", "gelu")  # Keras keeps their constants in float32
    rtol, atol = (1e-7, 1e-6) if rounded else (1e-12, 1e-14)
    np.testing.assert_allclose(activation(z), value.numpy(), rtol=rtol, atol=atol)
    np.testing.assert_allclose(by_input, recorded.gradient(total, variable).numpy(), rtol=rtol, atol=atol)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_precision_of_the_input_is_kept_and_the_input_left_alone(name: str, dtype: str) -> None:
    z = np.linspace(-2, 2, 6, dtype=dtype).reshape(2, 3)
    before = z.copy()
    activation = activations.get(name)
    assert activation(z).dtype == activation.derivative(z).dtype == dtype
    np.testing.assert_array_equal(z, before)


@pytest.mark.parametrize("name", NAMES)
def test_nan_stays_nan(name: str) -> None:
    assert np.isnan(activations.get(name)(np.array([[np.nan, 1.0]]))[0, 0])


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 3, 4)])
def test_an_elementwise_activation_takes_any_shape(name: str, shape: tuple[int, ...]) -> None:
    z = np.random.default_rng(1).normal(size=shape)
    activation = activations.get(name)
    assert activation(z).shape == activation.derivative(z).shape == shape
    np.testing.assert_allclose(activation(z).ravel(), oracle.ACTIVATIONS[name](z.ravel()), rtol=1e-14)


@pytest.mark.parametrize(
    ("identifier", "name"), [("Relu", "relu"), ("LeakyReLU", "leaky_relu"), ("swish", "silu"), (None, "linear"), ("SiLU", "silu")]
)
def test_an_activation_is_found_in_any_case_and_by_its_other_names(identifier: str | None, name: str) -> None:
    assert activations.get(identifier) is activations.get(name)


@pytest.mark.parametrize("activation", [activations.LeakyRelu(0.25), activations.Gelu(approximate=True)])
def test_an_activation_with_arguments_is_made_again_from_its_identifier(activation: activations.Activation) -> None:
    identifier = activation.identifier()
    assert identifier == {"class_name": activation.name, "config": activation.get_config()}
    assert activations.get(identifier) == activation
    assert activation != activations.get(activation.name)
    assert repr(activation) in ("<activation leaky_relu(negative_slope=0.25)>", "<activation gelu(approximate=True)>")


@pytest.mark.parametrize("slope", [-0.1, 1.1, float("nan"), "0.5", True, None])
def test_a_negative_slope_outside_0_to_1_is_refused(slope: Any) -> None:
    with refused(f"negative_slope was {slope!r}", "from 0 to 1"):
        activations.LeakyRelu(slope)


def test_an_argument_that_an_activation_does_not_have_is_refused() -> None:
    with refused("activation was", "slope"):
        activations.get({"class_name": "leaky_relu", "config": {"slope": 1}})
    with refused("activation was", "class_name"):
        activations.get({"name": "leaky_relu"})


def test_integers_are_taken_as_floats() -> None:
    np.testing.assert_array_equal(activations.get("relu")([-2, 0, 3]), [0.0, 0.0, 3.0])
    assert activations.get("sigmoid")(0) == 0.5


def test_the_derivative_of_relu_at_zero_is_zero() -> None:
    np.testing.assert_array_equal(activations.get("relu").derivative([-1.0, -0.0, 0.0, 1.0]), [0, 0, 0, 1])


@pytest.mark.parametrize("shape", [(12, 50), (7, 3), (1, 100), (64, 1)])
def test_relu_of_a_large_array_takes_few_zeros(shape: tuple[int, int], tune: Callable[..., None]) -> None:
    tune(largest_relu_zeros=10)
    z = np.random.default_rng(1).normal(size=shape)
    for array in (z, np.asfortranarray(z), z[:, ::-1]):
        a = np.empty_like(array)
        run(activations.get("relu").record_forward(array, a))
        np.testing.assert_array_equal(a, array * (array > 0))


@given(z=FINITE, shift=st.floats(-1e3, 1e3))
def test_softmax_adds_up_to_one_and_forgets_a_shift(z: np.ndarray, shift: float) -> None:
    softmax = activations.get("softmax")
    np.testing.assert_allclose(softmax(z).sum(axis=1), 1, rtol=1e-14)
    np.testing.assert_allclose(softmax(z + shift), softmax(z), rtol=1e-9, atol=1e-300)


def test_softmax_takes_one_sample_alone() -> None:
    np.testing.assert_allclose(activations.get("softmax")([0.0, np.log(3.0)]), [0.25, 0.75])
    assert activations.get("softmax").derivative([0.0, 1.0]).shape == (2, 2)


@pytest.mark.parametrize("identifier", ["prelu", "", 3, np.tanh])
def test_an_unknown_activation_is_refused(identifier: object) -> None:
    with refused(f"activation was {identifier!r}", "linear, relu, sigmoid, tanh, softmax, softplus, elu, leaky_relu"):
        activations.get(identifier)  # type: ignore[arg-type]


def test_an_activation_is_itself() -> None:
    tanh = activations.get("tanh")
    assert activations.get(tanh) is tanh
    assert repr(tanh) == "<activation tanh>"
