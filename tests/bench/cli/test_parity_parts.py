"""`bench run` holds every activation, loss and optimiser against Keras': the whole command, with the real contestants."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from bench.execution.part_cases import QUICK

ROOT = Path(__file__).parents[3]
OPTIONS = ["--workload", "parity", "--contestants", "numpy_nn,keras", "--quick", "--time-budget", "0", "--out", "out"]


def run(folder: Path, root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "bench", "run", *OPTIONS]
    return subprocess.run(
        command, cwd=folder, env={"PYTHONPATH": str(root), "PATH": ""}, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_a_run_says_in_a_line_and_a_table_that_every_part_trains_alike(tmp_path: Path) -> None:
    done = run(tmp_path, ROOT)
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "out/tables/parity_parts.csv")
    assert table["case"].tolist() == list(QUICK)
    assert set(table["verdict"]) == {"same"}
    assert (table["weights_difference"] <= table["tolerance"]).all()
    assert "in 5 short trainings" in (tmp_path / "out/report.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_one_part_that_computes_something_else_ends_the_run_with_exit_code_1(tmp_path: Path) -> None:
    for package in ("bench", "keras_ref", "numpy_nn"):
        shutil.copytree(ROOT / package, tmp_path / "changed" / package, ignore=shutil.ignore_patterns("__pycache__"))
    adagrad = tmp_path / "changed/numpy_nn/optimizers/adagrad.py"
    right, wrong = '"epsilon": self.epsilon}\n\n    def record_step', '"epsilon": 1.001 * self.epsilon}\n\n    def record_step'
    text = adagrad.read_text(encoding="utf-8")
    assert right in text
    adagrad.write_text(text.replace(right, wrong), encoding="utf-8")
    done = run(tmp_path, tmp_path / "changed")
    assert done.returncode == 1, done.stderr
    trials = [json.loads(line) for line in (tmp_path / "out/trials.jsonl").read_text(encoding="utf-8").splitlines()]
    (parts,) = [trial["parts"] for trial in trials if trial.get("parts")]
    assert {part["optimizer"].partition("(")[0] for part in parts if part["weights_difference"] > part["tolerance"]} == {"adagrad"}
    assert "do NOT train alike in 1 of 5" in (tmp_path / "out/report.md").read_text(encoding="utf-8")
