"""Commands whose streams are closed, and that are hung up in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fault_calls import ROOT, TINY, call

from bench.records import read_run

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX' signals and shell")


def shell(folder: Path, words: str, redirections: str) -> int:
    """The exit code of a command with the shell's redirections."""
    command = f'exec "{sys.executable}" -m bench {words} {redirections}'
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(["sh", "-c", command], cwd=folder, env=environment, timeout=100, check=False).returncode


@pytest.mark.parametrize("redirections", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_cost_nothing_and_write_into_no_file(finished_run: Path, tmp_path: Path, redirections: str) -> None:
    assert shell(tmp_path, f'export "{finished_run}" csv with.csv', redirections) == 0
    assert call(tmp_path, "export", finished_run, "csv", "without.csv").code == 0
    assert (tmp_path / "with.csv").read_bytes() == (tmp_path / "without.csv").read_bytes()


def test_a_run_that_is_hung_up_is_left_in_order(tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(TINY)
    words = [sys.executable, "-m", "bench", "run", "--workload", "tiny.toml", "--out", "run", "--time-budget", "0"]
    with subprocess.Popen(words, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE) as process:
        trials = tmp_path / "run" / "trials.jsonl"
        while process.poll() is None and not trials.exists():
            time.sleep(0.01)
        process.send_signal(signal.SIGHUP)
        said = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 3, said
    assert "continue it with --resume run" in said
    assert read_run(tmp_path / "run").run.status == "interrupted"
    assert call(tmp_path, "run", "--resume", "run", "--time-budget", "0").code == 0


STANDING = """
import sys
from pathlib import Path
from bench.cli.run import Standing, import_beforehand
from bench.records import RunReader
import_beforehand()
before = set(sys.modules)
Standing(RunReader(Path(sys.argv[1])))()
print(sorted(name for name in set(sys.modules) - before if name.startswith(("bench", "matplotlib"))))
"""


def test_nothing_large_is_imported_between_trials_where_an_interrupt_would_leave_half_of_it(finished_run: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", STANDING, str(finished_run)], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
