"""Nothing is deleted or overwritten that isn't the run's own."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import pytest
from harness import spec

from bench.execution.worker_process import Launcher

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links and pipes of POSIX")


def test_a_users_folder_is_refused_before_measuring(bench, tmp_path, tree):
    names = ["plots/mine.png", "tables/mine.csv", "logs/mine.log", "arrays/mine.npz", "scratch/sub/x", "index.html", "report.md"]
    for name in names:
        (tmp_path / "d" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "d" / name).write_text(f"mine: {name}")
    before = tree(tmp_path / "d")
    said = bench("run", "--workload", "tiny.toml", "--out", "d", "--time-budget", "0")
    assert said.code == 2
    assert "d holds files that no run wrote: arrays/mine.npz and 6 more; move them away" in said.text
    assert tree(tmp_path / "d") == before | {"run.lock": b""}


@pytest.mark.parametrize("words", [["run", "--out", ""], ["run", "--resume", ""], ["report", ""], ["export", ".", "csv", ""]])
def test_an_empty_path_is_refused_and_is_not_the_current_folder(bench, tmp_path, tree, words):
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "m.csv").write_text("mine")
    before = tree(tmp_path)
    said = bench(*words)
    assert said.code == 2
    assert "the path is empty" in said.text
    assert tree(tmp_path) == before


def test_a_dash_is_no_file(bench, tmp_path, tree):
    before = tree(tmp_path)
    said = bench("track", ".", "--history", "-")
    assert said.code == 2
    assert "the path was '-': it must name a file or folder; type ./- for one of that name" in " ".join(said.text.split())
    assert tree(tmp_path) == before


@pytest.mark.parametrize("link", ["tables", "plots", "report.md"])
def test_a_report_follows_no_link_out_of_its_folder(bench, a_run, tmp_path, tree, link):
    place = a_run / link
    elsewhere = tmp_path / "elsewhere"
    place.rename(tmp_path / "moved")
    if link == "report.md":
        elsewhere.write_text("mine")
    else:
        elsewhere.mkdir()
        (elsewhere / "m.csv").write_text("mine")
    place.symlink_to(elsewhere)
    before = elsewhere.read_text() if elsewhere.is_file() else tree(elsewhere)
    said = bench("report", "dir")
    assert said.code == 2
    assert f"dir/{link}" in said.text
    assert "links are not followed" in said.text
    assert (elsewhere.read_text() if elsewhere.is_file() else tree(elsewhere)) == before
    assert place.is_symlink()


def test_a_workloads_name_does_not_leave_the_folder(bench, a_run, tmp_path):
    for name in ("times", "data", "surfaces"):
        (a_run / "plots" / f"{name}-a").mkdir()
    for name in ("run.json", "trials.jsonl"):
        text = (a_run / name).read_text()
        (a_run / name).write_text(
            text.replace('"name": "tiny"', '"name": "a/../../../escaped"').replace('"tiny"', '"a/../../../escaped"')
        )
    said = bench("report", "dir")
    assert said.code == 2
    assert "dir/run.json can't be read" in said.text
    assert not list(tmp_path.rglob("escaped*"))


def test_the_root_and_the_home_are_no_folders_for_a_run(bench, tmp_path, tree):
    (tmp_path / "home").mkdir()
    for folder in ("/", "home"):
        said = bench("run", "--workload", "tiny.toml", "--out", folder, HOME=str(tmp_path / "home"))
        assert said.code == 2
        assert "is not a folder for a run" in said.text
    assert tree(tmp_path / "home") == {}


def test_an_export_does_not_replace_the_lock_of_the_run(bench, a_run, tmp_path):
    assert bench("export", "dir", "csv", "dir/run.lock").code == 2
    assert (a_run / "run.lock").read_bytes() == b""


def test_an_export_replaces_no_pipe_no_link_and_not_its_own_input(bench, a_run, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "kept.csv").write_text("mine")
    (tmp_path / "link.csv").symlink_to("kept.csv")
    records = (a_run / "trials.jsonl").read_bytes()
    for name, reason in (("pipe", "a pipe"), ("link.csv", "a symbolic link"), ("dir/trials.jsonl", "is a file of the run")):
        said = bench("export", "dir", "csv", name, limit=20)
        assert said.code == 2
        assert reason in said.text
    assert (tmp_path / "pipe").is_fifo()
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "kept.csv").read_text() == "mine"
    assert (a_run / "trials.jsonl").read_bytes() == records


@pytest.mark.parametrize("name", ["h.png", "h.svg"])
def test_a_history_cannot_be_its_own_plot(bench, a_run, tmp_path, name):
    (tmp_path / name).write_text("")
    said = bench("track", "dir", "--history", name)
    assert said.code == 2
    assert "it must end in .jsonl" in said.text
    assert (tmp_path / name).read_text() == ""


def test_the_plot_of_a_history_replaces_no_link(bench, a_run, tmp_path):
    (tmp_path / "mine.png").write_text("mine")
    (tmp_path / "h.png").symlink_to("mine.png")
    said = bench("track", "dir", "--history", "h.jsonl")
    assert said.code == 2
    assert "h.png can't be written: it is a symbolic link" in said.text
    assert (tmp_path / "mine.png").read_text() == "mine"
    assert not (tmp_path / "h.jsonl").exists()


@pytest.mark.parametrize("name", ["dir/run.json", "dir/trials.jsonl", "dir/run-files.txt", "notes.txt"])
def test_no_line_of_a_history_is_added_to_another_file(bench, a_run, tmp_path, tree, name):
    (tmp_path / "notes.txt").write_text("mine\n")
    before = tree(tmp_path)
    said = bench("track", "dir", "--history", name)
    assert said.code == 2
    assert ("is no history" if name == "notes.txt" else "is a file of the run") in said.text
    assert tree(tmp_path) == before


@pytest.mark.parametrize("name", ["trials.jsonl", "trials.jsonl.gz", "run-files.txt", "run.lock", "index.html", "link/run.json"])
def test_no_result_of_a_comparison_replaces_a_file_of_a_run(bench, a_run, tmp_path, tree, name):
    (a_run / "link").symlink_to(a_run)
    before = tree(tmp_path)
    for option in ("--json", "--markdown"):
        said = bench("compare", "HEAD", option, f"dir/{name}")
        assert said.code == 2
        assert "is a file of the run" in said.text
    assert tree(tmp_path) == before


def test_a_picture_with_the_name_of_a_new_historys_plot_is_not_replaced(bench, a_run, tmp_path, tree):
    (tmp_path / "holiday.png").write_bytes(b"mine")
    before = tree(tmp_path)
    said = bench("track", "dir", "--history", "holiday.jsonl")
    assert said.code == 2
    assert "holiday.png would be replaced" in said.text
    assert tree(tmp_path) == before


def test_a_name_that_is_too_long_to_be_replaced_is_refused_before_measuring(bench, tmp_path):
    for words in (("compare", "HEAD", "--json"), ("track", "dir", "--history")):
        said = bench(*words, "a" * 250)
        assert said.code == 2
        assert "its name may have" in said.text


def test_a_resumed_run_follows_no_link(bench, a_run, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    (a_run / "run.json.partial").symlink_to("../notes.txt")
    said = bench("run", "--resume", "dir", "--time-budget", "0")
    assert said.code == 0
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert not (a_run / "run.json").is_symlink()


@pytest.mark.parametrize("kind", ["a link", "a pipe"])
def test_a_log_is_written_into_no_other_file_and_waits_for_no_pipe(tmp_path, kind):
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "logs").mkdir()
    log = tmp_path / "logs" / "Tiny-0.log"
    log.symlink_to("../mine") if kind == "a link" else os.mkfifo(log)
    with pytest.raises(OSError, match="link" if kind == "a link" else "it is a pipe"):
        Launcher(tmp_path)(spec("Tiny"), 0, 1)
    assert (tmp_path / "mine").read_text() == "mine"


def test_a_report_that_a_folder_is_in_the_way_of_leaves_the_one_before(bench, a_run, tree):
    (a_run / "report.md").unlink()
    (a_run / "report.md").mkdir()
    for path in (a_run / "tables").iterdir():
        path.write_bytes(b"old")
    before = tree(a_run)
    said = bench("report", "dir")
    assert said.code == 2
    assert "report.md" in said.text
    assert tree(a_run) == before


def test_a_report_on_a_full_disk_leaves_the_one_before(a_run, tree, tmp_path):
    before = tree(a_run)
    limited = subprocess.run(
        [sys.executable, "-m", "bench", "report", "dir"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=100,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
        check=False,
    )
    assert limited.returncode == 2
    assert "the report could not be written" in limited.stderr
    assert tree(a_run) == before


def test_a_second_run_in_the_folder_removes_the_first_and_keeps_what_is_not_its_own(bench, a_run):
    (a_run / "notes.txt").write_text("mine")
    said = bench("run", "--workload", "tiny.toml", "--out", "dir", "--time-budget", "0")
    assert said.code == 0, said.text
    assert (a_run / "notes.txt").read_text() == "mine"
    assert not (a_run / "scratch").exists()
