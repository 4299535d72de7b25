"""Marks the tests of scikit-learn's own suite: those excepted are skipped, those that don't hold yet must fail."""

from pathlib import Path

import pytest
from sklearn_suite_tables import CHECKS_NOT_YET, EXCEPTIONS, NOT_YET

HERE = Path(__file__).parent
CONVERGENCE = "ignore::sklearn.exceptions.ConvergenceWarning"


@pytest.fixture
def global_random_seed() -> int:
    """The seed that scikit-learn's own configuration of pytest hands to its tests."""
    return 42


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent != HERE:
            continue
        item.add_marker(pytest.mark.filterwarnings(CONVERGENCE))
        plain = getattr(item, "originalname", item.name)
        for name in (item.name, plain):
            if name in EXCEPTIONS:
                item.add_marker(pytest.mark.skip(reason=EXCEPTIONS[name]))
            elif reason := NOT_YET.get(name) or CHECKS_NOT_YET.get(name):
                item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
