import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import oracle
import pytest
from cases import ARTICLE, Case, allocated, cases, moons, refused
from hypothesis import given
from hypothesis import strategies as st

from numpy_nn import SGD, Sequential

CLASSES = [*ARTICLE[:-1], {"input_dim": 25, "output_dim": 3, "activation": "softmax"}]


@given(case=cases(rows=st.integers(1, 40)), batch_size=st.none() | st.integers(1, 50))
def test_predictions_are_those_of_the_slow_network(case: Case, batch_size: int | None) -> None:
    outputs = case.model(SGD()).predict(case.x, batch_size=batch_size)
    np.testing.assert_allclose(outputs, case.slow().predict(case.x), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("given_dtype", ["float32", "float64"])
@pytest.mark.parametrize("architecture", [ARTICLE, CLASSES], ids=["one output", "classes"])
def test_a_row_alone_is_answered_as_among_many(architecture: list[dict[str, Any]], dtype: str, given_dtype: str) -> None:
    model = Sequential(architecture, seed=1, dtype=dtype)
    x = moons(500)[0].astype(given_dtype)
    together = model.predict(x)
    alone = np.concatenate([model.predict(row[None]) for row in x])
    assert alone.dtype == together.dtype == dtype
    np.testing.assert_allclose(alone, together, rtol=1e-5 if dtype == "float32" else 1e-13)


def test_rows_are_cut_into_chunks_and_put_together_again(tune: Callable[..., None]) -> None:
    tune(largest_prediction_chunk_rows=8)
    model = Sequential(CLASSES, seed=1, dtype="float64")
    x = moons(83)[0]
    slow = oracle.SlowNetwork(CLASSES, model.get_weights(), loss="mean_squared_error")
    np.testing.assert_allclose(model.predict(x), slow.predict(x), rtol=1e-12)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_share_the_rows(threads: int, tune: Callable[..., None]) -> None:
    expected = Sequential(CLASSES, seed=1, dtype="float64", threads=1).predict(moons(3001)[0])
    tune(prediction_thread_flops=1)
    outputs = Sequential(CLASSES, seed=1, dtype="float64", threads=threads).predict(moons(3001)[0])
    np.testing.assert_allclose(outputs, expected, rtol=1e-12)


def test_many_rows_stream_through_buffers_of_bounded_size() -> None:
    model = Sequential(ARTICLE, seed=1)
    x = moons(200_000, dtype="float32")[0]  # its activations together would have 120 MB
    model.predict(x[:10])
    tracemalloc.start()
    try:
        outputs = model.predict(x)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak - outputs.nbytes < 4 << 20


def test_a_row_alone_makes_no_array_but_its_answer() -> None:
    model = Sequential([{"input_dim": 512, "output_dim": 512, "activation": "relu"}, {"input_dim": 512, "output_dim": 1}])
    x = np.ones((1, 512), "float32")
    kept, peak = allocated(lambda: model.predict(x))
    assert kept == 0
    assert peak < 1500  # a row of features has 2 kB


def test_an_answer_is_the_callers_to_keep() -> None:
    model = Sequential(ARTICLE, seed=1)
    x = np.ones((1, 2), "float32")
    first = model.predict(x)
    before = first.copy()
    model.predict(2 * x)
    np.testing.assert_array_equal(first, before)
    many = model.predict(np.repeat(x, 3, axis=0))
    many[:] = -1
    assert (model.predict(np.repeat(x, 3, axis=0)) > 0).all()


def test_new_weights_count_from_the_next_prediction_on() -> None:
    model = Sequential(ARTICLE, seed=1)
    x = np.ones((1, 2), "float32")
    model.predict(x), model.predict(np.repeat(x, 3, axis=0))
    model.set_weights([np.zeros_like(weights) for weights in model.get_weights()])
    np.testing.assert_array_equal(model.predict(x), 0.5)
    np.testing.assert_array_equal(model.predict(np.repeat(x, 3, axis=0)), 0.5)


@pytest.mark.parametrize("rows", [1, 3])
def test_saturated_outputs_warn_of_nothing(rows: int) -> None:
    model = Sequential(ARTICLE)
    model.set_weights([np.full_like(weights, -50 if number == 8 else 50) for number, weights in enumerate(model.get_weights())])
    np.testing.assert_array_equal(model.predict(np.ones((rows, 2), "float32")), 0)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_value_that_is_not_finite_is_refused(rows: int, dtype: str, value: float) -> None:
    x = np.zeros((rows, 2), dtype)
    x[-1, 1] = value
    with refused(f"x[{rows - 1}, 1] was {value}", "finite"):
        Sequential(ARTICLE).predict(x)


def test_the_largest_finite_values_are_taken() -> None:
    model = Sequential([{"input_dim": 2, "output_dim": 1, "activation": "sigmoid"}], initializer="zeros")
    np.testing.assert_array_equal(model.predict(np.full((1, 2), np.finfo("float32").max, "float32")), 0.5)


def test_a_lone_infinity_does_not_pass_for_another_kind_of_row() -> None:
    with refused("x had a value too large for float32"):
        Sequential(ARTICLE).predict([[1e39, 0.0]])
