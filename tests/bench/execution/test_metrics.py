import numpy as np
import pytest

from bench.execution import metrics


@pytest.mark.parametrize("name", ["binary_crossentropy", "categorical_crossentropy", "mean_squared_error"])
def test_the_harness_own_loss_is_keras_own(name):
    from numpy_nn import losses

    random = np.random.default_rng(0)
    y_pred = random.dirichlet([0.3] * 3, size=50)
    y_true = np.eye(3)[random.integers(3, size=50)]
    assert metrics.loss(name, y_true, y_pred) == pytest.approx(losses.get(name)(y_true, y_pred), rel=1e-12)


def test_an_unknown_loss_is_refused_by_name():
    with pytest.raises(ValueError, match="loss was 'hinge'"):
        metrics.loss("hinge", np.zeros((1, 1)), np.zeros((1, 1)))
