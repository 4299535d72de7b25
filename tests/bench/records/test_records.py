"""Records: what is written is read again, whatever happened in between; and others can read it by its schema."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from made_records import make_run, make_trial

import bench
from bench.records import (
    RUN_FILE,
    SCHEMA_VERSION,
    TRIALS_FILE,
    RecordError,
    Run,
    Trial,
    TrialWriter,
    append_trial,
    read_run,
    write_run,
)
from bench.records.schemas import FOLDER, MODELS, as_text
from bench.records.store import SYNC_SECONDS


def strict(text: str) -> Any:
    """JSON as other tools read it, which know no NaN."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


def schema(name: str) -> jsonschema.Draft202012Validator:
    loaded = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(loaded)
    return jsonschema.Draft202012Validator(loaded)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_run(tmp_path, make_run())
    return tmp_path


def test_a_run_and_its_trials_are_read_as_they_were_written(folder: Path) -> None:
    trials = [make_trial(seed=seed, status="failed" if seed else "ok", error="no" if seed else None) for seed in range(3)]
    for trial in trials:
        append_trial(folder, trial)
    data = read_run(folder)
    assert data.run == make_run()
    assert data.trials == trials
    assert data.damaged == []


def test_a_run_without_trials_is_read(folder: Path) -> None:
    assert read_run(folder).trials == []


def test_a_run_that_an_editor_of_windows_has_saved_is_read(folder: Path) -> None:
    path = folder / RUN_FILE
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_run(folder).run == make_run()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_diverged_loss_stays_what_it_was_in_strict_json(folder: Path, value: float) -> None:
    append_trial(folder, make_trial(history={"loss": [0.5, value], "accuracy": [1.0, 0.5]}, test_loss=value))
    line = strict((folder / TRIALS_FILE).read_text(encoding="utf-8"))
    assert line["history"]["loss"] == [0.5, {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]]
    schema("trial.schema.json").validate(line)
    (trial,) = read_run(folder).trials
    assert repr(trial.history["loss"][1]) == repr(trial.test_loss) == repr(value)


def test_floats_keep_every_digit(folder: Path) -> None:
    values = [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, 0.6936484871866765]
    append_trial(folder, make_trial(epoch_seconds=values))
    assert read_run(folder).trials[0].epoch_seconds == values


def test_a_written_record_fits_its_published_schema(folder: Path) -> None:
    append_trial(folder, make_trial())
    append_trial(folder, make_trial(status="timeout", error="more than 600 s", history={}, epoch_seconds=None))
    schema("run.schema.json").validate(strict((folder / RUN_FILE).read_text(encoding="utf-8")))
    for line in (folder / TRIALS_FILE).read_text(encoding="utf-8").splitlines():
        schema("trial.schema.json").validate(strict(line))


@pytest.mark.parametrize(
    "change",
    [{"kind": "raced"}, {"seed": "one"}, {"schema_version": 2}, {"extra": 1}, {"test_loss": "much"}, {"steps": None}],
    ids=str,
)
def test_the_schema_refuses_what_is_no_trial(change: dict[str, Any]) -> None:
    line = {**strict(make_trial().model_dump_json()), **change}
    with pytest.raises(jsonschema.ValidationError):
        schema("trial.schema.json").validate(line)


@pytest.mark.parametrize("name", MODELS)
def test_the_published_schemas_are_those_of_the_models(name: str) -> None:
    written = (FOLDER / name).read_text(encoding="utf-8")
    assert written == as_text(MODELS[name]), "make them anew by `python -m bench.records.schemas`"


DAMAGE: dict[str, tuple[bytes, str]] = {
    "half a line": (b'{"run_id": "r", "workl', "EOF while parsing a string at column"),
    "no JSON": (b"Segmentation fault", "expected"),
    "zeros of a lost block": (b"\x00" * 64, "expected"),
    "bytes that are no text": (b'{"run_id": "\xff\xfe"}', ""),
    "another thing": (b"[1, 2]", "object"),
    "a missing field": (b"{}", "run_id is missing"),
    "a wrong type": (make_trial().model_dump_json().replace('"seed":0', '"seed":"x"').encode(), "seed is 'x'"),
    "an unknown field": (make_trial().model_dump_json().replace('"seed":0', '"seed":0,"sed":1').encode(), "sed is no key"),
    "a newer version": (
        make_trial().model_dump_json().replace('"schema_version":1', '"schema_version":9').encode(),
        "newer version",
    ),
}


@pytest.mark.parametrize(("line", "reason"), DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_line_is_set_aside_by_number_and_the_others_are_read(folder: Path, line: bytes, reason: str) -> None:
    append_trial(folder, make_trial(seed=1))
    with (folder / TRIALS_FILE).open("ab") as file:
        file.write(line + b"\n")
    append_trial(folder, make_trial(seed=2))
    data = read_run(folder)
    assert [trial.seed for trial in data.trials] == [1, 2]
    (damage,) = data.damaged
    assert damage.startswith(f"{TRIALS_FILE}, line 2: ")
    assert reason in damage
    assert len(damage.splitlines()) == 1


def test_a_trial_written_after_a_half_line_is_not_lost_with_it(folder: Path) -> None:
    append_trial(folder, make_trial(seed=1))
    with (folder / TRIALS_FILE).open("rb+") as file:
        file.seek(-20, os.SEEK_END)
        file.truncate()
    append_trial(folder, make_trial(seed=2))
    append_trial(folder, make_trial(seed=3))
    data = read_run(folder)
    assert [trial.seed for trial in data.trials] == [2, 3]
    assert len(data.damaged) == 1
    assert "line 1" in data.damaged[0]


def test_a_last_line_without_its_end_is_read_and_not_glued_to_the_next(folder: Path) -> None:
    (folder / TRIALS_FILE).write_text(make_trial(seed=1).model_dump_json(), encoding="utf-8")
    assert [trial.seed for trial in read_run(folder).trials] == [1]
    append_trial(folder, make_trial(seed=2))
    data = read_run(folder)
    assert [trial.seed for trial in data.trials] == [1, 2]
    assert data.damaged == []


def test_empty_lines_are_no_damage(folder: Path) -> None:
    append_trial(folder, make_trial())
    with (folder / TRIALS_FILE).open("a", encoding="utf-8") as file:
        file.write("\n\n")
    assert read_run(folder).damaged == []


@pytest.mark.skipif(sys.platform == "win32", reason="a limit of a file's size is POSIX'")
def test_a_disk_that_is_full_in_the_middle_of_a_line_keeps_all_trials_before_it(folder: Path) -> None:
    import resource

    append_trial(folder, make_trial(seed=1))
    before = (folder / TRIALS_FILE).read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 100, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            append_trial(folder, make_trial(seed=2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (folder / TRIALS_FILE).read_bytes() == before
    append_trial(folder, make_trial(seed=3))
    assert [trial.seed for trial in read_run(folder).trials] == [1, 3]


def test_each_trial_is_on_the_disk_when_the_call_returns(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    sync: Callable[[int], None] = os.fsync

    def watched(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_size)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    append_trial(folder, make_trial())
    assert synced == [(folder / TRIALS_FILE).stat().st_size]


def test_trials_that_end_in_quick_succession_are_written_at_once_and_put_on_the_disk_together(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, synced = [0.0], []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_size))
    writer = TrialWriter(folder, lambda: now[0])
    for seed in range(10):
        writer.append(make_trial(seed=seed))
        assert len(read_run(folder).trials) == seed + 1, "no end of this process loses it"
        now[0] += 0.26 * SYNC_SECONDS
    size = (folder / TRIALS_FILE).stat().st_size
    assert len(synced) == 3
    writer.close()
    assert synced[3:] == [size]
    writer.close()
    assert len(synced) == 4, "all are there already"


def test_trials_that_take_their_time_are_put_on_the_disk_one_by_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now, synced = [0.0], []
    monkeypatch.setattr(os, "fsync", synced.append)
    writer = TrialWriter(folder, lambda: now[0])
    for seed in range(3):
        now[0] += SYNC_SECONDS
        writer.append(make_trial(seed=seed))
        assert len(synced) == seed + 1


@pytest.mark.parametrize("harm", [lambda path: path.unlink(), lambda path: os.truncate(path, 10)], ids=["removed", "cut short"])
def test_a_run_whose_trials_are_taken_away_does_not_go_on_without_them(folder: Path, harm: Callable[[Path], None]) -> None:
    writer = TrialWriter(folder)
    writer.append(make_trial(seed=0))
    harm(folder / TRIALS_FILE)
    with pytest.raises(RecordError, match=r"trials\.jsonl was removed or cut short while the run wrote it"):
        writer.append(make_trial(seed=1))


def test_a_run_is_replaced_whole_or_not_at_all(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (folder / RUN_FILE).read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            write_run(folder, make_run(status="complete"))
    assert (folder / RUN_FILE).read_bytes() == before
    assert [path.name for path in folder.iterdir()] == [RUN_FILE]
    write_run(folder, make_run(status="complete"))
    assert read_run(folder).run.status == "complete"


BAD_RUNS: dict[str, tuple[bytes, str]] = {
    "half a file": (make_run().model_dump_json().encode()[:200], "EOF"),
    "nothing": (b"", "EOF"),
    "bytes that are no text": (b'{"run_id": "\xff"}', ""),
    "another thing": (b"[]", "object"),
    "a newer version": (make_run().model_dump_json().replace('"schema_version":1', '"schema_version":2').encode(), "newer version"),
    "a newer version with more in it": (b'{"more": 1, "schema_version": 2}', "newer version"),
    "a missing field": (b'{"schema_version": 1}', "run_id is missing"),
}


@pytest.mark.parametrize(("content", "reason"), BAD_RUNS.values(), ids=BAD_RUNS)
def test_a_run_that_cannot_be_read_is_one_line_with_its_file(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / RUN_FILE).write_bytes(content)
    with pytest.raises(RecordError) as caught:
        read_run(tmp_path)
    message = str(caught.value)
    assert str(tmp_path / RUN_FILE) in message
    assert reason in message
    assert len(message.splitlines()) == 1


def test_a_folder_without_a_run_is_named(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(RecordError, match=r"holds no run: there is no run\.json in it") as caught:
            read_run(place)
        assert str(place) in str(caught.value)


def test_trials_that_are_no_file_are_an_error_and_no_empty_run(folder: Path) -> None:
    (folder / TRIALS_FILE).mkdir()
    with pytest.raises(RecordError, match=r"trials\.jsonl can't be read"):
        read_run(folder)


def test_records_do_not_change_once_they_are_read() -> None:
    with pytest.raises(ValueError, match="frozen"):
        make_trial().seed = 3  # type: ignore[misc]


def test_the_schemas_name_every_field_of_the_models() -> None:
    assert set(json.loads(as_text(Trial))["properties"]) == set(Trial.model_fields)
    assert set(json.loads(as_text(Run))["properties"]) == set(Run.model_fields)
    assert SCHEMA_VERSION == 1


def test_load_gives_a_row_a_trial(folder: Path) -> None:
    append_trial(folder, make_trial(seed=4))
    frame = bench.load(folder)
    assert frame[["contestant", "seed", "history.loss"]].to_dict("records") == [
        {"contestant": "numpy_nn", "seed": 4, "history.loss": [0.5, 0.25]}
    ]
