"""Keras' own test modules, as the installed wheel has them: named without an import of Keras, run with `numpy_nn` in its place."""

import ast
import importlib.util
import sys
import unittest
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

FOLDERS = (
    "activations",
    "callbacks",
    "initializers",
    "losses",
    "metrics",
    "optimizers",
    "optimizers/schedules",
    "regularizers",
)


def _source_folder() -> Path:
    spec = importlib.util.find_spec("keras")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "src"


def files_of_keras() -> list[str]:
    """The test files of those folders, as "losses/losses_test.py"."""
    root = _source_folder()
    return [path.relative_to(root).as_posix() for folder in FOLDERS for path in sorted((root / folder).glob("*_test.py"))]


@cache
def names_in(file: str) -> tuple[str, ...]:
    """The tests of a file, as "HuberLossTest.test_unweighted"; Keras isn't imported for it."""
    tree = ast.parse((_source_folder() / file).read_text(encoding="utf-8"))
    return tuple(
        f"{tests.name}.{test.name}"
        for tests in tree.body
        if isinstance(tests, ast.ClassDef)
        for test in tests.body
        if isinstance(test, ast.FunctionDef) and test.name.startswith("test")
    )


@cache
def load(file: str) -> ModuleType:
    """The module of a test file, executed anew; its own names may be replaced."""
    spec = importlib.util.spec_from_file_location(f"keras_suite_{Path(file).stem}", _source_folder() / file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Keras' modules import a decorator from the `conftest` of its repository, which the wheel doesn't have.
    stand_in = ModuleType("conftest")
    stand_in.skip_if_backend = lambda *_: lambda test: test  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "conftest", stand_in)
        spec.loader.exec_module(module)
    return module


def make_again(case: unittest.TestCase, instance: Any) -> None:
    """What is asked in place of `run_class_serialization_test`: a configuration, where there is one, makes the object again."""
    if not hasattr(instance, "get_config"):
        return
    config = instance.get_config()
    assert config
    assert type(instance)(**config).get_config() == config


def run(file: str, name: str, substitutes: Mapping[str, Any]) -> None:
    """Run one test of Keras, and all its parameters, while its module's names mean `substitutes`."""
    module = load(file)
    class_name, _, method = name.partition(".")
    tests: type[unittest.TestCase] = getattr(module, class_name)
    # A test with parameters stands there once for each of them, under longer names.
    methods = [method] if hasattr(tests, method) else [found for found in dir(tests) if found.startswith(method)]
    assert methods
    # The formulas that Keras' tests compare with overflow.
    with pytest.MonkeyPatch.context() as patch, np.errstate(all="ignore"):
        for replaced, substitute in substitutes.items():
            patch.setattr(module, replaced, substitute)
        patch.setattr(tests, "run_class_serialization_test", make_again)
        for found in methods:
            np.random.seed(0)  # noqa: NPY002  # Keras' tests draw from it
            case = tests(found)
            try:
                case.setUp()
                getattr(case, found)()
            finally:
                case.tearDown()
                case.doCleanups()
