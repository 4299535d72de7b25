"""Git repositories for the comparisons of these tests."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from fault_calls import ROOT


def make_repository(folder: Path) -> Path:
    """`folder / "repo"`: numpy_nn alone, and one commit."""
    repository = folder / "repo"
    shutil.copytree(ROOT / "numpy_nn", repository / "numpy_nn", ignore=shutil.ignore_patterns("__pycache__"))
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-q", "-m", "one"]):
        subprocess.run(["git", "-C", str(repository), *words], check=True, capture_output=True)
    return repository
