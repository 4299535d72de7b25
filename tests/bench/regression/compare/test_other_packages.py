"""Packages other than `numpy_nn`: their benchmarks, their settings, and a real comparison of one with a `src/` layout."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from repositories import commit, git

from bench.micro.comparable import comparable
from bench.micro.external import load_suite
from bench.regression.compare.settings import Settings, find_project, read_fail_on, read_settings
from bench.regression.compare.verdicts import Verdict

ROOT = Path(__file__).resolve().parents[4]
TESTS = """
import pytest

log = []

def test_plain(benchmark):
    result = benchmark(sorted, [3, 1, 2], reverse=True)
    log.append(result)
    assert result == [3, 2, 1]

@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize(("low", "high"), [(0, 1), pytest.param(2, 3, id="x")])
def test_family(benchmark, size, low, high):
    benchmark(lambda: [low, high] * size)

class TestGroup:
    def test_pedantic(self, benchmark):
        def setup():
            log.append("setup")
            return ([1],), {}
        benchmark.pedantic(list.pop, setup=setup, teardown=lambda *_: log.append("teardown"), rounds=10)

def test_wrong(benchmark):
    assert benchmark(len, []) == 1

def test_never_calls(benchmark):
    pass

@pytest.mark.parametrize("size", [2])
def test_asks_the_fixture(benchmark, size):
    assert (benchmark.name, benchmark.param, benchmark.params) == ("test_asks_the_fixture[2]", "2", {"size": 2})
    assert benchmark.fullname.endswith("test_it.py::test_asks_the_fixture[2]")
    assert benchmark.stats is None
    benchmark.pedantic(sorted, setup=lambda: (([size],), {}))
    assert 0 < benchmark.stats["mean"] == benchmark.stats.stats.min == benchmark.stats.stats.q1 < 1

def test_no_benchmark():
    raise AssertionError
"""


@pytest.fixture
def suite(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.delitem(sys.modules, "test_it", raising=False)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_it.py").write_text(TESTS)
    return load_suite(tmp_path / "tests", tmp_path, tmp_path / "temporary", []).benchmarks


def log_of(suite):
    return suite["test_plain"].variants[""].args[1].module.log


def test_a_test_waits_while_its_function_is_timed_and_goes_on_afterwards(suite):
    work = suite["test_plain"].prepare(None, 0, "")
    work()
    assert log_of(suite) == []
    assert [array.tolist() for array in work.outcome()] == [[3.0], [2.0], [1.0]]
    work.close()
    assert log_of(suite) == [[3, 2, 1]]


def test_parameters_are_the_variants_of_a_family(suite):
    assert set(suite["test_family"].variants) == {"0-1-1", "0-1-2", "x-1", "x-2"}
    work = suite["test_family"].prepare(None, 0, "x-2")
    work()
    assert np.concatenate(work.outcome()).tolist() == [2, 3, 2, 3]


def test_the_setup_of_a_pedantic_test_is_outside_of_the_block(suite):
    work = suite["TestGroup::test_pedantic"].prepare(None, 0, "")
    assert not work.can_repeat
    for _ in range(2):
        work.before_block()
        work()
    assert log_of(suite) == ["setup", "teardown", "setup"]


def test_an_assertion_that_fails_and_a_test_without_a_call_are_errors(suite):
    work = suite["test_wrong"].prepare(None, 0, "")
    work()
    with pytest.raises(AssertionError):
        work.close()
    with pytest.raises(RuntimeError, match="without a call of benchmark"):
        suite["test_never_calls"].prepare(None, 0, "")
    assert "test_no_benchmark" not in suite


def test_a_test_that_asks_for_its_name_or_the_statistics_has_them(suite):
    work = suite["test_asks_the_fixture"].prepare(None, 0, "2")
    work.before_block()
    work()
    assert [array.tolist() for array in work.outcome()] == [[2.0]], "what it asserts before is true"
    work.close()  # it raises what the test asserts afterwards and isn't true


@pytest.mark.filterwarnings("default")
def test_settings_that_make_errors_of_warnings_and_options_of_plugins_that_are_left_aside_are_no_hindrance(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.delitem(sys.modules, "test_strict", raising=False)
    options = "-W error --strict-markers --strict-config -n 4 --cov=mine --benchmark-autosave"
    (tmp_path / "pytest.ini").write_text(f"[pytest]\naddopts = {options}\nstrict_markers = true\ntimeout = 30\n")
    test = "@pytest.mark.forked\n@pytest.mark.benchmark(group='g')\ndef test_it(benchmark, worker_id):\n    pass\n"
    (tmp_path / "conftest.py").write_text("def pytest_benchmark_update_json(config, output_json):\n    pass\n")
    (tmp_path / "test_strict.py").write_text(f"import warnings\nimport pytest\nwarnings.warn('odd')\n\n{test}")
    suite = load_suite(tmp_path, tmp_path, tmp_path / "temporary", [])
    assert (list(suite.benchmarks), suite.failures, suite.unsupported) == (["test_it"], {}, {})


def test_results_of_which_nothing_is_known_are_not_compared():
    assert comparable(object()) == []
    assert [array.tolist() for array in comparable({"a": (1, "b"), "c": object()})] == [[1.0], [98.0]]


def test_results_that_hold_themselves_or_are_beyond_a_float_or_without_an_order_are_compared():
    endless = [1]
    endless.append(endless)
    assert comparable(endless)
    assert np.array_equal(comparable(10**400), comparable(10**400))
    assert not np.array_equal(comparable(10**400), comparable(10**400 + 1))
    assert np.array_equal(comparable({"a": 1, "b": 2}), comparable({"b": 2, "a": 1}))
    assert np.array_equal(comparable({1, 2, 30}), comparable({30, 2, 1}))


def test_benchmarks_are_looked_for_here_and_then_in_the_project(tmp_path, monkeypatch):
    (tmp_path / "project/speed").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert read_settings(tmp_path / "project", "mine", Path("speed"), None, None).benchmarks == tmp_path / "project/speed"
    (tmp_path / "speed").mkdir()
    assert read_settings(tmp_path / "project", "mine", Path("speed"), None, None).benchmarks == tmp_path / "speed"


def test_settings_are_the_options_then_the_table_then_the_defaults(tmp_path):
    (tmp_path / "b.py").touch()
    assert read_settings(tmp_path, None, None, None, None) == Settings()
    (tmp_path / "pyproject.toml").write_text(
        '[tool.moons-bench.compare]\npackage = "mine"\nbenchmarks = "b.py"\ntolerance = 2\nbudget = 30\n'
    )
    path = (tmp_path / "b.py").resolve()
    assert read_settings(tmp_path, None, None, None, None) == Settings("mine", path, 0.02, 30)
    assert read_settings(tmp_path, "yours", None, 1.0, None) == Settings("yours", path, 0.01, 30)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pakage = 1", "did you mean 'package'"),
        ("tolerance = 80", "tolerance .* was 80: it must be per cent, from 0 to 50"),
        ('package = "pytest"', "pytest itself runs the benchmarks"),
        ('package = "class"', "package was 'class': it must be the name that is imported, without dots$"),
        ("[tool.moons-bench.compar]", r"'compar' in \[tool.moons-bench\] .*did you mean 'compare'"),
        ("package = 3", "package .* was 3: it must be a name"),
        ('benchmarks = "nowhere.py"', "nowhere.py'?: it must be an existing file or folder"),
        ("= 3", "can't be read"),
        ("a = " + "[" * 5000 + "]" * 5000, "can't be read"),
    ],
)
def test_a_wrong_table_is_refused_by_key(tmp_path, text, said):
    (tmp_path / "pyproject.toml").write_text(f"[tool.moons-bench.compare]\n{text}\n")
    with pytest.raises(ValueError, match=said):
        read_settings(tmp_path, None, None, None, None)


def test_the_project_is_the_nearest_folder_above_with_the_table_or_else_with_a_project_file(tmp_path):
    below = tmp_path / "libs" / "mine" / "tests"
    below.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    assert find_project(below) == below, "outside of a repository nothing above counts"
    (tmp_path / ".git").mkdir()
    assert find_project(below) == tmp_path
    (below.parent / "setup.py").touch()
    assert find_project(below) == below.parent
    (tmp_path / "pyproject.toml").write_text('[tool.moons-bench.compare]\npackage = "mine"\n')
    assert find_project(below) == tmp_path


def test_verdicts_to_fail_on_are_words_with_commas():
    assert read_fail_on("regressed, left-out") == {Verdict.REGRESSED, Verdict.LEFT_OUT}
    assert read_fail_on(None) is None
    with pytest.raises(ValueError, match="did you mean 'broken'"):
        read_fail_on("borken")


def test_a_package_with_a_source_layout_and_settings_of_its_own_has_a_verdict(tmp_path):
    folder = tmp_path / "project"
    (folder / "src" / "other").mkdir(parents=True)
    git(folder, "init", "-q")
    (folder / "src" / "other" / "__init__.py").write_text("from other.part import work\n")
    (folder / "src" / "other" / "part.py").write_text("def work(n):\n    return sum(range(n))\n")
    (folder / "pyproject.toml").write_text('[tool.moons-bench.compare]\npackage = "other"\nbenchmarks = "test_other.py"\n')
    (folder / "test_other.py").write_text(
        "import other\n\ndef test_work(benchmark):\n    assert benchmark(other.work, 1000) == 499500\n"
    )
    commit(folder, "good")
    (folder / "src" / "other" / "part.py").write_text("def work(n):\n    return sum([i for i in range(n)])\n")
    done = subprocess.run(
        [sys.executable, "-m", "bench", "compare", "good", "--repository", str(folder), "--json", str(tmp_path / "c.json")],
        cwd=ROOT, capture_output=True, text=True, env={**os.environ, "COLUMNS": "150"}, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.startswith("regressed: test_work +")
    assert json.loads((tmp_path / "c.json").read_text())["package"] == "other"
