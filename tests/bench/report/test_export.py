"""A run for other tools: the frame of its trials, and its files in every format."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from made_records import WORKLOAD, make_run, make_trial

from bench.analysis.frame import trials_frame
from bench.analysis.summary import analyse
from bench.records import Parity, RecordError, RunData, Trial, append_trial, read_run, write_run
from bench.report.export import FORMATS, SUMMARY_COLUMNS, ExportError, Table, export, latex, markdown, summary_table

TRIALS: list[Trial] = [
    make_trial(seed=0),
    make_trial(seed=1, launch=1, fit_seconds=0.0116, cold_start_seconds=None, history={"loss": [math.nan], "accuracy": [0.5]}),
    make_trial(kind="scored", fit_seconds=None, test_accuracy=0.75, history={"loss": [1.0, 0.5], "val_loss": [2.0, 1.0]}),
    make_trial(
        contestant="keras", status="failed", error="SIGSEGV | core\ndumped", fit_seconds=None, history={}, epoch_seconds=None
    ),
    make_trial(
        contestant="keras",
        kind="parity",
        workload="parity",
        point={"width": 8},
        parity=Parity(reference="keras", loss=[0.0], accuracy=[0.0], weights=[1e-16], predictions=0.0),
        details={},
        load={},
        peak_memory_bytes=None,
    ),
]


def made(trials: list[Trial]) -> RunData:
    return RunData(Path(), make_run(workloads=[WORKLOAD, WORKLOAD | {"name": "parity"}]), trials)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_run(tmp_path, make_run(workloads=[WORKLOAD, WORKLOAD | {"name": "parity"}]))
    for trial in TRIALS:
        append_trial(tmp_path, trial)
    return tmp_path


def test_the_frame_has_a_row_a_trial_and_a_column_a_part() -> None:
    frame = trials_frame(TRIALS)
    assert list(frame["seed"]) == [0, 1, 0, 0, 0]
    assert frame.loc[0, "history.loss"] == [0.5, 0.25]
    assert frame.loc[2, "history.val_loss"] == [2.0, 1.0]
    assert frame.loc[4, "parity.weights"] == [1e-16]
    assert frame.loc[4, "point.width"] == 8
    assert frame.loc[0, "load.other_cpu_share"] == 0.02
    assert frame.loc[0, "details"] == {"layers": [2, 1]}


def test_what_a_trial_does_not_have_is_missing() -> None:
    frame = trials_frame(TRIALS)
    assert frame["history.loss"].isna().tolist() == [False, False, False, True, False]
    assert frame["cold_start_seconds"].isna().tolist() == [False, True, False, False, False]
    assert frame["parity.reference"].isna().tolist() == [True, True, True, True, False]
    assert frame["peak_memory_bytes"].isna().tolist() == [False, False, False, False, True]


def test_numbers_and_times_are_of_their_types() -> None:
    frame = trials_frame(TRIALS)
    assert frame["fit_seconds"].dtype == "float64"
    assert frame["steps"].dtype == "int64"
    assert frame["peak_memory_bytes"].dtype == "Int64"
    assert frame["point.width"].dtype == "float64"
    assert frame["started_at"][0] == pd.Timestamp("2026-01-01T00:00:01Z")


def test_a_frame_without_trials_has_the_columns_of_any_other() -> None:
    empty, full = trials_frame([]), trials_frame(TRIALS[:1])
    assert len(empty) == 0
    assert set(empty.columns) == {name for name in full.columns if not name.startswith(("load.", "point."))}
    assert list(summary_table(made([])).columns) == SUMMARY_COLUMNS


def test_a_row_an_epoch_is_one_call_away() -> None:
    frame = trials_frame(TRIALS[:1]).explode(["history.loss", "history.accuracy"])
    assert frame["history.accuracy"].tolist() == [0.75, 1.0]


def test_the_summary_has_the_estimates_of_the_report() -> None:
    table = summary_table(made(TRIALS)).set_index(["workload", "contestant"])
    ours = table.loc[("moons", "numpy_nn")]
    assert ours["trials"] == 3
    assert ours["failed"] == 0
    assert ours["fit [s]"] == pytest.approx((0.0058 * 0.0116) ** 0.5), "launches are averaged on the log scale"
    assert ours["step [µs]"] == pytest.approx(1e6 * 0.0028 / 29), "an epoch that isn't the first"
    assert ours["test accuracy"] == 0.75
    assert ours["last loss"] == 0.5
    assert ours["peak memory [MB]"] == 50
    theirs = table.loc[("moons", "keras")]
    assert theirs["failed"] == 1
    assert theirs[["fit [s]", "test accuracy", "last loss"]].isna().all()


def test_the_times_of_a_summary_are_those_of_the_report(folder: Path) -> None:
    data = read_run(folder)
    times = analyse(data).times.set_index(["contestant", "measure"])["median"]
    ours = summary_table(data).set_index("contestant").loc["numpy_nn"]
    assert [ours["cold start [s]"], ours["fit [s]"], 1e-6 * ours["step [µs]"]] == [
        pytest.approx(times["numpy_nn", measure]) for measure in ("cold start", "fit", "step")
    ]


def test_a_csv_has_every_trial_and_strict_json_in_its_cells(folder: Path) -> None:
    frame = pd.read_csv(export(folder, "csv", folder / "trials.csv"))
    assert list(frame.columns) == list(trials_frame(TRIALS).columns)
    assert json.loads(frame.loc[0, "history.loss"]) == [0.5, 0.25]
    assert json.loads(frame.loc[1, "history.loss"]) == ["NaN"]
    assert json.loads(frame.loc[0, "details"]) == {"layers": [2, 1]}
    assert frame.loc[3, "error"] == "SIGSEGV | core\ndumped"


def test_a_parquet_file_keeps_lists_and_types(folder: Path) -> None:
    frame = pd.read_parquet(export(folder, "parquet", folder / "trials.parquet"))
    assert frame.loc[0, "history.loss"].tolist() == [0.5, 0.25]
    assert math.isnan(frame.loc[1, "history.loss"][0])
    assert frame["peak_memory_bytes"].isna().tolist() == [False, False, False, False, True]
    assert json.loads(frame.loc[0, "details"]) == {"layers": [2, 1]}


def test_markdown_is_a_table_of_contestants(folder: Path) -> None:
    lines = export(folder, "markdown", folder / "summary.md").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("| workload | contestant | trials |")
    assert lines[1] == "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    assert lines[2] == "| moons | numpy_nn | 3 | 0 | 0.25 | 0.008202 | 96.55 | 0.75 | 0.5 | 50 |"
    assert lines[3] == "| moons | keras | 1 | 1 | – | – | – | – | – | – |"


def test_markdown_of_all_trials_keeps_its_columns_apart(folder: Path) -> None:
    text = export(folder, "markdown", folder / "trials.md", "trials").read_text(encoding="utf-8")
    assert "SIGSEGV \\| core dumped" in text
    assert len({line.replace("\\|", "").count("|") for line in text.splitlines()}) == 1
    assert len(text.splitlines()) == 2 + len(TRIALS)


def test_latex_is_a_tabular_with_its_words_escaped(folder: Path) -> None:
    text = export(folder, "latex", folder / "summary.tex").read_text(encoding="utf-8")
    assert r"\begin{tabular}{llrrrrrrrr}" in text
    assert r"moons & numpy\_nn & 3 & 0 & 0.25 & 0.008202 & 96.55 & 0.75 & 0.5 & 50 \\" in text


@pytest.mark.parametrize(("write", "separator"), [(markdown, "|"), (latex, "&")])
def test_a_table_of_nothing_is_its_heading(write: Any, separator: str) -> None:
    assert write(summary_table(made([]))).count(separator) >= len(SUMMARY_COLUMNS) - 1


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("table", ["trials", "summary"])
def test_every_table_is_to_be_had_in_every_format(folder: Path, format: str, table: Table) -> None:
    path = export(folder, format, folder / "made", table)
    assert path.stat().st_size > 0
    assert sorted(each.name for each in folder.iterdir()) == ["made", "run.json", "trials.jsonl"]


def test_what_stood_there_is_replaced(folder: Path) -> None:
    (folder / "made.csv").write_text("what was there", encoding="utf-8")
    assert "what was there" not in export(folder, "csv", folder / "made.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("format", "table", "said"),
    [
        ("excel", None, "format was 'excel': it may be one of csv"),
        ("mardown", None, "'markdown'"),
        ("csv", "trial", "table was 'trial'"),
    ],
)
def test_an_unknown_format_or_table_is_named(folder: Path, format: str, table: Any, said: str) -> None:
    with pytest.raises(ExportError, match=said):
        export(folder, format, folder / "made", table)
    assert not (folder / "made").exists()


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_that_cannot_be_written_is_named_and_leaves_nothing(folder: Path, format: str) -> None:
    with pytest.raises(ExportError, match=r"nowhere.made can't be written") as caught:
        export(folder, format, folder / "nowhere" / "made")
    assert len(str(caught.value).splitlines()) == 1


def test_a_folder_in_the_way_is_named_and_nothing_half_done_is_left(folder: Path) -> None:
    (folder / "made").mkdir()
    with pytest.raises(ExportError, match="can't be written"):
        export(folder, "csv", folder / "made")
    assert not list(folder.glob("*.partial"))


def test_a_missing_parquet_library_is_named_with_how_to_install_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ExportError, match=r'pip install -e "\.\[parquet\]"'):
        export(folder, "parquet", folder / "made")


def test_a_folder_without_a_run_is_the_records_error(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="holds no run"):
        export(tmp_path, "csv", tmp_path / "made")
