import subprocess
import sys
from functools import cache

import pandas as pd
import pytest
from synthetic import synthetic_run

from bench.records import TRIALS_FILE, RecordError, append_trial, read_run, write_run
from bench.report import write_report

SECTIONS = 18
FOLDERS = ("tables", "plots")


@cache
def written(folder):
    """The whole synthetic run, its records and its report, written once."""
    synthetic_run(folder, write=True, epochs=8, scored_seeds=2, rounds=2, launches=2)
    return write_report(folder)


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    written(folder)
    return folder


@pytest.fixture
def partial(folder, tmp_path):
    """`partial(keep)`: a folder that holds the run, and of its trials those for which `keep(trial)` is true."""

    def make(keep, **changes):
        data = read_run(folder)
        write_run(tmp_path, data.run.model_copy(update=changes))
        for trial in data.trials:
            if keep(trial):
                append_trial(tmp_path, trial)
        return tmp_path

    return make


def contents(folder):
    files = [folder / "report.md", folder / "index.html", *(path for name in FOLDERS for path in sorted((folder / name).iterdir()))]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_the_verdict_that_is_returned_opens_the_report(folder):
    verdict = written(folder).splitlines()
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert "numpy_nn" in verdict[0]
    assert text.index("## Verdict") < text.index(f"- {verdict[0]}") < text.index("## At a glance")


def test_the_same_records_give_the_same_files_to_the_byte(folder):
    before = contents(folder)
    write_report(folder)
    after = contents(folder)
    assert before.keys() == after.keys()
    assert [name for name in before if before[name] != after[name]] == []


def test_every_plot_of_the_markdown_is_there_in_both_formats(folder):
    named = {
        line.split("](plots/")[1].removesuffix(".png)")
        for line in (folder / "report.md").read_text("utf-8").splitlines()
        if "](plots/" in line
    }
    for suffix in (".png", ".svg"):
        assert {path.stem for path in (folder / "plots").glob(f"*{suffix}")} == named
    assert {
        "times-moons",
        "surfaces-moons",
        "data-moons",
        "training-moons",
        "parity-parity",
        "reached-moons",
        "scaling-map",
    } <= named


def test_the_figures_of_the_csv_files_are_those_of_the_analysis(folder):
    times = pd.read_csv(folder / "tables" / "times.csv")
    ours = times[(times["workload"] == "moons") & (times["contestant"] == "numpy_nn") & (times["measure"] == "step")]
    assert ours["median"].item() == pytest.approx(36e-6, rel=0.2)


def test_nothing_of_the_page_is_fetched_from_elsewhere(folder):
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert 'src="http' not in page
    assert 'href="http' not in page
    assert "url(" not in page


@pytest.mark.parametrize(
    "keep",
    [
        lambda trial: False,
        lambda trial: trial.contestant == "numpy_nn" and trial.workload == "moons",
        lambda trial: trial.contestant == "keras" and trial.kind == "scored",
        lambda trial: trial.workload == "scaling" and trial.point["layers"] == trial.point["threads"] == 2,
        lambda trial: trial.workload == "article" and trial.kind == "timed" and trial.round == 0,
        lambda trial: trial.kind in ("parity", "predict"),
        lambda trial: trial.status != "ok",
        lambda trial: trial.contestant == "floor",
        lambda trial: trial.workload == "moons" and trial.kind == "timed" and trial.round == 0,
    ],
    ids=[
        "nothing",
        "one contestant",
        "only scores",
        "only a grid",
        "one round",
        "no clock",
        "only failures",
        "only the floor",
        "no scores",
    ],
)
def test_a_partial_run_still_gives_a_whole_report(partial, keep):
    folder = partial(keep, status="interrupted")
    assert "interrupted" in write_report(folder)
    assert (folder / "report.md").read_text(encoding="utf-8").count("\n## ") == SECTIONS
    assert len(list((folder / "tables").glob("*.csv"))) == 15


def test_a_damaged_line_is_named_in_the_report(partial):
    folder = partial(lambda trial: trial.workload == "parity")
    count = len(read_run(folder).trials)
    with (folder / TRIALS_FILE).open("a", encoding="utf-8") as file:
        file.write('{"run_id": "synth')
    write_report(folder)
    assert f"- {TRIALS_FILE}, line {count + 1}: " in (folder / "report.md").read_text(encoding="utf-8")


def test_what_an_earlier_report_drew_is_gone_where_this_one_draws_it_not(partial):
    folder = partial(lambda trial: False)
    for name in ("plots/old.png", "plots/old.svg", "tables/old.csv", "plots/mine.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    write_report(folder)
    assert [path.name for path in (folder / "plots").iterdir()] == ["mine.txt"]
    assert not (folder / "tables" / "old.csv").exists()


def test_a_folder_without_a_run_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(RecordError, match="holds no run"):
        write_report(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_importing_the_report_loads_nothing_heavy():
    code = "import sys, bench.report; print(*{'numpy', 'pandas', 'matplotlib', 'jinja2', 'pydantic'} & sys.modules.keys())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""


def test_making_a_report_loads_no_framework(partial):
    folder = partial(lambda trial: trial.workload == "parity")
    code = (
        "import sys; from pathlib import Path; from bench.report import write_report; write_report(Path(sys.argv[1]));"
        "print(*{'keras', 'tensorflow', 'jax', 'torch', 'matplotlib.pyplot'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
