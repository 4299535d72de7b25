"""Each reader is given valid files with small changes: it reads them or refuses them in one line, soon and with little memory.

`FUZZ_SECONDS` is the time of each reader: a second in the tests, a minute in `nox -s fuzz`, an hour by hand; `FUZZ_SEED` the seed.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_records import make_run, make_trial
from mutations import mutated_bytes, mutated_json

from bench.records import RecordError, append_trial, read_run, write_run
from bench.workloads.data_sets import Data, DataError, make_split
from bench.workloads.toml_files import WorkloadError, load_workload

SECONDS = float(os.environ.get("FUZZ_SECONDS", "1"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
LEAST_CASES = 20
LONGEST_SECONDS = 5.0
MOST_BYTES = 200_000_000

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="memory is measured by POSIX' resource"),
    pytest.mark.filterwarnings("ignore"),
]


def peak_bytes() -> int:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def fuzz(
    path: Path, make: Callable[[random.Random], bytes | str], read: Callable[[Path], object], *refusals: type[Exception]
) -> tuple[int, int]:
    """Give `read` the valid file at `path`, then one changed file after another; return how many it read and how many it refused.

    Every case is drawn from a seed of its own, which a failure names.
    """
    counts = [0, 0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read(path)
    end = time.monotonic() + SECONDS
    memory, number = peak_bytes(), 0
    while number < LEAST_CASES or time.monotonic() < end:
        content = make(random.Random(f"{SEED} {number}"))
        began = time.monotonic()
        try:
            refused = read_quietly(read, path, content, refusals)
        except Exception as error:
            kept = Path(os.environ.get("FUZZ_FOLDER", path.parent.parent)) / f"failed-{number}-{path.name}"
            kept.write_bytes(content if isinstance(content, bytes) else content.encode())
            raise AssertionError(f"FUZZ_SEED={SEED}, case {number}: {type(error).__name__}; the file is {kept}") from error
        assert time.monotonic() - began < LONGEST_SECONDS, f"FUZZ_SEED={SEED}, case {number} took too long"
        assert peak_bytes() - memory < MOST_BYTES, f"FUZZ_SEED={SEED}, case {number} took too much memory"
        counts[refused] += 1
        number += 1
    return counts[0], counts[1]


def read_quietly(read: Callable[[Path], object], path: Path, content: bytes | str, refusals: tuple[type[Exception], ...]) -> bool:
    """Whether `read` refuses the content, which must be in one line that can be shown."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    said = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read(path)
    except refusals as error:
        said = str(error)
    assert said is None or (len(said.splitlines()) == 1 and len(said) < 3000 and said.isprintable()), said
    return said is not None


WORKLOAD = """
name = "mine"
scored_seeds = 2
rounds = 2
targets = [0.9]
prediction_rows = [1, 10]
contestants = ["numpy_nn", "keras"]
[data]
name = "moons"
test_size = 0.2
[data.parameters]
n_samples = 100
noise = 0.1
[[architecture]]
input_dim = 2
output_dim = 4
activation = "relu"
[[architecture]]
input_dim = 4
output_dim = 1
activation = "sigmoid"
[training]
epochs = 3
batch_size = 16
optimizer = { name = "sgd", learning_rate = 0.1, momentum = 0.5 }
[settings.keras]
dtype = "float64"
"""


def test_workloads(tmp_path: Path) -> None:
    path = tmp_path / "w.toml"
    path.write_text(WORKLOAD)
    _, refused = fuzz(path, lambda draw: mutated_bytes(WORKLOAD.encode(), draw), load_workload, WorkloadError)
    assert refused


TABLE = pd.DataFrame({"a": [0.5, 1.5, 2.5, 3.5] * 5, "b": range(20), "kind": ["x", "None", "y", "x"] * 5})


@pytest.mark.parametrize("standardize", [False, True])
def test_csv_files(tmp_path: Path, standardize: bool) -> None:
    TABLE.to_csv(tmp_path / "d.csv", index=False)
    content = (tmp_path / "d.csv").read_bytes()
    read, refused = fuzz(tmp_path / "d.csv", lambda draw: mutated_bytes(content, draw), reading("kind", standardize), DataError)
    assert read
    assert refused


def test_parquet_files(tmp_path: Path) -> None:
    TABLE.astype({"b": "Int64", "kind": "category"}).to_parquet(tmp_path / "d.parquet")
    content = (tmp_path / "d.parquet").read_bytes()
    _, refused = fuzz(tmp_path / "d.parquet", lambda draw: mutated_bytes(content, draw), reading("kind"), DataError)
    assert refused


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_files(tmp_path: Path, save: Callable[..., None]) -> None:
    save(tmp_path / "d.npz", x=np.arange(60.0).reshape(20, 3), y=np.arange(20) % 2, words=np.arange(20))
    content = (tmp_path / "d.npz").read_bytes()
    _, refused = fuzz(tmp_path / "d.npz", lambda draw: mutated_bytes(content, draw), reading("y"), DataError)
    assert refused


def reading(target: str, standardize: bool = False) -> Callable[[Path], object]:
    parameters = {"target": target, "standardize": standardize}
    return lambda path: make_split(Data(name="file", parameters={"path": str(path), **parameters}, test_size=0.2), seed=0)


def analysing(path: Path) -> None:
    """Read a run as `report`, `export`, `agree` and `track` do, without drawing it."""
    from bench.analysis.repeats import repeats
    from bench.analysis.summary import analyse
    from bench.regression.history.tracked_runs import tracked
    from bench.report.claims import claims
    from bench.report.csv_tables import csv_tables
    from bench.report.export import latex, markdown, summary_table
    from bench.report.verdict import verdict

    data = read_run(path.parent)
    summary = summary_table(data)
    markdown(summary)
    latex(summary)
    analysis = analyse(data)
    verdict(analysis)
    claims(analysis)
    csv_tables(analysis)
    repeats(data, data)
    if not analysis.times.empty:
        try:
            tracked(analysis)
        except ValueError as error:
            if "can't be tracked" not in str(error):
                raise


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """A valid run of two contestants with all kinds of trials."""
    contestants = [make_run().contestants[0].model_copy(update={"name": name}) for name in ("numpy_nn", "keras")]
    write_run(tmp_path, make_run(contestants=contestants))
    for name in ("numpy_nn", "keras"):
        for number in range(3):
            common: dict[str, Any] = {"contestant": name, "seed": number, "round": number, "launch": number}
            append_trial(tmp_path, make_trial(**common))
            curves = {"loss": [0.5, 0.2], "accuracy": [0.5, 0.9], "val_loss": [0.5, 0.2], "val_accuracy": [0.5, 0.9]}
            append_trial(tmp_path, make_trial(kind="scored", history=curves, test_predictions=[0.1, 0.9], **common))
        latency = {"rows": 1, "calls": 10, "median_seconds": 1e-5, "p99_seconds": 2e-5, "minimum_seconds": 9e-6}
        append_trial(tmp_path, make_trial(contestant=name, kind="predict", latencies=[latency]))
    return tmp_path


def test_runs(run_folder: Path) -> None:
    document = json.loads((run_folder / "run.json").read_text())
    read, refused = fuzz(run_folder / "run.json", lambda draw: mutated_json(document, draw), analysing, RecordError)
    assert read
    assert refused


def test_damaged_runs(run_folder: Path) -> None:
    content = (run_folder / "run.json").read_bytes()
    fuzz(run_folder / "run.json", lambda draw: mutated_bytes(content, draw), lambda path: read_run(path.parent), RecordError)


def test_trials(run_folder: Path) -> None:
    lines = [json.loads(line) for line in (run_folder / "trials.jsonl").read_text().splitlines()]

    def make(draw: random.Random) -> str:
        changed = draw.randrange(len(lines))
        texts = (mutated_json(line, draw) if number == changed else json.dumps(line) for number, line in enumerate(lines))
        return "\n".join(texts) + "\n"

    read, _ = fuzz(run_folder / "trials.jsonl", make, analysing, RecordError)
    assert read


def test_damaged_trials(run_folder: Path) -> None:
    content = (run_folder / "trials.jsonl").read_bytes()
    fuzz(run_folder / "trials.jsonl", lambda draw: mutated_bytes(content, draw), lambda path: read_run(path.parent))


def test_histories(tmp_path: Path) -> None:
    from bench.regression.history.change_points import find_change_points
    from bench.regression.history.history_report import markdown
    from bench.regression.history.tracked_runs import read_history

    line = {
        "run_id": "a",
        "commit": "c" * 40,
        "dirty": False,
        "date": "2026-01-01T00:00:00Z",
        "quick": False,
        "machine": {"cpu": "a"},
        "ratios": {"moons: step / floor": 2.0},
        "seconds": {"moons: step": 1e-4},
    }
    lines = [{**line, "run_id": f"r{number}"} for number in range(12)]

    def make(draw: random.Random) -> bytes:
        texts = [mutated_json(lines[0], draw) if draw.random() < 0.2 else json.dumps(each) for each in lines]
        content = "\n".join(texts).encode()
        return mutated_bytes(content, draw) if draw.random() < 0.5 else content

    def read(path: Path) -> None:
        runs, damaged = read_history(path)
        markdown(runs, find_change_points(runs), damaged)

    (tmp_path / "h.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert fuzz(tmp_path / "h.jsonl", make, read)[0]


def test_models(tmp_path: Path) -> None:
    from numpy_nn import Sequential

    layers = [{"input_dim": 2, "output_dim": 3, "activation": "relu"}, {"input_dim": 3, "output_dim": 1, "activation": "sigmoid"}]
    model = Sequential(layers, seed=1)
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    model.save(tmp_path / "m.npz")
    content = (tmp_path / "m.npz").read_bytes()

    _, refused = fuzz(tmp_path / "m.npz", lambda draw: mutated_bytes(content, draw), Sequential.load, ValueError, OSError)
    assert refused


@pytest.mark.skipif(SECONDS < 10, reason="a report takes seconds; `nox -s fuzz` draws some")
def test_reports(run_folder: Path) -> None:
    from bench.report import write_report

    document = json.loads((run_folder / "run.json").read_text())
    fuzz(run_folder / "run.json", lambda draw: mutated_json(document, draw), lambda path: write_report(path.parent), RecordError)
