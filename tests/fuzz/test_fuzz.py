"""Each reader of what a user or a stranger hands over: workloads, data, models, settings, contestants."""

from __future__ import annotations

import io
import json
import random
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from file_mutations import mutated_csv, mutated_npz, mutated_parquet, mutated_toml, mutated_zip
from fuzzing import fuzz
from mutations import mutated_bytes, mutated_json

from bench.workloads.data_sets import Data, DataError, make_split
from bench.workloads.toml_files import WorkloadError, load_workload

pytestmark = [
    pytest.mark.skipif("sys.platform == 'win32'", reason="time and memory are limited by POSIX' signals and files"),
    pytest.mark.filterwarnings("ignore"),
]

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
    document = tomllib.loads(WORKLOAD)

    def make(draw: random.Random) -> bytes | str:
        return mutated_toml(document, draw) if draw.random() < 0.6 else mutated_bytes(WORKLOAD.encode(), draw)

    path = tmp_path / "w.toml"
    path.write_text(WORKLOAD)
    refused = fuzz(path, make, load_workload, WorkloadError)
    assert refused


def test_settings(tmp_path: Path) -> None:
    from bench.regression.compare.settings import find_project, read_settings

    (tmp_path / "benchmarks").mkdir()
    table = {"package": "mine", "benchmarks": "benchmarks", "tolerance": 2.0, "budget": 60}
    document = {"project": {"name": "mine"}, "tool": {"moons-bench": {"compare": table}}}

    def make(draw: random.Random) -> bytes | str:
        return mutated_toml(document, draw) if draw.random() < 0.6 else mutated_bytes(content, draw)

    def read(path: Path) -> None:
        read_settings(find_project(path.parent), None, None, None, None)

    content = "\n".join(["[tool.moons-bench.compare]", *(f"{key} = {json.dumps(value)}" for key, value in table.items())]).encode()
    (tmp_path / "pyproject.toml").write_bytes(content)
    refused = fuzz(tmp_path / "pyproject.toml", make, read, ValueError)
    assert refused


TABLE = pd.DataFrame({"a": [0.5, 1.5, 2.5, 3.5] * 5, "b": range(20), "kind": ["x", "None", "y", "x"] * 5})


@pytest.mark.parametrize("standardize", [False, True])
def test_csv_files(tmp_path: Path, standardize: bool) -> None:
    TABLE.to_csv(tmp_path / "d.csv", index=False)
    content = (tmp_path / "d.csv").read_bytes()

    def make(draw: random.Random) -> bytes:
        return mutated_csv(TABLE, draw) if draw.random() < 0.5 else mutated_bytes(content, draw)

    refused = fuzz(tmp_path / "d.csv", make, reading("kind", standardize), DataError)
    assert refused


def test_parquet_files(tmp_path: Path) -> None:
    TABLE.astype({"b": "Int64", "kind": "category"}).to_parquet(tmp_path / "d.parquet")
    content = (tmp_path / "d.parquet").read_bytes()

    def make(draw: random.Random) -> bytes:
        return mutated_parquet(TABLE, draw) if draw.random() < 0.5 else mutated_bytes(content, draw)

    refused = fuzz(tmp_path / "d.parquet", make, reading("kind"), DataError)
    assert refused


X = np.arange(60.0).reshape(20, 3)


@pytest.mark.parametrize(("save", "y"), [(np.savez, np.arange(20) % 2), (np.savez_compressed, np.array(["no", "yes"] * 10))])
def test_npz_files(tmp_path: Path, save: Callable[..., None], y: np.ndarray) -> None:
    arrays = {"x": X, "y": y}
    save(tmp_path / "d.npz", **arrays)
    content = (tmp_path / "d.npz").read_bytes()

    def make(draw: random.Random) -> bytes:
        return mutated_npz(arrays, draw) if draw.random() < 0.6 else mutated_bytes(content, draw)

    refused = fuzz(tmp_path / "d.npz", make, reading("y"), DataError)
    assert refused


def reading(target: str, standardize: bool = False) -> Callable[[Path], object]:
    parameters = {"target": target, "standardize": standardize}
    return lambda path: make_split(Data(name="file", parameters={"path": str(path), **parameters}, test_size=0.2), seed=0)


def saved_model(path: Path) -> bytes:
    from numpy_nn import Sequential

    layers = [{"input_dim": 2, "output_dim": 3, "activation": "relu"}, {"input_dim": 3, "output_dim": 1, "activation": "sigmoid"}]
    model = Sequential(layers, seed=1)
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    model.save(path)
    return path.read_bytes()


def test_models(tmp_path: Path) -> None:
    from numpy_nn import Sequential

    content = saved_model(tmp_path / "m.npz")
    with np.load(tmp_path / "m.npz") as file:
        arrays = {name: file[name] for name in file.files}
    config = json.loads(str(arrays["config"]))

    def make(draw: random.Random) -> bytes:
        match draw.randrange(3):
            case 0:
                return mutated_bytes(content, draw)
            case 1:
                return mutated_npz(arrays, draw)
        text = mutated_json(config, draw).encode("utf-8", "replace").decode().replace("\x00", " ")
        stream = io.BytesIO()
        np.savez(stream, **{**arrays, "config": np.array(text[:100_000])})
        return stream.getvalue()

    refused = fuzz(tmp_path / "m.npz", make, Sequential.load, ValueError, OSError)
    assert refused


def test_keras_models(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    from numpy_nn.keras_files import load_keras

    content = saved_model(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])

    def make(draw: random.Random) -> bytes:
        match draw.randrange(4):
            case 0:
                return mutated_bytes(content, draw)
            case 1:
                return mutated_zip(parts, draw)
            case 2:
                changed = {"model.weights.h5": mutated_bytes(parts["model.weights.h5"], draw)}
            case _:
                changed = {"config.json": mutated_json(config, draw).encode("utf-8", "surrogatepass")}
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            for name, data in {**parts, **changed}.items():
                archive.writestr(zipfile.ZipInfo(name), data)
        return stream.getvalue()

    refused = fuzz(tmp_path / "m.keras", make, load_keras, ValueError, OSError)
    assert refused


SOURCE = """
from bench.contestants.numpy_network import NumpyNetwork
import beside, other.part
from .sibling import thing

class Net(NumpyNetwork):
    '''A contestant.'''

    def fit(self, on_epoch_end=None):
        def inner(x): return [x for _ in range(3)]
        return super().fit(on_epoch_end)

def test_speed(benchmark):
    benchmark(len, [])
"""
LONG = (
    b"1" + b"+1" * 20_000,
    b"(" * 150 + b")" * 150,
    b"-" * 5000 + b"1",
    b"x" + b".a" * 5000,
    b"if 1:\n pass\n" + b"elif 1:\n pass\n" * 2000,
)


def test_sources(tmp_path: Path) -> None:
    """The files of contestants and of packages under comparison, which are parsed before they are run, elsewhere."""
    from bench.execution.input_files import contestant_files
    from bench.regression.compare.project_copies import imported_names, named_benchmarks
    from bench.regression.compare.renaming import copy_renamed
    from bench.regression.compare.touched import changed_functions

    def make(draw: random.Random) -> bytes:
        changed = mutated_bytes(SOURCE.encode(), draw) if draw.random() < 0.7 else SOURCE.encode() + draw.choice(LONG)
        return draw.choice((b"", b"", b"# coding: utf-16\n", b"# coding: nosuch\n", b"# coding: latin-1\n")) + changed

    def read(path: Path) -> None:
        contestant_files(f"{path}:Net")
        imported_names(path)
        named_benchmarks([path.read_text(encoding="utf-8", errors="replace")])
        changed_functions(copy_renamed(path, tmp_path / "copy", "renamed"), path)

    (tmp_path / "net.py").write_text(SOURCE)
    fuzz(tmp_path / "net.py", make, read)


def test_answers(tmp_path: Path) -> None:
    """What a contestant's process sends, in which anything may stand."""
    from bench.execution.answers import AnswerError, fields_of, frames

    fields = {"id": "a", "pid": 1, "figures": {"fit_seconds": 1.0, "history": {"loss": [0.5]}, "details": {"a": "b"}}}

    def framed(text: str) -> bytes:
        data = text.encode("utf-8", "surrogatepass")
        return len(data).to_bytes(8, "big") + data

    def make(draw: random.Random) -> bytes:
        content = b"".join(framed(mutated_json(fields, draw)) for _ in range(3))
        return mutated_bytes(content, draw) if draw.random() < 0.5 else content

    def read(path: Path) -> None:
        with path.open("rb") as stream:
            for frame in frames(stream):
                if isinstance(frame, AnswerError):
                    raise frame
                json.dumps(fields_of(frame, "a", 1)).encode()

    (tmp_path / "answers").write_bytes(framed(json.dumps(fields)))
    refused = fuzz(tmp_path / "answers", make, read, AnswerError)
    assert refused
