"""What is read from a user's file as what, and what a user is told of it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench.workloads.data_files import load_columns
from bench.workloads.data_notes import data_notes
from bench.workloads.data_sets import Data, DataError, File, check_precision, make_split


def data(path: Path, target: str = "y", **parameters: Any) -> Data:
    return Data(name="file", parameters={"path": str(path), "target": target, **parameters}, test_size=0.25)


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    path = tmp_path / "d.csv"
    rows = (f"{row},{row % 5 / 4},{'None' if row % 8 else 'NA'},{row * row}" for row in range(40))
    path.write_text("\n".join(["id,b,y,area", *rows]) + "\n")
    return path


def test_classes_may_be_called_as_missing_values_are(csv: Path) -> None:
    y = load_columns(csv, "y", ["b"]).y
    assert sorted(set(y.tolist())) == ["NA", "None"]


def test_the_notes_name_features_classes_and_the_largest_class(csv: Path) -> None:
    notes = data_notes(data(csv))
    assert notes[0] == f"{csv}: 40 rows, 3 features: id, b, area"
    assert notes[1] == "the target 'y' is read as 2 classes: NA, None; the largest class, 'None', has 87.5% of the rows"
    assert notes[-1] == "the feature 'id' is the number of the row: leave it out with  features = [...]"


def test_the_notes_of_generated_data_are_none() -> None:
    assert data_notes(Data(name="moons")) == []


def test_whole_numbers_are_quantities_where_they_are_said_to_be(csv: Path) -> None:
    assert make_split(data(csv, "area", features=["b"]), 0).y.shape == (30, 40)
    made = make_split(data(csv, "area", features=["b"], target_kind="quantities"), 0)
    assert made.y.shape == (30, 1)
    assert "is read as a quantity, 0 to 1521" in data_notes(data(csv, "area", features=["b"], target_kind="quantities"))[1]
    assert make_split(data(csv, "b", features=["id"], target_kind="classes"), 0).y.shape == (30, 5)
    with pytest.raises(DataError, match="has words: target_kind may be 'classes' only"):
        make_split(data(csv, "y", features=["b"], target_kind="quantities"), 0)


def test_semicolons_with_decimal_commas_are_named(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("a;b;y\n" + "".join(f"{row},5;{row % 3},25;{row % 2}\n" for row in range(8)))
    with pytest.raises(DataError, match=r"so set  separator = .*more fields than its first line has names"):
        make_split(data(path), 0)


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_another_separator_is_read_where_it_is_set(tmp_path: Path, separator: str) -> None:
    path = tmp_path / "d.csv"
    path.write_text(f"a,b,y\n{chr(10).join(f'{row},{row % 3},{row % 2}' for row in range(8))}\n".replace(",", separator))
    assert make_split(data(path, separator=separator), 0).x.shape == (6, 2)
    with pytest.raises(DataError, match="so set  separator = "):
        make_split(data(path), 0)


FRAME = pd.DataFrame({"a": range(20), "c": [0.5] * 20, "y": [0, 1] * 10})


@pytest.mark.parametrize(
    "types",
    [{"a": "Int64", "y": "Int64"}, {"a": "Float32", "y": "boolean"}, {"a": "uint8", "y": "category"}, {"y": "bool"}],
    ids=str,
)
def test_nullable_and_categorical_columns_of_parquet_are_numbers_and_classes(tmp_path: Path, types: dict[str, str]) -> None:
    FRAME.astype(types).to_parquet(tmp_path / "d.parquet")
    loaded = load_columns(tmp_path / "d.parquet", "y")
    np.testing.assert_array_equal(loaded.x[:, 0], FRAME["a"])
    assert [int(value) for value in loaded.y] == FRAME["y"].tolist()


def test_a_missing_value_of_a_nullable_column_is_named_by_its_row(tmp_path: Path) -> None:
    frame = FRAME.astype({"a": "Int64"})
    frame.loc[7, "a"] = pd.NA
    frame.to_parquet(tmp_path / "d.parquet")
    with pytest.raises(DataError, match=r"'a' is missing or infinite in 1 rows, first in row 7 \(from 0\)"):
        load_columns(tmp_path / "d.parquet", "y")


def test_a_word_among_features_of_several_columns_is_named_by_its_row(tmp_path: Path) -> None:
    words = np.array([["1", "2"], ["3", "x"]])
    np.savez(tmp_path / "d.npz", x=words, y=[0, 1])
    with pytest.raises(DataError, match=r"the feature 'x' isn't numbers: row 0 \(from 0\) has '1'"):
        load_columns(tmp_path / "d.npz", "y")


def test_a_constant_feature_is_standardised_to_zero_whatever_its_mean_rounds_to(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("a,b,y\n" + "".join(f"0.1,{row},{row % 2}\n" for row in range(23)))
    assert (make_split(data(path, standardize=True), 0).x[:, 0] == 0).all()


def test_a_file_is_read_again_when_it_has_changed(csv: Path) -> None:
    first = make_split(data(csv, features=["b"]), 0)
    csv.write_text(csv.read_text() + "40,0.5,NA,7\n" * 8)
    assert len(make_split(data(csv, features=["b"]), 0).x) > len(first.x)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([f"{row % 3},{7 + 2 * (row % 2)},{row % 2}" for row in range(20)], "the feature 'b' tells the target by itself"),
        ([f"{row % 3},{(7 * row) % 20 + 100},{row % 2}" for row in range(20)], "the feature 'b' is the number of the row"),
        ([f"{row % 3},5,{row % 2}" for row in range(20)], "the feature 'b' is 5 in every row"),
        ([f"{row % 3},{row % 5},{['yes', 'Yes'][row % 2]}" for row in range(20)], "the classes 'Yes', 'yes' differ by case"),
        ([f"{row % 3},{row * row / 2},{row * row / 7:.6f}" for row in range(20)], "the feature 'b' tells the target by itself"),
    ],
)
def test_a_feature_or_class_that_seems_wrong_is_noted(tmp_path: Path, rows: list[str], said: str) -> None:
    path = tmp_path / "d.csv"
    path.write_text("\n".join(["a, b ,y", *rows]) + "\n")
    notes = data_notes(data(path))
    assert sum(said in note for note in notes) == 1
    assert len(notes) == 3


@pytest.mark.parametrize("dtype", [int, float])
def test_one_hot_labels_are_shown_as_classes(tmp_path: Path, dtype: type) -> None:
    path = tmp_path / "d.npz"
    codes = np.array([0, 1, 1] * 10 + [2])
    np.savez(path, x=np.random.default_rng(0).normal(size=(31, 2)), y=np.eye(3, dtype=dtype)[codes])
    notes = data_notes(data(path))
    assert "read as 3 classes: 0, 1, 2; the largest class, 1, has 64.5% of the rows" in notes[1]
    assert "have no row of class 2" in notes[2]


def test_blanks_around_names_and_fields_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("a, y\n" + "".join(f"{row}, {['yes', 'no'][row % 2]}\n" for row in range(8)))
    assert sorted(set(load_columns(path, "y").y.tolist())) == ["no", "yes"]
    for names, features in [('a, "b, c"', ("a", "b, c")), ("a\u2028b,c", ("a\u2028b", "c")), ("\t\na,b", ("a", "b"))]:
        path.write_text(f"{names}, y\n1,2,0\n2,3,1\n", encoding="utf-8")
        assert load_columns(path, "y").features == features
    for names, twice in [("y", "y"), (",Unnamed: 0", "Unnamed: 0")]:
        path.write_text(f"{names}, y\n1,2,0\n")
        with pytest.raises(DataError, match=f"has the column '{twice}' twice"):
            load_columns(path, "y")


def test_a_feature_that_a_cast_or_a_scale_would_spoil_is_named(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    for first, parameters, said in [(1e9, {}, "float32 can't tell apart"), (0.0, {"standardize": True}, "can't be standardised")]:
        step = 1.0 if first else 1e-310
        path.write_text("a,y\n" + "".join(f"{first + step * row},{row % 2}\n" for row in range(20)))
        check = make_split if parameters else check_precision
        with pytest.raises(DataError, match=said):
            check(data(path, **parameters), 0 if parameters else "float32")
    path.write_text("a,y\n" + "".join(f"0.1,{row % 2}\n" for row in range(20)))
    check_precision(data(path), "float32")  # a constant has nothing to lose


@pytest.mark.parametrize("name", ["PARENTS", "PAR1", "BZh", "ARROW1", "MATLAB"])
def test_names_of_columns_that_begin_as_other_kinds_of_files_are_read(name: str, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text(f"{name},y\n0.5,0\n0.7,1\n")
    assert load_columns(tmp_path / "d.csv", "y").features == (name,)
    (tmp_path / "d.csv").write_bytes(b"PAR1\x15\x04")
    with pytest.raises(DataError, match="it is a Parquet file"):
        load_columns(tmp_path / "d.csv", "y")


def test_a_target_of_another_kind_is_a_hint_where_the_layers_do_not_fit(csv: Path) -> None:
    assert 'set  target_kind = "quantities"' in File(path=str(csv), target="area", features=["b"]).target_hint()
    assert File(path=str(csv), target="area", features=["b"], target_kind="quantities").target_hint() == ""
    assert File(path=str(csv), target="y", features=["b"]).target_hint() == ""


def test_decimals_of_a_parquet_file_are_numbers_and_a_hole_among_them_is_missing(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "d.parquet"
    table = pd.DataFrame({"a": [Decimal("0.5"), Decimal("1.5")], "y": [Decimal(0), Decimal(1)]})
    table.to_parquet(path)
    loaded = load_columns(path, "y")
    assert (loaded.x.tolist(), loaded.y.tolist(), loaded.y.dtype.kind) == ([[0.5], [1.5]], [0, 1], "i")
    table.assign(a=[Decimal("0.5"), None]).to_parquet(path)
    with pytest.raises(DataError, match="'a' is missing or infinite in 1 rows, first in row 1"):
        load_columns(path, "y")
