from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import oracle
import pytest
from cases import ARCHITECTURE, Case, allocated, cases
from hypothesis import assume, given
from hypothesis import strategies as st

from numpy_nn import SGD, Sequential, losses
from numpy_nn._engine.buffers import ForwardBuffers, Parameters
from numpy_nn._engine.forward import Forward
from numpy_nn._engine.minibatches import StepRecorder
from numpy_nn._engine.program import Program, run
from numpy_nn._engine.threads import ALONE
from numpy_nn.architecture import parse_architecture

STEP = 1e-4
KINKED = ("relu", "leaky_relu", "elu", "selu")


def flat(arrays: Iterable[np.ndarray]) -> np.ndarray:
    return np.concatenate([array.ravel() for array in arrays], dtype=np.float64)


def gradient_of_a_step(case: Case) -> np.ndarray:
    """What one step of gradient descent with a learning rate of 1 takes off the weights."""
    model = case.model(SGD(1.0))
    model.train_on_batch(case.x, case.y, case.sample_weight)
    return np.asarray(flat(case.weights) - flat(model.get_weights()))


def central_differences(case: Case) -> np.ndarray:
    """The gradient of the loss that `evaluate` gives, by differences of the fourth order."""
    model = case.model(SGD())
    weights = [array.copy() for array in case.weights]

    def loss_at(array: np.ndarray, place: Any, value: float) -> float:
        before, array[place] = array[place], value
        model.set_weights(weights)
        loss = model.evaluate(case.x, case.y, sample_weight=case.sample_weight, verbose=0, return_dict=True)["loss"]
        array[place] = before
        return loss

    def derivative(array: np.ndarray, place: Any) -> float:
        far, near = (
            loss_at(array, place, array[place] + k * STEP) - loss_at(array, place, array[place] - k * STEP) for k in (2, 1)
        )
        return (8 * near - far) / (12 * STEP)

    return np.array([derivative(array, place) for array in weights for place in np.ndindex(array.shape)])


def is_smooth(case: Case) -> bool:
    """Whether no kink, of an activation or of a clip, lies within the steps that the differences take."""
    slow = case.slow()
    for row, target in zip(case.x, case.targets, strict=True):
        zs, activations = slow.forward(row)
        named = list(zip(slow.names, zs, strict=True))
        if any(name in KINKED and np.abs(z).min() < 3e-3 for name, z in named):
            return False
        if any(name == "hard_sigmoid" and np.abs(np.abs(z) - 3).min() < 3e-3 for name, z in named):
            return False
        a = activations[-1]
        edge = {"mean_absolute_error": 0, "huber": 1}.get(case.loss)
        if edge is not None and np.abs(np.abs(a - target) - edge).min() < 0.02:
            return False
        if slow.takes_logits or case.loss in ("mean_squared_error", "mean_absolute_error", "huber"):
            continue
        if case.loss == "categorical_crossentropy":
            if abs(a.sum()) < 0.1:
                return False
            a = a / a.sum()
        if any(((np.abs(a - edge) < 0.02) & (a != edge)).any() for edge in (0, 1)):
            return False
    return True


@given(case=cases(rows=st.integers(1, 5)))
def test_the_gradient_of_every_parameter_is_that_of_central_differences(case: Case) -> None:
    assume(is_smooth(case))
    expected = central_differences(case)
    np.testing.assert_allclose(gradient_of_a_step(case), expected, rtol=1e-6, atol=1e-9 * (1 + np.abs(expected).max()))


@given(case=cases(rows=st.integers(1, 9)))
def test_the_gradient_is_the_oracles_wherever_it_is_finite(case: Case) -> None:
    with np.errstate(all="ignore"):
        expected = flat(case.slow().batch(case.x, case.targets, case.sample_weight)[1])
    assume(np.isfinite(expected).all())
    np.testing.assert_allclose(gradient_of_a_step(case), expected, rtol=1e-8, atol=1e-12 * (1 + np.abs(expected).max()))


def make(activations: list[str], loss: str, *, rows: int, chunks: int = 1) -> StepRecorder:
    """A recorder with random weights, inputs and targets, float64; layers of 4 features."""
    generator = np.random.default_rng(0)
    layers = parse_architecture([{"input_dim": 4, "output_dim": 4, "activation": name} for name in activations])
    parameters = Parameters(layers, np.dtype("float64"))
    parameters.vector[:] = generator.normal(0, 0.5, parameters.vector.shape)
    recorder = StepRecorder(parameters, losses.get(loss), rows, chunks=chunks, team=ALONE)
    recorder.buffers.inputs[:, :-1] = generator.normal(size=(chunks, 4, rows))
    classes = generator.integers(0, 4, (chunks, rows))
    is_sparse = recorder.buffers.targets.shape[1] == 1
    recorder.buffers.targets[:] = classes[:, None] if is_sparse else np.eye(4)[classes].transpose(0, 2, 1)
    recorder.rescale(1 / rows)
    return recorder


def record(recorder: StepRecorder, chunk: int = 0) -> Program:
    """The operations that leave the gradient of a chunk in `recorder.buffers.gradient`."""
    return recorder.record_gradient(chunk, recorder.buffers.gradient)


def test_a_chunk_keeps_its_outputs_while_others_are_run() -> None:
    recorder = make(["tanh", "softmax"], "mean_squared_error", rows=3, chunks=4)
    expected = [oracle_outputs(recorder.buffers, chunk) for chunk in range(4)]
    for chunk in (2, 0, 3, 1):
        run(record(recorder, chunk))
    np.testing.assert_allclose(recorder.buffers.outputs, expected, rtol=1e-12)


def oracle_outputs(buffers: ForwardBuffers, chunk: int) -> np.ndarray:
    architecture = [{"activation": layer.activation} for layer in buffers.parameters.layers]
    slow = oracle.SlowNetwork(architecture, buffers.parameters.get_weights(), loss="mean_squared_error")
    return slow.predict(buffers.inputs[chunk, :-1].T).T


@pytest.mark.parametrize("hidden", list(oracle.ACTIVATIONS))
def test_derivatives_that_are_computed_tile_by_tile_are_the_same(hidden: str, tune: Callable[..., None]) -> None:
    gradients = []
    for stored_bytes in (1 << 20, 0):
        tune(largest_stored_derivatives_bytes=stored_bytes, derivative_tile_bytes=2 * 3 * 8)  # of two units
        recorder = make([hidden, "tanh", hidden, "sigmoid"], "binary_crossentropy", rows=3)
        run(record(recorder))
        gradients.append(recorder.buffers.gradient.vector)
    np.testing.assert_array_equal(*gradients)


def test_the_rows_of_ones_stay_ones() -> None:
    recorder = make(["relu", "softmax", "elu", "sigmoid"], "binary_crossentropy", rows=3)
    for _ in range(3):
        run(record(recorder))
    np.testing.assert_array_equal(recorder.buffers.inputs[:, -1], 1)
    for layer in recorder.buffers.by_layer(recorder.buffers.hidden):
        np.testing.assert_array_equal(layer[-1], 1)


@pytest.mark.parametrize("loss", ["mean_squared_error", "binary_crossentropy", "categorical_crossentropy"])
@pytest.mark.parametrize("last", ["sigmoid", "softmax"])
def test_a_sample_counts_as_much_as_its_weight(last: str, loss: str) -> None:
    recorder = make(["sigmoid", last], loss, rows=2)
    step = record(recorder)
    gradients = []
    for weights in ([1.0, 0.0], [0.0, 1.0], [2.0, 3.0]):
        recorder.buffers.weights[0] = weights
        recorder.rescale(1.0)
        run(step)
        gradients.append(recorder.buffers.gradient.vector.copy())
    np.testing.assert_allclose(gradients[2], 2 * gradients[0] + 3 * gradients[1], rtol=1e-12, atol=1e-14)


def test_the_outputs_are_logits_where_the_loss_takes_them() -> None:
    buffers = (recorder := make(["tanh", "sigmoid"], "binary_crossentropy", rows=3)).buffers
    run(record(recorder))
    logits = buffers.outputs[0].copy()
    run(Forward(buffers).record(0))
    np.testing.assert_allclose(buffers.outputs[0], 1 / (1 + np.exp(-logits)), rtol=1e-12)


def reductions_make_a_buffer() -> bool:
    a, row = np.ones((4, 512)), np.ones((1, 512))
    return allocated(lambda: np.add.reduce(a, axis=0, out=row, keepdims=True))[1] > 4096


@pytest.mark.skipif(reductions_make_a_buffer(), reason="in this NumPy (2.2, say) the sums of a softmax make a buffer each")
@pytest.mark.parametrize("loss", list(losses.LOSSES))
@pytest.mark.parametrize("last", ["softmax", "sigmoid", "softplus"])
def test_a_step_makes_no_array(loss: str, last: str) -> None:
    hidden = [name for name in oracle.ACTIVATIONS for _ in range(2)]
    recorder = make([*hidden, last], loss, rows=512)  # the smallest array that a step could make, a row, has 4 kB
    step = record(recorder)
    with np.errstate(all="ignore"):
        kept, peak = allocated(lambda: run(step))
    assert kept == 0
    assert peak < 1500


def test_an_array_that_a_step_makes_is_counted() -> None:
    row = np.ones(512)
    kept, peak = allocated(lambda: np.add(row, 1))
    assert kept == 0
    assert peak > 4096


def test_a_network_computes_in_the_precision_it_was_given() -> None:
    model = Sequential(ARCHITECTURE, dtype="float32")
    assert {weights.dtype for weights in model.get_weights()} == {np.dtype("float32")}
    assert model.predict(np.zeros((3, 2))).dtype == np.float32
