"""`calibrate`, `certify` and `track` replace their own results alone, and read nothing but what they can trust."""

from __future__ import annotations

import json
import os
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links and pipes of POSIX")
CALIBRATE = ("calibrate", "--runs", "1", "--out", "d")
CERTIFY = ("certify", "--share", "0", "--budget", "0", "--comparisons", "1", "--out", "d")


@pytest.mark.parametrize(
    ("words", "name", "content"),
    [
        (CALIBRATE, "calibration.json", '{"camera": "mine"}'),
        (CALIBRATE, "calibration.json", "[" * 100_000),
        (CALIBRATE, "calibration.md", "mine"),
        (CERTIFY, "certificate.json", "[]"),
        (CERTIFY, "certificate.png", "mine"),
        (CERTIFY, "runs.jsonl", "{}\n"),
        (CERTIFY, "slowdown_cost.json", "[1]"),
        (CERTIFY, "blocks/mine.npz", "mine"),
    ],
)
def test_a_file_of_the_users_is_refused_by_name_before_measuring(bench, tmp_path, tree, words, name, content):
    for own in (name, "packages/mine.py", "slowed/mine.py"):
        (tmp_path / "d" / own).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "d" / own).write_text(content)
    before = tree(tmp_path / "d")
    said = bench(*words, limit=20)
    assert said.code == 2, said.text
    assert f"d/{name}" in said.text
    assert tree(tmp_path / "d") == before | {"run.lock": b""}


@pytest.mark.parametrize("kind", ["link", "pipe"])
@pytest.mark.parametrize(("words", "name"), [(CALIBRATE, "calibration.json"), (CERTIFY, "runs.jsonl"), (CERTIFY, "certificate.md")])
def test_links_are_not_followed_and_pipes_not_waited_for(bench, tmp_path, words, name, kind):
    (tmp_path / "d").mkdir()
    (tmp_path / "mine").write_text("mine")
    path = tmp_path / "d" / name
    path.symlink_to("../mine") if kind == "link" else os.mkfifo(path)
    assert bench(*words, limit=20).code == 2
    assert (tmp_path / "mine").read_text() == "mine"


@pytest.mark.slow
def test_a_certificate_is_written_into_its_own_folder_and_removes_nothing(bench, tmp_path):
    for own in ("packages/mine.py", "slowed/mine.py"):
        (tmp_path / "d" / own).parent.mkdir(parents=True)
        (tmp_path / "d" / own).write_text("mine")
    for _ in range(2):
        assert bench(*CERTIFY).code == 0
    assert json.loads((tmp_path / "d" / "certificate.json").read_text())["real"] == []
    assert (tmp_path / "d" / "packages" / "mine.py").read_text() == (tmp_path / "d" / "slowed" / "mine.py").read_text() == "mine"


def test_links_that_lead_in_a_circle_are_one_line(bench, tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    for words in (("run", "--workload", "tiny.toml", "--out", "loop"), (*CALIBRATE[:-1], "loop/x")):
        said = bench(*words)
        assert said.code == 2
        assert "can't be written into" in said.text


def test_a_contestant_in_the_home_of_nobody_is_one_line(bench):
    said = bench("run", "--workload", "tiny.toml", "--contestants", "~nobody-here/net.py:Net", "--out", "out")
    assert said.code == 2
    assert "no home for '~nobody-here'" in said.text


def test_notes_without_a_line_end_are_no_history(bench, a_run, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    said = bench("track", "dir", "--history", "notes.txt")
    assert said.code == 2
    assert "is no history" in said.text
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_settings_of_libraries_that_cannot_be_cost_nothing(bench, a_run, tmp_path):
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\n")
    assert bench("track", "dir", "--history", "h.jsonl", MPLBACKEND="nowhere", SOURCE_DATE_EPOCH="").code == 0
    assert (tmp_path / "h.png").stat().st_size


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may look anywhere")
def test_a_folder_of_somebody_elses_beside_the_run_costs_nothing(bench, a_run, tmp_path):
    for place in (tmp_path / "reference", a_run / "lost+found"):
        place.mkdir(0)
    assert bench("report", "dir").code == 0
