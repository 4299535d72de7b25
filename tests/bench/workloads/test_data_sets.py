"""Data sets: seeded samples and splits, files, and what is said of data that can't be trained on."""

from __future__ import annotations

import io
import math
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench.workloads.data_files import load_columns
from bench.workloads.data_sets import GENERATORS, Data, DataError, Split, make_generator, make_split

ARTICLE = {"sample_seed": 100, "split_seed": 42}


def split(name: str, parameters: dict[str, Any] | None = None, seed: int = 0, test_size: float = 0.1, **seeds: int) -> Split:
    return make_split(Data(name=name, parameters=parameters or {}, test_size=test_size, **seeds), seed)


def write_csv(folder: Path, text: str) -> str:
    path = folder / "rows.csv"
    path.write_text(text, encoding="utf-8")
    return str(path)


SHAPES: list[tuple[str, dict[str, Any], int, int, int]] = [
    ("moons", {}, 1000, 2, 1),
    ("circles", {"n_samples": 200, "factor": 0.3}, 200, 2, 1),
    ("blobs", {}, 1000, 2, 3),
    ("blobs", {"centers": 2, "n_features": 5}, 1000, 5, 1),
    ("blobs", {"centers": 4, "n_features": 3, "n_samples": 120}, 120, 3, 4),
    ("spirals", {}, 1000, 2, 1),
    ("spirals", {"arms": 5, "n_samples": 103}, 103, 2, 5),
    ("digits", {}, 1797, 64, 10),
]


@pytest.mark.parametrize(("name", "parameters", "rows", "features", "outputs"), SHAPES)
def test_a_data_set_has_its_rows_features_and_outputs(
    name: str, parameters: dict[str, Any], rows: int, features: int, outputs: int
) -> None:
    made = split(name, parameters)
    tested = math.ceil(0.1 * rows)
    assert made.x.shape == (rows - tested, features)
    assert made.y.shape == (rows - tested, outputs)
    assert made.x_test.shape == (tested, features)
    assert made.y_test.shape == (tested, outputs)
    for array in (made.x, made.y, made.x_test, made.y_test):
        assert array.dtype == np.float64
        assert np.isfinite(array).all()


@pytest.mark.parametrize(("name", "parameters", "rows", "features", "outputs"), SHAPES)
def test_labels_are_one_column_of_two_classes_or_one_hot(
    name: str, parameters: dict[str, Any], rows: int, features: int, outputs: int
) -> None:
    y = split(name, parameters).y
    assert set(np.unique(y)) == {0.0, 1.0}
    if outputs > 1:
        assert (y.sum(axis=1) == 1).all()


@pytest.mark.parametrize("name", [name for name in GENERATORS if name != "file"])
def test_a_seed_gives_the_same_data_again_and_another_seed_another_order(name: str) -> None:
    first, again, other = split(name, seed=3), split(name, seed=3), split(name, seed=4)
    np.testing.assert_array_equal(first.x, again.x)
    np.testing.assert_array_equal(first.y_test, again.y_test)
    assert not np.array_equal(first.x, other.x)
    assert not np.array_equal(first.x_test, other.x_test)


@pytest.mark.parametrize("name", [name for name in GENERATORS if name not in ("file", "digits")])
def test_each_seed_has_a_sample_of_its_own(name: str) -> None:
    def rows(made: Split) -> set[tuple[float, ...]]:
        return set(map(tuple, np.concatenate([made.x, made.x_test]).tolist()))

    assert not rows(split(name, seed=0)) & rows(split(name, seed=1))


def test_the_articles_seeds_give_its_sample_and_split_with_the_training_rows_permuted() -> None:
    from sklearn.datasets import make_moons
    from sklearn.model_selection import train_test_split

    x, y = make_moons(n_samples=1000, noise=0.2, random_state=100)
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.1, random_state=42)
    made = split("moons", seed=2, **ARTICLE)
    np.testing.assert_array_equal(made.x_test, x_test)
    np.testing.assert_array_equal(made.y_test[:, 0], y_test)
    order = np.random.default_rng(2).permutation(900)
    np.testing.assert_array_equal(made.x, x_train[order])
    np.testing.assert_array_equal(made.y[:, 0], y_train[order])


def test_digits_are_scaled_to_between_zero_and_one() -> None:
    made = split("digits")
    assert made.x.min() == 0
    assert made.x.max() == 1


def test_the_arms_of_a_spiral_are_the_same_curve_turned() -> None:
    x, arm = make_generator("spirals", {"arms": 3, "noise": -0.0, "turns": 1.0, "n_samples": 300}).draw(seed=5)
    radius = np.hypot(x[:, 0], x[:, 1])
    angle = np.arctan2(x[:, 1], x[:, 0])
    expected = 2 * np.pi * (radius + arm / 3)
    np.testing.assert_allclose(np.exp(1j * angle), np.exp(1j * expected), atol=1e-9)
    assert radius.max() <= 1
    assert list(np.bincount(arm)) == [100, 100, 100]


def test_features_are_standardized_by_the_training_rows_alone() -> None:
    plain, made = split("blobs"), split("blobs", {"standardize": True})
    np.testing.assert_allclose(made.x.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(made.x.std(axis=0), 1)
    np.testing.assert_allclose(made.x_test, (plain.x_test - plain.x.mean(axis=0)) / plain.x.std(axis=0))


def test_a_constant_feature_is_standardized_to_zero(tmp_path: Path) -> None:
    path = write_csv(tmp_path, "a,b,y\n" + "".join(f"{row},7,{row % 2}\n" for row in range(20)))
    assert (split("file", {"path": path, "target": "y", "standardize": True}).x[:, 1] == 0).all()


FRAME = pd.DataFrame(
    {
        "length": [0.5, 1.5, 2.5, 3.5],
        "count": [1, 2, 3, 4],
        "wet": [True, False, True, False],
        "kind": ["rose", "aster", "tulip", "aster"],
        "price": [1.0, 2.5, 3.0, 4.0],
    }
)


def write_as(suffix: str, folder: Path) -> Path:
    path = folder / f"flowers{suffix}"
    if suffix == ".csv":
        FRAME.to_csv(path, index=False)
    elif suffix == ".parquet":
        FRAME.to_parquet(path)
    else:
        np.savez(path, **{name: FRAME[name].to_numpy(str if name == "kind" else None) for name in FRAME.columns})
    return path


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".npz"])
def test_a_file_gives_the_named_columns_and_the_target(suffix: str, tmp_path: Path) -> None:
    loaded = load_columns(write_as(suffix, tmp_path), "kind", ["count", "wet", "length"])
    np.testing.assert_array_equal(loaded.x, [[1, 1, 0.5], [2, 0, 1.5], [3, 1, 2.5], [4, 0, 3.5]])
    assert loaded.y.tolist() == ["rose", "aster", "tulip", "aster"]


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".npz"])
def test_words_become_classes_in_alphabetical_order(suffix: str, tmp_path: Path) -> None:
    parameters = {"path": str(write_as(suffix, tmp_path)), "target": "kind", "features": ["count"]}
    made = split("file", parameters, test_size=0.25)
    found = {int(x): row.tolist() for x, row in zip(made.x[:, 0], made.y, strict=True)}
    found |= {int(x): row.tolist() for x, row in zip(made.x_test[:, 0], made.y_test, strict=True)}
    assert found == {1: [0, 1, 0], 2: [1, 0, 0], 3: [0, 0, 1], 4: [1, 0, 0]}


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".npz"])
def test_floats_are_a_regressions_targets(suffix: str, tmp_path: Path) -> None:
    parameters = {"path": str(write_as(suffix, tmp_path)), "target": "price", "features": ["count"]}
    made = split("file", parameters, test_size=0.25)
    assert sorted(np.concatenate([made.y, made.y_test])[:, 0]) == [1.0, 2.5, 3.0, 4.0]


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".npz"])
def test_booleans_are_two_classes(suffix: str, tmp_path: Path) -> None:
    parameters = {"path": str(write_as(suffix, tmp_path)), "target": "wet", "features": ["count"]}
    made = split("file", parameters, test_size=0.25)
    found = dict(zip(np.concatenate([made.x, made.x_test])[:, 0], np.concatenate([made.y, made.y_test])[:, 0], strict=True))
    assert found == {1: 1, 2: 0, 3: 1, 4: 0}


def test_all_columns_but_the_target_are_features_unless_they_are_named(tmp_path: Path) -> None:
    path = Path(write_csv(tmp_path, "a,label,b\n1,0,2\n3,1,4\n"))
    loaded = load_columns(path, "label")
    np.testing.assert_array_equal(loaded.x, [[1, 2], [3, 4]])
    np.testing.assert_array_equal(loaded.y, [0, 1])


def test_arrays_of_several_columns_stand_side_by_side(tmp_path: Path) -> None:
    path = tmp_path / "rows.npz"
    np.savez(path, pixels=np.arange(6.0).reshape(3, 2), age=[7, 8, 9], y=np.eye(3))
    loaded = load_columns(path, "y")
    np.testing.assert_array_equal(loaded.x, [[0, 1, 7], [2, 3, 8], [4, 5, 9]])
    np.testing.assert_array_equal(loaded.y, np.eye(3))


BAD_CSV: dict[str, tuple[str, list[str]]] = {
    "nothing at all": ("", ["empty"]),
    "names alone": ("a,y\n", ["empty", "'y'"]),
    "no target": ("a,b\n1,2\n", ["target 'y'", "a, b"]),
    "a target's near name": ("a,Y\n1,2\n", ["target 'y'", "Y"]),
    "the target alone": ("y\n1\n0\n", ["beside the target 'y'"]),
    "a hole in a feature": ("a,y\n1,0\n,1\n,0\n", ["'a'", "missing", "2 rows", "row 1"]),
    "an infinite feature": ("a,y\n1,0\ninf,1\n", ["'a'", "infinite", "row 1"]),
    "a hole in the labels": ("a,y\n1,0\n2,\n", ["'y'", "missing", "row 1"]),
    "a hole among words": ("a,y\n1,red\n2,\n", ["'y'", "missing", "row 1"]),
    "words for features": ("a,y\n1,0\nsoft,1\n", ["'a'", "isn't numbers"]),
    "one class": ("a,y\n1,4\n2,4\n", ["4", "two classes"]),
    "one word": ("a,y\n1,red\n2,red\n", ["'red'", "two classes"]),
    "one value": ("a,y\n1,0.5\n2,0.5\n", ["0.5", "nothing to learn"]),
    "rows longer than the names": ("a,y\n1,0,5\n2,1,5\n", ["more fields"]),
    "rows with numbers and no name for them": ("a,y\n1,0.5,0\n2,0.7,1\n", ["a name for each", "'a,y'"]),
    "a title above the names": ("My data\na,y\n1,0\n", ["nothing may stand above it", "'My data'"]),
    "no names": ("0.5,1.5,0\n0.7,1.5,1\n", ["target 'y'", "its first line has numbers"]),
    "blanks between fields": ("a y\n1 0\n2 1\n", ["target 'y'", "a single name", "separator"]),
    "a comma at the end of each line": ("a,y,\n1,0,\n2,1,\n", ["column 3", "neither a name nor values"]),
    "names left out": (",,y\n1,2,0\n", ["2 columns without a name"]),
    "thousands": ('a,y\n"1,234,567",0\n', ["'1,234,567'", "thousands"]),
    "a sign for missing": ("a,y\n?,0\n1,1\n", ["'?'", "missing"]),
    "a number as Python alone has it": ("a,y\n1_000,0\n1,1\n", ["'1_000'"]),
    "identifiers": ("a,y\n9007199254740993,0\n9007199254740992,1\n", ["'a'", "float64 can't tell apart"]),
    "a number of many digits": (f"a,y\n{10**30},0\n1,1\n", ["'a'", "31 digits"]),
    "a hole among truths": ("a,y\n1,True\n2,False\n3,\n", ["'y'", "missing", "row 2"]),
    "a page of the web": ("<!DOCTYPE html><html></html>\n", ["a page of the web"]),
    "a pointer of Git LFS": ("version https://git-lfs.github.com/spec/v1\noid sha256:4d\n", ["git lfs pull"]),
    "zero bytes": ("a\0,\0y\0\n", ["UTF-16"]),
    "a ragged row": ("a,y\n1,0\n2,1,5,6\n", ["CSV", "line 3"]),
}


@pytest.mark.parametrize(("text", "named"), BAD_CSV.values(), ids=BAD_CSV)
def test_a_table_that_cannot_be_trained_on_is_one_line(text: str, named: list[str], tmp_path: Path) -> None:
    path = write_csv(tmp_path, text)
    with pytest.raises(DataError) as caught:
        split("file", {"path": path, "target": "y"}, test_size=0.5)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    for part in named:
        assert part in message


BAD_NPZ: dict[str, tuple[dict[str, Any], list[str]]] = {
    "no target": ({"x": np.ones((3, 2))}, ["target 'y'", "x"]),
    "another count of rows": ({"x": np.ones((4, 2)), "y": [0, 1, 0]}, ["'x'", "(4, 2)", "3"]),
    "three dimensions": ({"x": np.ones((3, 2, 2)), "y": [0, 1, 0]}, ["'x'", "(3, 2, 2)"]),
    "two columns of integers": ({"x": np.ones((2, 2)), "y": [[1, 2], [0, 1]]}, ["'y'", "(2, 2)"]),
    "no array": ({}, ["empty", "'y'"]),
    "no rows": ({"x": np.ones((0, 2)), "y": np.ones(0)}, ["empty", "'y'"]),
    "a NaN": ({"x": [[0.0, 1.0], [np.nan, 1.0]], "y": [0, 1]}, ["'x'", "1 rows", "row 1"]),
    "complex numbers": ({"x": np.ones((2, 1)) * 1j, "y": [0, 1]}, ["'x'", "complex128"]),
    "dates": ({"x": np.ones((2, 1)), "y": np.array(["2020-01-01", "2020-01-02"], "datetime64[D]")}, ["'y'", "datetime64"]),
    "words for features": ({"x": ["1", "b"], "y": [0, 1]}, ["'x'", "'1'"]),
    "objects": ({"x": np.array([1, None], dtype=object), "y": [0, 1]}, ["NPZ"]),
}


@pytest.mark.parametrize(("arrays", "named"), BAD_NPZ.values(), ids=BAD_NPZ)
def test_arrays_that_cannot_be_trained_on_are_one_line(arrays: dict[str, Any], named: list[str], tmp_path: Path) -> None:
    path = tmp_path / "rows.npz"
    np.savez(path, **arrays)
    with pytest.raises(DataError) as caught:
        load_columns(path, "y")
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert "rows.npz" in message
    for part in named:
        assert part in message


@pytest.mark.parametrize(
    "change", [(b"{'descr': '<U3'", b"{'descr': '<U3'"), (b"{'descr': '<U3'", b"{{{'escr': '<U3"), (b"'<U3'", b"((((( ")]
)
def test_words_of_no_letters_and_a_header_that_does_not_end_are_no_crash(change: tuple[bytes, bytes], tmp_path: Path) -> None:
    np.savez(tmp_path / "rows.npz", x=np.zeros((4, 2)), y=np.array(["yes", "no", "yes", "no"]))
    content = (tmp_path / "rows.npz").read_bytes().replace(*change).replace("yes".encode("utf-32-le"), b"\xff" * 12)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {entry.filename: content[entry.header_offset :] for entry in archive.infolist()}
    with zipfile.ZipFile(tmp_path / "rows.npz", "w") as archive:  # with the right checksums
        for name, part in parts.items():
            archive.writestr(name, part[part.index(b"\x93NUMPY") :].partition(b"PK")[0])
    with pytest.raises(DataError, match="the array 'y' is damaged"):
        load_columns(tmp_path / "rows.npz", "y")


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".npz"])
def test_a_damaged_file_is_named(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"rows{suffix}"
    path.write_bytes(b"PK\x03\x04\xff\xfe\x00\x01 no data")
    with pytest.raises(DataError, match=rf"rows\{suffix}") as caught:
        load_columns(path, "y")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "said"), [("rows.xlsx", ".csv, .parquet, .npz"), ("rows.csv", "nothing of that name"), ("folder.csv", "no file")]
)
def test_a_file_that_cannot_be_had_is_named(name: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataError) as caught:
        load_columns(tmp_path / name, "y")
    assert name in str(caught.value)
    assert said in str(caught.value)


def test_a_single_array_without_a_name_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", np.ones(3))
    (tmp_path / "one.npy").rename(tmp_path / "one.npz")
    with pytest.raises(DataError, match="without a name"):
        load_columns(tmp_path / "one.npz", "y")


@pytest.mark.parametrize(("features", "said"), [(["a", "c"], "feature 'c'"), (["a", "a"], "twice"), (["y"], "is the target")])
def test_features_are_named_once_and_exist(features: list[str], said: str, tmp_path: Path) -> None:
    path = Path(write_csv(tmp_path, "a,b,y\n1,2,0\n3,4,1\n"))
    with pytest.raises(DataError, match=said):
        load_columns(path, "y", features)


def test_an_unknown_data_set_is_named_with_those_that_there_are() -> None:
    with pytest.raises(DataError, match=r"'moon': did you mean 'moons'\? it may be one of moons, circles"):
        split("moon")


def test_a_parameter_that_cannot_be_is_named_by_its_key() -> None:
    with pytest.raises(DataError, match=r"data\.parameters\.noise is 'loud': it should be a valid number"):
        split("moons", {"noise": "loud"})


def test_a_split_that_leaves_nothing_to_train_on_is_refused() -> None:
    with pytest.raises(DataError, match=r"data\.test_size is 0\.9: of 4 rows"):
        split("moons", {"n_samples": 4}, test_size=0.9)


def test_a_missing_parquet_library_is_named_with_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_as(".parquet", tmp_path)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DataError, match=r'pip install -e "\.\[parquet\]"'):
        load_columns(path, "kind")
