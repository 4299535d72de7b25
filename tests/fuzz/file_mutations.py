"""Changes to files that know their own structure: arrays whose headers lie, archives that unpack without an end, foreign tables."""

from __future__ import annotations

import io
import json
import pickle
import random
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from mutations import mutated, mutated_bytes, mutated_json

BOMB_BYTES = 400_000_000
SHAPES = (
    *(
        "()",
        "(0,)",
        "(20,)",
        "(20, 3)",
        "(3, 20)",
        "(60,)",
        "(20, 3, 1)",
        "(1000000000,)",
        "(1000000, 1000000)",
        "(-1,)",
        "(-20, -3)",
    ),
    *(
        "(4611686018427387904, 8)",
        "(9223372036854775808,)",
        "(0, 1000000000000000000)",
        f"({'1, ' * 65})",
        "(20.0,)",
        "(True,)",
        "20",
    ),
    *("None", "('20',)", "[20, 3]", f"({'9' * 5000},)", "__import__('os').getpid()", "(" * 3000, "(20, 3" + " " * 20_000 + ")"),
)
DTYPES = (
    *("'<f8'", "'>f8'", "'<f4'", "'<f2'", "'<f16'", "'<i8'", "'|u1'", "'|b1'", "'<c16'", "'<U4'", "'|S3'", "'|V8'", "'<M8[ns]'"),
    *("'<m8[s]'", "'|O'", "'<U1000000000'", "'|V2147483647'", "''", "'x'", "'<f8,<f8'", "[('a', '<f8'), ('b', '|O')]", "None", "8"),
    *(
        "[('a', '<f8', (2,))]",
        "[('a', '<f8'), ('a', '<f8')]",
        "{'names': ['a'], 'formats': ['|O']}",
        "'datetime64[Y]'",
        "(('<f8', 2))",
    ),
)
MEMBERS = (
    "../x.npy",
    "/x.npy",
    "x",
    "",
    "y.npy",
    "x.npy/",
    "a" * 300 + ".npy",
    "\x1b[2J.npy",
    "\u202e.npy",
    "file.npy",
    "__class__.npy",
)
WORDS = (
    "",
    " ",
    "nan",
    "inf",
    "-inf",
    "1e400",
    "1,5",
    "1 000",
    "1_000",
    "0x1F",
    "TRUE",
    "2020-01-01",
    "€ 3",
    "9" * 400,
    str(2**64),
    "=1+1",
    "\x1b[2J",
    '"',
    "'",
    "\x00",
    "a\nb",
    "NA",
    "None",
    "1e308",
    "-0",
    "½",
    "٣",
    "x" * 100_000,
    "<img>",
    "$x_{",
)


class Unpickled:
    """Ends the process where it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return sys.exit, ("a pickle was loaded",)


def npy(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


def mutated_npy(array: Any, draw: random.Random) -> bytes:
    """Return an array's file with a header that isn't its own, with Python objects, or with a few bytes changed."""
    if draw.random() < 0.15:
        return npy(np.array([Unpickled()] * max(array.size, 1), dtype=object))
    if draw.random() < 0.2:
        return mutated_bytes(npy(array), draw)
    own = (f"'{np.asarray(array).dtype.str}'", str(draw.choice((True, False, False, None, 3))), str(np.shape(array)))
    others = draw.choice(DTYPES), "False", draw.choice(SHAPES)
    descr, order, shape = (draw.choice(pair) for pair in zip(own, others, strict=True))
    header = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}".encode()
    header = draw.choice((header, header, header, header.replace(b"'shape'", b"'x'"), header[:-1], header + b" " * 70_000, b"{}"))
    version = draw.choice((1, 1, 1, 2, 2, 3, 0, 9))
    length = draw.choice((len(header), len(header), len(header), 0, 65_535)) & (0xFFFF if version == 1 else 0xFFFFFFFF)
    size = struct.pack("<H" if version == 1 else "<I", length)
    return b"\x93NUMPY" + bytes((version, 0)) + size + header + draw.choice((array.tobytes(), b"", array.tobytes() * 2))


def mutated_npz(arrays: Mapping[str, Any], draw: random.Random) -> bytes:
    """Return an NPZ file with arrays that lie, are objects, or are missing."""
    parts = {f"{name}.npy": npy(array) for name, array in arrays.items()}
    changed = draw.choice(list(arrays))
    parts[f"{changed}.npy"] = mutated_npy(np.asarray(arrays[changed]), draw)
    return mutated_zip(parts, draw) if draw.random() < 0.5 else zipped(parts, draw)


def zipped(parts: Mapping[str, bytes], draw: random.Random) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(
        stream, "w", draw.choice((zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA))
    ) as file:
        for name, data in parts.items():
            file.writestr(zipfile.ZipInfo(name), data, file.compression)
    return stream.getvalue()


def mutated_zip(parts: Mapping[str, bytes], draw: random.Random) -> bytes:
    """Return an archive of `parts` that is cut, lies about sizes, holds a name twice, is encrypted, or unpacks without an end."""
    whole = dict(parts)
    name = draw.choice(list(whole))
    match draw.randrange(9):
        case 0:
            del whole[name]
        case 1:
            whole[draw.choice(MEMBERS)] = whole[name]
        case 2:
            return _with_bomb(whole, name)
        case 3:
            content = zipped(whole, draw)
            return content[: draw.randrange(len(content))]
        case 4:
            return zipped(whole, draw) + draw.choice((b"x" * 1000, zipped({"x.npy": b""}, draw)))
        case 5:
            return draw.choice((b"#!/bin/sh\n", b"\x00" * 5000)) + zipped(whole, draw)
        case 6:
            return _with_field(zipped(whole, draw), draw)
        case 7:
            whole[name] = mutated_bytes(whole[name], draw)
        case 8:
            return zipped({f"{number}.npy": b"" for number in range(30_000)}, draw)
    return zipped(whole, draw)


@cache
def _bomb() -> tuple[bytes, int]:
    """Zeros packed, and their checksum."""
    packer = zlib.compressobj(1, zlib.DEFLATED, -15)
    chunk, total, check = bytes(1_000_000), b"", 0
    for _ in range(BOMB_BYTES // len(chunk)):
        total += packer.compress(chunk)
        check = zlib.crc32(chunk, check)
    return total + packer.flush(), check


def _with_bomb(parts: dict[str, bytes], name: str) -> bytes:
    """An archive in which `name` unpacks to `BOMB_BYTES`; it has no header of an array."""
    stream = io.BytesIO()
    packed, check = _bomb()
    with zipfile.ZipFile(stream, "w") as file:
        for other, data in parts.items():
            if other != name:
                file.writestr(zipfile.ZipInfo(other), data)
        place = stream.tell()
        entry = zipfile.ZipInfo(name)
        entry.compress_type, entry.compress_size, entry.file_size, entry.CRC = zipfile.ZIP_DEFLATED, len(packed), BOMB_BYTES, check
        entry.header_offset = place
        stream.write(entry.FileHeader() + packed)
        file.start_dir = stream.tell()
        file.filelist.append(entry)
        file.NameToInfo[name] = entry
    return stream.getvalue()


def _with_field(content: bytes, draw: random.Random) -> bytes:
    """The archive with one field of an entry of its directory replaced: flags, method, checksum, sizes, offset."""
    place = content.find(b"PK\x01\x02")
    offset, size = draw.choice(((8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2), (42, 4)))
    value = draw.choice((0, 1, 9, 99, 2 ** (8 * size) - 1, 2 ** (8 * size - 1))).to_bytes(size, "little")
    return content[: place + offset] + value + content[place + offset + size :]


def mutated_csv(frame: pd.DataFrame, draw: random.Random) -> bytes:
    """Return a table as some other program writes it, with foreign words in it."""
    changed = frame.astype(object)
    for _ in range(draw.randint(0, 3)):
        changed.iloc[draw.randrange(len(changed)), draw.randrange(changed.shape[1])] = draw.choice(WORDS)
    names = [draw.choice(WORDS) if draw.random() < 0.1 else name for name in changed.columns]
    changed.columns = pd.Index([draw.choice(names) if draw.random() < 0.03 else name for name in names])
    if draw.random() < 0.05:
        changed = pd.concat([changed] + [changed.add_suffix(f"{number}") for number in range(8_000)], axis=1).iloc[:2]
    separator = draw.choice((",", ",", ",", ";", "\t", "|", " ", "\x01"))
    text = changed.to_csv(
        sep=separator,
        index=draw.random() < 0.1,
        header=draw.random() < 0.9,
        quoting=draw.choice((0, 0, 1, 2)),
        lineterminator=draw.choice(("\n", "\n", "\r\n", "\r")),
    )
    lines = text.splitlines(keepends=True)
    match draw.randrange(8):
        case 0:
            lines.insert(
                draw.randrange(len(lines) + 1), draw.choice(("# a comment\n", "\n", '"\n', separator * 50 + "\n", "x\n", "sep=;\n"))
            )
        case 1:
            lines = [line.rstrip() + separator + "\n" for line in lines]
        case 2:
            lines = [line.replace(".", ",") for line in lines]
        case 3:
            lines.append(f'"{"x" * 3_000_000}')
    return "".join(lines).encode(draw.choice(("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1")), "replace")


def mutated_parquet(frame: pd.DataFrame, draw: random.Random) -> bytes:
    """Return a table with columns of other types, a schema that tells pandas other things, or types that are a pickle."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(frame)
    for _ in range(draw.randint(1, 2)):
        index = draw.randrange(table.num_columns)
        name = draw.choice((table.column_names[index],) * 8 + WORDS)
        table = table.set_column(index, name, draw.choice(_COLUMNS)(pa, table.num_rows))
    if draw.random() < 0.1:
        table = table.append_column(draw.choice(table.column_names), table.column(0))
    if draw.random() < 0.3:
        told = json.loads(pa.Table.from_pandas(frame).schema.metadata[b"pandas"])
        table = table.replace_schema_metadata({b"pandas": mutated_json(told, draw).encode("utf-8", "replace")})
    if draw.random() < 0.1:  # a type that old versions of pyarrow unpickled
        kind = {b"ARROW:extension:name": b"arrow.py_extension_type", b"ARROW:extension:metadata": pickle.dumps(Unpickled())}
        fields = [field.with_metadata(kind) for field in table.schema]
        table = pa.Table.from_arrays(table.columns, schema=pa.schema(fields, table.schema.metadata))
    if draw.random() < 0.1:
        table = table.slice(0, 0)
    stream = io.BytesIO()
    pq.write_table(
        table, stream, compression=draw.choice(("none", "snappy", "gzip", "zstd")), row_group_size=draw.choice((1, 7, 1000))
    )
    return mutated_bytes(stream.getvalue(), draw) if draw.random() < 0.2 else stream.getvalue()


_COLUMNS: tuple[Callable[[Any, int], Any], ...] = (
    lambda pa, count: pa.array([None] * count),
    lambda pa, count: pa.array([1, None] * (count // 2), pa.int64()),
    lambda pa, count: pa.array([2**64 - 1] * count, pa.uint64()),
    lambda pa, count: pa.array([True, None] * (count // 2)),
    lambda pa, count: pa.array([[1.0], None] * (count // 2)),
    lambda pa, count: pa.array([{"a": 1}] * count),
    lambda pa, count: pa.array([[("k", 1)]] * count, pa.map_(pa.string(), pa.int64())),
    lambda pa, count: pa.array([10**20] * count, pa.decimal128(38, 2)),
    lambda pa, count: pa.array([0] * count, pa.timestamp("ns", tz="Europe/Berlin")),
    lambda pa, count: pa.array([2**62] * count, pa.timestamp("us")),
    lambda pa, count: pa.array([0] * count, pa.duration("us")),
    lambda pa, count: pa.array([0] * count, pa.date32()),
    lambda pa, count: pa.array([0] * count, pa.time64("ns")),
    lambda pa, count: pa.array([b"\xff\x00"] * count),
    lambda pa, count: pa.array(["x", None] * (count // 2)).dictionary_encode(),
    lambda pa, count: pa.array(["x" * 100_000] * count, pa.large_string()),
    lambda pa, count: pa.array(np.full(count, np.inf, np.float16)),
    lambda pa, count: pa.array([float("nan")] * count),
)


def mutated_toml(document: Mapping[str, Any], draw: random.Random) -> str:
    """Return a document with values of other kinds as TOML; some with a word in the place of a value that no dict can hold."""
    text = "".join(f"{_key(key)} = {_toml(value)}\n" for key, value in mutated(document, draw).items())
    if draw.random() < 0.2:
        place = draw.choice([place for place, letter in enumerate(text) if letter.isdigit()] or [0])
        text = text[:place] + draw.choice(_TOML_WORDS) + text[place + 1 :]
    return text


_TOML_WORDS = (
    "1979-05-27",
    "07:32:00",
    "nan",
    "-inf",
    "0x7f",
    "1_0",
    "'''a\nb'''",
    "1e400",
    "9" * 5000,
    "[" * 5000,
    "{a.b.c = 1}",
    "1979-05-27T00:00:00+99:99",
    '"\\U00110000"',
    '"\\ud800"',
    "[1, 'a', {}]",
    "{" + "k = {" * 5000,
    "{" + "k = 1, " * 9000,
)


def _key(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _toml(value: Any) -> str:
    match value:
        case dict():
            return "{" + ", ".join(f"{_key(key)} = {_toml(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_toml, value)) + "]"
        case bool() | None:
            return str(bool(value)).lower()
        case str():
            return _key(value.encode("utf-8", "replace").decode())
    return str(value)
