"""scikit-learn's checks of any estimator, on both of ours; none is expected to fail, and as many apply as to its own."""

import warnings
from typing import Any

import pytest
import sklearn.neural_network
from sklearn.exceptions import SkipTestWarning
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

from numpy_nn.estimators import MLPClassifier, MLPRegressor


@parametrize_with_checks([MLPClassifier(), MLPRegressor()])
def test_check(estimator: Any, check: Any) -> None:
    check(estimator)


def applicable(estimator: Any) -> set[str]:
    """The names of the checks that scikit-learn finds for the estimator."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SkipTestWarning)
        checks = [check for _, check in estimator_checks_generator(estimator, legacy=True)]
    return {f"{check.func.__name__}({check.keywords})" for check in checks}


@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor], ids=lambda estimator: estimator.__name__)
def test_as_many_checks_apply_as_to_the_estimator_of_scikit_learn(estimator: type) -> None:
    theirs = getattr(sklearn.neural_network, estimator.__name__)
    missing = {name for name in applicable(theirs()) if name not in applicable(estimator())}
    assert not missing
