from typing import Any

import numpy as np
import pytest
from cases import refused

from numpy_nn._engine.buffers import Parameters
from numpy_nn.architecture import LayerSpec

LAYERS = [LayerSpec(2, 3), LayerSpec(3, 1)]


@pytest.fixture
def parameters() -> Parameters:
    parameters = Parameters(LAYERS, np.dtype("float32"))
    parameters.vector[:] = np.arange(13)
    return parameters


def replaced(parameters: Parameters, number: int, value: Any) -> list[Any]:
    """The weights, one of them another."""
    return [value if i == number else weights + 1 for i, weights in enumerate(parameters.get_weights())]


def test_one_vector_holds_kernel_and_bias_layer_by_layer(parameters: Parameters) -> None:
    kernel, bias, last_kernel, last_bias = parameters.get_weights()
    np.testing.assert_array_equal(kernel, [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(bias, [6, 7, 8])
    np.testing.assert_array_equal(last_kernel, [[9], [10], [11]])
    np.testing.assert_array_equal(last_bias, [12])


def test_a_layers_matrix_is_a_view_with_the_bias_as_its_last_row(parameters: Parameters) -> None:
    assert [matrix.shape for matrix in parameters.matrices] == [(3, 3), (4, 1)]
    parameters.matrices[0][-1] = -1
    np.testing.assert_array_equal(parameters.vector[6:9], -1)


def test_weights_are_given_as_copies(parameters: Parameters) -> None:
    parameters.get_weights()[0][:] = 99
    np.testing.assert_array_equal(parameters.vector, np.arange(13))


def test_weights_come_back_as_they_were_set(parameters: Parameters) -> None:
    weights = [weights * 2 for weights in parameters.get_weights()]
    vector = parameters.vector
    parameters.set_weights(weights)
    assert parameters.vector is vector
    np.testing.assert_array_equal(vector, 2 * np.arange(13))


def test_lists_and_other_precisions_are_taken(parameters: Parameters) -> None:
    parameters.set_weights([[[1, 2, 3], [4, 5, 6]], np.zeros(3, "float64"), np.ones((3, 1), bool), [7]])
    np.testing.assert_array_equal(parameters.vector, [1, 2, 3, 4, 5, 6, 0, 0, 0, 1, 1, 1, 7])


@pytest.mark.parametrize(
    ("number", "value", "said"),
    [
        (0, np.zeros((3, 2)), "weights[0] had the shape (3, 2): it must be (2, 3)"),
        (1, np.zeros((3, 1)), "weights[1] had the shape (3, 1): it must be (3,)"),
        (3, [np.nan], "weights[3][0] was nan"),
        (3, [np.inf], "weights[3][0] was inf"),
        (3, [1e39], "weights[3] had a value too large for float32"),
        (3, ["a"], "weights[3] was of dtype <U1"),
        (3, [1j], "weights[3] was of dtype complex128"),
        (2, [[1], [2, 3], [4]], "weights[2] was a ragged sequence"),
    ],
)
def test_a_weight_that_does_not_fit_is_refused_and_nothing_changed(
    parameters: Parameters, number: int, value: Any, said: str
) -> None:
    with refused(said):
        parameters.set_weights(replaced(parameters, number, value))
    np.testing.assert_array_equal(parameters.vector, np.arange(13))


def test_the_count_of_weights_must_be_right(parameters: Parameters) -> None:
    with refused("weights had 3 arrays", "there must be 4"):
        parameters.set_weights(parameters.get_weights()[:3])
