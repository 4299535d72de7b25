"""The benchmarks of another package: `BENCHMARKS` of a file, and tests that use pytest-benchmark's fixture, run as they are.

Called by `bench.regression.compare.comparison_worker`. A test runs in a greenlet up to its call of `benchmark(function, ...)`; the
function is then called in blocks while the test waits, and the test goes on when the work is closed. What a test needs besides that
fixture, it may have by `pytest.mark.parametrize`, and by fixtures of its file and of `conftest.py` (see `fixtures`).
"""

from __future__ import annotations

import importlib.util
import inspect
import itertools
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from greenlet import getcurrent, greenlet

from bench.micro.benchmark import Array, Benchmark, Work
from bench.micro.fixtures import FixtureFunction, Fixtures, fixture_function

FIXTURE = "benchmark"
CONFTEST = "conftest.py"
MOST_COMPARED_VALUES = 100_000


def load_benchmarks(path: Path) -> dict[str, Benchmark]:
    """The benchmarks of a file or of the files of a folder, by name.

    Raises
    ------
    Exception
        Whatever a file raises when it is imported.

    """
    files = [path] if path.is_file() else sorted(path.rglob("*.py"), key=lambda file: (file.name != CONFTEST, file))
    sys.path[:0] = [str(folder) for folder in dict.fromkeys(file.parent for file in files)]
    found: dict[str, Benchmark] = {}
    shared: dict[Path, dict[str, FixtureFunction]] = {}
    for file in files:
        name = "_".join((path.parent.name, *file.relative_to(path.parent).with_suffix("").parts))
        specification = importlib.util.spec_from_file_location(name, file)
        assert specification is not None
        assert specification.loader is not None
        module = importlib.util.module_from_spec(specification)
        sys.modules[name] = module
        specification.loader.exec_module(module)
        own = _fixtures(module)
        if file.name == CONFTEST:
            shared[file.parent] = own
            continue
        above = [shared.get(folder, {}) for folder in reversed(file.parents)]
        fixtures = {name: fixture for part in (*above, own) for name, fixture in part.items()}
        for benchmark in _benchmarks(module, fixtures):
            found[benchmark.name] = benchmark
    return found


def _fixtures(holder: ModuleType | type) -> dict[str, FixtureFunction]:
    found = (fixture_function(name, value) for name, value in vars(holder).items())
    return {fixture.name: fixture for fixture in found if fixture is not None}


def _benchmarks(module: ModuleType, fixtures: Mapping[str, FixtureFunction]) -> Iterator[Benchmark]:
    yield from getattr(module, "BENCHMARKS", ())
    marks = _marks(module)
    for name, value in list(vars(module).items()):
        if name.startswith("test") and inspect.isfunction(value):
            yield from _of_function(name, value, None, marks, fixtures)
        elif name.startswith("Test") and inspect.isclass(value):
            inherited = dict(pair for owner in reversed(value.__mro__) for pair in vars(owner).items())
            of_class = {**fixtures, **{key: each for owner in reversed(value.__mro__) for key, each in _fixtures(owner).items()}}
            for method, function in inherited.items():
                if method.startswith("test") and inspect.isfunction(function):
                    yield from _of_function(f"{name}::{method}", function, value, [*marks, *_marks(value)], of_class)


def _marks(holder: object) -> list[Any]:
    marks = getattr(holder, "pytestmark", [])
    return list(marks) if isinstance(marks, (list, tuple)) else [marks]


def _of_function(
    name: str, function: Callable[..., object], owner: type | None, marks: list[Any], fixtures: Mapping[str, FixtureFunction]
) -> Iterator[Benchmark]:
    """The benchmark of a test that has the fixture; one with parameters is a family."""
    if FIXTURE not in inspect.signature(function).parameters:
        return
    variants = {
        label: partial(_prepare, function, owner, Fixtures(fixtures, arguments))
        for label, arguments in _parametrized([*_marks(function), *marks]).items()
    }
    yield Benchmark(name, inspect.getdoc(function) or name, variants)


def _parametrized(marks: list[Any]) -> dict[str, dict[str, Any]]:
    """The arguments of each variant, by its label, as `pytest.mark.parametrize` has them."""
    choices: list[list[dict[str, Any]]] = []
    for mark in marks:
        if mark.name == "parametrize":
            names, values = mark.args[:2]
            words = [word.strip() for word in names.split(",")] if isinstance(names, str) else list(names)
            rows = [getattr(value, "values", value) if hasattr(value, "marks") else value for value in values]
            single = len(words) == 1
            choices.append(
                [dict(zip(words, [row] if single and not _is_parameter_set(row, values) else row, strict=True)) for row in rows]
            )
    combined = [dict(itertools.chain.from_iterable(part.items() for part in parts)) for parts in itertools.product(*choices)]
    return {f"{'-'.join(map(_label, arguments.values()))}": arguments for arguments in combined}


def _is_parameter_set(row: Any, values: Any) -> bool:
    return any(hasattr(value, "marks") and value.values is row for value in values)


def _label(value: Any) -> str:
    return str(value) if isinstance(value, (str, int, float, bool)) else getattr(value, "__name__", type(value).__name__)


def _prepare(function: Callable[..., object], owner: type | None, fixtures: Fixtures, _package: ModuleType, _seed: int) -> Work:
    return _TestWork(function, owner, fixtures.fresh())


class _Fixture:
    """What stands in for pytest-benchmark's fixture: it says what is to be timed, and waits."""

    def __init__(self) -> None:
        self.extra_info: dict[str, Any] = {}
        self.group: str | None = None
        self.disabled = False

    def __call__(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return self.pedantic(function, args, kwargs)

    def pedantic(
        self,
        target: Callable[..., Any],
        args: Any = (),
        kwargs: Any = None,
        setup: Callable[[], Any] | None = None,
        teardown: Callable[..., Any] | None = None,
        rounds: int = 1,
        warmup_rounds: int = 0,
        iterations: int = 1,
    ) -> Any:
        """As pytest-benchmark's; how often the target is called is the harness' choice."""
        harness = getcurrent().parent
        assert harness is not None
        return harness.switch((target, tuple(args), dict(kwargs or {}), setup, teardown))


class _TestWork(Work):
    """The calls that a test asks for."""

    def __init__(self, function: Callable[..., object], owner: type | None, fixtures: Fixtures) -> None:
        instance = None if owner is None else owner()
        if (set_up := getattr(instance, "setup_method", None)) is not None:
            set_up(*[function] * len(inspect.signature(set_up).parameters))
        fixtures.values[FIXTURE] = _Fixture()
        self._fixtures = fixtures
        self._test = greenlet(partial(function, **fixtures.arguments(function, instance)))
        asked = self._test.switch()
        if self._test.dead or not isinstance(asked, tuple):
            raise RuntimeError("the test ended without a call of benchmark(function)")
        self._target, self._args, self._kwargs, self._setup, self._teardown = asked
        self._result: Any = None
        self.can_repeat = self._setup is None and self._teardown is None
        self._first = True

    def before_block(self) -> None:
        if self._teardown is not None and not self._first:
            self._teardown(*self._args, **self._kwargs)
        self._first = False
        made = self._setup() if self._setup is not None else None
        if made is not None:
            self._args, self._kwargs = made

    def __call__(self) -> None:
        self._result = self._target(*self._args, **self._kwargs)

    def outcome(self) -> list[Array]:
        return comparable(self._result)

    def close(self) -> None:
        if not self._test.dead:
            self._test.switch(self._result)  # the test goes on, and its own assertions speak
        self._fixtures.close()


def comparable(result: Any) -> list[Array]:
    """The numbers, and the texts as bytes, in a result; empty for an object of which nothing is known."""
    if isinstance(result, np.ndarray):
        return [result] if result.dtype.kind in "biuf" else []
    if isinstance(result, (bool, int, float)):
        return [np.float64(result).reshape(1)]
    if isinstance(result, (str, bytes)):
        data = result.encode(errors="replace") if isinstance(result, str) else result
        return [np.frombuffer(data[:MOST_COMPARED_VALUES], np.uint8).astype(np.float64)]
    if isinstance(result, (list, tuple)):
        return [array for value in result[:100] for array in comparable(value)]
    if isinstance(result, dict):
        return [array for value in list(result.values())[:100] for array in comparable(value)]
    return []
