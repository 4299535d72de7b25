"""Bad workloads and bad contestants as a user meets them: one line on standard error, exit code 2, and nothing written."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from test_registry import BAD_FILES
from test_toml_files import BAD_TOML

from bench import cli


def refused(arguments: list[str], out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """What the command line says of wrong use, having done nothing."""
    monkeypatch.setattr(sys, "argv", ["bench", "run", *arguments, "--out", str(out)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    assert ended.value.code == 2
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert not out.exists()
    return said.err


@pytest.mark.parametrize(("text", "named"), BAD_TOML.values(), ids=BAD_TOML)
def test_a_bad_workload_is_wrong_use(
    text: str, named: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "workload.toml"
    path.write_text(text, encoding="utf-8")
    message = refused(["--workload", str(path), "--contestants", "numpy_nn"], tmp_path / "out", monkeypatch, capsys)
    for part in [str(path), *named]:
        assert part in message


@pytest.mark.parametrize(("text", "named"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_contestant_is_wrong_use(
    text: str, named: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "net.py"
    path.write_text(text, encoding="utf-8")
    message = refused(["--workload", "parity", "--contestants", f"numpy_nn,{path}:Net"], tmp_path / "out", monkeypatch, capsys)
    for part in named:
        assert part in message


def test_a_bad_contestant_in_a_workloads_file_is_wrong_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "workload.toml"
    example = (Path(__file__).parents[3] / "examples" / "spirals.toml").read_text(encoding="utf-8")
    path.write_text(example, encoding="utf-8")
    message = refused(["--workload", str(path)], tmp_path / "out", monkeypatch, capsys)
    assert "my_net.py" in message
