import sys

import pytest

from bench.execution.run_directory import FolderError, claimed, clear, clear_scratch


def test_a_claimed_folder_is_made_and_left_without_a_trace_of_the_probe(tmp_path):
    with claimed(tmp_path / "a" / "b"):
        assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["run.lock"]


def test_a_folder_is_claimed_once_at_a_time(tmp_path):
    with claimed(tmp_path), pytest.raises(FolderError, match=r"is being written by another run: .* --out"), claimed(tmp_path):
        pass
    with claimed(tmp_path):
        pass


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_folder_that_cannot_be_made_is_named(tmp_path, place):
    (tmp_path / "file").write_text("")
    with pytest.raises(FolderError, match=f"{place} can't be written into: "), claimed(tmp_path / place):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="a device without room is Linux' own")
def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(FolderError, match="can't be written into: No space left on device"), claimed(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_only_what_a_run_has_written_is_cleared(tmp_path):
    ours = [
        "run.json",
        "trials.jsonl",
        "report.md",
        "index.html",
        "tables/a.csv",
        "plots/a.svg",
        "logs/a.log",
        "arrays/a.npz",
        "arrays/a.npz.0f.partial",
        "run.json.0f.partial",
    ]
    theirs = ["notes.txt", "tables/mine.ods", "other/a.csv", "mine.partial"]
    for name in [*ours, *theirs]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    clear(tmp_path)
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    assert left == ["mine.partial", "notes.txt", "other", "other/a.csv", "tables", "tables/mine.ods"]


def test_clearing_what_is_not_there_is_no_error(tmp_path):
    clear(tmp_path)
    clear_scratch(tmp_path)
