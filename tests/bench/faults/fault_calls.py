"""Faults in real processes: what a user, a stranger or a machine does, and the exit code that it must have."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from loaded_bench import ROOT, LoadedBench

CAN_FORK = sys.platform == "linux" and "coverage" not in sys.modules
"""Coverage measures fresh processes alone."""
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


def call(folder: Path, *words: object, limit: int = 100, **environment: str) -> Said:
    """Run a command in `folder`; a traceback on the screen is a fault whatever the command.

    One with an environment of its own has a fresh process, since libraries read it as they are loaded.
    """
    inherited = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    inherited["PYTHONPATH"] = str(ROOT)
    with tempfile.TemporaryDirectory() as place:
        output = Path(place, "output")
        if environment or not CAN_FORK:
            code = _run_fresh(folder, list(map(str, words)), {**inherited, **environment}, output, limit)
        else:
            code = _loaded_bench().run(folder, list(map(str, words)), inherited, output, limit)
        text = output.read_text(encoding="utf-8", errors="replace")
    assert "Traceback" not in text, text
    assert code >= 0, f"ended by signal {-code}"
    return Said(code, text)


@cache
def _loaded_bench() -> LoadedBench:
    loaded = LoadedBench()
    atexit.register(loaded.close)
    return loaded


def _run_fresh(folder: Path, words: list[str], environment: dict[str, str], output: Path, limit: int) -> int:
    with output.open("wb") as file:
        command, streams = [sys.executable, "-m", "bench", *words], {"stdout": file, "stderr": subprocess.STDOUT}
        done = subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, timeout=limit, check=False, **streams)
    return done.returncode
