"""The page of a study, from made-up records in which it is known who differs and who gets stuck."""

import csv
from itertools import product

import pytest
from study_records import Outcome, study_run

from bench.analysis.summary import analyse
from bench.report import sections, study, style, write_report
from bench.report.plot_data import PlotData

GRID = {"width": [4, 8, 16], "optimizer": ["sgd", "adam"], "noise": [0.1, 0.3]}


def outcome(point, contestant, seed):
    """Keras is worse with adam at width 16; all are stuck at width 4 with a noise of 0.3."""
    if point["width"] == 4 and point["noise"] == 0.3:
        return Outcome(0.5, 0.6929, None)
    worse = contestant == "keras" and point["width"] == 16 and point["optimizer"] == "adam"
    return Outcome(0.9 - 0.02 * (1 + seed % 3) * worse, 0.1, seed % 3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    directory = tmp_path_factory.mktemp("study")
    study_run(outcome, grid=GRID, seeds=10, directory=directory)
    write_report(directory)
    return directory


def read(folder, name):
    return (folder / name).read_text(encoding="utf-8")


def test_a_studys_page_answers_in_one_sentence(folder):
    report = read(folder, "report.md")
    lines = report.splitlines()
    assert lines[0] == "# NumPy against Keras: every network, many seeds"
    for said in ("differ in 2 of 12 cells", "10 seeds each", "false discovery rate of 5 %", "+3.80 points"):
        assert said in lines[2]
    assert "83 % of the trainings reach 90 % test accuracy and 17 % get stuck" in lines[2]
    assert len(lines) <= 200


def test_a_studys_page_has_a_map_and_a_table_for_each_question(folder):
    page, report = read(folder, "index.html"), read(folder, "report.md")
    for name in ("reached", "difference", "epochs", "accuracy", "stuck"):
        assert (folder / f"plots/study-{name}-study.png").is_file()
        assert f"plots/study-{name}-study.png" in report
    for title in ("Do they differ?", "Who reaches the target, and how fast?", "Where training gets stuck"):
        assert f"## {title}" in report
        assert title in page
    assert "all seeds are stuck in 2, and none in 10" in report
    assert "All of these have width `4` and noise `0.3`." in report
    assert "Of 6,000 test predictions, 38 are of another class" in report
    assert "ln 2 = 0.6931" in page


def test_the_tables_of_a_study_have_every_cell(folder):
    with (folder / "tables/study.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    cells = {(row["width"], row["optimizer"], row["noise"]) for row in rows if row["contestant"] == "numpy_nn"}
    assert cells == {tuple(map(str, values)) for values in product(*GRID.values())}
    differ = {(row["width"], row["optimizer"]) for row in rows if row["differs"] == "True"}
    assert differ == {("16", "adam")}
    with (folder / "tables/study_targets.csv").open(encoding="utf-8") as file:
        assert {row["reached"] for row in csv.DictReader(file)} == {"0", "10"}


def texts(grid, seeds=8, contestants=("numpy_nn", "keras"), outcome=lambda *_: Outcome(0.9), **options):
    analysis = analyse(study_run(outcome, grid=grid, seeds=seeds, contestants=contestants, **options))
    return sections.build(analysis, [], PlotData()), analysis


def test_where_nothing_differs_it_says_that_none_was_seen_and_what_could_have_been():
    document, _ = texts({"width": list(range(1, 13))})
    assert document.answer.startswith("No difference seen between the test accuracies of `numpy_nn` and `keras` in any of 12 cells")
    said = document.sections[0].blocks[0].text
    assert "a difference in a single cell can't be found among 12 tests" in said


@pytest.mark.parametrize(("seeds", "said"), [(3, "Too few seeds to test"), (5, "Too few seeds"), (6, "No difference seen")])
def test_with_too_few_seeds_nothing_is_called_equal(seeds, said):
    document, _ = texts({"width": [4]}, seeds=seeds)
    assert said in document.answer


def test_a_study_without_keras_or_without_a_target_says_so_and_shows_the_rest():
    document, _ = texts({"width": [4]}, contestants=["numpy_nn"], targets=[])
    assert "nothing was compared" in document.answer
    assert document.plot is None
    assert "study-accuracy-study" in [plot.name for plot in document.plots()]


@pytest.mark.parametrize("targets", [(), (0.9,)])
def test_where_it_is_not_known_what_a_stuck_training_has_nothing_is_called_stuck(targets):
    losses = ["mean_absolute_error", "huber"]
    analysis = analyse(study_run(lambda *_: Outcome(0.5, 0.6931, None), grid={"loss": losses}, seeds=8, targets=targets))
    document = sections.build(analysis, [], PlotData())
    assert "stuck" not in document.answer
    assert document.answer.endswith(("points.", "accuracy."))
    assert "Where training gets stuck" not in [section.title for section in document.sections]


def test_trainings_that_diverged_are_counted_in_words():
    document, _ = texts(
        {"width": [4]}, outcome=lambda _, name, seed: Outcome(0.9, status="ok" if seed or name == "keras" else "diverged")
    )
    assert "Of `numpy_nn`, 1 training diverged." in document.sections[0].blocks[0].text


def test_of_an_interrupted_study_only_what_was_trained_counts():
    run = study_run(lambda *_: Outcome(0.9), grid={"width": [4, 8, 16], "noise": [0.1]}, seeds=8)
    del run.trials[16:]  # `numpy_nn` of two cells
    document = sections.build(analyse(run), [], PlotData())
    said = " ".join(block.text for section in document.sections for block in section.blocks if hasattr(block, "text"))
    assert "All seeds reach 90 % test accuracy in 2 of 2 cells" in said
    assert "all seeds are stuck in 0, and none in 2" in said
    assert "nan" not in said


@pytest.mark.parametrize(
    "grid",
    [
        {"width": [4]},
        {"dtype": ["float32", "float64"]},
        {"shuffle": [False, True], "noise": [0.1]},
        {"width": list(range(1, 31)), "depth": list(range(1, 21))},
        {axis: [1, 2, 3] for axis in ("width", "depth", "epochs", "n_samples", "batch_size")},
    ],
    ids=["one cell", "words", "true and false", "more cells than fit", "more panels than are drawn"],
)
def test_any_grid_can_be_drawn(grid):
    with style.drawing():
        document, analysis = texts(grid, seeds=2)
        for plot in document.plots():
            plot.figure.canvas.draw()
    many = len(grid) == 5
    assert ("The first 16 of 27 panels" in document.plot.caption) == many
    assert len(study.studies(analysis)) == 1
