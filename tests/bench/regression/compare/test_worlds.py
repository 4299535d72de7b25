"""Two revisions of a package under one name: what each side imports, whenever it does."""

import importlib
import os
import sys
from pathlib import Path

import pytest

from bench.regression.compare.worlds import Worlds


@pytest.fixture
def worlds(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.setenv("PYTHONPATH", "inherited")
    monkeypatch.chdir(tmp_path)
    for side in ("base", "head"):
        package, tests = tmp_path / "packages" / side / "of_two_sides", tmp_path / "tests" / side
        package.mkdir(parents=True)
        tests.mkdir(parents=True)
        (package / "__init__.py").write_text("import sys\nsys.modules['of_two_sides.made'] = sys.modules[__name__]\n")
        (package / "part.py").write_text(f"SIDE = {side!r}\n")
        (tests / "helper_of_tests.py").write_text(f"SIDE = {side!r}\n")
    roots = {side: (str(tmp_path / "packages" / side), str(tmp_path / "tests" / side)) for side in ("base", "head")}
    yield Worlds(roots, ["of_two_sides"], {side: roots[side][1] for side in roots})
    for name in [name for name in sys.modules if name.startswith(("of_two_sides", "helper_of_tests"))]:
        del sys.modules[name]


def test_each_side_has_its_own_modules_by_the_same_names_also_those_imported_late(worlds, tmp_path):
    packages = {}
    for side in ("base", "head"):
        worlds.enter(side)
        packages[side] = importlib.import_module("of_two_sides")
    for side in ("base", "head", "base"):
        worlds.enter(side)
        sys.path.append(str(tmp_path / "tests" / side))
        assert side == importlib.import_module("of_two_sides.part").SIDE
        assert side == importlib.import_module("helper_of_tests").SIDE
        assert sys.modules["of_two_sides"] is sys.modules["of_two_sides.made"] is packages[side]


def test_other_modules_are_shared(worlds):
    worlds.enter("base")
    shared = importlib.import_module("colorsys")
    worlds.enter("head")
    assert sys.modules[shared.__name__] is shared


def test_each_side_has_a_folder_and_variables_of_its_own_and_starts_programs_with_its_packages(worlds, tmp_path, monkeypatch):
    for side in ("base", "head"):
        worlds.enter(side)
        assert Path.cwd() == tmp_path / "tests" / side
        assert os.environ["PYTHONPATH"].split(os.pathsep) == [str(tmp_path / "packages" / side), "inherited"]
    (tmp_path / "elsewhere").mkdir()
    os.chdir(tmp_path / "elsewhere")
    worlds.enter("base")
    assert Path.cwd() == tmp_path / "tests" / "base"
    worlds.enter("head")
    assert Path.cwd() == tmp_path / "elsewhere"
    (tmp_path / "elsewhere").rmdir()
    worlds.enter("base")
    worlds.enter("head")
    for side, other in (("base", "head"), ("head", "base")):
        worlds.enter(side)
        monkeypatch.setenv("OF_A_SIDE", side)
        worlds.enter(other)
        assert os.environ.get("OF_A_SIDE") == (other if side == "head" else None)
    worlds.enter("head")
    del os.environ["OF_A_SIDE"]
    worlds.enter("base")
    assert os.environ["OF_A_SIDE"] == "base"
