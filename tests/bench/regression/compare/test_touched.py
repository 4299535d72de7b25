import sys

import numpy_nn
from bench.micro.suite import BENCHMARKS
from bench.regression.compare.comparison_worker import touched
from bench.regression.compare.position import SIDES
from bench.regression.compare.touched import called_functions, changed_functions

BEFORE = """
class A:
    def same(self):
        '''One docstring.'''
        return 1

    def other(self):
        return 1

def outer():
    def inner():
        return 1
    return inner
"""
AFTER = """
# a comment

def new(): ...

def outer():
    def inner():
        return 2
    return inner

class A:
    def other(self):
        return 2

    def same(self):
        '''Another docstring.'''
        return 1
"""


def test_functions_that_changed_are_named_and_docstrings_comments_and_places_are_no_change(tmp_path):
    for side, text in (("base", BEFORE), ("head", AFTER)):
        (tmp_path / side / "part").mkdir(parents=True)
        (tmp_path / side / "part" / "module.py").write_text(text)
    found = changed_functions(tmp_path / "base", tmp_path / "head")
    assert found == [f"part/module.py:{name}" for name in ("A.other", "new", "outer", "outer.inner")]
    assert changed_functions(tmp_path / "head", tmp_path / "head") == []


def test_functions_that_are_called_have_the_same_names(tmp_path, monkeypatch):
    (tmp_path / "called_one.py").write_text(BEFORE)
    monkeypatch.syspath_prepend(str(tmp_path))
    import called_one

    found = called_functions(lambda: (called_one.A().same(), called_one.outer()()), tmp_path / "called_one.py")
    assert found == {"called_one.py:A.same", "called_one.py:outer", "called_one.py:outer.inner"}
    assert sys.getprofile() is None


def test_only_benchmarks_that_run_changed_code_are_touched():
    libraries, suites = dict.fromkeys(SIDES, numpy_nn), dict.fromkeys(SIDES, BENCHMARKS)
    changed = {"optimizers/adam.py:Adam.__init__", "sequential.py:Sequential.predict"}
    shares = {
        name: touched(name, list(benchmark.variants)[:3], suites, libraries, changed) for name, benchmark in BENCHMARKS.items()
    }
    assert shares["step-optimizers"] > 0
    assert shares["predict-one"] > 0
    assert shares["step"] == shares["evaluate"] == shares["build"] == 0
