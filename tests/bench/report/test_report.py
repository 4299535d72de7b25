import gzip
import json
import re
import shutil
import subprocess
import sys
from functools import cache

import pandas as pd
import pytest
from PIL import Image
from synthetic import synthetic_run

from bench import files
from bench.records import TRIALS_FILE, RecordError, append_trial, read_run, write_run
from bench.records.run_files import RunFiles
from bench.report import write_report
from bench.report.neighbours import pages
from bench.report.plots.history import COLUMNS

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


def test_the_answer_that_is_returned_opens_every_page(folder):
    answer = " ".join(written(folder).split("\n!")[0].split())
    assert answer.startswith("NumPy trains this network")
    assert (folder / "report.md").read_text("utf-8").splitlines()[2] == f"**{answer}**"
    assert (folder / "summary.md").read_text("utf-8").splitlines()[2] == f"**{answer}**"
    shown = (folder / "index.html").read_text("utf-8").replace("&nbsp;", " ")
    assert f'<p class="answer">{answer}</p>' in shown


def test_what_is_printed_fits_a_terminal_and_breaks_no_word(folder):
    lines = written(folder).splitlines()
    assert max(map(len, lines)) <= 80
    assert "`" not in written(folder)
    assert any(line.startswith("numpy_nn") for line in lines)


def test_the_markdown_is_short_and_narrow(folder):
    for name, most in (("report.md", 200), ("summary.md", 40)):
        lines = (folder / name).read_text("utf-8").splitlines()
        assert len(lines) <= most
        assert max(len(line) for line in lines if line.startswith("|")) <= 100


def test_every_table_of_the_page_with_a_name_is_there_as_csv_and_latex(folder):
    stems = {path.stem for path in (folder / "tables").glob("*.tex")}
    assert {"headline", "all-times-moons", "against-keras-moons", "parity-parity"} <= stems
    assert stems <= {path.stem for path in (folder / "tables").glob("*.csv")}
    assert r"\begin{tabular}{lrrrrr}" in (folder / "tables" / "headline.tex").read_text("utf-8")


def test_every_link_of_the_page_leads_to_a_file_or_an_entry(folder):
    page = (folder / "index.html").read_text("utf-8")
    links = set(re.findall(r'<a [^>]*href="([^"]+)"', page))
    assert {"run.json", "trials.jsonl", "report.md", "tables/ratios.csv"} <= links
    assert all(f'id="{link[1:]}"' in page if link[0] == "#" else (folder / link).exists() for link in links)


def test_the_same_records_give_the_same_files_to_the_byte(folder):
    before = contents(folder)
    write_report(folder)
    after = contents(folder)
    assert before.keys() == after.keys()
    assert [name for name in before if before[name] != after[name]] == []


def test_a_plots_png_has_a_palette_which_takes_a_third_of_the_room(folder):
    found = list((folder / "plots").glob("*.png"))
    assert found
    for path in found:
        with Image.open(path) as image:
            assert image.mode == "P"
            assert image.info["dpi"] == pytest.approx((150, 150), abs=0.1)


def test_every_plot_is_there_in_both_formats_and_the_markdown_names_no_other(folder):
    named = set(re.findall(r"\]\(plots/(.*?)\.png\)", (folder / "report.md").read_text("utf-8")))
    drawn = {path.stem for path in (folder / "plots").glob("*.png")}
    assert {path.stem for path in (folder / "plots").glob("*.svg")} == drawn
    assert named <= drawn
    assert {"step-and-target-moons", "surfaces-moons", "scaling-map"} <= named


def test_the_figures_of_the_csv_files_are_those_of_the_analysis(folder):
    times = pd.read_csv(folder / "tables" / "times.csv")
    ours = times[(times["workload"] == "moons") & (times["contestant"] == "numpy_nn") & (times["measure"] == "step")]
    assert ours["seconds"].item() == pytest.approx(36e-6, rel=0.2)


def test_the_columns_of_the_ratios_are_those_that_other_programs_read(folder):
    columns = ["workload", "contestant", "reference", "measure", "ratio", "low", "high", "pairs", "launches"]
    assert list(pd.read_csv(folder / "tables" / "ratios.csv").columns) == columns


def test_nothing_of_the_page_is_fetched_from_elsewhere(folder):
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert not re.search(r'(src|srcset|href)="(?!data:|#|[\w./-]+")', page)
    assert "default-src 'none'" in page


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
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert "not measured in this run." not in text.lower()
    assert (folder / "tables" / "ratios.csv").exists()
    assert all(len(path.read_text("utf-8").splitlines()) > 1 for path in (folder / "tables").glob("*.csv") if path.stem != "ratios")


def test_the_plot_beside_the_answer_says_what_its_dots_are(folder):
    text = (folder / "report.md").read_text("utf-8")
    assert (
        len(re.findall(r"\d contestants; every dot is a (?:trial|turn)(?: \(of the time to an accuracy, a trial\))?[;.]", text))
        == 1
    )


def test_the_history_is_drawn_in_the_page_once_it_has_two_points(partial):
    folder = partial(lambda trial: trial.workload == "parity")
    runs = pd.DataFrame([("1", "a1", "m", "keras", 80.0), ("2", "a1", "m", "keras", 90.0)], columns=list(COLUMNS))
    for history, drawn in ((runs[:1], False), (None, False), (runs, True)):
        write_report(folder, None, history)
        page = (folder / "index.html").read_text("utf-8")
        assert ("Speed over the project" in page) is drawn
        assert (folder / "plots" / "history.png").exists() is drawn


def test_the_films_that_were_made_are_one_click_from_the_surfaces(folder, partial):
    made = partial(lambda trial: trial.kind == "scored" and trial.workload == "moons")
    shutil.copytree(folder / "arrays", made / "arrays")
    (made / "film").mkdir()
    for name in ("moons-by-epoch.webp", "moons-by-time.webp", "other-by-epoch.webp"):
        (made / "film" / name).touch()
    write_report(made)
    page = (made / "index.html").read_text("utf-8")
    (figure,) = re.findall(r'<figcaption class="caption">(?:(?!</figcaption>).)*Watch them learn(?:(?!</figcaption>).)*', page)
    assert re.findall(r'href="(film/[^"]*)"', figure) == ["film/moons-by-epoch.webp", "film/moons-by-time.webp"]


def test_the_certificate_is_linked_with_its_figure_here_or_in_the_published_reference(partial):
    folder = partial(lambda trial: trial.workload == "parity")
    cells = [{"slowdown": share, "count": count, "of": of} for share, count, of in ((0.0, 1, 300), (0.0, 0, 100), (0.01, 9, 9))]
    commits = {"environment": {"commit": f"{'a1' * 20}, {'b2' * 20}"}}
    known = {"real": cells, "benchmarks": ["step", "load"], **commits}
    wrong = "1 of 400 comparisons of equal revisions called changed"
    earlier = "of an earlier set of benchmarks, which it doesn't name"
    said = (
        (known, f"{wrong}; of 2 benchmarks, at a1a1a1a1a and b2b2b2b2b"),
        ({**known, "benchmarks": ["step"], "environment": {"commit": "<b>"}}, f"{wrong}; of 1 benchmark"),
        ({"real": cells, **commits}, f"{wrong}; {earlier}, at a1a1a1a1a and b2b2b2b2b"),
        ({"real": cells, "environment": [], "benchmarks": 5}, f"{wrong}; {earlier}"),
    )
    for link in ("certificate.md", "../reference/certificate.md"):
        place = folder / link
        place.parent.mkdir(exist_ok=True)
        place.write_text("# How often", "utf-8")
        figures = place.with_suffix(".json")
        for figure, text in said:
            figures.write_text(json.dumps(figure), "utf-8")
            assert [one.text for one in pages(folder)] == [f"certificate of `compare`: {text}"]
        figures.write_text(json.dumps(known), "utf-8")
        write_report(folder)
        words = f"certificate of <code>compare</code>: {said[0][1]}"
        assert f'<a href="{link}">{words}</a>' in (folder / "index.html").read_text("utf-8")
        figures.write_text("{", "utf-8")
        assert [one.text for one in pages(folder)] == ["certificate of `compare`"]
        place.unlink()


def test_a_damaged_line_is_named_in_the_report(partial):
    folder = partial(lambda trial: trial.workload == "parity")
    count = len(read_run(folder).trials)
    with (folder / TRIALS_FILE).open("a", encoding="utf-8") as file:
        file.write('{"run_id": "synth')
    write_report(folder)
    for name in ("report.md", "index.html"):
        assert f"{TRIALS_FILE}, line {count + 1}: " in (folder / name).read_text(encoding="utf-8")


def test_what_an_earlier_report_drew_is_gone_where_this_one_draws_it_not(partial):
    folder = partial(lambda trial: False)
    old, mine = ("plots/old.png", "plots/old.svg", "tables/old.csv"), ("plots/mine.txt", "plots/mine.png", "tables/mine.csv")
    RunFiles(folder).add(*old)
    for name in (*old, *mine):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    write_report(folder)
    assert not any((folder / name).exists() for name in old)
    assert all((folder / name).exists() for name in mine)


def test_links_in_the_folder_are_refused_and_never_followed(partial, tmp_path_factory):
    folder, elsewhere = partial(lambda trial: trial.workload == "parity"), tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "m.csv").write_text("mine")
    (elsewhere / "notes.md").write_text("mine")
    (folder / "tables").symlink_to(elsewhere)
    (folder / "report.md").symlink_to(elsewhere / "notes.md")
    with pytest.raises(OSError, match="it is a symbolic link"):
        write_report(folder)
    assert sorted(path.name for path in elsewhere.iterdir()) == ["m.csv", "notes.md"]
    assert {path.read_text() for path in elsewhere.iterdir()} == {"mine"}


def test_a_full_disk_leaves_the_earlier_report_whole(partial, monkeypatch):
    folder = partial(lambda trial: trial.workload == "parity")
    write_report(folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    new_file = files._new_file

    def full(path, **options):
        if path.name.startswith("index.html"):
            raise OSError(28, "No space left on device")
        return new_file(path, **options)

    monkeypatch.setattr(files, "_new_file", full)
    with pytest.raises(OSError, match="No space left"):
        write_report(folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_compressed_records_give_the_same_report(partial):
    folder = partial(lambda trial: trial.workload == "parity")
    write_report(folder)
    before = (folder / "report.md").read_bytes()
    (folder / f"{TRIALS_FILE}.gz").write_bytes(gzip.compress((folder / TRIALS_FILE).read_bytes()))
    (folder / TRIALS_FILE).unlink()
    write_report(folder)
    assert (folder / "report.md").read_bytes() == before


def test_compressed_records_that_are_cut_short_are_named_by_line(partial):
    folder = partial(lambda trial: trial.workload == "parity")
    (folder / f"{TRIALS_FILE}.gz").write_bytes(gzip.compress((folder / TRIALS_FILE).read_bytes())[:-20])
    (folder / TRIALS_FILE).unlink()
    assert read_run(folder).damaged


def test_a_map_that_was_measured_beside_the_run_is_shown_and_linked(partial, folder):
    main = partial(lambda trial: trial.workload == "moons")
    data = read_run(folder)
    grids = [workload for workload in data.run.workloads if workload["grid"]]
    own = [workload for workload in data.run.workloads if not workload["grid"]]
    write_run(main, data.run.model_copy(update={"workloads": own}))
    (main / "scaling").mkdir()
    write_run(main / "scaling", data.run.model_copy(update={"workloads": grids}))
    for trial in data.trials:
        if trial.workload == "scaling":
            append_trial(main / "scaling", trial)
    write_report(main / "scaling")
    write_report(main)
    page, map_page = ((place / "index.html").read_text("utf-8") for place in (main, main / "scaling"))
    assert 'href="scaling/index.html"' in page
    assert "another" in page
    assert "scaling-map.png" in (main / "report.md").read_text("utf-8")
    assert "<title>NumPy against the frameworks, size by size</title>" in map_page
    assert 'href="../index.html"' in map_page
    assert "of 36 sizes" in map_page


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
