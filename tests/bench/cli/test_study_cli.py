"""A tiny study from a TOML file, by the command a user types: real processes, real Keras, real files."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from bench.records import read_run
from bench.workloads import load_workload

ROOT = Path(__file__).parents[3]
STUDY = """
scored_seeds = 3
targets = [0.8]
contestants = ["numpy_nn", "keras"]
data = { name = "moons", parameters = { n_samples = 200 } }
architecture = [
    { input_dim = 2, output_dim = 8, activation = "relu" },
    { input_dim = 8, output_dim = 1, activation = "sigmoid" },
]
training = { epochs = 6, optimizer = { name = "sgd", learning_rate = 0.5 } }
[grid]
width = [2, 16]
initializer = ["article", "glorot_uniform"]
depth = [4]
"""


def bench(folder, *words):
    return subprocess.run([sys.executable, "-m", "bench", *words], cwd=folder, capture_output=True, text=True, timeout=400)


def test_a_study_from_a_file_is_trained_compared_and_reported(tmp_path):
    pytest.importorskip("tensorflow")
    (tmp_path / "mine.toml").write_text(STUDY, encoding="utf-8")
    done = bench(tmp_path, "run", "--workload", "mine.toml", "--out", "out")
    assert done.returncode == 0, done.stderr
    assert "Too few seeds to test" in " ".join(done.stdout.split())
    data = read_run(tmp_path / "out")
    assert len(data.trials) == 2 * 4 * 3
    assert {trial.status for trial in data.trials} == {"ok"}
    assert {trial.details["fast_path"] for trial in data.trials if trial.contestant == "numpy_nn"} == {"ensemble of 3 networks"}
    keras = [trial for trial in data.trials if trial.contestant == "keras"]
    assert all("one model a cell" in trial.details["fast_path"] for trial in keras)
    with (tmp_path / "out/tables/study.csv").open(encoding="utf-8") as file:
        rows = {(row["contestant"], row["width"], row["initializer"]): row for row in csv.DictReader(file)}
    assert rows["numpy_nn", "2", "article"]["stuck"] == "3"  # the loss stays at ln 2
    assert rows["numpy_nn", "16", "glorot_uniform"]["stuck"] == "0"
    ours = {(str(trial.point), trial.seed): trial.test_accuracy for trial in data.trials if trial.contestant == "numpy_nn"}
    assert ours == {(str(trial.point), trial.seed): trial.test_accuracy for trial in keras}


def test_a_wrong_axis_is_one_line_and_exit_code_2(tmp_path):
    (tmp_path / "mine.toml").write_text(STUDY.replace("width", "hight"), encoding="utf-8")
    done = bench(tmp_path, "run", "--workload", "mine.toml", "--out", "out")
    assert done.returncode == 2
    assert "an axis of grid is 'hight'" in done.stderr
    assert not (tmp_path / "out").exists()


def test_the_example_is_a_study():
    workload = load_workload(ROOT / "examples" / "study.toml")
    assert workload.is_study
