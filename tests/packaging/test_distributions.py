"""What a wheel and an sdist hold, and that an installed harness runs its own code, wherever it is called."""

import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import numpy_nn
from bench.__main__ import REQUIRED, REQUIRED_OF
from bench.child_processes import CODE_FOLDER, python_command, search_path
from bench.contestants.check import inspect_target
from bench.contestants.registry import Spec
from bench.execution.worker_process import worker_environment

ROOT = Path(__file__).parents[2]
WHERE = """
import numpy_nn

class Where:
    SUMMARY = numpy_nn.__file__
    def __init__(self, task): raise RuntimeError(numpy_nn.__file__)
    def warm_up(self): ...
    def fit(self, on_epoch_end): ...
    def predict(self, x): ...
    def get_weights(self): ...
"""


@pytest.fixture(scope="module")
def distributions(tmp_path_factory):
    """The wheel and the sdist of this checkout; nothing is fetched for them."""
    folder = tmp_path_factory.mktemp("distributions")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    return next(folder.glob("*.whl")), next(folder.glob("*.tar.gz"))


@pytest.fixture(scope="module")
def installed(distributions, tmp_path_factory):
    """A folder with the wheel's files, as an environment's `site-packages` has them."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(distributions[0]) as wheel:
        wheel.extractall(folder)
    return folder


def test_the_wheel_has_the_three_packages_their_types_and_no_tests(installed):
    assert {path.name for path in installed.iterdir()} == {
        *("numpy_nn", "keras_ref", "bench", f"moons_bench-{numpy_nn.__version__}.dist-info")
    }
    assert all((installed / package / "py.typed").is_file() for package in ("numpy_nn", "keras_ref", "bench"))
    assert (installed / "bench/report/templates/page.html").is_file()
    assert (installed / "bench/records/schemas/run.schema.json").is_file()
    assert [path for path in installed.rglob("*") if path.name.startswith(("test_", "conftest"))] == []


def test_the_wheel_asks_for_numpy_alone(installed):
    lines = (next(installed.glob("*.dist-info")) / "METADATA").read_text(encoding="utf-8").splitlines()
    required = [line.removeprefix("Requires-Dist: ") for line in lines if line.startswith("Requires-Dist: ")]
    assert [line.partition(">")[0] for line in required if "extra ==" not in line] == ["numpy"]
    extras = {line.removeprefix("Provides-Extra: ") for line in lines if line.startswith("Provides-Extra: ")}
    assert extras == {"bench", "compare", "dask", "jax", "keras-files", "onnx", "parquet", "sklearn", "torch"}
    assert f"Version: {numpy_nn.__version__}" in lines


def test_the_sdist_leaves_the_results_out_and_has_all_that_a_wheel_is_made_of(distributions):
    with tarfile.open(distributions[1]) as sdist:
        folders = {Path(name).parts[1] for name in sdist.getnames()}
    assert {"numpy_nn", "keras_ref", "bench", "tests", "pyproject.toml", "README.md", "LICENSE"} <= folders
    assert not folders & {"results", ".nox", ".ci", ".github"}


def test_a_harness_that_is_installed_measures_its_own_code_inside_a_checkout(installed, tmp_path):
    """A contestant's check and its worker are asked where their `numpy_nn` is: the one answers, the other fails with it."""
    contestant = tmp_path / "where.py"
    contestant.write_text(WHERE, encoding="utf-8")
    options = ["--workload", "moons", "--contestants", f"{contestant}:Where", "--seeds", "1", "--rounds", "1"]
    done = subprocess.run(
        [*python_command("bench"), "run", *options, "--out", str(tmp_path / "out")],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 3, done.stderr
    trials = [json.loads(line) for line in (tmp_path / "out" / "trials.jsonl").read_text(encoding="utf-8").splitlines()]
    expected = str(installed / "numpy_nn" / "__init__.py")
    assert trials
    assert all(trial["error"].endswith(f"RuntimeError: {expected}") for trial in trials)
    assert expected in (tmp_path / "out" / "run.json").read_text(encoding="utf-8")


def test_a_workers_environment_begins_with_this_code_and_keeps_the_users_absolute_path(tmp_path):
    path = os.pathsep.join(["relative", "", ".", str(tmp_path)])
    environment = worker_environment(Spec("Any", "any:Any", "for a test"), 1, {"PYTHONPATH": path})
    assert environment["PYTHONPATH"].split(os.pathsep) == [str(CODE_FOLDER), str(tmp_path)]
    assert search_path({}) == {"PYTHONPATH": str(CODE_FOLDER)} == {"PYTHONPATH": str(ROOT)}


def test_a_contestants_module_is_found_in_the_current_folder_but_hides_nothing_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mine = (ROOT / "examples" / "my_net.py").read_text(encoding="utf-8")
    Path("mine.py").write_text(mine, encoding="utf-8")
    Path("numpy_nn.py").write_text("raise RuntimeError('the wrong numpy_nn')", encoding="utf-8")
    Path("bench.py").write_text("raise RuntimeError('the wrong bench')", encoding="utf-8")
    assert "summary" in inspect_target("mine:MyNet", "mine:MyNet")


def test_what_a_command_looks_for_is_what_its_extra_brings():
    """But for the two that a command may do without: TensorFlow is a contestant's, pytest that of other packages' benchmarks."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    modules = {"scikit-learn": "sklearn", "pillow": "PIL"}
    for extra, looked_for in {"bench": REQUIRED, **REQUIRED_OF}.items():
        brought = {re.split(r"[>;]", line)[0] for line in extras[extra]} - {"tensorflow", "pytest"}
        assert set(looked_for) == {"numpy"} | {modules.get(name, name) for name in brought}


def test_without_its_dependencies_a_command_says_in_one_line_what_to_install():
    done = subprocess.run(
        [sys.executable, "-S", *python_command("bench")[1:], "run", "--quick"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: the harness lacks filelock, greenlet, ")
    assert line.endswith('python -m pip install -e ".[bench]"')
