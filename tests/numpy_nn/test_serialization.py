import copy
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import ARCHITECTURE, moons, refused
from hypothesis import given, settings
from hypothesis import strategies as st

from numpy_nn import SGD, Adam, AdamW, RMSprop, Sequential, losses
from numpy_nn.optimizers import Optimizer

X, Y = moons(20)


def trained(optimizer: Any = "sgd", loss: Any = "binary_crossentropy", **settings: Any) -> Sequential:
    model = Sequential(ARCHITECTURE, **{"seed": 1, **settings})
    model.compile(optimizer, loss, ["accuracy"])
    model.fit(X, Y, epochs=2, verbose=0)
    return model


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a model on disk."""
    path = tmp_path_factory.mktemp("saved") / "model.npz"
    trained().save(path)
    return path.read_bytes()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "optimizer",
    [
        SGD(0.5, momentum=0.5, nesterov=True),
        Adam(0.25, beta_1=0.5, beta_2=0.75, epsilon=0.125),
        AdamW(0.25, weight_decay=0.5),
        RMSprop(0.25, rho=0.5, epsilon=0.125),
    ],
    ids=repr,
)
def test_a_model_comes_back_as_it_was_saved(optimizer: Optimizer, dtype: str, tmp_path: Path) -> None:
    model = trained(optimizer, dtype=dtype)
    model.save(tmp_path / "model.npz")
    loaded = Sequential.load(tmp_path / "model.npz")
    assert loaded.architecture == model.architecture
    assert (loaded.dtype, loaded.seed, loaded.metrics) == (model.dtype, 1, ["accuracy"])
    assert repr(loaded.optimizer) == repr(optimizer)
    assert repr(loaded.loss) == repr(model.loss)
    for weights, expected in zip(loaded.get_weights(), model.get_weights(), strict=True):
        assert weights.tobytes() == expected.tobytes()
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert loaded.evaluate(X, Y) == model.evaluate(X, Y)


def test_a_loaded_model_trains_on(tmp_path: Path) -> None:
    model = trained(SGD(0.5))
    model.save(str(tmp_path / "model.npz"))
    loaded = Sequential.load(str(tmp_path / "model.npz"))
    expected = model.fit(X, Y, epochs=2, shuffle=False, verbose=0).history
    assert loaded.fit(X, Y, epochs=2, shuffle=False, verbose=0).history == expected


def test_a_model_that_was_not_compiled_comes_back_so(tmp_path: Path) -> None:
    model = Sequential(ARCHITECTURE)
    model.save(tmp_path / "model")
    loaded = Sequential.load(tmp_path / "model")  # the name is kept as it was given
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert loaded.seed is None
    with refused("the model has not been compiled", error=RuntimeError):
        loaded.fit(X, Y)


def test_a_loss_from_logits_comes_back_so(tmp_path: Path) -> None:
    model = Sequential([{"input_dim": 2, "output_dim": 1}], seed=np.int64(3))  # type: ignore[arg-type]  # as it comes out of an array
    model.compile("sgd", losses.BinaryCrossentropy(from_logits=True))
    model.save(tmp_path / "model.npz")
    loaded = Sequential.load(tmp_path / "model.npz")
    assert loaded.loss is not None
    assert loaded.loss.from_logits
    assert (loaded.seed, loaded.metrics) == (3, [])


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))], ids=["deepcopy", "pickle"])
def test_a_copy_trains_on_as_the_original_and_leaves_it_alone(copied: Callable[[Sequential], Sequential]) -> None:
    model = trained(Adam(0.1), threads=2)
    model.train_on_batch(X, Y)
    before = [weights.tobytes() for weights in model.get_weights()]
    other = copied(model)
    history = other.fit(X, Y, epochs=2, verbose=0).history
    assert [weights.tobytes() for weights in model.get_weights()] == before
    assert model.fit(X, Y, epochs=2, verbose=0).history == history
    np.testing.assert_array_equal(model.predict(X), other.predict(X))
    assert other.threads == 2


def test_no_pickle_is_in_the_file(saved: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.npz").write_bytes(saved)
    with np.load(tmp_path / "model.npz", allow_pickle=False) as file:
        assert all(file[name].dtype != object for name in file.files)


def test_a_file_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    with refused("nowhere.npz", error=FileNotFoundError):
        Sequential.load(tmp_path / "nowhere.npz")


@pytest.mark.parametrize("content", [b"", b"not a model", b"PK\x03\x04", b"\x93NUMPY", b"\x80\x04N."])
def test_a_file_that_is_no_model_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "broken.npz").write_bytes(content)
    with refused("path was", "broken.npz", "not a model that was saved here"):
        Sequential.load(tmp_path / "broken.npz")


def test_a_folder_and_an_array_are_no_models(tmp_path: Path) -> None:
    with refused("path was", "not a model that was saved here"):
        Sequential.load(tmp_path)
    np.save(tmp_path / "array.npy", np.zeros(3))
    with refused("path was", "array.npy", "not a model that was saved here"):
        Sequential.load(tmp_path / "array.npy")


def rewritten(path: Path, **changes: Any) -> None:
    """Save a model with parts of its config, or of its arrays, replaced; None takes an array out."""
    trained().save(path)
    with np.load(path) as file:
        arrays = dict(file)
    config = json.loads(str(arrays.pop("config")))
    for name, value in changes.items():
        if name.startswith("weight"):
            arrays.pop(name, None)
            if value is not None:
                arrays[name] = value
        else:
            config[name] = value
    np.savez(path, config=np.array(json.dumps(config)), **arrays)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format_version": 99}, "format version 99, this is version 2"),
        ({"architecture": []}, "architecture was []"),
        ({"architecture": ARCHITECTURE[:2]}, "weights had 6 arrays: there must be 4"),
        ({"dtype": "int8"}, "dtype was 'int8'"),
        ({"seed": "x"}, "seed was 'x'"),
        ({"compiled": {"optimizer": {"name": "lion"}, "loss": {"name": "mse"}, "metrics": []}}, "optimizer was 'lion'"),
        ({"compiled": {"optimizer": {"name": "sgd", "rate": 1}, "loss": {"name": "mse"}, "metrics": []}}, "rate"),
        ({"generator": {"bit_generator": "PCG64"}}, "state"),
        ({"threads": 0}, "threads was 0"),
        ({"compiled": {"optimizer": {"name": "sgd"}, "loss": {"name": "hinge"}}}, "loss was 'hinge'"),
        ({"compiled": 5}, "not a model"),
        ({"weight_3": None}, "weights had 5 arrays: there must be 6"),
        ({"weight_3": None, "weight_9": np.zeros(4)}, "it has no part 'weight_3'"),
        ({"weight_0": np.full((2, 5), np.nan)}, "weights[0][0, 0] was nan"),
        ({"weight_0": np.zeros((5, 2))}, "its part 'weight_0' had the shape (5, 2): it must be (2, 5)"),
        ({"weight_0": np.full((2, 5), "a")}, "its part 'weight_0' was of dtype <U1"),
    ],
    ids=str,
)
def test_a_file_with_something_else_in_it_is_refused(changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    rewritten(tmp_path / "model.npz", **changes)
    with refused("path was", said):
        Sequential.load(tmp_path / "model.npz")


def test_a_model_whose_config_is_no_json_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "model.npz", config=np.array("{"))
    with refused("path was", "not a model that was saved here"):
        Sequential.load(tmp_path / "model.npz")


def test_a_file_cut_short_anywhere_is_refused(saved: bytes, tmp_path: Path) -> None:
    path = tmp_path / "short.npz"
    for length in range(0, len(saved), 37):
        path.write_bytes(saved[:length])
        with refused("path was", "short.npz"):
            Sequential.load(path)


@settings(max_examples=200)
@given(place=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_a_flipped_byte_is_refused_in_one_line_or_makes_no_difference(
    saved: bytes, tmp_path_factory: pytest.TempPathFactory, place: int, flip: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "flipped.npz"
    content = bytearray(saved)
    content[place % len(content)] ^= flip
    path.write_bytes(content)
    try:
        loaded = Sequential.load(path)
    except ValueError as error:
        message = str(error)
    else:
        message = "path was read"
        np.testing.assert_array_equal(loaded.predict(X), trained().predict(X))
    assert message.startswith("path was")
    assert "\n" not in message


def test_a_model_is_saved_whole_or_not_at_all(tmp_path: Path) -> None:
    with refused("absent", error=FileNotFoundError):
        trained().save(tmp_path / "absent" / "model.npz")


def test_the_archive_is_one_that_any_tool_can_check(saved: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.npz").write_bytes(saved)
    with zipfile.ZipFile(tmp_path / "model.npz") as archive:
        assert archive.testzip() is None
        assert {Path(name).stem for name in archive.namelist()} == {
            "config",
            "optimizer_iterations",
            *(f"weight_{number}" for number in range(6)),
        }
