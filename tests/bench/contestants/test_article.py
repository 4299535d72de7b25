import numpy as np
import pytest
from contestant_trials import layers, make_task, run_trial

from bench.contestants.registry import CONTESTANTS
from numpy_nn import textbook


@pytest.fixture(scope="module")
def experiment():
    """The article's own: its data, split, architecture and random stream, W of (out, in) before b, layer by layer."""
    datasets = pytest.importorskip("sklearn.datasets")
    selection = pytest.importorskip("sklearn.model_selection")
    x, y = datasets.make_moons(n_samples=1000, noise=0.2, random_state=100)
    x, x_test, y, y_test = selection.train_test_split(x, y.reshape(-1, 1).astype(float), test_size=0.1, random_state=42)
    architecture = layers((2, 25, 50, 50, 25, 1), ("relu", "relu", "relu", "relu", "sigmoid"))
    random = np.random.RandomState(2)
    weights = []
    for layer in architecture:
        weights.append(random.randn(layer["output_dim"], layer["input_dim"]).T * 0.1)
        weights.append(random.randn(layer["output_dim"], 1).ravel() * 0.1)
    return make_task(
        architecture=architecture,
        weights=weights,
        x=x,
        y=y,
        x_test=x_test,
        y_test=y_test,
        optimizer={"name": "sgd", "learning_rate": 0.01},
        batch_size=None,
        epochs=101,
    )


def test_the_costs_are_those_of_the_article(experiment):
    trained = run_trial(CONTESTANTS["article"].target, experiment)
    assert trained.history["loss"][0] == pytest.approx(0.6936484871866765, abs=1e-12)
    assert trained.history["loss"][100] == pytest.approx(0.6933371271884572, abs=1e-9)


def test_the_logarithm_is_plain():
    with np.errstate(divide="ignore"):
        assert textbook.loss(np.array([[1.0]]), np.array([[0.0]])) == np.inf
