"""Settings of all tests: TensorFlow keeps quiet and off the GPU, Hypothesis repeats its examples, `--slow` adds slow tests."""

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


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the tests marked `slow` too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip slow tests, unless `--slow` or `-m` asks for them, and what coverage or mutmut would make fail.

    Both allocate, where a test may count allocations, and mutmut forks, which a process with TensorFlow's threads doesn't outlive.
    """
    asked = config.getoption("--slow") or config.getoption("markexpr")
    coverage = sys.modules.get("coverage")
    mutated = "MUTANT_UNDER_TEST" in os.environ
    covered = mutated or (coverage is not None and coverage.Coverage.current() is not None)
    for item in items:
        if not asked and "slow" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="slow: run by --slow"))
        if covered and isinstance(item, pytest.Function) and COUNT_ALLOCATIONS & set(item.function.__code__.co_names):
            item.add_marker(pytest.mark.skip(reason="coverage and mutmut allocate too"))
        if mutated and isinstance(item, pytest.Function) and ("keras64" in item.fixturenames or _imports_keras(item)):
            item.add_marker(pytest.mark.skip(reason="mutmut forks"))


def _imports_keras(item: pytest.Function) -> bool:
    return "keras" in item.function.__code__.co_varnames
