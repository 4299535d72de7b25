import sys
from dataclasses import fields, replace
from pathlib import Path

import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))  # for the records that the tests of analysis use too

from report_frames import COLUMNS
from synthetic import synthetic_run

from bench.analysis.summary import Analysis
from bench.report import style


@pytest.fixture(autouse=True)
def _report_style():
    with style.drawing():
        yield


@pytest.fixture(scope="session")
def data():
    return synthetic_run(epochs=5, scored_seeds=2, rounds=2, launches=2)


@pytest.fixture
def analysis_of(data):
    """An analysis in which nothing was measured but the tables that the test hands in, by name, as lists of rows."""

    def make(run=data, **tables):
        frames = {name: pd.DataFrame(tables.get(name, []), columns=columns.split()) for name, columns in COLUMNS.items()}
        assert set(frames) | {"data", "warnings"} == {field.name for field in fields(Analysis)}
        return Analysis(data=run, warnings=[], **frames)

    return make


@pytest.fixture
def with_trials():
    return lambda run, trials: replace(run, trials=list(trials))
