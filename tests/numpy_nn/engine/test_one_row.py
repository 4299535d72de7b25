import math
from typing import Any

import numpy as np
import oracle
import pytest
from cases import ARTICLE, Case, cases, refused
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from numpy_nn import SGD, Sequential, activations

NAMES = sorted(oracle.ACTIVATIONS)
LONE = [{"input_dim": 2, "output_dim": 1, "activation": "sigmoid"}]


def stack(name: str, last: str, outputs: int) -> list[dict[str, Any]]:
    """Two hidden layers of one activation, the first and one that is computed in place, below one of another."""
    return [
        {"input_dim": 2, "output_dim": 4, "activation": name},
        {"input_dim": 4, "output_dim": 3, "activation": name},
        {"input_dim": 3, "output_dim": outputs, "activation": last},
    ]


@given(case=cases(rows=st.just(1)))
def test_a_row_is_answered_as_by_the_slow_network(case: Case) -> None:
    outputs = case.model(SGD()).predict(case.x)
    assert outputs.shape == (1, case.architecture[-1]["output_dim"])
    np.testing.assert_allclose(outputs, case.slow().predict(case.x), rtol=1e-11, atol=1e-12)


def stacks(name: str, outputs: int) -> list[list[dict[str, Any]]]:
    """Networks with an activation in every place where it is treated differently."""
    return [stack(name, "sigmoid", outputs), stack("relu", name, outputs), [{**LONE[0], "output_dim": outputs, "activation": name}]]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("outputs", [1, 3])
@given(x=hnp.arrays(np.float32, (1, 2), elements=st.floats(-10, 10, width=32)), seed=st.integers(0, 99))
def test_a_row_alone_is_answered_as_among_others(name: str, outputs: int, x: np.ndarray, seed: int) -> None:
    for architecture in stacks(name, outputs):
        model = Sequential(architecture, seed=seed)
        np.testing.assert_allclose(model.predict(x), model.predict(np.repeat(x, 2, axis=0))[:1], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("factor", [1e-37, 1e3, 1e19, 1e37])
@pytest.mark.parametrize("part", [slice(None), slice(1, None), slice(-1, None)], ids=["all layers", "but the first", "the last"])
def test_neither_overflow_nor_underflow_is_warned_of(name: str, outputs: int, factor: float, part: slice) -> None:
    x = np.array([[3, -2]], "float32")
    for architecture in stacks(name, outputs):
        model = Sequential(architecture, seed=1)
        for matrix in model._parameters.matrices[part]:
            matrix *= factor
        with np.errstate(all="raise"):
            assert model.predict(x).shape == (1, outputs)


@pytest.mark.parametrize("layer", range(5))
@pytest.mark.parametrize("part", [slice(None), -1], ids=["kernel and bias", "bias"])
def test_weights_that_are_nan_give_nan(layer: int, part: Any) -> None:
    model = Sequential(ARTICLE, seed=1)
    model._parameters.matrices[layer][part] = np.nan
    assert np.isnan(model.predict(np.ones((1, 2), "float32"))).all()


@pytest.mark.parametrize("architecture", [ARTICLE, LONE], ids=["article", "one layer"])
@pytest.mark.parametrize("initializer", ["glorot_uniform", "zeros"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_no_weight_hides_a_value_that_is_not_finite(architecture: list[dict[str, Any]], initializer: str, value: float) -> None:
    model = Sequential(architecture, seed=1, initializer=initializer)
    x = np.ones((1, 2), "float32")
    before = model.predict(x)
    for column in range(2):
        bad = x.copy()
        bad[0, column] = value
        with refused(f"x[0, {column}] was {value}", "finite"):
            model.predict(bad)
    np.testing.assert_array_equal(model.predict(x), before)  # what was refused has left nothing in the buffers


@pytest.mark.parametrize(("name", "value"), [("relu", -np.inf), ("elu", -np.inf), ("tanh", np.inf), ("sigmoid", np.inf)])
def test_no_activation_hides_an_infinity(name: str, value: float) -> None:
    model = Sequential(stack(name, "linear", 1))
    model.set_weights([np.ones_like(weights) for weights in model.get_weights()])  # infinite logits with finite activations
    with refused(f"x[0, 1] was {value}", "finite"):
        model.predict(np.array([[1, value]], "float32"))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("last", ["linear", "sigmoid", "softmax"])
@pytest.mark.parametrize("outputs", [1, 3])
def test_the_answer_is_an_array_of_its_own(dtype: str, last: str, outputs: int) -> None:
    model = Sequential(stack("relu", last, outputs), seed=1, dtype=dtype)
    x = np.ones((1, 2), dtype)
    answer = model.predict(x)
    assert (answer.shape, answer.dtype) == ((1, outputs), dtype)
    assert answer.flags.owndata
    assert answer.flags.writeable
    before = answer.copy()
    answer[...] = -1
    np.testing.assert_array_equal(model.predict(x), before)


def test_a_row_may_lie_anywhere_and_is_left_alone() -> None:
    model = Sequential(ARTICLE, seed=1)
    row = np.array([[1, -2]], "float32")
    expected = model.predict(row)
    spread = np.zeros((3, 4), "float32")
    spread[1, ::2] = row
    reversed_ = row[:, ::-1].copy()
    for x in (spread[1:2, ::2], reversed_[:, ::-1], np.asfortranarray(row)):
        x.flags.writeable = False
        np.testing.assert_array_equal(model.predict(x), expected)


def test_a_second_thread_predicts_in_buffers_of_its_own() -> None:
    model = Sequential(ARTICLE, seed=1)
    x = np.ones((1, 2), "float32")
    expected = model.predict(x)
    for _ in range(2):
        inside = model._one_row.quietly(model.predict, x)  # as if another thread came in the middle of a prediction
        np.testing.assert_array_equal(inside, expected)
    assert len(model._one_row._spare) == 1  # the buffers are used again


@given(z=st.floats(-103, 1e300))
def test_the_sigmoid_of_a_number_is_its_formula(z: float) -> None:
    exact = math.exp(z) / (1 + math.exp(z)) if z < 0 else 1 / (1 + math.exp(-z))
    np.testing.assert_array_max_ulp(np.float64(activations.get("sigmoid").of_number(z)), np.float64(exact), maxulp=4)


@given(z=hnp.arrays(np.float32, (7, 1), elements=st.floats(-87, 2.0**120, width=32)))
def test_the_sigmoid_of_a_number_is_that_of_an_array(z: np.ndarray) -> None:
    sigmoid = activations.get("sigmoid")
    numbers = np.array([sigmoid.of_number(value) for value in z.ravel().tolist()], "float32")
    np.testing.assert_array_max_ulp(numbers, sigmoid(z).ravel(), maxulp=4)
    np.testing.assert_array_max_ulp(numbers, sigmoid(z.astype("float64")).ravel().astype("float32"), maxulp=1)


@pytest.mark.parametrize(("z", "a"), [(-math.inf, 0), (-800, 0), (0, 0.5), (800, 1), (math.inf, 1), (math.nan, math.nan)])
def test_the_sigmoid_of_a_number_never_fails(z: float, a: float) -> None:
    np.testing.assert_array_equal(activations.get("sigmoid").of_number(z), a)
