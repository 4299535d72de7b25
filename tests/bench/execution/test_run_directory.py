import os
import sys

import pytest
from made_records import make_run

from bench.execution.run_directory import FolderError, claimed, clear_leftovers, prepare
from bench.records import RecordError, write_run
from bench.records.run_files import RUN_FILES_FILE, RunFiles


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


OURS = ["run.json", "trials.jsonl", "report.md", "index.html", "tables/a.csv", "plots/a.svg", "logs/a.log", "arrays/a.npz"]
LEFTOVERS = ["arrays/a.npz.0123456789ab.partial", "run.json.0123456789ab.partial"]
THEIRS = ["notes.txt", "tables/mine.ods", "other/a.csv", "mine.partial"]


def write(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(f"{name} of mine")


def found(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_only_what_a_run_has_listed_is_removed(tmp_path):
    RunFiles(tmp_path).add(*OURS)
    write(tmp_path, *OURS, *LEFTOVERS, *THEIRS)
    prepare(tmp_path)
    assert found(tmp_path) == sorted([*THEIRS, RUN_FILES_FILE])
    assert RunFiles(tmp_path).names == {"run.json", "trials.jsonl"}


@pytest.mark.parametrize("name", [*OURS, "scratch/notes.txt", "plots/sub/x"])
def test_a_file_that_no_run_wrote_in_a_runs_place_is_refused_and_nothing_is_removed(tmp_path, name):
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    write(tmp_path, name, "notes.txt")
    with pytest.raises(FolderError, match=f"{tmp_path} holds files that no run wrote: {'plots/sub' if 'sub' in name else name}"):
        prepare(tmp_path)
    assert found(tmp_path) == sorted([name, "notes.txt"])


def test_a_file_put_beside_those_of_a_run_is_refused_by_its_name(tmp_path):
    RunFiles(tmp_path).add(*OURS)
    write(tmp_path, *OURS, "plots/mine.png", "tables/mine.csv")
    with pytest.raises(FolderError, match=r"plots/mine\.png and 1 more; move them away, or name another folder with --out"):
        prepare(tmp_path)
    assert set(OURS) < set(found(tmp_path))


@pytest.mark.parametrize("name", ["run.json", "plots", "plots/a.png", RUN_FILES_FILE])
def test_a_link_in_a_runs_place_is_refused(tmp_path, name):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "d" / name).parent.mkdir(parents=True)
    (tmp_path / "d" / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises((FolderError, RecordError), match=name):
        prepare(tmp_path / "d")


def test_the_folder_of_a_run_of_an_older_version_is_taken_over_if_nothing_else_is_in_it(tmp_path):
    write_run(tmp_path, make_run())
    write(tmp_path, *OURS[2:], *LEFTOVERS, "run.lock")
    prepare(tmp_path)
    assert found(tmp_path) == sorted([RUN_FILES_FILE, "run.lock"])


@pytest.mark.parametrize("other", ["notes.txt", "tables/mine.ods"])
def test_the_folder_of_a_run_of_an_older_version_with_other_files_is_refused(tmp_path, other):
    write_run(tmp_path, make_run())
    write(tmp_path, "plots/mine.png", other)
    with pytest.raises(FolderError, match="holds files that no run wrote"):
        prepare(tmp_path)
    assert "plots/mine.png" in found(tmp_path)


@pytest.mark.parametrize("line", ["../x", "/etc/passwd", "notes.txt", "tables/../../x.csv", "tables/a.csv/b", "a\\b.csv"])
def test_a_list_that_names_what_no_run_writes_is_refused(tmp_path, line):
    RunFiles(tmp_path).add("run.json")
    with (tmp_path / RUN_FILES_FILE).open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(RecordError, match=r"run-files\.txt, line 3: .* is no name that a run writes"):
        prepare(tmp_path)


def test_two_writers_of_one_folder_share_the_list(tmp_path):
    first, second = RunFiles(tmp_path), RunFiles(tmp_path)
    first.add("run.json")
    second.add("logs/a.log")
    first.add("run.json", "logs/b.log")
    assert RunFiles(tmp_path).names == {"run.json", "logs/a.log", "logs/b.log"}


def test_preparing_an_empty_folder_lists_what_comes_and_scratch_that_is_not_there_is_no_error(tmp_path):
    prepare(tmp_path)
    clear_leftovers(tmp_path, scratch=True)
    assert found(tmp_path) == [RUN_FILES_FILE]


def test_a_complete_run_leaves_a_users_file_in_scratch(tmp_path):
    RunFiles(tmp_path).add("scratch/a.npz")
    write(tmp_path, "scratch/a.npz", "scratch/notes.txt")
    clear_leftovers(tmp_path, scratch=True)
    assert found(tmp_path) == [RUN_FILES_FILE, "scratch/notes.txt"]


def test_what_an_ended_worker_left_of_its_arrays_is_removed_and_nothing_else(tmp_path):
    RunFiles(tmp_path).add("arrays/a.npz", "scratch/a.npz", "report.md")
    kept = ["arrays/a.npz", "arrays/b.npz.0123456789ab.partial", "report.md.0123456789ab.partial", "scratch/a.npz"]
    write(tmp_path, "arrays/a.npz.0123456789ab.partial", *kept)
    clear_leftovers(tmp_path, scratch=False)
    assert found(tmp_path) == sorted([*kept, RUN_FILES_FILE])


@pytest.mark.parametrize("kind", ["link", "text"])
def test_a_lock_file_that_is_no_runs_is_neither_followed_nor_emptied(tmp_path, kind):
    (tmp_path / "mine.txt").write_text("mine")
    folder = tmp_path / "d"
    folder.mkdir()
    if kind == "link":
        (folder / "run.lock").symlink_to(tmp_path / "mine.txt")
    else:
        (folder / "run.lock").write_text("mine")
    with pytest.raises(FolderError, match=r"run\.lock is no lock of a run's"), claimed(folder):
        pass
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert (folder / "run.lock").read_text() == "mine"


def test_a_file_system_without_locks_is_one_line(tmp_path, monkeypatch):
    def refuse(self, *_, **__):
        raise NotImplementedError("FileSystem does not appear to support flock; use SoftFileLock instead")

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    with pytest.raises(FolderError, match="can't be locked, so two runs could mix in it"), claimed(tmp_path):
        pass


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are POSIX'")
def test_a_pipe_in_place_of_the_list_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / RUN_FILES_FILE)
    with pytest.raises(RecordError, match="it is a pipe: only regular files are read"):
        prepare(tmp_path)


def test_leftovers_behind_a_link_in_place_of_a_folder_are_left_alone(tmp_path):
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    out.mkdir()
    RunFiles(out).add("arrays/a.npz")
    name = "a.npz.0123456789ab.partial"
    write(elsewhere, name)
    (out / "arrays").symlink_to(elsewhere, target_is_directory=True)
    with pytest.raises(OSError, match="symbolic link"):
        clear_leftovers(out, scratch=True)
    assert found(elsewhere) == [name]
