from collections.abc import Iterable
from typing import Any

import numpy as np
import oracle
import pytest
from cases import ARCHITECTURE, Case, allocated, cases
from hypothesis import assume, given
from hypothesis import strategies as st

from numpy_nn import SGD, Sequential, losses, workspace
from numpy_nn.architecture import parse_architecture
from numpy_nn.parameters import Parameters
from numpy_nn.tape import play
from numpy_nn.workspace import TrainingWorkspace, Workspace

STEP = 1e-4
KINKED = ("relu", "leaky_relu", "elu")


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
        loss = model.evaluate(case.x, case.y, sample_weight=case.sample_weight)["loss"]
        array[place] = before
        return loss

    def slope(array: np.ndarray, place: Any) -> float:
        far, near = (
            loss_at(array, place, array[place] + k * STEP) - loss_at(array, place, array[place] - k * STEP) for k in (2, 1)
        )
        return (8 * near - far) / (12 * STEP)

    return np.array([slope(array, place) for array in weights for place in np.ndindex(array.shape)])


def is_smooth(case: Case) -> bool:
    """Whether no kink, of an activation or of a clip, lies within the steps that the differences take."""
    slow = case.slow()
    for row in case.x:
        zs, activations = slow.forward(row)
        if any(name in KINKED and np.abs(z).min() < 3e-3 for name, z in zip(slow.names, zs, strict=True)):
            return False
        a = activations[-1]
        if slow.takes_logits or case.loss == "mean_squared_error":
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


def make(activations: list[str], loss: str, *, rows: int, slots: int = 1) -> TrainingWorkspace:
    """A workspace of random weights, inputs and targets, float64; layers of 4 features."""
    generator = np.random.default_rng(0)
    layers = parse_architecture([{"input_dim": 4, "output_dim": 4, "activation": name} for name in activations])
    parameters = Parameters(layers, np.dtype("float64"))
    parameters.vector[:] = generator.normal(0, 0.5, parameters.vector.shape)
    workspace = TrainingWorkspace(parameters, rows, loss=losses.get(loss), slots=slots)
    workspace.inputs[:, :-1] = generator.normal(size=(slots, 4, rows))
    workspace.targets[:] = np.eye(4)[generator.integers(0, 4, (slots, rows))].transpose(0, 2, 1)
    workspace.rescale(1 / rows)
    return workspace


def test_a_slot_keeps_its_outputs_while_others_are_played() -> None:
    workspace = make(["tanh", "softmax"], "mean_squared_error", rows=3, slots=4)
    expected = [oracle_outputs(workspace, slot) for slot in range(4)]
    for slot in (2, 0, 3, 1):
        play(workspace.step(slot))
    np.testing.assert_allclose(workspace.outputs, expected, rtol=1e-12)


def oracle_outputs(workspace: Workspace, slot: int) -> np.ndarray:
    architecture = [{"activation": layer.activation} for layer in workspace.parameters.layers]
    slow = oracle.SlowNetwork(architecture, workspace.parameters.get_weights(), loss="mean_squared_error")
    return slow.predict(workspace.inputs[slot, :-1].T).T


@pytest.mark.parametrize("hidden", list(oracle.ACTIVATIONS))
def test_slopes_that_are_computed_block_by_block_are_the_same(hidden: str, monkeypatch: pytest.MonkeyPatch) -> None:
    gradients = []
    for kept_bytes in (1 << 20, 0):
        monkeypatch.setattr(workspace, "MOST_KEPT_SLOPE_BYTES", kept_bytes)
        monkeypatch.setattr(workspace, "SLOPE_BLOCK_BYTES", 2 * 3 * 8)  # of two units
        made = make([hidden, "tanh", hidden, "sigmoid"], "binary_crossentropy", rows=3)
        play(made.step(0))
        gradients.append(made.gradient.vector)
    np.testing.assert_array_equal(*gradients)


def test_the_rows_of_ones_stay_ones() -> None:
    workspace = make(["relu", "softmax", "elu", "sigmoid"], "binary_crossentropy", rows=3)
    for _ in range(3):
        play(workspace.step(0))
    np.testing.assert_array_equal(workspace.inputs[:, -1], 1)
    for layer in workspace._by_layer(workspace._hidden):
        np.testing.assert_array_equal(layer[-1], 1)


@pytest.mark.parametrize("loss", ["mean_squared_error", "binary_crossentropy", "categorical_crossentropy"])
@pytest.mark.parametrize("last", ["sigmoid", "softmax"])
def test_a_sample_counts_as_much_as_its_weight(last: str, loss: str) -> None:
    workspace = make(["sigmoid", last], loss, rows=2)
    step = workspace.step(0)
    gradients = []
    for weights in ([1.0, 0.0], [0.0, 1.0], [2.0, 3.0]):
        workspace.weights[0] = weights
        workspace.rescale(1.0)
        play(step)
        gradients.append(workspace.gradient.vector.copy())
    np.testing.assert_allclose(gradients[2], 2 * gradients[0] + 3 * gradients[1], rtol=1e-12, atol=1e-14)


def test_logits_are_put_out_where_the_loss_takes_them() -> None:
    workspace = make(["tanh", "sigmoid"], "binary_crossentropy", rows=3)
    assert workspace.logits
    play(workspace.step(0))
    logits = workspace.outputs[0].copy()
    play(workspace.forward(0))
    np.testing.assert_allclose(workspace.outputs[0], 1 / (1 + np.exp(-logits)), rtol=1e-12)


def reductions_make_a_buffer() -> bool:
    a, row = np.ones((4, 512)), np.ones((1, 512))
    return allocated(lambda: np.add.reduce(a, axis=0, out=row, keepdims=True))[1] > 4096


@pytest.mark.skipif(reductions_make_a_buffer(), reason="in this NumPy (2.2, say) the sums of a softmax make a buffer each")
@pytest.mark.parametrize("loss", list(losses.LOSSES))
@pytest.mark.parametrize("last", ["softmax", "sigmoid", "softplus"])
def test_a_step_makes_no_array(loss: str, last: str) -> None:
    hidden = [name for name in oracle.ACTIVATIONS for _ in range(2)]
    workspace = make([*hidden, last], loss, rows=512)  # the smallest array that a step could make, a row, has 4 kB
    tape = workspace.step(0)
    with np.errstate(all="ignore"):
        kept, peak = allocated(lambda: play(tape))
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
