"""Files in Keras' formats that were made to do harm, or are broken: one error, and no more memory than the file has bytes."""

from __future__ import annotations

import io
import json
import random
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import refused

from numpy_nn import Sequential
from numpy_nn.keras_files import load_keras, load_weights, save_keras, save_weights

h5py = pytest.importorskip("h5py")

ARCHITECTURE = [
    {"input_dim": 3, "output_dim": 4, "activation": "relu"},
    {"input_dim": 4, "output_dim": 1, "activation": "sigmoid"},
]
MOST_BYTES = 50 << 20
"""What a bad file may take beside its own size."""


def assert_same_weights(one: Sequential, other: Sequential) -> None:
    for mine, its in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, its)


def remade(path: Path, change: Callable[[dict[str, Any]], object], *, weights: bytes | None = None, kind: int = 0) -> Path:
    """A `.keras` file whose JSON was changed, in place."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    change(config)
    parts["config.json"] = json.dumps(config).encode()
    parts["model.weights.h5"] = weights or parts["model.weights.h5"]
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return path


def hdf5(write: Callable[[Any], object]) -> bytes:
    """A file of weights of the first layer's kernel `write(group)`, of its bias and of the last layer."""
    stream = io.BytesIO()
    with h5py.File(stream, "w") as root:
        first, last = root.create_group("layers/dense/vars"), root.create_group("layers/dense_1/vars")
        write(first)
        first["1"], last["0"], last["1"] = np.zeros(4), np.zeros((4, 1)), np.zeros(1)
    return stream.getvalue()


def _virtual(group: Any) -> None:
    layout = h5py.VirtualLayout((3, 4), "f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "0", (3, 4))
    group.create_virtual_dataset("0", layout)


HARMFUL: dict[str, Callable[[Any], object]] = {
    "packed": lambda group: group.create_dataset("0", data=np.zeros((3, 4)), compression="gzip"),
    "in chunks": lambda group: group.create_dataset("0", data=np.zeros((3, 4)), chunks=(3, 4)),
    "nothing behind the shape": lambda group: group.create_dataset("0", (3, 4), "f8"),
    "a link to a file": lambda group: group.__setitem__("0", h5py.ExternalLink("/etc/passwd", "/")),
    "a link by name": lambda group: group.__setitem__("0", h5py.SoftLink("/layers/dense_1/vars/0")),
    "data in another file": lambda group: group.create_dataset("0", (3, 4), "u1", external=[("/etc/passwd", 0, 12)]),
    "pieces of another file": _virtual,
    "objects": lambda group: group.create_dataset("0", data=np.full((3, 4), b"cos\nsystem"), dtype=h5py.special_dtype(vlen=bytes)),
    "integers": lambda group: group.__setitem__("0", np.zeros((3, 4), int)),
    "a group": lambda group: group.create_group("0"),
    "not finite": lambda group: group.__setitem__("0", np.full((3, 4), np.nan)),
}


@pytest.mark.parametrize("what", HARMFUL)
def test_weights_that_lead_elsewhere_or_are_packed_are_refused(what: str, tmp_path: Path) -> None:
    path = tmp_path / "model.weights.h5"
    path.write_bytes(hdf5(HARMFUL[what]))
    model = Sequential(ARCHITECTURE, seed=0)
    with refused("model.weights.h5"):
        load_weights(model, path)
    assert_same_weights(model, Sequential(ARCHITECTURE, seed=0))
    path.write_bytes(hdf5(lambda group: group.__setitem__("0", np.ones((3, 4)))))
    load_weights(model, path)
    assert model.get_weights()[0].min() == 1


def test_a_file_takes_no_more_memory_than_its_size(tmp_path: Path) -> None:
    def huge(config: dict[str, Any]) -> None:
        config["config"]["layers"][1]["config"]["units"] = 10**8

    def deep(config: dict[str, Any]) -> None:
        layers = config["config"]["layers"]
        layers[1:] = [layers[1]] * 3000
        layers[1]["config"]["units"] = 1000

    path = tmp_path / "model.keras"
    shared = io.BytesIO()
    with h5py.File(shared, "w") as root:
        kernel, bias = (
            root.create_dataset("k", data=np.zeros((1000, 1000), "f4")),
            root.create_dataset("b", data=np.zeros(1000, "f4")),
        )
        for number in range(3000):
            group = root.create_group(f"layers/dense_{number}/vars" if number else "layers/dense/vars")
            group["0"], group["1"] = kernel, bias

    def deep_from_1000(config: dict[str, Any]) -> None:
        deep(config)
        config["config"]["layers"][0]["config"]["batch_shape"] = [None, 1000]

    bombs: list[Callable[[], Path]] = [
        lambda: remade(path, huge),
        lambda: remade(path, deep),
        lambda: remade(path, deep_from_1000, weights=shared.getvalue()),
        lambda: remade(path, lambda config: None, weights=bytes(10**8), kind=zipfile.ZIP_DEFLATED),
        lambda: remade(path, lambda config: config.update(padding="0" * 10**8), kind=zipfile.ZIP_DEFLATED),
    ]
    for bomb in bombs:
        save_keras(Sequential(ARCHITECTURE), path)
        size = bomb().stat().st_size
        tracemalloc.start()
        try:
            with refused("model.keras"):
                load_keras(path)
            assert tracemalloc.get_traced_memory()[1] < size + MOST_BYTES
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("name", ["model.keras", "model.weights.h5"])
def test_a_broken_file_is_a_value_error_or_a_model(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    model = Sequential(ARCHITECTURE)
    (save_keras if name.endswith(".keras") else save_weights)(model, path)
    whole = path.read_bytes()
    stream = random.Random(0)
    broken = [whole[: stream.randrange(len(whole))] for _ in range(200)]
    for _ in range(800):
        flipped = bytearray(whole)
        flipped[stream.randrange(len(whole))] ^= 1 << stream.randrange(8)
        broken.append(bytes(flipped))
    outcomes = set()
    for data in broken:
        path.write_bytes(data)
        try:
            if name.endswith(".keras"):
                assert_same_weights(load_keras(path), model)  # its parts have checksums
            else:
                load_weights(model, path)
            outcomes.add("")
        except ValueError as error:
            outcomes.add(str(error))
    assert "" in outcomes
    assert len(outcomes) > 1
    assert not any("\n" in outcome for outcome in outcomes)


def test_what_is_no_file_of_keras_says_so(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    for data in (b"", b"PK", b"cos\nsystem\n(S'true'\ntR.", bytes(1000)):
        path.write_bytes(data)
        with refused("model.keras"):
            load_keras(path)
        with refused("model.keras"):
            load_weights(Sequential(ARCHITECTURE), path)
    with pytest.raises(FileNotFoundError):
        load_keras(tmp_path / "nothing.keras")
