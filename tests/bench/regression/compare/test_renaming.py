import subprocess
import sys

import pytest

from bench.regression.compare.renaming import copy_renamed, irregular_files

FORMS = {
    "from": "from pkg.part import VALUE",
    "from the package": "from pkg import part\nVALUE = part.VALUE",
    "import": "import pkg.part\nVALUE = pkg.part.VALUE",
    "import as": "import pkg.part as p\nVALUE = p.VALUE",
    "several at once": "import sys, pkg.part, json\nVALUE = pkg.part.VALUE",
    "relative": "from .part import VALUE",
    "within a function": "def find():\n    from pkg.part import VALUE\n    return VALUE\nVALUE = find()",
    "future import and docstring": '"""Doc."""\nfrom __future__ import annotations\nfrom pkg.part import VALUE',
}


def make_package(folder, user, value):
    package = folder / "pkg"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("from pkg.user import VALUE\n")
    (package / "part.py").write_text(f"VALUE = {value}\n")
    (package / "user.py").write_text(user + "\n")
    return package


@pytest.mark.parametrize("form", FORMS)
def test_two_copies_live_in_one_process_without_the_original(tmp_path, form):
    for value, name in enumerate(("pkg_a", "pkg_b")):
        copy_renamed(make_package(tmp_path / str(value), FORMS[form], value), tmp_path / "copies", name)
    script = (
        "import sys; import pkg_a, pkg_b; assert (pkg_a.VALUE, pkg_b.VALUE) == (0, 1);"
        "assert not [m for m in sys.modules if m == 'pkg' or m.startswith('pkg.')]"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path / "copies", check=True)


def test_names_that_only_begin_alike_are_left_alone(tmp_path):
    package = make_package(tmp_path, "from pkgutil import get_data\nimport pkgutil", 0)
    copy = copy_renamed(package, tmp_path / "copies", "pkg_a")
    assert (copy / "user.py").read_text() == "from pkgutil import get_data\nimport pkgutil"


def test_a_file_that_is_not_python_is_copied_as_it_is(tmp_path):
    package = make_package(tmp_path, "this is no Python", 0)
    copy = copy_renamed(package, tmp_path / "copies", "pkg_a")
    assert (copy / "user.py").read_text() == "this is no Python\n"


def test_bytecode_of_the_original_does_not_come_along(tmp_path):
    package = make_package(tmp_path, FORMS["from"], 0)
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "stale.cpython-311.pyc").write_bytes(b"old")
    copy = copy_renamed(package, tmp_path / "copies", "pkg_a")
    assert not (copy / "__pycache__" / "stale.cpython-311.pyc").exists()


def test_a_link_to_a_folder_around_it_is_not_copied(tmp_path):
    package = tmp_path / "project" / "lib"
    (package / "part").mkdir(parents=True)
    (package / "part" / "one.py").write_text("ONE = 1\n")
    for name, target in (("up", ".."), ("again", "."), ("part/over", "../part")):
        (package / name).symlink_to(target)
    copy = copy_renamed(package, tmp_path / "copies", "new")
    assert sorted(path.name for path in copy.rglob("*") if "__pycache__" not in str(path)) == ["one.py", "part"]
    assert irregular_files(package) == ["lib/again", "lib/part/over", "lib/up"]
