"""Fixtures of the faults in real processes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from fault_calls import TINY, Bench, call


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
