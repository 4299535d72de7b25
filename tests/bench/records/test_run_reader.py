"""A run is read while it grows: what a reader returns is what reading from the start returns, and it parses each line once."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import pytest
from made_records import make_run, make_trial

from bench.records import TRIALS_FILE, RunReader, append_trial, read_run, write_run
from bench.records import store as store_module


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_run(tmp_path, make_run())
    return tmp_path


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The lines that were parsed, by any reader."""
    lines: list[bytes] = []
    parse = store_module._parse_trial

    def watched(line: bytes) -> object:
        lines.append(line)
        return parse(line)

    monkeypatch.setattr(store_module, "_parse_trial", watched)
    return lines


def test_each_record_is_parsed_once_however_often_the_run_is_read(folder: Path, parsed: list[bytes]) -> None:
    reader = RunReader(folder)
    for seed in range(20):
        append_trial(folder, make_trial(seed=seed))
        assert [trial.seed for trial in reader.read().trials] == list(range(seed + 1))
    assert len(parsed) == 20


def test_what_was_returned_does_not_grow_with_the_run(folder: Path) -> None:
    reader = RunReader(folder)
    append_trial(folder, make_trial(seed=0))
    before = reader.read()
    append_trial(folder, make_trial(seed=1))
    reader.read()
    assert [trial.seed for trial in before.trials] == [0]


@pytest.mark.parametrize("seed", range(20))
def test_at_every_size_a_reader_returns_what_reading_from_the_start_returns(folder: Path, seed: int) -> None:
    rng = random.Random(seed)
    trial = make_trial().model_dump_json().encode()
    pieces = [b"{}\n", b"\n", trial + b"\n", trial[:40], b"\x00\n", trial, b'{"run_id": "other"}\n', b"\n\n"]
    pieces += [make_trial(seed=number).model_dump_json().encode() + b"\n" for number in range(8)]
    reader, path = RunReader(folder), folder / TRIALS_FILE
    for piece in rng.choices(pieces, k=30):
        with path.open("ab") as file:
            file.write(piece[: rng.choice([len(piece), rng.randint(0, len(piece))])])
        if rng.random() < 0.7:
            assert reader.read() == read_run(folder)


def test_a_line_without_an_end_counts_and_is_read_again_when_it_has_gone_on(folder: Path) -> None:
    line = make_trial(seed=3).model_dump_json().encode()
    reader, path = RunReader(folder), folder / TRIALS_FILE
    path.write_bytes(line[:30])
    assert [damage[:20] for damage in reader.read().damaged] == [f"{TRIALS_FILE}, line 1"]
    path.write_bytes(line)
    assert [trial.seed for trial in reader.read().trials] == [3]
    append_trial(folder, make_trial(seed=4))
    assert reader.read() == read_run(folder)


def test_a_file_that_another_has_taken_the_place_of_is_read_from_its_start(folder: Path) -> None:
    reader, path = RunReader(folder), folder / TRIALS_FILE
    for seed in range(3):
        append_trial(folder, make_trial(seed=seed))
    assert len(reader.read().trials) == 3
    other = folder / "other"
    other.write_text("".join(make_trial(seed=seed).model_dump_json() + "\n" for seed in range(9, 0, -1)), encoding="utf-8")
    other.replace(path)
    assert [trial.seed for trial in reader.read().trials] == list(range(9, 0, -1))
    with path.open("rb+") as file:
        file.truncate(0)
    assert reader.read().trials == []
    path.unlink()
    assert reader.read() == read_run(folder)


def test_the_trials_of_another_run_in_the_folder_are_read_anew(folder: Path) -> None:
    append_trial(folder, make_trial())
    reader = RunReader(folder)
    assert len(reader.read().trials) == 1
    write_run(folder, make_run(run_id="another"))
    assert reader.read().trials == []
    assert "it is of another run" in reader.read().damaged[0]


def test_a_compressed_file_is_read_whole_each_time(folder: Path) -> None:
    lines = "".join(make_trial(seed=seed).model_dump_json() + "\n" for seed in range(3)).encode()
    (folder / f"{TRIALS_FILE}.gz").write_bytes(gzip.compress(lines))
    reader = RunReader(folder)
    assert [len(reader.read().trials) for _ in range(2)] == [3, 3]
    (folder / f"{TRIALS_FILE}.gz").write_bytes(gzip.compress(lines)[:-12])
    assert reader.read().damaged == read_run(folder).damaged
    assert "can't be decompressed" in reader.read().damaged[0]
