from typing import Any

import numpy as np
import pytest
from cases import ARCHITECTURE, allocated, moons

from numpy_nn import SGD, Sequential
from numpy_nn._engine.dropout import Dropout
from numpy_nn._engine.program import run

DROPPED: list[dict[str, Any]] = [{"dropout": 0.25}, *ARCHITECTURE[:2], {"dropout": 0.5}, ARCHITECTURE[2]]


def test_what_is_kept_is_scaled_and_the_row_of_ones_stays() -> None:
    dropout = Dropout(50, 400, np.dtype("float32"), rate=0.25, generator=np.random.default_rng(0))
    inputs = np.full((51, 400), 3, np.float32)
    run(dropout.record_forward(inputs))
    values, counts = np.unique(dropout.inputs[:-1], return_counts=True)
    assert values.tolist() == [0, 4]
    assert counts[0] / counts.sum() == pytest.approx(0.25, abs=0.02)
    assert (dropout.inputs[-1] == 1).all()
    delta = np.ones((50, 400), np.float32)
    run(dropout.record_backward(delta))
    np.testing.assert_array_equal(delta * 3, dropout.inputs[:-1])


def test_each_step_draws_anew_and_makes_no_array() -> None:
    dropout = Dropout(50, 400, np.dtype("float32"), rate=0.5, generator=np.random.default_rng(0))
    program = dropout.record_forward(np.ones((51, 400), np.float32))
    run(program)
    first = dropout.inputs.copy()
    run(program)
    assert (first != dropout.inputs).any()
    kept, peak = allocated(lambda: run(program))
    assert kept == 0
    assert peak < 1500


def trained(threads: int, seed: int = 3, layers: list[dict[str, Any]] = DROPPED) -> list[np.ndarray]:
    model = Sequential(layers, seed=seed, threads=threads)
    model.compile(SGD(0.1, momentum=0.9), "binary_crossentropy")
    x, y = moons(600)
    model.fit(x, y, batch_size=256, epochs=3, verbose=0)
    return model.get_weights()


def test_a_training_is_drawn_from_the_models_seed_on_any_number_of_threads() -> None:
    for one, other in zip(trained(1), trained(2), strict=True):
        np.testing.assert_array_equal(one, other)
    assert any((one != other).any() for one, other in zip(trained(1), trained(1, seed=4), strict=True))


def test_the_gradient_of_a_step_is_that_of_the_inputs_that_are_kept() -> None:
    # One unit whose inputs are all dropped or kept: the mask that a step drew is seen in the kernel's gradient.
    layers: list[dict[str, Any]] = [{"input_dim": 3, "output_dim": 3, "activation": "tanh"}, {"dropout": 0.5}]
    model = Sequential([*layers, {"input_dim": 3, "output_dim": 1}], seed=0, dtype="float64")
    before = model.get_weights()
    model.compile(SGD(1.0), "mean_squared_error")
    x = np.array([[0.5, -1.0, 2.0]])
    model.train_on_batch(x, [0.0])
    first, _, last, last_bias = (old - new for old, new in zip(before, model.get_weights(), strict=True))
    hidden = np.tanh(x @ before[0] + before[1])[0]
    mask = np.where(last[:, 0] == 0, 0, 2)
    output = (mask * hidden) @ before[2][:, 0]
    assert last_bias[0] == pytest.approx(2 * output)
    np.testing.assert_allclose(last[:, 0], 2 * output * mask * hidden, rtol=1e-12)
    np.testing.assert_allclose(first, x.T * (2 * output * before[2][:, 0] * mask * (1 - hidden**2)), rtol=1e-10, atol=1e-15)


def test_a_prediction_drops_nothing() -> None:
    plain = Sequential([layer for layer in DROPPED if "dropout" not in layer], seed=1)
    dropped = Sequential(DROPPED, seed=1)
    x, _ = moons(9)
    np.testing.assert_array_equal(dropped.predict(x), plain.predict(x))
    assert dropped.architecture == DROPPED
