"""Python files of others: none that can't be parsed, or is no file, is an error, and bytecode is whole or not there."""

from __future__ import annotations

import compileall
import os
import sys
from pathlib import Path

import pytest

from bench.execution.input_files import contestant_files
from bench.python_files import compile_files, parsed, parsed_file
from bench.regression.compare.touched import changed_functions

LONG_SUM = "X = 1" + "+1" * 5_000


@pytest.mark.parametrize("source", ["def f(:", "x = '\0'", b"\xff", "(" * 500, "-" * 100_000 + "1", b"# coding: nosuch"])
def test_what_cannot_be_parsed_is_no_error(source: str | bytes) -> None:
    assert parsed(source) is None


def test_what_python_warns_of_in_the_source_of_another_is_not_said(recwarn: pytest.WarningsRecorder) -> None:
    assert parsed("x = '\\d' is 'd'") is not None
    assert not recwarn.list


@pytest.mark.skipif(sys.platform == "win32", reason="pipes and devices of POSIX")
def test_a_pipe_and_a_device_have_nothing_to_tell(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "zero.py").symlink_to("/dev/zero")
    assert [parsed_file(tmp_path / name) for name in ("pipe.py", "zero.py", "gone.py")] == [None, None, None]


def test_a_module_of_a_name_that_no_file_can_have_is_none(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(f"import {'n' * 5000}")
    assert contestant_files(f"{tmp_path / 'net.py'}:Net") == [tmp_path / "net.py"]


def test_a_sum_of_thousands_of_terms_hides_no_other_files_changes(tmp_path: Path) -> None:
    for side in ("base", "head"):
        (tmp_path / side).mkdir()
        (tmp_path / side / "long.py").write_text(LONG_SUM)
        (tmp_path / side / "short.py").write_text(f"def f(): return {side!r}")
    assert changed_functions(tmp_path / "base", tmp_path / "head") == ["short.py:f"]


def test_bytecode_that_a_full_disk_has_cut_short_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text("x = 1")
    compile_dir = compileall.compile_dir

    def full(folder: Path, **options: int) -> None:
        compile_dir(folder, **options)
        bytecode = next((folder / "__pycache__").glob("one.*"))
        bytecode.write_bytes(bytecode.read_bytes()[:30])

    monkeypatch.setattr(compileall, "compile_dir", full)
    compile_files(tmp_path)
    assert [path.name.partition(".")[0] for path in (tmp_path / "__pycache__").iterdir()] == ["two"]
