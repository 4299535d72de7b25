"""The list of a run's files is cut short by a kill at any byte, and still used."""

from __future__ import annotations

from pathlib import Path

from bench.records.run_files import HEADER, RUN_FILES_FILE, RunFiles


def test_a_list_that_a_kill_has_cut_short_is_read_and_goes_on(tmp_path: Path) -> None:
    RunFiles(tmp_path).add("run.json", "trials.jsonl", "plots/a.png")
    whole = (tmp_path / RUN_FILES_FILE).read_bytes()
    assert whole.decode().splitlines()[0] == HEADER
    for size in range(len(whole) + 1):
        (tmp_path / RUN_FILES_FILE).write_bytes(whole[:size])
        files = RunFiles(tmp_path)
        before = files.names
        files.add("plots/b.png")
        assert RunFiles(tmp_path).names == {*before, "plots/b.png"}
        assert before <= {"run.json", "trials.jsonl", "plots/a.png"}
