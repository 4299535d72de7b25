"""scikit-learn's own `sklearn/neural_network/tests/test_mlp.py`, with the estimators of `numpy_nn` in place of its own."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
import sklearn.neural_network
from sklearn_suite_tables import EXCEPTIONS, NOT_YET

from numpy_nn import estimators


def _suite() -> ModuleType:
    """The module of the installed wheel, executed while scikit-learn's two names mean ours."""
    path = Path(sklearn.neural_network.__file__).parent / "tests" / "test_mlp.py"
    spec = importlib.util.spec_from_file_location("sklearn_test_mlp", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MLPClassifier", "MLPRegressor"):
            patch.setattr(sklearn.neural_network, name, getattr(estimators, name))
        spec.loader.exec_module(module)
    return module


SUITE = {name: value for name, value in vars(_suite()).items() if name.startswith("test_")}
globals().update(SUITE)


def test_the_tables_name_tests_of_the_suite_and_each_once(request: pytest.FixtureRequest) -> None:
    names = {name.partition("[")[0] for name in (*EXCEPTIONS, *NOT_YET)}
    assert names <= set(SUITE)
    assert not set(EXCEPTIONS) & set(NOT_YET)
    collected = {item.name for item in request.session.items}
    if len(request.session.items) > len(SUITE):  # all of this file, not one test of it
        assert {name for name in (*EXCEPTIONS, *NOT_YET) if "[" in name} <= collected
