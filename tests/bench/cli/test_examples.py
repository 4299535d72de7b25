"""The examples are run as a reader would run them, by the command in their first lines."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

import bench
from bench.contestants.base import Task
from bench.contestants.check import load_class
from bench.workloads import load_workload, make_split
from numpy_nn import Sequential

ROOT = Path(__file__).parents[3]


def test_the_example_contestant_trains_as_our_network_does() -> None:
    workload = load_workload(ROOT / "examples" / "spirals.toml")
    split = make_split(workload.data, seed=0)
    model = Sequential(workload.architecture, seed=0, dtype="float64")
    task = Task(
        architecture=workload.architecture,
        weights=model.get_weights(),
        x=split.x,
        y=split.y,
        x_test=split.x_test,
        y_test=split.y_test,
        loss=workload.training.loss,
        optimizer=workload.training.optimizer,
        batch_size=workload.training.batch_size,
        epochs=20,
        dtype="float64",
        threads=1,
        seed=0,
    )
    example = load_class(f"{ROOT / 'examples' / 'my_net.py'}:MyNet")(task)
    ended: list[int] = []
    history = example.fit(ended.append)
    model.compile(optimizer="sgd", loss=task.loss, metrics=["accuracy"])
    model.optimizer.learning_rate = task.optimizer["learning_rate"]
    expected = model.fit(split.x, split.y, batch_size=32, epochs=20, shuffle=False, verbose=0).history
    np.testing.assert_allclose(history["loss"], expected["loss"], rtol=1e-9)
    assert history["accuracy"] == expected["accuracy"]
    np.testing.assert_allclose(example.predict(split.x_test), model.predict(split.x_test), rtol=1e-9)
    assert ended == list(range(20))


def test_the_example_command_measures_the_example_contestant(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *[sys.executable, "-m", "bench", "run", "--quick", "--time-budget", "0", "--out", str(tmp_path / "out")],
            *["--workload", "examples/spirals.toml", "--contestants", "numpy_nn,examples/my_net.py:MyNet"],
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    trials = bench.load(tmp_path / "out")
    assert set(trials["contestant"]) == {"numpy_nn", "MyNet"}
    assert set(trials["status"]) == {"ok"}
    scored = trials[(trials["kind"] == "scored") & (trials["seed"] == 0)].set_index("contestant")
    ours, theirs = scored.loc["numpy_nn", "history.loss"], scored.loc["MyNet", "history.loss"]
    np.testing.assert_allclose(ours, theirs, rtol=1e-4)
    assert (tmp_path / "out" / "report.md").is_file()
