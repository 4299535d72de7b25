"""Faults in real processes: what a user, a stranger or a machine does, and the exit code that it must have."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TINY = """
name = "tiny"
contestants = ["numpy_nn"]
scored_seeds = 1
rounds = 1
launches = 1
data = {name = "moons", test_size = 0.2, parameters = {n_samples = 200}}
architecture = [
    {input_dim = 2, output_dim = 8, activation = "relu"},
    {input_dim = 8, output_dim = 1, activation = "sigmoid"},
]
training = {epochs = 3}
"""
"""The smallest workload that has all kinds of trial."""


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it said on both streams."""

    code: int
    text: str


Bench = Callable[..., Said]


def call(folder: Path, *words: object, limit: float = 100, **environment: str) -> Said:
    """Run a command in `folder`; a traceback on the screen is a fault whatever the command."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    done = subprocess.run(
        [sys.executable, "-m", "bench", *map(str, words)],
        cwd=folder,
        env={**inherited, "PYTHONPATH": str(ROOT), **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=limit,
        check=False,
    )
    text = done.stdout.decode(errors="replace")
    assert "Traceback" not in text, text
    assert done.returncode >= 0, f"ended by signal {-done.returncode}"
    return Said(done.returncode, text)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """`bench("run", ...)`, in the folder of the test, where `tiny.toml` is."""
    (tmp_path / "tiny.toml").write_text(TINY)
    return lambda *words, **options: call(tmp_path, *words, **options)


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run with its report; tests get copies."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "tiny.toml").write_text(TINY)
    said = call(folder, "run", "--workload", "tiny.toml", "--out", "run", "--time-budget", "0")
    assert said.code == 0, said.text
    return folder / "run"


@pytest.fixture
def a_run(tmp_path: Path, finished_run: Path) -> Path:
    """A finished run in `dir`."""
    return Path(shutil.copytree(finished_run, tmp_path / "dir"))


@pytest.fixture
def tree() -> Callable[[Path], dict[str, bytes]]:
    """Every file of a folder by its name, with its content."""
    return lambda folder: {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }
