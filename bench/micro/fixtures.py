"""The fixtures of tests that run as benchmarks: functions with `@pytest.fixture`, in a test's file, its class or a `conftest.py`.

Called by `external`. A fixture may have other fixtures as arguments, and may yield its value; it is made anew for each build,
whatever its scope is. Of pytest's own, there is `tmp_path`. pytest itself isn't needed.
"""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TEMPORARY_FOLDER = "tmp_path"


@dataclass(frozen=True)
class FixtureFunction:
    """A function that makes the value of a fixture."""

    name: str
    function: Callable[..., Any]
    is_automatic: bool = False


def fixture_function(name: str, value: object) -> FixtureFunction | None:
    """The fixture that `value`, an attribute `name` of a module or a class, is; None if it is something else."""
    if hasattr(value, "_get_wrapped_function"):  # pytest 8.4 and later
        function, marker = value._get_wrapped_function(), getattr(value, "_fixture_function_marker", None)
    elif hasattr(value, "_pytestfixturefunction"):
        function, marker = value.__pytest_wrapped__.obj, value._pytestfixturefunction  # type: ignore[attr-defined]
    else:
        return None
    return FixtureFunction(getattr(marker, "name", None) or name, function, bool(getattr(marker, "autouse", False)))


@dataclass
class Fixtures:
    """The values of the fixtures of one run of a test, each made when it is first asked for.

    Parameters
    ----------
    functions
        The fixtures, by name.
    values
        Those that there are already, as parameters.

    """

    functions: Mapping[str, FixtureFunction]
    values: dict[str, Any]
    _open: ExitStack = field(default_factory=ExitStack, init=False)

    def fresh(self) -> Fixtures:
        """The same with nothing made yet."""
        return Fixtures(self.functions, dict(self.values))

    def arguments(self, function: Callable[..., Any], instance: object = None) -> dict[str, Any]:
        """What a test, or another fixture, is called with; a method has `instance` as its first argument."""
        for name, fixture in self.functions.items():
            if fixture.is_automatic:
                self._value(name, instance)
        return self._of(function, instance)

    def close(self) -> None:
        """Let fixtures that yielded go on, the last first."""
        self._open.close()

    def _of(self, function: Callable[..., Any], instance: object) -> dict[str, Any]:
        names = [
            name
            for name, parameter in inspect.signature(function).parameters.items()
            if parameter.default is inspect.Parameter.empty
        ]
        found: dict[str, Any] = {}
        if names[:1] == ["self"]:
            found["self"] = instance
        return {**found, **{name: self._value(name, instance) for name in names if name != "self"}}

    def _value(self, name: str, instance: object) -> Any:
        if name not in self.values:
            self.values[name] = self._made(name, instance)
        return self.values[name]

    def _made(self, name: str, instance: object) -> Any:
        if name == TEMPORARY_FOLDER and name not in self.functions:
            return Path(self._open.enter_context(tempfile.TemporaryDirectory()))
        if name not in self.functions:
            known = ", ".join(sorted({*self.functions, TEMPORARY_FOLDER}))
            raise LookupError(f"fixture {name!r} is unknown: there are benchmark, {known}")
        function = self.functions[name].function
        arguments = self._of(function, instance)
        if inspect.isgeneratorfunction(function):
            return self._open.enter_context(contextmanager(function)(**arguments))
        return function(**arguments)
