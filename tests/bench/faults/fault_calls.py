"""Faults in real processes: what a user, a stranger or a machine does, and the exit code that it must have."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

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
