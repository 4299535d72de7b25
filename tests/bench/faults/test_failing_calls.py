"""Each system call that writes fails once, or the process is killed at it: every file is then the old one or the new one, never
half of one; the exit code says which; and what was begun can be gone on with.

A few points are tried by default, and all that differ by `--slow`.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from failing_calls import ERRORS, KILL, KILLED, Command, Point, compiled, distinct
from fault_calls import ROOT, call
from fault_repositories import make_repository

from bench.execution.schedule import key_of
from bench.records import read_run

OLD = b"the file of before\n"
TEMPORARY = (".part", ".partial")
FEW = 30
"""So many points are all tried by `--slow`."""
REPORT = ("report.md", "summary.md", "index.html", "tables/*", "plots/*")
FAILED = (2, 3)
"""The exit codes of a command that says that a file couldn't be written."""
SAVE = """
from numpy_nn import Sequential
model = Sequential([{"input_dim": 2, "output_dim": 3, "activation": "relu"}, {"input_dim": 3, "output_dim": 1}], seed=1)
model.compile(optimizer="adam", loss="mean_squared_error")
model.save("m.npz")
"""
REPLACE = """
from pathlib import Path
from bench.records.run_files import RunFiles
folder = Path("dir")
files = RunFiles(folder)
files.adopt()
new = {name: b"new" for name in sorted(files.names) if name.startswith(("report", "summary", "index", "tables/", "plots/"))}
files.replace(new, folders=("tables", "plots"))
"""
"""How a report is written, without the seconds that its drawing takes."""
PREPARE = """
from pathlib import Path
from bench.execution.run_directory import claimed, prepare
with claimed(Path("dir")):
    prepare(Path("dir"))
"""


@dataclass(frozen=True)
class Scenario:
    """A command, the files that it writes, and the folder that it starts from."""

    words: Sequence[str]
    make: Callable[[Path, Path], None]
    """Fills the folder, given a finished run."""
    written: Sequence[str]
    """Patterns of the files whose content is the old or the new one."""


def slow(name: str) -> object:
    return pytest.param(name, 0, marks=pytest.mark.slow)


def with_model(folder: Path, _: Path) -> None:
    (folder / "m.npz").write_bytes(OLD)


def with_run(folder: Path, run: Path) -> None:
    shutil.copytree(run, folder / "dir")
    for name in REPORT:
        for path in (folder / "dir").glob(name):
            path.write_bytes(OLD)


def with_export(folder: Path, run: Path) -> None:
    with_run(folder, run)
    (folder / "out.csv").write_bytes(OLD)


def with_history(folder: Path, run: Path) -> None:
    with_run(folder, run)
    call(folder, "track", "dir", "--history", "h.jsonl")
    line = json.loads((folder / "h.jsonl").read_text())
    (folder / "h.jsonl").write_text(json.dumps({**line, "run_id": "another"}) + "\n")
    for suffix in ("png", "svg"):
        (folder / f"h.{suffix}").write_bytes(OLD)


BENCH = ("-m", "bench")
SCENARIOS = {
    "save": Scenario(("-c", SAVE), with_model, ["m.npz"]),
    "export": Scenario((*BENCH, "export", "dir", "csv", "out.csv"), with_export, ["out.csv"]),
    "track": Scenario((*BENCH, "track", "dir", "--history", "h.jsonl"), with_history, ["h.*"]),
    "replace": Scenario(("-c", REPLACE), with_run, [f"dir/{name}" for name in REPORT]),
    "report": Scenario((*BENCH, "report", "dir"), with_run, [f"dir/{name}" for name in REPORT]),
}


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = compiled(tmp_path_factory.mktemp("library"))
    if found is None:
        pytest.skip("needs Linux and a C compiler")
    return found


def chosen(points: Sequence[Point], count: int, request: pytest.FixtureRequest) -> list[tuple[Point, int]]:
    """Points with the fault of each: by `--slow` all that differ, each with an error and a kill, else `count` of them."""
    differing = points if len(points) <= FEW else distinct(points)
    draw = random.Random(len(points))
    if request.config.getoption("--slow"):
        return [(point, fault) for point in differing for fault in (draw.choice(ERRORS), KILL)]
    return [(point, draw.choice((*ERRORS, KILL))) for point in draw.sample(differing, count)]


def files_of(folder: Path, patterns: Sequence[str]) -> dict[str, bytes]:
    """The files of `patterns` in the folder by name, with their content; without what a kill left of temporary ones."""
    paths = [path for pattern in patterns for path in folder.glob(pattern) if path.suffix not in TEMPORARY]
    return {
        path.relative_to(folder).as_posix(): whole_lines(path) if path.suffix == ".jsonl" else path.read_bytes() for path in paths
    }


def whole_lines(path: Path) -> bytes:
    """The lines of a file without one that a kill has cut short, which is ended and set aside when the next one is added."""
    lines = path.read_bytes().splitlines(keepends=True)
    return b"".join(line for line in lines if line.endswith(b"}\n"))


def leftovers(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.suffix in TEMPORARY]


def made(scenario: Scenario, folder: Path, run: Path) -> Path:
    folder.mkdir()
    scenario.make(folder, run)
    return folder


@pytest.mark.parametrize(("name", "count"), [("save", 4), ("export", 1), ("replace", 2), slow("track")])
def test_each_file_is_the_old_or_the_new_one(
    library: Path, finished_run: Path, tmp_path: Path, request: pytest.FixtureRequest, name: str, count: int
) -> None:
    scenario = SCENARIOS[name]
    start = made(scenario, tmp_path / "start", finished_run)
    folder = Path(shutil.copytree(start, tmp_path / "undisturbed"))
    old = files_of(folder, scenario.written)
    points = Command(library, scenario.words, folder).points()
    new = files_of(folder, scenario.written)
    assert all(old[path] != content for path, content in new.items())
    for number, (point, fault) in enumerate(chosen(points, count, request)):
        case = Path(shutil.copytree(start, tmp_path / str(number)))
        code, said = Command(library, scenario.words, case).fail(point, fault)
        found = files_of(case, scenario.written)
        assert found.keys() == new.keys(), said
        assert all(content in (old[path], new[path]) for path, content in found.items()), said
        if fault == KILL:
            assert code == KILLED, said
        elif code == 0:  # as where a folder can't be made that is there already
            assert found == new, said
        else:
            assert code in ((1,) if scenario.words[0] == "-c" else FAILED), said
            assert leftovers(case) == [], said
        if code != 0 and name != "track" and point.call != "rename":
            assert found == old, said
        code, said = Command(library, scenario.words, case).again()
        assert (code, files_of(case, scenario.written)) == (0, new), said
        shutil.rmtree(case)


@pytest.mark.slow
def test_a_report_that_fails_says_so_and_leaves_the_one_before(library: Path, finished_run: Path, tmp_path: Path) -> None:
    scenario = SCENARIOS["report"]
    points = Command(library, scenario.words, made(scenario, tmp_path / "undisturbed", finished_run)).points()
    for number, point in enumerate(
        random.Random(4).sample([point for point in points if point.call not in ("rename", "mkdir")], 4)
    ):
        case = made(scenario, tmp_path / str(number), finished_run)
        old = files_of(case, scenario.written)
        code, said = Command(library, scenario.words, case).fail(point, ERRORS[number % len(ERRORS)])
        assert (code, files_of(case, scenario.written), leftovers(case)) == (2, old, []), said
        assert said.count("\n") <= 1, said


@pytest.mark.slow
def test_a_comparisons_result_is_whole_at_any_moment(library: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    repository = make_repository(tmp_path)
    words = (
        *BENCH,
        *f"compare HEAD HEAD --repository {repository} --benchmark step --budget 0 --json c.json --markdown c.md".split(),
    )
    (folder := tmp_path / "out").mkdir()
    for name in ("c.json", "c.md"):
        (folder / name).write_bytes(OLD)
    command = Command(library, words, folder)
    for point, fault in chosen(command.points(), 0, request):
        for name in ("c.json", "c.md"):
            (folder / name).write_bytes(OLD)
        code, said = command.fail(point, fault)
        result, page = (folder / "c.json").read_bytes(), (folder / "c.md").read_bytes()
        assert result == OLD or json.loads(result)["verdict"] or json.loads(result)["error"]["kind"] == "unfinished", said
        assert page == OLD or page.startswith(b"<!--"), said
        assert code == KILLED if fault == KILL else code in (3, 4), said
        assert code != 4 or json.loads(result)["verdict"] == "inconclusive", said
        if fault != KILL:
            assert leftovers(folder) == [], said
        for left in leftovers(folder):
            left.unlink()


def test_a_run_is_gone_on_with_after_any_failure(library: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Its trials are then those of an undisturbed run, and those that had ended are the same lines."""
    words = (str(ROOT / "tests/bench/run_driver.py"), "dir", "--contestants", "Tiny")
    (folder := tmp_path / "undisturbed").mkdir()
    points = Command(library, words, folder).points()
    wanted = sorted(key_of(trial) for trial in read_run(folder / "dir").trials)
    for number, (point, fault) in enumerate(chosen(points, 1, request)):
        (case := tmp_path / str(number)).mkdir()
        command = Command(library, words, case)
        code, said = command.fail(point, fault)
        assert code == KILLED if fault == KILL else code in (0, *FAILED), said
        began = (case / "dir" / "run.json").exists()
        before = read_run(case / "dir") if began else None
        if before is not None:
            assert len(before.damaged) <= (fault == KILL), (said, before.damaged)
            assert (code == 0) == (before.run.status == "complete"), said
        code, said_again = command.again()
        assert code == 0, said + said_again
        after = read_run(case / "dir")
        assert sorted(map(key_of, after.trials)) == wanted, said
        if before is not None:
            assert after.trials[: len(before.trials)] == before.trials, said
        if fault != KILL and point.call != "unlink":
            assert leftovers(case) == [], said
        shutil.rmtree(case)


def test_the_removal_of_an_earlier_run_can_be_repeated(
    library: Path, finished_run: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    scenario = Scenario(("-c", PREPARE), with_run, [])
    points = Command(library, scenario.words, made(scenario, tmp_path / "undisturbed", finished_run)).points()
    for number, (point, fault) in enumerate(chosen(points, 1, request)):
        case = made(scenario, tmp_path / str(number), finished_run)
        (case / "dir" / "notes.txt").write_bytes(OLD)
        command = Command(library, scenario.words, case)
        code, said = command.fail(point, fault)
        assert code in ((KILLED,) if fault == KILL else (0, 1) if point.call == "mkdir" else (1,)), said
        code, said_again = command.again()
        assert code == 0, said + said_again
        assert sorted(path.name for path in (case / "dir").iterdir()) == ["notes.txt", "run-files.txt", "run.lock"], said
        shutil.rmtree(case)
