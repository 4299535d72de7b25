import pickle
from typing import Any

import numpy as np
import pytest
from cases import moons, refused
from sklearn.base import clone
from sklearn.datasets import load_iris, make_regression
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from numpy_nn import SGD, Sequential
from numpy_nn.estimators import MLPClassifier, MLPRegressor

X, Y = moons(200)
NAMES = np.array(["inner", "outer"])[Y.astype(int)]


@pytest.mark.parametrize(
    ("estimator", "check"),
    [
        pair
        for estimator in (MLPClassifier(epochs=50), MLPClassifier(epochs=50, early_stopping=True), MLPRegressor(epochs=50))
        for pair in estimator_checks_generator(estimator)
    ],
)
def test_scikit_learn_finds_nothing_wrong(estimator: Any, check: Any) -> None:
    check(estimator)


def test_classes_are_answered_by_their_own_names() -> None:
    classifier = MLPClassifier((25, 25), epochs=100, random_state=0).fit(X, NAMES)
    assert classifier.classes_.tolist() == ["inner", "outer"]
    assert classifier.score(X, NAMES) > 0.95
    probabilities = classifier.predict_proba(X)
    assert probabilities.shape == (200, 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_array_equal(classifier.predict(X), classifier.classes_[probabilities.argmax(axis=1)])


def test_several_classes_are_told_apart() -> None:
    x, y = load_iris(return_X_y=True)
    classifier = make_pipeline(StandardScaler(), MLPClassifier(epochs=100, random_state=0))
    assert cross_val_score(classifier, x, y, cv=3).min() > 0.9
    assert classifier.fit(x, y).predict_proba(x).shape == (150, 3)


@pytest.mark.parametrize("targets", [1, 2])
def test_targets_are_answered_in_the_shape_they_had(targets: int) -> None:
    x, y = make_regression(100, 3, n_targets=targets, random_state=0)
    y /= y.std(axis=0)
    regressor = MLPRegressor((50,), learning_rate=0.01, random_state=0).fit(x, y)
    assert regressor.predict(x).shape == y.shape
    assert regressor.score(x, y) > 0.95


def test_it_is_the_network_of_the_same_seed_and_settings() -> None:
    classifier = MLPClassifier((7, 3), "tanh", optimizer=SGD(0.5), batch_size=16, epochs=3, random_state=0).fit(X, Y)
    assert [layer["activation"] for layer in classifier.model_.architecture] == ["tanh", "tanh", "sigmoid"]
    model = Sequential(classifier.model_.architecture, seed=classifier.model_.seed, dtype="float64")
    model.compile(SGD(0.5), "binary_crossentropy")
    assert model.fit(X, Y, batch_size=16, epochs=3, verbose=0).history["loss"] == classifier.loss_curve_
    np.testing.assert_array_equal(model.predict(X)[:, 0], classifier.predict_proba(X)[:, 1])


@pytest.mark.parametrize(("sizes", "widths"), [((), [2, 1]), (5, [2, 5, 1]), ([5, np.int64(4)], [2, 5, 4, 1])])
def test_hidden_layers_may_be_none_one_or_several(sizes: Any, widths: list[int]) -> None:
    layers = MLPClassifier(sizes, epochs=1).fit(X, Y).model_.layers
    assert [layers[0].input_dim, *(layer.output_dim for layer in layers)] == widths


def test_the_precision_is_that_of_the_data() -> None:
    assert MLPClassifier(epochs=1).fit(X, Y).predict_proba(X).dtype == np.float64
    assert MLPClassifier(epochs=1).fit(X.astype("float32"), Y).predict_proba(X.astype("float32")).dtype == np.float32


def test_a_learning_rate_of_its_own_leaves_the_optimizer_that_was_given_alone() -> None:
    optimizer = SGD(0.5, momentum=0.5)
    classifier = MLPClassifier(epochs=1, optimizer=optimizer, learning_rate=0.25).fit(X, Y)
    assert repr(classifier.model_.optimizer) == "SGD(learning_rate=0.25, momentum=0.5, nesterov=False)"
    assert repr(optimizer) == "SGD(learning_rate=0.5, momentum=0.5, nesterov=False)"
    assert classifier.model_.optimizer is not optimizer


def test_early_stopping_holds_rows_out_and_ends_before_the_last_epoch() -> None:
    classifier = MLPClassifier(learning_rate=0.05, early_stopping=True, validation_fraction=0.3, random_state=0).fit(X, NAMES)
    curve = classifier.validation_loss_curve_
    assert len(curve) == len(classifier.loss_curve_) == classifier.n_iter_ < 200
    assert int(np.argmin(curve)) == classifier.n_iter_ - 11
    assert not hasattr(MLPClassifier(epochs=1).fit(X, Y), "validation_loss_curve_")


def test_a_random_state_repeats_a_training() -> None:
    first, again, other = (MLPClassifier(epochs=3, random_state=seed).fit(X, Y).loss_curve_ for seed in (0, 0, 1))
    assert first == again != other


def test_a_grid_is_searched() -> None:
    search = GridSearchCV(MLPClassifier(epochs=30, random_state=0), {"hidden_layer_sizes": [(2,), (30, 30)]}, cv=2)
    assert search.fit(X, NAMES).best_params_ == {"hidden_layer_sizes": (30, 30)}


def test_a_fitted_estimator_goes_through_a_pickle() -> None:
    classifier = MLPClassifier(epochs=3).fit(X, NAMES)
    copy = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(copy.predict_proba(X), classifier.predict_proba(X))


def test_before_fit_there_is_no_answer() -> None:
    fitted = MLPClassifier(epochs=1).fit(X, Y)
    for estimator in (MLPClassifier(), MLPRegressor(), clone(fitted)):
        with pytest.raises(NotFittedError):
            estimator.predict(X)


@pytest.mark.parametrize(
    ("parameters", "was"),
    [
        ({"hidden_layer_sizes": (5, 0)}, "hidden_layer_sizes was 0"),
        ({"hidden_layer_sizes": 2.5}, "hidden_layer_sizes was 2.5"),
        ({"activation": "prelu"}, "['activation'] was 'prelu'"),
        ({"optimizer": "lbfgs"}, "optimizer was 'lbfgs'"),
        ({"learning_rate": -1}, "learning_rate was -1"),
        ({"batch_size": 0}, "batch_size was 0"),
        ({"epochs": 0}, "epochs was 0"),
        ({"early_stopping": True, "validation_fraction": 1.5}, "validation_fraction was 1.5"),
    ],
)
def test_a_bad_parameter_is_named(parameters: dict[str, Any], was: str) -> None:
    with refused(was):
        MLPClassifier(**parameters).fit(X, Y)


def test_a_single_class_is_refused() -> None:
    with refused("y had one class, 1.0", "at least two"):
        MLPClassifier().fit(X, np.ones(200))
