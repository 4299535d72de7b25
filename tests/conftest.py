"""Settings of all tests: TensorFlow keeps quiet and off the GPU, and Hypothesis draws the same examples every time."""

import os
import sys

import pytest
from hypothesis import settings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever the user has set

settings.register_profile("repeatable", deadline=None, derandomize=True, max_examples=50, print_blob=True)
settings.load_profile("repeatable")

COUNT_ALLOCATIONS = {"allocated", "tracemalloc"}
"""A test that calls one of these counts what Python allocates."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests that count allocations where coverage is measured, since that allocates too."""
    coverage = sys.modules.get("coverage")
    if coverage is None or coverage.Coverage.current() is None:
        return
    for item in items:
        if isinstance(item, pytest.Function) and COUNT_ALLOCATIONS & set(item.function.__code__.co_names):
            item.add_marker(pytest.mark.skip(reason="coverage allocates too"))
