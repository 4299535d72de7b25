"""Each reader of records: runs, trials, arrays, lists of files, histories, certificates."""

from __future__ import annotations

import gzip
import json
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from file_mutations import mutated_npz
from fuzzing import SECONDS, fuzz
from made_records import make_run, make_trial
from mutations import mutated_bytes, mutated_json

from bench.records import RecordError, append_trial, read_run, write_run

pytestmark = [
    pytest.mark.skipif("sys.platform == 'win32'", reason="time and memory are limited by POSIX' signals and files"),
    pytest.mark.filterwarnings("ignore"),
]
DRAWN_SECONDS = SECONDS if SECONDS >= 10 else 0
"""A report takes seconds; `nox -s fuzz` draws some."""


def analysing(path: Path) -> None:
    """Read a run as `report`, `export`, `agree` and `track` do, without drawing it."""
    from bench.analysis.repeats import repeats
    from bench.analysis.summary import analyse
    from bench.regression.history.tracked_runs import tracked
    from bench.report.claims import claims
    from bench.report.csv_tables import csv_tables
    from bench.report.export import latex, markdown, summary_table
    from bench.report.verdict import verdict

    data = read_run(path.parent)
    summary = summary_table(data)
    markdown(summary)
    latex(summary)
    analysis = analyse(data)
    verdict(analysis)
    claims(analysis)
    csv_tables(analysis)
    repeats(data, data)
    if not analysis.times.empty:
        try:
            tracked(analysis)
        except ValueError as error:
            if "can't be tracked" not in str(error):
                raise


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """A valid run of two contestants with all kinds of trials."""
    contestants = [make_run().contestants[0].model_copy(update={"name": name}) for name in ("numpy_nn", "keras")]
    write_run(tmp_path, make_run(contestants=contestants))
    for name in ("numpy_nn", "keras"):
        for number in range(3):
            common: dict[str, Any] = {"contestant": name, "seed": number, "round": number, "launch": number}
            append_trial(tmp_path, make_trial(**common))
            curves = {"loss": [0.5, 0.2], "accuracy": [0.5, 0.9], "val_loss": [0.5, 0.2], "val_accuracy": [0.5, 0.9]}
            append_trial(tmp_path, make_trial(kind="scored", history=curves, test_predictions=[0.1, 0.9], **common))
        latency = {"rows": 1, "calls": 10, "median_seconds": 1e-5, "p99_seconds": 2e-5, "minimum_seconds": 9e-6}
        append_trial(tmp_path, make_trial(contestant=name, kind="predict", latencies=[latency]))
    return tmp_path


def test_runs(run_folder: Path) -> None:
    document = json.loads((run_folder / "run.json").read_text())
    refused = fuzz(run_folder / "run.json", lambda draw: mutated_json(document, draw), analysing, RecordError)
    assert refused


def test_damaged_runs(run_folder: Path) -> None:
    content = (run_folder / "run.json").read_bytes()
    refused = fuzz(
        run_folder / "run.json", lambda draw: mutated_bytes(content, draw), lambda path: read_run(path.parent), RecordError
    )
    assert refused


def changed_trials(run_folder: Path, draw: random.Random) -> str:
    lines = [json.loads(line) for line in (run_folder / "trials.jsonl").read_text().splitlines()]
    changed = draw.randrange(len(lines))
    texts = (mutated_json(line, draw) if number == changed else json.dumps(line) for number, line in enumerate(lines))
    return "\n".join(texts) + "\n"


def test_trials(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    valid = shutil.copytree(run_folder, tmp_path_factory.mktemp("valid"), dirs_exist_ok=True)
    fuzz(run_folder / "trials.jsonl", lambda draw: changed_trials(valid, draw), analysing, RecordError)


def test_damaged_trials(run_folder: Path) -> None:
    content = (run_folder / "trials.jsonl").read_bytes()
    damaged: list[str] = []
    fuzz(
        run_folder / "trials.jsonl",
        lambda draw: mutated_bytes(content, draw),
        lambda path: damaged.extend(read_run(path.parent).damaged),
    )
    assert damaged


def test_compressed_trials(run_folder: Path) -> None:
    content = (run_folder / "trials.jsonl").read_bytes()
    (run_folder / "trials.jsonl").unlink()
    (run_folder / "trials.jsonl.gz").write_bytes(gzip.compress(content))
    bomb = gzip.compress(bytes(520_000_000), 1)

    def make(draw: random.Random) -> bytes:
        if draw.random() < 0.02:
            return bomb
        inner = gzip.compress(mutated_bytes(content, draw), draw.choice((0, 1, 9)))
        return draw.choice((inner, mutated_bytes(inner, draw), inner + inner, inner + b"x" * 99))

    fuzz(run_folder / "trials.jsonl.gz", make, lambda path: read_run(path.parent), RecordError)


def test_lists_of_files(run_folder: Path) -> None:
    """What a new run removes is what the list names, whatever stands in it."""
    from bench.execution.run_directory import FolderError, prepare
    from bench.records.run_files import HEADER, LAYOUT, RUN_FILES_FILE

    names = ("run.json", "trials.jsonl", "tables/a.csv", "plots/a.png", "arrays/x.npz")
    kept = ("notes.txt", "mine/plots/a.png", "plots/mine.txt")
    valid = "\n".join([HEADER, *names]) + "\n"
    words = (
        *LAYOUT,
        "../notes.txt",
        "notes.txt",
        "plots/mine.txt",
        "/etc/passwd",
        "tables/../notes.txt",
        "plots",
        "",
        ".",
        "tables//a.csv",
    )

    def make(draw: random.Random) -> bytes:
        lines = valid.splitlines()
        lines[draw.randrange(len(lines)) : 0] = draw.choices(words, k=draw.randint(0, 2))
        content = draw.choice(("\n", "\n", "\r\n")).join([*lines, ""]).encode()
        return mutated_bytes(content, draw) if draw.random() < 0.5 else content

    def read(path: Path) -> None:
        for name in (*names, *kept):
            place = path.parent / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text("x")
        try:
            prepare(path.parent)
        finally:
            assert [name for name in kept if not (path.parent / name).is_file()] == []

    (run_folder / RUN_FILES_FILE).write_text(valid)
    refused = fuzz(run_folder / RUN_FILES_FILE, make, read, FolderError, RecordError, OSError)
    assert refused


def test_arrays(run_folder: Path) -> None:
    from bench.report.plot_data import points_file, read_plot_data

    axis = np.linspace(-1, 1, 5)
    arrays = {"x": np.column_stack([axis, axis]), "y": np.zeros((5, 1)), "x_test": np.zeros((5, 2)), "y_test": np.zeros((5, 1))}
    path = run_folder / "arrays" / points_file("moons")
    path.parent.mkdir()
    np.savez(path, **arrays)
    content = path.read_bytes()

    def make(draw: random.Random) -> bytes:
        return mutated_npz(arrays, draw) if draw.random() < 0.6 else mutated_bytes(content, draw)

    data = read_run(run_folder)
    data.run.workloads[0]["name"] = "moons"

    def read(_: Path) -> None:
        problems = read_plot_data(data).problems
        if problems:
            raise RecordError(problems[0])

    refused = fuzz(path, make, read, RecordError)
    assert refused


def test_histories(tmp_path: Path) -> None:
    from bench.regression.history.change_points import find_change_points
    from bench.regression.history.history_report import markdown
    from bench.regression.history.tracked_runs import read_history

    line = {
        "run_id": "a",
        "commit": "c" * 40,
        "dirty": False,
        "date": "2026-01-01T00:00:00Z",
        "quick": False,
        "machine": {"cpu": "a"},
        "ratios": {"moons: step / floor": 2.0},
        "seconds": {"moons: step": 1e-4},
    }
    lines = [{**line, "run_id": f"r{number}"} for number in range(12)]

    def make(draw: random.Random) -> bytes:
        texts = [mutated_json(lines[0], draw) if draw.random() < 0.2 else json.dumps(each) for each in lines]
        content = "\n".join(texts).encode("utf-8", "surrogatepass")
        return mutated_bytes(content, draw) if draw.random() < 0.5 else content

    def read(path: Path) -> None:
        runs, damaged = read_history(path)
        markdown(runs, find_change_points(runs), damaged)

    (tmp_path / "h.jsonl").write_text("\n".join(map(json.dumps, lines)))
    fuzz(tmp_path / "h.jsonl", make, read)


def test_certificates(tmp_path: Path) -> None:
    """What `certify` goes on from: the runs, the cost of the slowdown and the blocks of earlier calls; and what a report reads."""
    from bench.cli.result_files import check_replaceable
    from bench.regression.certify import certificate_report
    from bench.regression.certify.recorded_runs import BLOCKS_FOLDER, COST_FILE, read_folder
    from bench.report.neighbours import pages

    (tmp_path / BLOCKS_FOLDER).mkdir()
    blocks = {"step/0": np.full((2, 2, 5), 1e-3), "fit/0": np.full((2, 2, 5), 1e-3)}
    cost = {"callback": 1e-6, "byte": 1e-9}
    figures = {**dict.fromkeys(certificate_report.JSON_KEYS, 1), "real": [{"count": 0, "of": 9, "slowdown": 0}]}
    np.savez(tmp_path / BLOCKS_FOLDER / "a.npz", **blocks)
    (tmp_path / COST_FILE).write_text(json.dumps(cost))
    (tmp_path / certificate_report.FILES[1]).write_text("a page")

    def make(draw: random.Random) -> str:
        changed = draw.randrange(3)
        np.savez(tmp_path / BLOCKS_FOLDER / "a.npz", **blocks)
        if changed == 0:
            (tmp_path / BLOCKS_FOLDER / "a.npz").write_bytes(mutated_npz(blocks, draw))
        (tmp_path / COST_FILE).write_text(mutated_json(cost, draw) if changed == 1 else json.dumps(cost), errors="replace")
        return mutated_json(figures, draw) if changed == 2 else json.dumps(figures)

    def read(path: Path) -> None:
        pages(path.parent)
        check_replaceable(path.parent, certificate_report.FILES, certificate_report.JSON_KEYS)
        read_folder(path.parent)

    path = tmp_path / certificate_report.FILES[0]
    path.write_text(json.dumps(figures))
    refused = fuzz(path, make, read, ValueError, OSError)
    assert refused


@pytest.mark.skipif(not DRAWN_SECONDS, reason="a report takes seconds; `nox -s fuzz` draws some")
@pytest.mark.parametrize("name", ["run.json", "trials.jsonl"])
def test_reports(run_folder: Path, name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    from bench.report import write_report

    document = json.loads((run_folder / "run.json").read_text())
    valid = shutil.copytree(run_folder, tmp_path_factory.mktemp("valid"), dirs_exist_ok=True)

    def make(draw: random.Random) -> str:
        return mutated_json(document, draw) if name == "run.json" else changed_trials(valid, draw)

    fuzz(run_folder / name, make, lambda path: write_report(path.parent), RecordError)
