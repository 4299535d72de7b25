"""What the excepted tests of scikit-learn's suite ask, by public names, and against scikit-learn's own estimators."""

import numpy as np
import pytest
import sklearn.neural_network as theirs
from sklearn.datasets import load_digits

from numpy_nn import estimators as ours

X, Y = load_digits(n_class=2, return_X_y=True)
X, Y = X[:100] / 16, Y[:100]
POINTS, LABELS = [[3, 2], [1, 6], [5, 6], [-2, -4]], [1, 1, 1, 0]


@pytest.mark.parametrize("patience_epochs", [2, 5, 50])
def test_training_ends_when_the_loss_has_not_fallen_by_tol_for_n_iter_no_change_epochs(patience_epochs: int) -> None:
    tol = 0.01
    classifier = ours.MLPClassifier(solver="sgd", tol=tol, max_iter=3000, n_iter_no_change=patience_epochs, random_state=0)
    curve = classifier.fit(X, Y).loss_curve_
    best, waited, ends = np.inf, 0, []
    for loss in curve:
        waited = waited + 1 if loss > best - tol else 0
        best = min(best, loss)
        ends.append(waited > patience_epochs)
    assert ends == [False] * (len(curve) - 1) + [True]
    assert classifier.n_iter_ == len(curve) < 3000


def test_an_infinite_n_iter_no_change_trains_all_epochs() -> None:
    classifier = ours.MLPClassifier(solver="sgd", tol=1e9, max_iter=30, n_iter_no_change=np.inf, random_state=0)
    assert classifier.fit(X, Y).n_iter_ == 30


def test_an_adaptive_learning_rate_goes_on_where_a_constant_one_ends() -> None:
    def epochs(module: object, learning_rate: str) -> int:
        options = {"solver": "sgd", "tol": 0.5, "max_iter": 3000, "random_state": 0, "learning_rate": learning_rate}
        return module.MLPClassifier(**options).fit(X, Y).n_iter_

    # A fifth of the learning rate each time, until it is at most 1e-6: six times from 0.001.
    assert epochs(theirs, "adaptive") > epochs(theirs, "constant")
    assert epochs(ours, "adaptive") > epochs(ours, "constant")
    assert epochs(ours, "adaptive") < 3000


def test_invscaling_divides_by_a_power_of_the_rows_seen() -> None:
    def kernels(epochs: int, **options: object) -> list[np.ndarray]:
        classifier = ours.MLPClassifier(4, solver="sgd", momentum=0, max_iter=epochs, random_state=0, **options)
        classifier.fit(POINTS, LABELS)
        assert classifier.t_ == epochs * len(POINTS)
        return [*classifier.coefs_, *classifier.intercepts_]

    def assert_equal(some: list[np.ndarray], others: list[np.ndarray]) -> None:
        for one, other in zip(some, others, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12)

    # From the second epoch on it is learning_rate_init / (rows seen + 1) ** power_t: nothing at all where that power is large.
    assert_equal(kernels(5, learning_rate="invscaling", power_t=100), kernels(1))
    assert_equal(kernels(5, learning_rate="invscaling", power_t=0), kernels(5))
    assert_equal(kernels(1, learning_rate="invscaling", power_t=0.5), kernels(1))
    with pytest.raises(AssertionError):
        assert_equal(kernels(5, learning_rate="invscaling", power_t=0.5), kernels(5))
