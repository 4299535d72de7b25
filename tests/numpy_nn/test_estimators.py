"""The estimators against scikit-learn's own, from the same seed; and what scikit-learn's own suite doesn't ask."""

import inspect
import pickle
from itertools import product
from typing import Any

import numpy as np
import pytest
import sklearn.neural_network as theirs
from cases import moons, refused
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.ensemble import AdaBoostClassifier
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_validate, learning_curve
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from numpy_nn import SGD, Adam, RMSprop, Sequential
from numpy_nn import estimators as ours
from numpy_nn.estimators import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, Y = moons(200)
NAMES = np.array(["inner", "outer"])[Y.astype(int)]

GENERATOR = np.random.default_rng(0)
ROWS = GENERATOR.normal(size=(90, 5))
SUM = ROWS.sum(axis=1)
TARGETS: dict[str, tuple[str, np.ndarray, dict[str, Any]]] = {
    "two classes": ("MLPClassifier", SUM > 0, {}),
    "three classes": ("MLPClassifier", np.array(["a", "b", "c"])[np.digitize(SUM, [-1, 1])], {}),
    "labels": ("MLPClassifier", (ROWS[:, :3] > 0).astype(int), {}),
    "a target": ("MLPRegressor", SUM, {}),
    "targets": ("MLPRegressor", ROWS @ GENERATOR.normal(size=(5, 3)), {}),
    "counts": ("MLPRegressor", GENERATOR.poisson(np.exp(ROWS[:, :2] / 2)), {"loss": "poisson"}),
}
WEIGHTS = GENERATOR.uniform(0, 3, len(ROWS))
SETTINGS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "early stopping": {"early_stopping": True},
    "a last smaller batch": {"alpha": 0.5, "batch_size": 32},
    "invscaling": {"learning_rate": "invscaling", "momentum": 0, "alpha": 0.1, "batch_size": 32},
    "adaptive": {"learning_rate": "adaptive", "tol": 0.1, "n_iter_no_change": 2, "nesterovs_momentum": False},
    "no shuffle": {"shuffle": False, "batch_size": 20, "hidden_layer_sizes": (6, 4)},
    "no hidden layer": {"hidden_layer_sizes": ()},
}


def pair(kind: str, sample_weight: np.ndarray | None = None, **settings: Any) -> tuple[Any, Any]:
    """Our estimator and scikit-learn's, trained alike."""
    name, y, extra = TARGETS[kind]
    settings = {"hidden_layer_sizes": 7, "max_iter": 15, "learning_rate_init": 0.01, "random_state": 3, **extra, **settings}
    one, other = (getattr(module, name)(**settings) for module in (ours, theirs))
    return one.fit(ROWS, y, sample_weight=sample_weight), other.fit(ROWS, y, sample_weight=sample_weight)


def assert_alike(one: Any, other: Any, tolerance: float) -> None:
    for name in ("coefs_", "intercepts_"):
        for mine, its in zip(getattr(one, name), getattr(other, name), strict=True):
            np.testing.assert_allclose(mine, its, rtol=tolerance, atol=tolerance)
    attributes = [
        name for name in vars(other) if name.endswith("_") and name not in ("coefs_", "intercepts_", "classes_", "model_")
    ]
    for name in attributes:
        mine, its = getattr(one, name), getattr(other, name)
        if mine is None or isinstance(mine, str):
            assert mine == its, name
        else:
            np.testing.assert_allclose(mine, its, rtol=tolerance, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_the_parameters_and_their_defaults_are_those_of_scikit_learn(name: str) -> None:
    mine, its = (inspect.signature(getattr(module, name)).parameters for module in (ours, theirs))
    assert {key: value.default for key, value in mine.items() if key != "class_weight"} == {
        key: value.default for key, value in its.items()
    }
    assert [key for key, value in mine.items() if value.kind is value.POSITIONAL_OR_KEYWORD] == [
        key for key, value in its.items() if value.kind is value.POSITIONAL_OR_KEYWORD
    ]


@pytest.mark.parametrize(("kind", "solver", "setting"), list(product(TARGETS, ["sgd", "adam"], SETTINGS)))
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["unweighted", "weighted"])
def test_a_training_is_that_of_scikit_learn(kind: str, solver: str, setting: str, weights: np.ndarray | None) -> None:
    assert_alike(*pair(kind, weights, solver=solver, **SETTINGS[setting]), tolerance=1e-12)


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_every_activation_trains_as_that_of_scikit_learn(activation: str, solver: str) -> None:
    assert_alike(*pair("three classes", activation=activation, solver=solver), tolerance=1e-12)


@pytest.mark.parametrize(("kind", "alpha"), list(product(TARGETS, [1e-4, 0.5])))
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["unweighted", "weighted"])
def test_lbfgs_finds_the_weights_of_scikit_learn(kind: str, alpha: float, weights: np.ndarray | None) -> None:
    assert_alike(*pair(kind, weights, solver="lbfgs", alpha=alpha), tolerance=1e-7)


def test_further_fits_and_epochs_go_on_as_in_scikit_learn() -> None:
    one, other = pair("three classes", solver="sgd", learning_rate="invscaling", warm_start=True, max_iter=4)
    y = TARGETS["three classes"][1]
    for estimator in (one, other):
        estimator.fit(ROWS, y).partial_fit(ROWS[:50], y[:50]).partial_fit(ROWS[:20], y[:20], WEIGHTS[:20])
    assert len(one.loss_curve_) == 10
    assert_alike(one, other, 1e-12)


def test_a_further_fit_may_stop_early_or_use_another_solver() -> None:
    classifier = MLPClassifier(5, max_iter=2, random_state=0, warm_start=True, solver="lbfgs").fit(X, NAMES)
    classifier.set_params(solver="adam").fit(X, NAMES)
    assert (len(classifier.loss_curve_), classifier.validation_scores_) == (2, None)
    classifier.set_params(early_stopping=True).fit(X, NAMES)
    assert (len(classifier.validation_scores_), classifier.best_loss_) == (2, None)


def test_labels_and_probabilities_are_those_of_scikit_learn() -> None:
    for kind in ("two classes", "three classes", "labels"):
        one, other = pair(kind)
        np.testing.assert_array_equal(one.predict(ROWS), other.predict(ROWS))
        assert one.predict(ROWS).dtype == other.predict(ROWS).dtype
        np.testing.assert_allclose(one.predict_proba(ROWS), other.predict_proba(ROWS), rtol=1e-12)
        np.testing.assert_allclose(one.predict_log_proba(ROWS), other.predict_log_proba(ROWS), rtol=1e-11)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csc_array])
def test_sparse_rows_are_trained_on_as_dense_ones(solver: str, container: Any) -> None:
    holes = np.where(ROWS > 0, ROWS, 0)
    classifier = MLPClassifier(5, solver=solver, batch_size=32, max_iter=5, random_state=0, early_stopping=solver == "adam")
    dense, other = (clone(classifier).fit(x, SUM > 0) for x in (holes, container(holes)))
    np.testing.assert_array_equal(dense.coefs_[0], other.coefs_[0])
    np.testing.assert_array_equal(dense.predict_proba(holes), other.predict_proba(container(holes)))


def test_sparse_labels_are_answered_sparse() -> None:
    y = TARGETS["labels"][1]
    dense, other = (MLPClassifier(5, max_iter=5, random_state=0).fit(ROWS, labels) for labels in (y, sparse.csr_matrix(y)))
    assert sparse.issparse(other.predict(ROWS))
    np.testing.assert_array_equal(other.predict(ROWS).toarray(), dense.predict(ROWS))


def test_an_optimizer_of_ours_may_be_the_solver() -> None:
    for solver, optimizer in (("sgd", SGD(0.01, momentum=0.9, nesterov=True)), ("adam", Adam(0.01, epsilon=1e-8))):
        by_object, _ = pair("three classes", solver=solver)
        by_name = MLPClassifier(7, solver=optimizer, max_iter=15, random_state=3).fit(ROWS, TARGETS["three classes"][1])
        assert_alike(by_object, by_name, 0)
        assert optimizer.iterations == 0
    assert isinstance(MLPClassifier(solver=RMSprop(0.01), max_iter=1).fit(X, Y).model_.optimizer, RMSprop)


def test_an_activation_of_ours_may_be_in_the_hidden_layers() -> None:
    classifier = MLPClassifier((7, 3), "elu", max_iter=1).fit(X, Y)
    assert [layer["activation"] for layer in classifier.model_.architecture] == ["elu", "elu", "sigmoid"]


def test_the_model_within_answers_and_trains_by_itself() -> None:
    classifier = MLPClassifier(7, max_iter=5, random_state=0, alpha=0, shuffle=False).fit(X, NAMES)
    model: Sequential = classifier.model_
    np.testing.assert_array_equal(model.predict(X)[:, 0], classifier.predict_proba(X)[:, 1])
    before = model.get_weights()[0]
    model.fit(X, Y, epochs=1, verbose=0)
    assert not np.array_equal(before, classifier.coefs_[0])


def test_weights_written_into_the_attributes_are_predicted_with() -> None:
    regressor = MLPRegressor(hidden_layer_sizes=(), max_iter=1).fit(X, Y)
    regressor.coefs_ = [np.array([[2.0], [0.0]])]
    regressor.intercepts_[0][:] = 1
    np.testing.assert_allclose(regressor.predict(X), 2 * X[:, 0] + 1)


def test_classes_may_weigh_differently() -> None:
    plain, weighted = (
        MLPClassifier(5, max_iter=20, random_state=0, class_weight=weight).fit(X, NAMES)
        for weight in (None, {"outer": 9, "inner": 1})
    )
    assert weighted.predict_proba(X)[:, 1].mean() > plain.predict_proba(X)[:, 1].mean()
    by_hand = clone(plain).fit(X, NAMES, sample_weight=np.where(NAMES == "outer", 9, 1))
    assert_alike(by_hand, weighted, 0)
    with refused("class_weight was 'balanced'"):
        MLPClassifier(class_weight="balanced").partial_fit(X, Y, classes=[0, 1])


def test_a_single_class_is_certain() -> None:
    classifier = MLPClassifier(max_iter=2).fit(X, np.full(200, "only"))
    assert set(classifier.predict(X)) == {"only"}
    np.testing.assert_array_equal(classifier.predict_proba(X), np.ones((200, 1)))


def test_the_precision_is_that_of_the_data_and_of_lbfgs_double() -> None:
    assert MLPClassifier(max_iter=1).fit(X, Y).predict_proba(X).dtype == np.float64
    assert MLPClassifier(max_iter=1).fit(X.astype("float32"), Y).predict_proba(X.astype("float32")).dtype == np.float32
    assert MLPClassifier(solver="lbfgs", max_iter=1).fit(X.astype("float32"), Y).coefs_[0].dtype == np.float64


@pytest.mark.filterwarnings("default::sklearn.exceptions.ConvergenceWarning")
def test_a_training_that_diverged_says_so_once() -> None:
    regressor = MLPRegressor(activation="identity", solver="sgd", learning_rate_init=10, early_stopping=True, random_state=0)
    with pytest.warns(ConvergenceWarning) as caught:
        regressor.fit(ROWS, SUM)
    assert sum("diverged" in str(warning.message) for warning in caught) == 1
    assert np.isfinite(regressor.coefs_[0]).all()


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_the_error_state_of_numpy_changes_nothing(solver: str) -> None:
    plain, strict = (MLPClassifier(5, solver=solver, max_iter=20, random_state=0, early_stopping=True) for _ in range(2))
    plain.fit(1e3 * X, NAMES)
    with np.errstate(all="raise"):
        strict.fit(1e3 * X, NAMES)
        assert strict.predict_log_proba(1e6 * X).min() == -np.inf
    assert_alike(plain, strict, 0)


def test_masked_values_are_refused() -> None:
    masked = np.ma.masked_greater(X, 1)
    with refused("X had masked values"):
        MLPClassifier(max_iter=1).fit(masked, Y)
    with refused("X had masked values"):
        MLPClassifier(max_iter=1).fit(X, Y).predict(masked)
    with refused("y had masked values"):
        MLPRegressor(max_iter=1).fit(X, masked[:, 0])


def test_verbose_prints_a_line_an_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    one, other = (module.MLPClassifier(5, solver="sgd", max_iter=3, random_state=0, verbose=True) for module in (ours, theirs))
    one.fit(X, Y)
    printed = capsys.readouterr().out
    other.fit(X, Y)
    assert printed == capsys.readouterr().out
    MLPClassifier(5, solver="lbfgs", max_iter=2, verbose=True).fit(X, Y)
    assert capsys.readouterr().out.startswith("Iteration 1, loss = 0.")


def test_it_takes_part_in_searches_curves_and_ensembles() -> None:
    x, y = load_iris(return_X_y=True)
    classifier = make_pipeline(StandardScaler(), MLPClassifier(20, max_iter=100, learning_rate_init=0.01, random_state=0))
    search = GridSearchCV(classifier, {"mlpclassifier__hidden_layer_sizes": [(1,), (30, 30)]}, cv=3).fit(x, y)
    assert search.best_params_ == {"mlpclassifier__hidden_layer_sizes": (30, 30)}
    learner = MLPClassifier(5, random_state=0)
    _, train, _ = learning_curve(learner, x, y, cv=3, exploit_incremental_learning=True, shuffle=True, random_state=0)
    assert train.shape == (5, 3)
    boosted = AdaBoostClassifier(MLPClassifier(10, max_iter=100, learning_rate_init=0.01), n_estimators=3, random_state=0).fit(x, y)
    assert boosted.score(x, y) > 0.9


class Deep(MLPClassifier):
    def __init__(self, depth: int = 1, random_state: int = 0) -> None:
        super().__init__((4,) * depth, max_iter=3, random_state=random_state)
        self.depth = depth


def test_a_subclass_may_have_parameters_of_its_own() -> None:
    search = GridSearchCV(Deep(), {"depth": [1, 2]}, cv=2, error_score="raise").fit(X, NAMES)
    assert search.best_estimator_.n_layers_ == search.best_params_["depth"] + 2


def test_sample_weights_are_routed() -> None:
    with config_context(enable_metadata_routing=True):
        classifier = MLPClassifier(5, max_iter=3, random_state=0)
        classifier.set_fit_request(sample_weight=True).set_score_request(sample_weight=False)
        weights = np.where(Y == 1, 100.0, 0.0)
        scores = cross_validate(classifier, X, NAMES, cv=2, params={"sample_weight": weights}, return_estimator=True)
    assert all(set(estimator.predict(X)) == {"outer"} for estimator in scores["estimator"])


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_fitted_estimator_goes_through_a_pickle_and_on(solver: str) -> None:
    classifier = MLPClassifier(5, solver=solver, max_iter=3, random_state=0).fit(X, NAMES)
    copy = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(copy.predict_proba(X), classifier.predict_proba(X))
    if solver == "adam":
        for estimator in (copy, classifier):
            estimator.partial_fit(X, NAMES)
        assert_alike(copy, classifier, 0)


def test_before_fit_there_is_no_answer() -> None:
    fitted = MLPClassifier(max_iter=1).fit(X, Y)
    for estimator in (MLPClassifier(), MLPRegressor(), clone(fitted)):
        assert not hasattr(estimator, "coefs_")
        with pytest.raises(NotFittedError):
            estimator.predict(X)


@pytest.mark.parametrize(
    ("parameters", "was"),
    [
        ({"hidden_layer_sizes": (5, 0)}, "hidden_layer_sizes was 0"),
        ({"hidden_layer_sizes": 2.5}, "hidden_layer_sizes was 2.5"),
        ({"activation": "nothing"}, "activation was 'nothing'"),
        ({"solver": "rms"}, "solver was 'rms'"),
        ({"learning_rate": 0.1}, "learning_rate was 0.1"),
        ({"learning_rate_init": -1}, "learning_rate_init was -1"),
        ({"alpha": np.nan}, "alpha was nan"),
        ({"batch_size": 0}, "batch_size was 0"),
        ({"batch_size": "all"}, "batch_size was 'all'"),
        ({"max_iter": 0}, "max_iter was 0"),
        ({"shuffle": "yes"}, "shuffle was 'yes'"),
        ({"n_iter_no_change": 0.5}, "n_iter_no_change was 0.5"),
        ({"validation_fraction": 1.5}, "validation_fraction was 1.5"),
        ({"epsilon": 0}, "epsilon was 0"),
    ],
)
def test_a_bad_parameter_is_named(parameters: dict[str, Any], was: str) -> None:
    with refused(was, "it m"):
        MLPClassifier(**parameters).fit(X, Y)


def test_a_negative_count_is_named() -> None:
    with refused("y had -1.0", "poisson"):
        MLPRegressor("poisson").fit(X, np.full(200, -1.0))
