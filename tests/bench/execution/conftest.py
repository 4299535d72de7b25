"""What the tests of the worker's side share: requests for the small workload."""

from types import MappingProxyType

import numpy as np
import pytest
from harness import ARCHITECTURE, small_split

from bench.execution.messages import Paths, Request, TaskSpec

WEIGHTS = [np.zeros((2, 3)), np.zeros(3), np.zeros((3, 1)), np.zeros(1)]


@pytest.fixture
def light_data(monkeypatch):
    """Runs on data and first weights that take no time."""
    monkeypatch.setattr("bench.execution.request_builder.make_split", small_split)
    monkeypatch.setattr("bench.execution.request_builder.first_weights", lambda architecture, initializer, seed: [])


@pytest.fixture
def request_of(tmp_path):
    """A request for the small workload, its arrays in a file."""
    split = small_split(None, seed=0)
    arrays = {"x": split.x, "y": split.y, "x_test": split.x_test, "y_test": split.y_test}
    arrays |= {f"weights_{index}": weight for index, weight in enumerate(WEIGHTS)}
    np.savez(tmp_path / "data.npz", **{name: array.astype("float64") for name, array in arrays.items()})

    def make(kind, *, task=MappingProxyType({}), trajectory=None, surface=None, **fields):
        plain = {
            "architecture": ARCHITECTURE,
            "loss": "binary_crossentropy",
            "optimizer": {"name": "sgd"},
            "batch_size": 8,
            "epochs": 3,
            "dtype": "float64",
            "threads": 1,
            "seed": 0,
        }
        paths = Paths(str(tmp_path / "data.npz"), trajectory, surface)
        return Request(kind, "tiny.py:Tiny", TaskSpec(**{**plain, **task}), paths, **fields)

    return make
