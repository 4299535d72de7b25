"""A mistake in a workload or its data is one line: the file, the place, what it was, what it may be, and the likely reason."""

from __future__ import annotations

import io
import os
import sys
import zipfile

import numpy as np
import pytest
from fault_calls import TINY

FILE = TINY.replace('"moons"', '"file"')


def rows(head, *lines):
    return "\n".join([head, *lines]) + "\n"


def numbered(head, row, count=40):
    return rows(head, *(row(number) for number in range(count)))


def data(path, target, more=""):
    return FILE.replace("n_samples = 200", f'path = "{path}", target = "{target}"{more}')


REFUSED = {
    "array in array": (TINY + f"deep = {'[' * 3000}{']' * 3000}\n", "", ["w.toml is nested too deeply"]),
    "table in table": (TINY + f"{'.'.join('a' * 40)} = 1\n", "", ["w.toml", "nested too deeply"]),
    "a long number": (
        TINY.replace("epochs = 3", f'epochs = 3, optimizer = {{name = "sgd", learning_rate = 1{"0" * 400}}}'),
        "",
        ["training.optimizer.learning_rate is a whole number of 401 digits"],
    ),
    "a longer number": (TINY + f"rounds = 1{'0' * 5000}\n", "", ["w.toml"]),
    "nobody's home": (data("~nosuchuser/x.csv", "y"), "", ["data.parameters.path", "no home for '~nosuchuser'"]),
    "too much noise": (TINY.replace("n_samples = 200", "noise = 1e308"), "", ["data.parameters.noise is 1e+308", "1000000"]),
    "too many rounds": (TINY.replace("rounds = 1", "rounds = 1000000000"), "", ["rounds is 1000000000", "100000"]),
    "too large a network": (
        TINY.replace("output_dim = 8", "output_dim = 9000000")
        .replace("output_dim = 1,", "output_dim = 100,")
        .replace(" = 8,", " = 9000000,"),
        "",
        ["a network of 918,000,000 weights: it may have 250,000,000"],
    ),
    "a zero byte in a path": (data(r"a\u0000.csv", "y"), "", ["embedded null byte"]),
    "the target twice": (
        data("d.csv", "label"),
        numbered("a,b,label,label", lambda n: f"{n % 7},{n % 5},{n % 2},{n % 2}"),
        ["'label' twice"],
    ),
    "a feature twice": (
        data("d.csv", "y"),
        numbered("a,a,y", lambda n: f"{n % 7},{n % 5},{n % 2}"),
        ["d.csv has the column 'a' twice"],
    ),
    "semicolons": (
        data("d.csv", "y"),
        numbered("a;b;y", lambda n: f"{n % 7};{n % 5};{n % 2}"),
        ["d.csv has no target 'y': its first line has semicolons", 'separator = ";"'],
    ),
    "decimal commas": (
        data("d.csv", "y", ', separator = ";"'),
        numbered("a;b;y", lambda n: f"0,{n % 7};0,{n % 5};{n % 2}"),
        ["the feature 'a' isn't numbers: row 0 (from 0) has '0,0', with a decimal comma where a point is read"],
    ),
    "overflow when standardised": (
        data("d.csv", "y", ", standardize = true"),
        numbered("rent,rooms,y", lambda n: f"{1e300 if n == 5 else n % 7},{n % 5},{n % 2}"),
        ["d.csv: the feature 'rent' can't be standardised", "1e+300, is in row 5 (from 0)"],
    ),
    "too large for float32": (
        data("d.csv", "y"),
        numbered("mass,age,y", lambda n: f"{1e39 if n == 3 else n % 7},{n % 5},{n % 2}"),
        ["d.csv: the feature 'mass' has 1e+39 in row 3 (from 0), which doesn't fit float32"],
    ),
    "a feature that float32 can't tell apart": (
        data("d.csv", "y"),
        numbered("time,age,y", lambda n: f"{1.7e9 + n / 10},{n % 5},{n % 2}"),
        ["d.csv: the feature 'time' has values that float32 can't tell apart", "standardize = true"],
    ),
    "whole numbers of a regression": (
        data("homes.csv", "price"),
        numbered("size,age,price", lambda n: f"{n % 97},{n % 89},{100_000 + n}", 30_000),
        [
            "homes.csv: the target 'price' has 30,000 different whole numbers, which are read as classes",
            'target_kind = "quantities"',
        ],
    ),
    "a missing label among numbers": (
        data("d.csv", "y"),
        numbered("a,b,y", lambda n: f"{n % 7},{n % 5},{'NA' if n == 9 else n % 2}"),
        ["d.csv: 'y' is missing in 1 rows, first in row 9 (from 0): it is 'NA'"],
    ),
    "another encoding": (
        data("d.csv", "y"),
        "a,b,y\n1,2,0\n".encode("utf-16"),
        ["d.csv can't be read as CSV: it is text in UTF-16: save it as UTF-8"],
    ),
    "many columns": (
        data("d.csv", "y"),
        rows(",".join(f"c{n}" for n in range(20_000)) + ",y", *(",".join(["1"] * 20_000) + f",{n % 2}" for n in range(3))),
        ["d.csv has 20,001 columns: it may have 10,000 at most"],
    ),
    "data that are too large": (
        TINY.replace('"moons"', '"blobs"').replace("n_samples = 200", "n_samples = 10000000, n_features = 1000"),
        "",
        ["data.parameters", "50,000,000"],
    ),
}


@pytest.mark.parametrize(("toml", "table", "named"), REFUSED.values(), ids=REFUSED)
def test_a_workload_that_cannot_be_trained_is_one_line(bench, tmp_path, toml, table, named):
    (tmp_path / "w.toml").write_text(toml)
    for name in ("d.csv", "homes.csv"):
        (tmp_path / name).write_bytes(table if isinstance(table, bytes) else table.encode())
    said = bench("run", "--workload", "w.toml", "--out", "out", limit=25)
    assert said.code == 2, said.text
    assert said.text.startswith("error: w.toml")
    assert len(said.text.splitlines()) == 1
    assert len(said.text) < 1000
    for words in named:
        assert words in said.text
    assert not (tmp_path / "out").exists()


def test_a_byte_order_mark_is_skipped_and_what_a_file_is_read_as_is_said(bench, tmp_path):
    (tmp_path / "w.toml").write_bytes(b"\xef\xbb\xbf" + data("d.csv", "ill").encode())
    table = numbered("number,dose,ill", lambda n: f"{n},{n % 5},{'yes' if n == 7 else 'None'}")
    (tmp_path / "d.csv").write_bytes(b"\xef\xbb\xbf" + table.encode())
    said = bench("run", "--workload", "w.toml", "--out", "out", "--time-budget", "0")
    assert said.code == 0, said.text
    report = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    for words in (
        "d.csv: 40 rows, 2 features: number, dose",
        "the target 'ill' is read as 2 classes: None, yes; the largest class, 'None', has 97.5% of the rows",
        "rows of the first seed have no row of class yes",
        "the feature 'number' is the number of the row",
    ):
        assert words in said.text
        assert words.split("'")[0] in report


def test_a_file_whose_name_cannot_be_a_workloads_says_how_to_name_it(bench, tmp_path):
    (tmp_path / "my workload (1).toml").write_text(TINY.replace('name = "tiny"', "", 1))
    said = bench("run", "--workload", "my workload (1).toml", "--out", "out")
    assert said.code == 2
    assert "'my workload (1)' can't be one: set name = " in said.text


@pytest.mark.skipif(sys.platform == "win32", reason="pipes and devices of POSIX")
@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
@pytest.mark.parametrize("what", ["w.toml", "d.csv"])
def test_only_regular_files_are_read(bench, tmp_path, kind, what):
    (tmp_path / "w.toml").write_text(data("d.csv", "y"))
    place = tmp_path / what
    place.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "device":
        place.symlink_to("/dev/zero")
    else:
        place.mkdir()
    said = bench("run", "--workload", "w.toml", "--out", "out", limit=20)
    assert said.code == 2
    assert what in said.text
    assert f"it is a {kind}: only regular files are read" in said.text


def write_npz(path, kind):
    random = np.random.default_rng(0)
    x, y = random.integers(0, 9, (4000, 2)).astype(float), random.integers(0, 2, 4000)
    np.savez_compressed(path, x=x, y=y) if kind == "damaged" else np.savez(path, x=x, y=y)
    content = bytearray(path.read_bytes())
    if kind == "damaged":
        content[60:70] = b"\xff" * 10
    if kind == "text":
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("notes.npy", "not an array")
        return
    if kind in ("method", "locked"):
        place, value = {"method": (8, 99), "locked": (6, 1)}[kind]
        for mark, shift in ((b"PK\x03\x04", 0), (b"PK\x01\x02", 2)):
            at = content.find(mark)
            while at >= 0:
                content[at + place + shift] = value
                at = content.find(mark, at + 4)
    path.write_bytes(content)
    if kind in ("lying", "bomb"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            head = io.BytesIO()
            shape = (10**12, 1) if kind == "lying" else (60_000_000, 1)
            np.lib.format.write_array_header_1_0(head, {"descr": "<f8", "fortran_order": False, "shape": shape})
            archive.writestr("x.npy", head.getvalue() + bytes(64 if kind == "lying" else 480_000_000))


@pytest.mark.parametrize("kind", ["damaged", "text", "method", "locked", "lying", "bomb"])
def test_an_npz_file_that_is_not_what_it_seems_is_one_line(bench, tmp_path, kind):
    write_npz(tmp_path / "d.npz", kind)
    (tmp_path / "w.toml").write_text(data("d.npz", "y"))
    said = bench("run", "--workload", "w.toml", "--out", "out", limit=25)
    assert said.code == 2, said.text
    assert "d.npz" in said.text
    assert len(said.text.splitlines()) == 1
    if kind in ("text", "locked", "lying"):
        assert {"text": "the array 'notes'", "locked": "encrypted", "lying": "its header says"}[kind] in said.text
