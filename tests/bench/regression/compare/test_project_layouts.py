"""Projects of other shapes, each by a real comparison: its package, its benchmarks, and what both need."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from repositories import commit, git

from bench.regression.compare.revisions import side_by_side

ROOT = Path(__file__).resolve().parents[4]
QUICK = "def work(n):\n    return sum(range(n))\n"
SLOW = "def work(n):\n    total = 0\n    for i in range(n):\n        total += i\n    return total\n"
PLAIN = "from {name} import work\n\n\ndef test_work(benchmark):\n    assert benchmark(work, 1000) == 499500\n"
FIXTURES = """
import pytest
from mine import work


@pytest.fixture
def expected(size):
    return sum(range(size))


class TestWork:
    @pytest.fixture
    def size(self, numbers):
        return max(numbers)

    @pytest.mark.parametrize("times", [1, 2])
    def test_work(self, benchmark, size, times, expected, tmp_path):
        (tmp_path / "log").write_text("in a folder of its own")
        assert benchmark(work, size) * times == expected * times
"""
CONFTEST = """
import pytest
from bench import there

done = []


@pytest.fixture(name="numbers", scope="session")
def _numbers():
    yield [10, 1000]
    done.append(1)
"""


def project(folder, files, slow):
    """A repository whose commit `good` has the `files`, and whose working tree has `SLOW` in the file `slow`."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    git(folder, "init", "-q")
    commit(folder, "good")
    (folder / slow).write_text(files[slow].replace(QUICK, SLOW))
    assert (folder / slow).read_text() != files[slow]
    return folder


HELPED = """
from tests.helpers import helped


def test_work(benchmark, number):
    assert benchmark(helped, number) == 499500


def test_random(benchmark):
    import random

    benchmark(random.random)


def test_prints(benchmark, capsys):
    benchmark(print, "x")


def test_skipped(benchmark):
    import pytest

    pytest.skip("not today")
"""
INI = """
[tool.pytest.ini_options]
addopts = "-n auto --cov=mine --strict-markers"
filterwarnings = ["error"]
required_plugins = ["pytest-cov"]
python_files = ["bench_*.py"]
"""
WITH_HELPERS = {
    "mine/__init__.py": "import importlib\n\n\ndef work(n):\n    return importlib.import_module('mine.part').work(n)\n",
    "mine/part.py": "from _mine_part import work\n",
    "_mine_part.py": QUICK,
    "tests/__init__.py": "",
    "tests/helpers.py": "import mine\n\n\ndef helped(n):\n    return mine.work(n)\n",
    "tests/conftest.py": "import pytest\n\n\n@pytest.fixture(params=[1000])\ndef number(request):\n    return request.param\n",
    "tests/speed/__init__.py": "",
    "tests/speed/bench_mine.py": HELPED,
    "pyproject.toml": INI,
}
LAYOUTS = {
    "in a folder of the repository": ("mine", {"libs/mine/mine/__init__.py": QUICK}, "libs/mine"),
    "a module in src": (
        "mine",
        {"src/mine.py": QUICK, "setup.cfg": "[options]\npy_modules = mine\npackage_dir =\n    =src\n"},
        ".",
    ),
    "a namespace": ("mine", {"src/mine/part/__init__.py": QUICK}, "."),
    "prints as it is imported": ("mine", {"mine/__init__.py": f"print('{{}}')\n{QUICK}"}, "."),
    "needs a variable": ("mine", {"mine/__init__.py": f"import os\nos.environ['MINE_HOME']\n{QUICK}"}, "."),
    "fixtures, and a bench of its own": (
        "mine",
        {
            "mine/__init__.py": QUICK,
            "speed/test_mine.py": FIXTURES,
            "speed/conftest.py": CONFTEST,
            "speed/bench.py": "there = 1",
        },
        ".",
    ),
    "helpers, plugins and a module beside it, imported by a name in a string": ("mine", WITH_HELPERS, "tests/speed"),
    "in folders of other names": ("mine", {"code/python/mine/__init__.py": QUICK}, "."),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_slower_package_is_found_out_whatever_its_project_looks_like(layout, tmp_path):
    name, files, below = LAYOUTS[layout]
    folder = tmp_path / "project"
    slow = next(file for file, text in files.items() if QUICK in text)
    if not any(file.startswith(("speed/", "tests/")) for file in files):
        files = {**files, "speed/test_mine.py": PLAIN.format(name="mine.part" if "/part/" in slow else name)}
    project(folder, files, slow)
    speed = folder / ("speed" if (folder / "speed").exists() else "tests/speed")
    command = ["compare", "good", "--repository", str(folder / below), "--package", name, "--benchmarks", str(speed)]
    done = subprocess.run(
        [sys.executable, "-m", "bench", *command, "--json", str(tmp_path / "c.json")],
        cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "MINE_HOME": "here"},
    )  # fmt: skip
    document = json.loads((tmp_path / "c.json").read_text())
    assert document["verdict"] == "regressed", (done.stdout, done.stderr)
    assert done.returncode == 1
    assert git(folder, "status", "--porcelain", "--", "speed") == ""


@pytest.mark.parametrize("source", ["", "src/"])
def test_a_program_that_a_test_starts_has_the_package_of_its_side_and_leaves_nothing_in_the_project(source, tmp_path):
    files = {f"{source}mine/__init__.py": "", f"{source}mine/__main__.py": "print('base')\n", "speed/test_mine.py": PLAIN}
    folder = tmp_path / "project"
    project(folder, {**files, "slow": QUICK, "data.txt": "data"}, "slow")
    (folder / source / "mine/__main__.py").write_text("print('head')\n")
    with side_by_side(folder, "good", None, "mine", folder / "speed") as sides:
        for side in ("base", "head"):
            environment = {**os.environ, "PYTHONPATH": str(sides.folder(side, "mine"))}
            command = [sys.executable, "-m", "mine"]
            said = subprocess.run(command, cwd=sides.folders[side], env=environment, capture_output=True, text=True, check=True)
            assert said.stdout == f"{side}\n"
            assert (sides.folders[side] / "data.txt").read_text() == "data"
            assert "speed" in git(sides.folders[side], "ls-files")
    assert sorted(git(folder, "status", "--porcelain").splitlines()) == sorted([" M slow", f" M {source}mine/__main__.py"])


def test_a_head_that_is_in_bases_way_is_broken_and_base_is_not_left_out(tmp_path):
    """Both live in one process: what HEAD does to the rest of it must not look like a fault of BASE."""
    careful = "import sys\n" + QUICK.replace("return", "assert not hasattr(sys, 'poisoned'); return")
    folder = project(
        tmp_path / "project", {"mine/__init__.py": QUICK, "speed/test_mine.py": PLAIN.format(name="mine")}, "mine/__init__.py"
    )
    (folder / "mine/__init__.py").write_text(careful)
    commit(folder, "base")
    (folder / "mine/__init__.py").write_text("import sys\n" + QUICK.replace("return", "sys.poisoned = True; return"))
    done = subprocess.run(
        [*[sys.executable, "-m", "bench", "compare", "base", "--repository", str(folder)],
         *["--package", "mine", "--benchmarks", str(folder / "speed"), "--budget", "5"]],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("broken: test_work: HEAD: BASE fails beside it, and runs without it: AssertionError")


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("mine/__init__.py", "def (", "mine at HEAD fails to import: SyntaxError: "),
        (
            "mine/__init__.py",
            "import builtins\ndel builtins.len\n",
            "mine at BASE can't be imported beside HEAD, which is in its way: ",
        ),
        ("speed/conftest.py", "from mine import gone", "cannot import name 'gone' from 'mine' (mine/__init__.py)"),
    ],
)
def test_a_head_that_cannot_be_imported_or_run_is_refused_and_named(tmp_path, file, text, said):
    files = {"mine/__init__.py": f"gone = 0\n{QUICK}", "speed/test_mine.py": PLAIN.format(name="mine"), "speed/conftest.py": ""}
    folder = project(tmp_path / "project", files, "mine/__init__.py")
    (folder / "mine/__init__.py").write_text(QUICK)
    (folder / file).write_text(text)
    done = subprocess.run(
        [*[sys.executable, "-m", "bench", "compare", "good", "--repository", str(folder)],
         *["--package", "mine", "--benchmarks", str(folder / "speed"), "--json", str(tmp_path / "c.json")]],
        cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "150"},
    )  # fmt: skip
    assert done.returncode == 2, done.stdout
    assert said in done.stderr
    assert json.loads((tmp_path / "c.json").read_text())["error"]["kind"] == "can't be loaded"


@pytest.mark.parametrize(
    ("test", "said"),
    [
        ("def test_work(benchmark, nothing):\n    benchmark(len, [])\n", "test_work needs the fixture 'nothing', which is unknown"),
        ("def test_work(benchmark_weave):\n    pass\n", "test_work uses benchmark_weave, which is not supported"),
        (
            "def test_work(benchmark):\n    benchmark(len, [])\n    benchmark(len, [])\n",
            "test_work uses the fixture benchmark twice",
        ),
        ("async def test_work(benchmark):\n    pass\n", "test_work is an async function, which is not supported"),
        ("import nowhere\n\ndef test_work(benchmark):\n    pass\n", "can't be imported on either side"),
        ("def test_work():\n    pass\n", "has no benchmarks"),
        ("import pytest\n\npytest.importorskip('nowhere')  # benchmark\n", "test_mine.py: Skipped: could not import 'nowhere'"),
    ],
)
def test_what_cannot_be_timed_is_refused_in_a_line_before_anything_is_measured(tmp_path, test, said):
    folder = project(tmp_path / "project", {"mine/__init__.py": QUICK, "speed/test_mine.py": test}, "mine/__init__.py")
    done = subprocess.run(
        [*[sys.executable, "-m", "bench", "compare", "good", "--repository", str(folder)],
         *["--package", "mine", "--benchmarks", str(folder / "speed"), "--budget", "5"]],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stdout
    (line,) = done.stderr.splitlines()
    assert said in line


def test_benchmarks_that_only_base_has_are_named(tmp_path):
    tests = PLAIN.format(name="mine")
    gone = "import pytest\n\n\nclass TestMore:\n    def test_gone(self, benchmark):\n        benchmark(len, [])\n"
    files = {"mine/__init__.py": QUICK, "speed/test_mine.py": tests, "speed/test_more.py": gone, "slow": QUICK}
    folder = project(tmp_path / "project", files, "slow")
    (folder / "speed/test_more.py").unlink()
    with side_by_side(folder, "good", None, "mine", folder / "speed") as sides:
        (note,) = sides.notes
        assert note.endswith("has benchmarks that the working tree has not; they are not compared: test_gone")
    with side_by_side(folder, "good", None, "mine", folder / "speed/test_mine.py") as sides:
        assert sides.notes == []


def test_what_a_build_writes_and_git_ignores_is_taken_from_the_working_tree(tmp_path):
    files = {
        "mine/__init__.py": f"from mine._version import version\n{QUICK}",
        ".gitignore": "_version.py\n*_pb2.py\n__pycache__\n",
    }
    folder = project(tmp_path / "project", {**files, "speed/test_mine.py": PLAIN.format(name="mine")}, "mine/__init__.py")
    (folder / "mine/_version.py").write_text("version = '1'\n")
    (folder / "mine/mine_pb2.py").write_text("")
    (folder / "mine/new.py").write_text("")
    with side_by_side(folder, "good", "good", "mine", folder / "speed") as sides:
        assert (sides.copy("base", "mine") / "_version.py").read_text() == "version = '1'\n"
        assert not (sides.copy("base", "mine") / "new.py").exists(), "git doesn't ignore it: it is new"
        assert "mine/_version.py, mine/mine_pb2.py is not in git at good" in sides.notes[0]


@pytest.mark.parametrize(
    "benchmarks",
    ["src", "src/mine", "src/mine/core", "src/mine/core/test_it.py", "src/mine/core/speed", "src/mine/core/tests/more"],
)
def test_benchmarks_beside_the_code_that_they_time_leave_each_side_its_own_code(benchmarks, tmp_path):
    """Copied with the tests, the working tree's code would be what both sides run: a regression that nobody sees."""
    test = PLAIN.format(name="mine.core.code") + "from . import helper  # base"
    tests = {
        "src/mine/core/speed/test_it.py": {"src/mine/core/speed/__init__.py": "", "src/mine/core/speed/helper.py": "there = 0"},
        "src/mine/core/tests/more/test_it.py": {"src/mine/core/tests/more/helper.py": "there = 0"},
    }
    place = next((file for file in tests if benchmarks in (str(Path(file).parent), file)), "src/mine/core/test_it.py")
    code = {"src/mine/__init__.py": "", "src/mine/core/__init__.py": "", "src/mine/core/code.py": QUICK}
    helper = tests.get(place, {"src/mine/core/helper.py": "there = 0"})
    folder = project(tmp_path / "project", {**code, place: test, **helper}, "src/mine/core/code.py")
    (folder / place).write_text(test.replace("# base", "# head"))
    with side_by_side(folder, "good", None, "mine", folder / benchmarks) as sides:
        for side, expected in (("base", QUICK), ("head", SLOW)):
            copy = sides.copy(side, "mine")
            assert (copy / "core/code.py").read_text() == expected
            assert (copy.parent / Path(place).relative_to("src")).read_text().endswith("# head")
            root, suite = sides.suites[side]
            assert suite.is_relative_to(copy.parent)
            assert root == copy.parent


@pytest.mark.skipif(sys.platform == "win32", reason="git makes no links there")
def test_links_and_the_data_beside_a_package_are_where_it_looks_for_them(tmp_path):
    """`mine` is a link, has links to what is elsewhere in the repository and in circles, and reads a file of the project's."""
    folder = tmp_path / "project"
    (folder / "speed").mkdir(parents=True)
    for place, target in {
        "src/mine/part.py": "../../shared/part.py",
        "src/mine/sub": "../../shared/sub",
        "src/mine/up": "..",
    }.items():
        path = folder / place.replace("src/mine", "real/mine")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)
    (folder / "src").symlink_to("real")
    (folder / "speed/loop").symlink_to(".")
    read = "from pathlib import Path\nVERSION = (Path(__file__).parents[2] / 'VERSION').read_text()\n"
    data = {"VERSION": "1", "real/data/x.txt": "2", "speed/test_mine.py": PLAIN.format(name="mine")}
    code = {"real/mine/__init__.py": read, "shared/sub/__init__.py": "", "shared/part.py": QUICK, "numpy.py": ""}
    project(folder, {**code, **data}, "shared/part.py")
    (folder / "VERSION").write_text("3")
    with side_by_side(folder, "good", None, "mine", folder / "speed") as sides:
        for side, expected, datum in (("base", QUICK, "1"), ("head", SLOW, "3")):
            copy = sides.copy(side, "mine")
            assert [(copy / "part.py").read_text(), (copy / "sub/__init__.py").read_text()] == [expected, ""]
            assert [(copy.parents[1] / "VERSION").read_text(), (copy.parent / "data/x.txt").read_text()] == [datum, "2"]
            assert not (copy.parents[1] / "numpy.py").exists(), "what may be imported is no data"


@pytest.mark.parametrize("benchmarks", [".", "speed", "src/speed", "test_it.py"])
def test_a_path_from_the_tests_to_the_package_leads_to_the_side(benchmarks, tmp_path):
    files = {f"{place}/test_it.py".removeprefix("./"): PLAIN.format(name="mine") for place in (".", "speed", "src/speed")}
    folder = project(
        tmp_path / "project", {"src/mine/__init__.py": QUICK, "src/beside.txt": "data", **files}, "src/mine/__init__.py"
    )
    with side_by_side(folder, "good", None, "mine", folder / benchmarks) as sides:
        for side, expected in (("base", QUICK), ("head", SLOW)):
            root, _ = sides.suites[side]
            assert (root / "src/mine/__init__.py").read_text() == expected
            assert (root / "src/beside.txt").read_text() == "data"
    assert git(folder, "status", "--porcelain") == " M src/mine/__init__.py\n", "nothing of the project is changed"
