import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))  # for the records that the tests of the report use too

from synthetic import synthetic_run

from bench.analysis.summary import analyse


@pytest.fixture(scope="session")
def data():
    return synthetic_run()


@pytest.fixture(scope="session")
def analysis(data):
    return analyse(data)
