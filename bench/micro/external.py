"""The benchmarks of another package: tests for pytest-benchmark, run by pytest as they are, and lists `BENCHMARKS`.

Called by `bench.regression.compare.comparison_worker`. pytest collects the tests, and stops before it would run them. A test then
runs in a greenlet up to its call of `benchmark(function, ...)`; the function is called in blocks while the test waits, and the test
goes on when the work is closed. Fixtures, marks, settings and plugins are pytest's own; each build has fixtures made anew.
"""

from __future__ import annotations

import copy
import inspect
import io
import os
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol
from greenlet import getcurrent, greenlet
from pluggy import HookCaller

from bench.micro.benchmark import Array, Benchmark, NotRunError, UnsupportedUseError, Work
from bench.micro.comparable import comparable

FIXTURE = "benchmark"
UNSUPPORTED = {"benchmark_weave": "it times a function from within another; call the function by benchmark(function) instead"}
WORD = b"benchmark"
"""Only files that have it are collected: no other has a test with the fixture, or a list."""
MISMATCH = "import file mismatch"
"""How pytest says that two files would be one module."""
LEFT_OUT_PLUGINS = ("pytest_benchmark", "pytest_codspeed", "pytest_cov", "xdist", "pytest_timeout", "pytest_forked", "pytest_sugar")
"""Plugins that time, count, distribute or end tests, which is the harness' part here."""
LEFT_OUT_MARKS = ("benchmark", "codspeed_benchmark", "no_cover", "timeout", "xdist_group", "forked")
"""The marks of these plugins, which tests may have."""
KEPT_OPTIONS = ("--import-mode", "--asyncio-mode", "-p")
"""Of the options in `addopts`; all others are about running and reporting."""
SETTINGS = {
    "filterwarnings": "",
    "required_plugins": "",
    "tmp_path_retention_policy": "failed",
    "strict": "false",
    "strict_config": "false",
}


@dataclass(frozen=True)
class Suite:
    """What a file or a folder has.

    Parameters
    ----------
    benchmarks
        By name; parameters of a test are its variants.
    failures
        Of each file that can't be imported the error.
    unsupported
        A line for each test that has no use of the fixture that can be timed here.

    """

    benchmarks: dict[str, Benchmark] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    unsupported: dict[str, str] = field(default_factory=dict)


def find_plugins() -> list[Any]:
    """The plugins of pytest that are installed, imported, without those that are of no use here."""
    found = []
    for entry in entry_points(group="pytest11"):
        if not entry.module.startswith(LEFT_OUT_PLUGINS):
            try:
                found.append(entry.load())
            except Exception:  # another package's failure: its fixtures are then unknown
                continue
    return [plugin for number, plugin in enumerate(found) if plugin not in found[:number]]


def load_suite(path: Path, root: Path, temporary: Path, plugins: list[Any]) -> Suite:
    """The benchmarks of a file or a folder `path` of the project `root`.

    Raises
    ------
    RuntimeError
        If pytest refuses the project's settings.

    """
    session = _Session(path, root, temporary, plugins)
    suite = Suite(failures=session.failures)
    parts: dict[tuple[str, str], dict[str, pytest.Function]] = {}
    for item in session.items:
        if isinstance(item, pytest.Function) and {FIXTURE, *UNSUPPORTED} & set(item.fixturenames):
            name = "::".join(part.name for part in item.listchain() if isinstance(part, pytest.Class))
            name = "::".join(filter(None, (name, item.originalname)))
            file = item.path.relative_to(path if path.is_dir() else path.parent).as_posix()
            callspec = getattr(item, "callspec", None)
            parts.setdefault((file, name), {})[callspec.id if callspec else ""] = item
            if reason := _unsupported(item):
                suite.unsupported[name] = reason
    names = [name for _, name in parts]
    for (file, name), items in parts.items():
        full = name if names.count(name) == 1 else f"{file}::{name}"
        variants = {label: partial(_prepare, session, item) for label, item in items.items()}
        suite.benchmarks[full] = Benchmark(full, inspect.getdoc(next(iter(items.values())).obj) or full, variants)
    for benchmark in session.listed:
        suite.benchmarks[benchmark.name] = benchmark
    if not suite.benchmarks:  # the files that skip themselves, as for lack of what they need, are why
        suite.failures.update(session.skipped)
    return suite


def complete(suites: Mapping[str, Suite]) -> dict[str, dict[str, Benchmark]]:
    """The benchmarks of each side, with one that fails in the place of each that only the other side has."""
    every = {name: benchmark for suite in suites.values() for name, benchmark in suite.benchmarks.items()}
    found = {}
    for side, suite in suites.items():
        why = "; ".join(f"{file}: {error}" for file, error in suite.failures.items()) or "there is no such benchmark"
        found[side] = {
            name: suite.benchmarks.get(name)
            or replace(benchmark, variants=dict.fromkeys(benchmark.variants, partial(_missing, why)))
            for name, benchmark in every.items()
        }
    return found


def _missing(why: str, _package: ModuleType, _seed: int) -> Work:
    raise LookupError(why)


def _unsupported(item: pytest.Function) -> str:
    """Why a test can't be timed, and what to do; empty if it can."""
    for name, reason in UNSUPPORTED.items():
        if name in item.fixturenames:
            return f"uses {name}, which is not supported: {reason}"
    if inspect.iscoroutinefunction(item.obj) or inspect.isasyncgenfunction(item.obj):
        return "is an async function, which is not supported: write a test that calls benchmark(lambda: asyncio.run(...))"
    known = item._fixtureinfo.name2fixturedefs
    direct = item.callspec.params if hasattr(item, "callspec") else {}
    if lacking := [name for name in item.fixturenames if name not in known and name not in direct and name != "request"]:
        return f"needs the fixture {lacking[0]!r}, which is unknown: define it in a conftest.py, or install the plugin that has it"
    return ""


class _Session:
    """One run of pytest in a greenlet, which has collected and waits."""

    def __init__(self, path: Path, root: Path, temporary: Path, plugins: list[Any]) -> None:
        self.items: list[pytest.Item] = []
        self.listed: list[Benchmark] = []
        self.failures: dict[str, str] = {}
        self.skipped: dict[str, str] = {}
        self.active: _TestWork | None = None
        self._own = [str(path), f"--rootdir={root}", "--capture=no", "-q", "-p", "no:cacheprovider", f"--basetemp={temporary}"]
        self._own += [word for name, value in SETTINGS.items() for word in ("-o", f"{name}={value}")]
        self._files = {file for file in ([path] if path.is_file() else path.rglob("*.py")) if _may_have_benchmarks(file, path)}
        os.environ.pop("PYTEST_ADDOPTS", None)
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        said = io.StringIO()
        run = greenlet(partial(pytest.main, list(self._own), [*plugins, self]))
        with redirect_stdout(said), redirect_stderr(said):
            code = run.switch()
        if run.dead:
            lines = [line.strip() for line in said.getvalue().splitlines() if line.strip()]
            telling = [line for line in lines if "error" in line.lower()] or lines or ["no message"]
            raise RuntimeError(f"pytest ends with code {int(code)}: {telling[-1]}")
        self._run = run

    @pytest.hookimpl(tryfirst=True)
    def pytest_load_initial_conftests(self, early_config: pytest.Config, args: list[str], parser: pytest.Parser) -> None:
        args[:] = [*_kept(args[: len(args) - len(self._own)]), *self._own]
        known = parser.parse_known_args(args, copy.copy(early_config.option))  # without `-W error` and the like
        known.confcutdir = early_config.known_args_namespace.confcutdir
        early_config.known_args_namespace = known

    def pytest_configure(self, config: pytest.Config) -> None:
        for mark in LEFT_OUT_MARKS:
            config.addinivalue_line("markers", f"{mark}: of a plugin that is left out")

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> None:
        """Let a `conftest.py` have hooks of plugins that are left out, as `pytest_benchmark_update_json`."""
        for hook in vars(session.config.hook).values():
            if isinstance(hook, HookCaller) and not hook.has_spec():
                for implementation in hook.get_hookimpls():
                    implementation.optionalhook = True  # type: ignore[misc]  # pytest refuses unknown hooks otherwise

    @pytest.hookimpl(tryfirst=True)
    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        return True if collection_path.suffix == ".py" and collection_path not in self._files else None

    @pytest.hookimpl(trylast=True)
    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> pytest.Module | None:
        patterns = parent.config.getini("python_files")
        is_taken = parent.session.isinitpath(file_path) or any(file_path.match(pattern) for pattern in patterns)
        return None if is_taken or file_path not in self._files else pytest.Module.from_parent(parent, path=file_path)

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        self.items.append(item)

    def pytest_pycollect_makeitem(self, collector: pytest.Collector, name: str, obj: object) -> None:
        if name == "BENCHMARKS" and isinstance(collector, pytest.Module):
            self.listed += [benchmark for benchmark in obj if isinstance(benchmark, Benchmark)]  # type: ignore[attr-defined]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.failures[Path(report.nodeid).name] = _last_line(report.longrepr)
        elif report.skipped and isinstance(report.longrepr, tuple):
            self.skipped[Path(report.nodeid).name] = _last_line(report.longrepr[-1])

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        parent = getcurrent().parent
        assert parent is not None
        parent.switch(session)
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
        report = yield
        if self.active is not None and self.active.failure is None and not report.passed:
            error = call.excinfo.value if call.excinfo is not None else AssertionError(_last_line(report.longrepr))
            self.active.failure = error if report.failed else NotRunError(str(getattr(report, "wasxfail", None) or error))
        return report

    @pytest.fixture(scope="session")
    def worker_id(self) -> str:
        """As pytest-xdist's, where nothing is distributed."""
        return "master"

    @pytest.fixture
    def benchmark(self, request: pytest.FixtureRequest) -> _Fixture:
        return _Fixture(request.node)


def _may_have_benchmarks(file: Path, asked: Path) -> bool:
    if file == asked:
        return True
    return file.name not in ("conftest.py", "setup.py", "__init__.py") and file.is_file() and WORD in file.read_bytes().lower()


def _kept(options: list[str]) -> list[str]:
    """The options of the project's own that say how modules are imported."""
    kept: list[str] = []
    for number, option in enumerate(options):
        if option.startswith(KEPT_OPTIONS):
            kept.append(option)
            if option in KEPT_OPTIONS:
                kept += options[number + 1 : number + 2]
    return kept


def _last_line(report: object) -> str:
    if MISMATCH in str(report):
        return f"{MISMATCH}: another file of this name was imported before; rename one, or add __init__.py to their folders"
    lines = [line.removeprefix("E").strip() for line in str(report).splitlines() if line.startswith("E ")] or str(
        report
    ).splitlines()
    return lines[-1].strip() if lines else "no message"


def _prepare(session: _Session, item: pytest.Function, _package: ModuleType, _seed: int) -> Work:
    return _TestWork(session, item)


class _Fixture:
    """What stands in for pytest-benchmark's fixture: it says what is to be timed, and waits."""

    enabled = False
    disabled = True
    has_error = False

    def __init__(self, item: pytest.Function) -> None:
        callspec = getattr(item, "callspec", None)
        self.name, self.fullname = item.name, item.nodeid
        self.param: str | None = callspec.id if callspec else None
        self.params: dict[str, Any] | None = callspec.params if callspec else None
        self.extra_info: dict[str, Any] = {}
        self.group: str | None = None
        self._is_used = False
        self._seconds_again: Callable[[], float] | None = None
        self._stats: _Statistics | None = None

    @property
    def stats(self) -> _Statistics | None:
        """Of one more call, for a test that asserts something of it, or notes it; None before the function is timed."""
        if self._stats is None and self._seconds_again is not None:
            self._stats = _Statistics(self._seconds_again())
        return self._stats

    def __call__(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return self._time(function, args, kwargs, None, None, True)

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
        return self._time(target, args, kwargs, setup, teardown, setup is None and teardown is None)

    def _time(self, target: Any, args: Any, kwargs: Any, setup: Any, teardown: Any, can_repeat: bool) -> Any:
        if self._is_used:
            raise UnsupportedUseError("uses the fixture benchmark twice: make two tests of it")
        self._is_used = True
        harness = getcurrent().parent
        assert harness is not None
        result, self._seconds_again = harness.switch((target, tuple(args), dict(kwargs or {}), setup, teardown, can_repeat))
        return result

    def weave(self, *_: Any, **__: Any) -> None:
        raise UnsupportedUseError(f"uses benchmark.weave, which is not supported: {UNSUPPORTED['benchmark_weave']}")

    patch = weave


class _Statistics:
    """What pytest-benchmark has in `benchmark.stats`, of a single call."""

    iterations = rounds = 1
    stddev = iqr = 0.0
    iqr_outliers = stddev_outliers = 0
    outliers = "0;0"

    def __init__(self, seconds: float) -> None:
        self.min = self.max = self.mean = self.median = self.total = seconds
        self.q1 = self.q3 = self.ld15iqr = self.hd15iqr = seconds
        self.ops = 1 / max(seconds, 1e-9)
        self.data = [seconds]
        self.stats = self

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)


class _TestWork(Work):
    """The calls that a test asks for."""

    def __init__(self, session: _Session, item: pytest.Function) -> None:
        if session.active is not None:
            session.active.abandon()
        session.active = self
        self.failure: BaseException | None = None
        self._session = session
        self._test = greenlet(partial(runtestprotocol, item, log=False, nextitem=None))
        asked = self._test.switch()
        if self._test.dead:
            session.active = None
            raise self.failure or RuntimeError("the test ended without a call of benchmark(function)")
        self._target, self._args, self._kwargs, self._setup, self._teardown, self.can_repeat = asked
        self._result: Any = None
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

    def _seconds_again(self) -> float:
        self.before_block()
        start = time.perf_counter()
        self()
        return time.perf_counter() - start

    def outcome(self) -> list[Array]:
        return comparable(self._result)

    def close(self) -> None:
        """Let the test go on, with its own assertions, and end its fixtures."""
        if not self._test.dead:
            self._test.switch((self._result, self._seconds_again))
            self._session.active = None
        if self.failure is not None:
            raise self.failure

    def abandon(self) -> None:
        """End the fixtures of a test whose function has failed, or was not closed."""
        if not self._test.dead:
            self._test.throw(RuntimeError("abandoned"))
