"""One run is one thing: what it reads can't change under it, and lines of other runs don't count."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import pytest
from fault_calls import ROOT, TINY

from bench import load

NET = """
from bench.contestants.numpy_network import NumpyNetwork
from rates import RATE
class Net(NumpyNetwork):
    def __init__(self, task):
        super().__init__(task)
        self._model.optimizer.learning_rate = RATE
"""


def table(rows):
    return "a,b,y\n" + "".join(f"{row % 7 / 7:.3f},{row % 5 / 5:.3f},{row % 7 > row % 5:d}\n" for row in range(rows))


@pytest.fixture
def killed_run(tmp_path):
    """A run on `d.csv` of a contestant in `net.py`, which imports `rates.py`, killed after some trials."""
    (tmp_path / "d.csv").write_text(table(200))
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "rates.py").write_text("RATE = 0.1\n")
    text = TINY.replace('"moons"', '"file"').replace("n_samples = 200", 'path = "d.csv", target = "y"')
    (tmp_path / "w.toml").write_text(text.replace("rounds = 1", "rounds = 40").replace("epochs = 3", "epochs = 100"))
    process = subprocess.Popen(
        [sys.executable, "-m", "bench", "run", "--workload", "w.toml", "--contestants", "net.py:Net", "--out", "dir"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    trials = tmp_path / "dir" / "trials.jsonl"
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None and (not trials.exists() or trials.read_bytes().count(b"\n") < 4):
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert trials.read_bytes().count(b"\n") >= 4
    return tmp_path / "dir"


def test_a_run_is_resumed_as_it_began_and_not_with_anything_changed(bench, killed_run, tmp_path):
    changes = {
        "d.csv": table(500),
        "net.py": NET.replace("RATE\n", "RATE * 2\n"),
        "rates.py": "RATE = 0.01\n",
        "w.toml": (tmp_path / "w.toml").read_text() + "\n",
    }
    before = (killed_run / "trials.jsonl").read_bytes()
    for name, changed in changes.items():
        original = (tmp_path / name).read_text()
        (tmp_path / name).write_text(changed)
        said = bench("run", "--resume", "dir", "--time-budget", "0")
        assert said.code == 2, name
        assert name in said.text
        assert "isn't the file that the run began with" in said.text
        assert "put it back as it was to go on with this run, or begin a new run without --resume" in said.text
        assert ("200 rows of 2 features" in said.text) == (name == "d.csv")
        assert (killed_run / "trials.jsonl").read_bytes() == before
        (tmp_path / name).write_text(original)
    run = json.loads((killed_run / "run.json").read_text())
    (killed_run / "run.json").write_text(json.dumps(run | {"sources_sha256": 64 * "0"}))
    said = bench("run", "--resume", "dir", "--time-budget", "0")
    assert said.code == 2
    assert "the code of numpy_nn, keras_ref" in said.text
    (killed_run / "run.json").write_text(json.dumps(run))
    said = bench("run", "--resume", "dir", "--time-budget", "0")
    assert said.code == 0, said.text
    trials = map(json.loads, (killed_run / "trials.jsonl").read_text().splitlines())
    steps = {trial["steps"] for trial in trials if trial["kind"] != "turns"}
    assert len(steps) == 1


def test_foreign_and_doubled_lines_are_set_aside_by_number(bench, a_run):
    path = a_run / "trials.jsonl"
    lines = path.read_text().splitlines()
    timed = next(line for line in lines if '"kind":"timed"' in line)
    foreign = json.dumps({**json.loads(timed), "run_id": "another", "fit_seconds": 5.0})
    path.write_text("\n".join([*lines, *[timed] * 5, *[foreign] * 5]) + "\n")
    said = bench("report", "dir")
    assert said.code == 0
    first = len(lines) + 1
    assert f"line {first}: it is the same trial as line {lines.index(timed) + 1}; it is set aside" in said.text
    assert f"line {first + 5}: it is of another run, 'another'; it is set aside" in said.text
    for words in ("export dir csv t.csv", "agree dir dir", "track dir --history h.jsonl"):  # which write nothing that tells of them
        assert f"dir: trials.jsonl, line {first + 5}: it is of another run" in bench(*words.split()).text
    assert f"line {first + 9}" in (a_run / "report.md").read_text()
    assert len(load(a_run)) == len(lines)
