import numpy as np
import pytest

from numpy_nn import activations, losses
from numpy_nn.metrics import accuracy, score
from numpy_nn.validation import Rows


def test_one_output_is_cut_strictly_above_a_half() -> None:
    outputs = np.array([[0.5, np.nextafter(0.5, 1), 0.2, 0.9]])
    assert accuracy(np.array([[0.0, 1.0, 1.0, 1.0]]), outputs) == 0.75


def test_a_target_that_is_no_label_is_never_met_as_in_keras() -> None:
    assert accuracy(np.array([[0.7, -1.0, 1.0]]), np.array([[0.9, 0.1, 0.9]])) == pytest.approx(1 / 3)


def test_of_several_outputs_the_first_of_the_largest_counts() -> None:
    outputs = np.array([[0.4, 0.1], [0.4, 0.2], [0.2, 0.7]])
    assert accuracy(np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]), outputs) == 0.5


@pytest.mark.parametrize("weights", [None, np.array([3.0, 0.0, 1.0])])
def test_the_loss_is_the_mean_over_the_samples_each_times_its_weight(weights: np.ndarray | None) -> None:
    y, outputs = np.array([[0.0], [1.0], [2.0]]), np.array([[1.0, 3.0, 2.5]])
    loss, right = score(losses.get("mse"), activations.get("linear"), Rows(np.zeros((3, 1)), y, weights), outputs)
    counts = np.ones(3) if weights is None else weights
    assert loss == pytest.approx((counts * [1.0, 4.0, 0.25]).sum() / 3)
    assert right == pytest.approx(1 / 3)


def test_logits_are_judged_by_the_activation_that_follows_them() -> None:
    rows = Rows(np.zeros((2, 1)), np.array([[1.0], [1.0]]))
    loss, right = score(losses.get("binary_crossentropy"), activations.get("sigmoid"), rows, np.array([[0.25, -0.25]]))
    assert right == 0.5
    assert loss == pytest.approx(np.log1p(np.exp([-0.25, 0.25])).mean())
