"""Two revisions of a package under one name: what each side imports, whenever it does."""

import importlib
import sys

import pytest

from bench.regression.compare.worlds import Worlds


@pytest.fixture
def worlds(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    for side in ("base", "head"):
        package, tests = tmp_path / "packages" / side / "of_two_sides", tmp_path / "tests" / side
        package.mkdir(parents=True)
        tests.mkdir(parents=True)
        (package / "__init__.py").write_text("import sys\nsys.modules['of_two_sides.made'] = sys.modules[__name__]\n")
        (package / "part.py").write_text(f"SIDE = {side!r}\n")
        (tests / "helper_of_tests.py").write_text(f"SIDE = {side!r}\n")
    roots = {side: (str(tmp_path / "packages" / side), str(tmp_path / "tests" / side)) for side in ("base", "head")}
    yield Worlds(roots, ["of_two_sides"])
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
