"""Projects of other shapes, each by a real comparison: its package, its benchmarks, and what both need."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from repositories import commit, git

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
    "fixtures": ("mine", {"mine/__init__.py": QUICK, "speed/test_mine.py": FIXTURES, "speed/conftest.py": CONFTEST}, "."),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_slower_package_is_found_out_whatever_its_project_looks_like(layout, tmp_path):
    name, files, below = LAYOUTS[layout]
    folder = tmp_path / "project"
    slow = next(file for file, text in files.items() if QUICK in text)
    if not any(file.startswith("speed/") for file in files):
        files = {**files, "speed/test_mine.py": PLAIN.format(name="mine.part" if "/part/" in slow else name)}
    project(folder, files, slow)
    command = ["compare", "good", "--repository", str(folder / below), "--package", name, "--benchmarks", str(folder / "speed")]
    done = subprocess.run(
        [sys.executable, "-m", "bench", *command, "--json", str(tmp_path / "c.json")],
        cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "MINE_HOME": "here"},
    )  # fmt: skip
    document = json.loads((tmp_path / "c.json").read_text())
    assert document["verdict"] == "regressed", (done.stdout, done.stderr)
    assert done.returncode == 1
    assert git(folder, "status", "--porcelain", "--", "speed") == ""


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


def test_a_fixture_that_is_unknown_is_named(tmp_path):
    folder = project(
        tmp_path / "project",
        {"mine/__init__.py": QUICK, "speed/test_mine.py": "def test_work(benchmark, nothing):\n    benchmark(len, [])\n"},
        "mine/__init__.py",
    )
    done = subprocess.run(
        [*[sys.executable, "-m", "bench", "compare", "good", "--repository", str(folder)],
         *["--package", "mine", "--benchmarks", str(folder / "speed"), "--budget", "5"]],
        cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert "fixture 'nothing' is unknown: there are benchmark, tmp_path" in done.stdout
