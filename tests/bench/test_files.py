"""Crash-safe writes: what is at a path is the old or the new content, whatever happens in between."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.files import append_line, in_words, replacing, write_whole

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="a limit of a file's size is POSIX'")


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(("content", "expected"), [("ä\r\n", "ä\r\n".encode()), (b"\x00\xff", b"\x00\xff")])
def test_text_and_bytes_are_written_as_they_are(tmp_path: Path, content: str | bytes, expected: bytes) -> None:
    write_whole(tmp_path / "file", "before")
    write_whole(tmp_path / "file", content)
    assert (tmp_path / "file").read_bytes() == expected
    assert names(tmp_path) == ["file"]


def test_a_file_keeps_its_content_and_no_other_is_left_if_the_disk_is_full(tmp_path: Path, full_disk: None) -> None:
    (tmp_path / "file").write_text("before")
    with pytest.raises(OSError, match="No space left") as raised:
        write_whole(tmp_path / "file", "after")
    assert in_words(raised.value) == f"{tmp_path / 'file'}: No space left on device"
    assert (tmp_path / "file").read_text() == "before"
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_file_keeps_its_content_if_the_block_that_writes_it_fails(tmp_path: Path, error: type[BaseException]) -> None:
    (tmp_path / "file").write_text("before")

    def fail_half_way() -> None:
        with replacing(tmp_path / "file") as file:
            file.write(b"half")
            raise error

    with pytest.raises(error):
        fail_half_way()
    assert (tmp_path / "file").read_text() == "before"
    assert names(tmp_path) == ["file"]


def test_the_old_content_stays_until_the_new_one_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, int]] = []
    sync: Callable[[int], None] = os.fsync

    def watched(descriptor: int) -> None:
        seen.append(((tmp_path / "file").read_text(), os.fstat(descriptor).st_size))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    (tmp_path / "file").write_text("before")
    write_whole(tmp_path / "file", "after that")
    assert seen == [("before", len("after that"))]


def test_a_link_is_replaced_and_what_it_points_to_is_not(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("theirs")
    (tmp_path / "file").symlink_to(tmp_path / "target")
    write_whole(tmp_path / "file", "ours")
    assert (tmp_path / "target").read_text() == "theirs"
    assert not (tmp_path / "file").is_symlink()
    assert (tmp_path / "file").read_text() == "ours"


def test_a_link_in_the_place_of_the_temporary_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "urandom", bytes)
    (tmp_path / "target").write_text("theirs")
    (tmp_path / f"file.{'00' * 6}.partial").symlink_to(tmp_path / "target")
    with pytest.raises(FileExistsError):
        write_whole(tmp_path / "file", "ours")
    assert (tmp_path / "target").read_text() == "theirs"


def test_lines_are_added_in_their_order(tmp_path: Path) -> None:
    for line in ("one", "zwölf"):
        append_line(tmp_path / "lines", line)
    assert (tmp_path / "lines").read_bytes() == "one\nzwölf\n".encode()


def test_a_line_does_not_continue_one_that_was_cut_short(tmp_path: Path) -> None:
    (tmp_path / "lines").write_bytes(b'{"half": ')
    append_line(tmp_path / "lines", "whole")
    assert (tmp_path / "lines").read_bytes() == b'{"half": \nwhole\n'


@posix_only
def test_a_line_that_does_not_fit_leaves_no_part_of_itself(tmp_path: Path) -> None:
    import resource

    append_line(tmp_path / "lines", "first")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            append_line(tmp_path / "lines", "x" * 100)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / "lines").read_bytes() == b"first\n"


def test_lines_of_two_processes_do_not_mix(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from bench.files import append_line\n"
        "for _ in range(100): append_line(Path(sys.argv[1]), sys.argv[2] * 5000)"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "lines"), letter]) for letter in "ab"]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0]
    lines = (tmp_path / "lines").read_text().splitlines()
    lines = [line for line in lines if line]  # a writer that sees half of the other's line ends it first: a blank line, no damage
    assert sorted(lines) == ["a" * 5000] * 100 + ["b" * 5000] * 100


def test_ctrl_c_in_the_middle_of_a_file_is_not_hidden_by_the_error_that_follows_it(tmp_path: Path) -> None:
    def write() -> None:
        try:
            raise KeyboardInterrupt
        finally:
            raise ValueError("Can't close the ZIP file while there is an open writing handle on it")

    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "a"):
        write()
    assert list(tmp_path.iterdir()) == []
