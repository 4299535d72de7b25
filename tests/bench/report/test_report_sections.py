from dataclasses import replace

import numpy as np
import pytest
from report_frames import time_row
from synthetic import change_trials

from bench.analysis.steps import STEP_ESTIMATOR
from bench.analysis.summary import analyse
from bench.analysis.timing import RatioRow
from bench.report import derived, fairness, glossary, markdown, methodology, sections, verdict
from bench.report.badges import badges
from bench.report.claims import claims
from bench.report.csv_tables import csv_tables, frame_as_csv
from bench.report.document import Bullets, Plot, Table
from bench.report.plot_data import PlotData
from bench.report.tables import accuracy, scaling, times
from bench.report.tables.latency import latency_ratios
from bench.report.tables.ranking import ranking

MOONS_TIMES = [
    time_row("keras", "step", 2.7e-3, low=2.6e-3, high=2.9e-3),
    time_row("keras", "cold start", 5.0),
    time_row("keras", "fit", 16.0),
    time_row("keras", "to 0.95", 9.0),
    time_row("keras", "fit to 0.95", 4.0),
    time_row("numpy_nn", "step", 30e-6, low=29e-6, high=33e-6),
    time_row("numpy_nn", "cold start", 0.1),
    time_row("numpy_nn", "fit", 0.2),
    time_row("numpy_nn", "to 0.95", 0.2),
    time_row("numpy_nn", "fit to 0.95", 0.1),
    time_row("floor", "step", 20e-6),
]


def shown(document, title):
    return next((section.blocks for section in document.sections if section.title == title), ())


def grid(width, batch, **steps):
    cell = {"width": width, "batch": batch, "layers": 2, "threads": 1}
    ranked = sorted((name for name in steps if name != "floor"), key=steps.get)
    return [
        cell
        | {"contestant": name, "step_seconds": seconds, "ratio_to_best": seconds / steps[ranked[0]]}
        | {"rank": np.nan if name == "floor" or np.isnan(seconds) else ranked.index(name) + 1}
        for name, seconds in steps.items()
    ]


def test_a_section_with_nothing_measured_is_not_there(analysis_of, data, with_trials):
    empty = with_trials(data, [])
    run = data.run.model_copy(update={"stop_reason": None})
    document = sections.build(analysis_of(replace(empty, run=run)), [], PlotData())
    assert [section.title for section in document.sections] == [
        "Failed and missing contestants",
        "Environment",
        "How to make it again",
    ]
    assert document.answer == "This run has no figures for an answer."
    assert not list(document.plots())


def test_sections_come_in_the_order_in_which_a_reader_asks(data):
    analysis = analyse(data)
    document = sections.build(analysis, claims(analysis), PlotData())
    titles = [section.title for section in document.sections]
    assert titles[:4] == ["Every contestant", "Where it loses", "Is it fair?", "The article's claims"]
    assert [section.folded for section in document.sections] == [False] * 4 + [True] * (len(titles) - 4)
    assert {"All times", "All ratios", "Prediction", "Memory", "The article's run", "Distance to the limit", "Raw parity"} <= set(
        titles
    )


def test_the_ranking_has_the_fastest_step_first_and_the_floor_nowhere(analysis_of):
    table = ranking(analysis_of(times=MOONS_TIMES), "moons", "", "to 0.95")
    assert [row.cells[0] for row in table.rows] == ["numpy_nn", "keras"]
    assert table.columns[3:6] == ("step", "step against keras", "to 95 %")


def test_the_rankings_ratio_has_its_interval_beside_it_for_every_baseline(analysis_of):
    ratio = {"workload": "moons", "contestant": "numpy_nn", "reference": "keras", "measure": "step", "ratio": 1 / 90}
    back = {"workload": "moons", "contestant": "keras", "reference": "numpy_nn", "measure": "step", "ratio": 90.0}
    analysis = analysis_of(times=MOONS_TIMES, ratios=[ratio | {"low": 1 / 95, "high": 1 / 85}, back | {"low": 85.0, "high": 95.0}])
    table = ranking(analysis, "moons", "", None)
    assert [row.cells[4] for row in table.rows] == ["90 × faster [85, 95]", "baseline"]
    assert table.comparisons["numpy_nn"]["keras"].text == "90 × slower [85, 95]"


def test_steps_that_dont_divide_into_their_ratio_come_with_a_note(analysis_of):
    ratio = {"workload": "moons", "contestant": "numpy_nn", "reference": "keras", "measure": "step", "low": 1 / 95, "high": 1 / 70}
    quotient = 30e-6 / 2.7e-3
    apart, exact = (
        ranking(analysis_of(times=MOONS_TIMES, ratios=[ratio | {"ratio": value}]), "moons", "", None).notes
        for value in (1.1 * quotient, quotient)
    )
    assert "don't divide exactly" in apart[0]
    assert exact == ()


def test_a_row_of_one_seed_or_one_trial_is_in_doubt(data):
    rows = {row.cells[0]: row.doubt for row in ranking(analyse(data), "moons", "", None).rows}
    assert rows["jax"] == "one seed"
    assert rows["numpy_nn"] == ""


def test_a_contestant_that_diverged_says_so_in_place_of_an_accuracy(data):
    def change(trial):
        return trial.model_copy(update={"history": {**trial.history, "loss": [float("inf")] * len(trial.history["loss"])}})

    lost = change_trials(data, change, kind="scored", contestant="jax")
    (row,) = [row for row in ranking(analyse(lost), "moons", "", None).rows if row.cells[0] == "jax"]
    assert row.cells[2] == "diverged"
    assert "diverged" in row.doubt


def test_the_badges_say_what_limits_the_answer(data):
    run = data.run.model_copy(update={"quick": True, "status": "interrupted"})
    texts = [badge.text for badge in badges(analyse(replace(data, run=run)))]
    assert texts[:2] == ["quick run: don't quote it", "run interrupted: only what had ended"]
    assert "1 contestant failed" in texts
    lost = {"status": "failed", "error": "lost"}
    partly = change_trials(data, lambda trial: trial.model_copy(update=lost) if trial.round == 0 else trial, contestant="jax")
    assert "1 contestant failed in part" in [badge.text for badge in badges(analyse(partly))]
    one = change_trials(data, lambda trial: trial if trial.launch < 2 else None, kind="timed", workload="moons")
    assert "one launch only" in [badge.text for badge in badges(analyse(one))]


def test_every_term_of_the_page_is_in_the_glossary():
    words = {
        "cold start",
        "steady state",
        "floor",
        "peak",
        "parity",
        "interval",
        "launch",
        "round",
        "trial",
        "run",
        "seed",
        "step",
        "epoch",
    }
    words |= {"workload", "contestant", "target", "baseline", "diverged", "disturbed", "turn"}
    assert words <= set(glossary.GLOSSARY)
    assert all(glossary.term_of(glossary.PATTERN.search(word if word.endswith("ed") else f"two {word}s")) == word for word in words)
    assert STEP_ESTIMATOR in glossary.GLOSSARY["step"]
    assert glossary.PATTERN.search("the peak memory of a process") is None


def test_measures_stand_in_one_order_with_the_targets_last(analysis_of):
    columns = times.times(analysis_of(times=MOONS_TIMES), "moons", "").columns
    assert columns == ("contestant", "cold start", "step", "whole fit", "to 95 %", "training to 95 %")


def test_a_figure_that_is_missing_for_one_contestant_is_a_dash(analysis_of):
    table = times.times(analysis_of(times=[*MOONS_TIMES, time_row("jax", "step", 48e-6)]), "moons", "")
    (jax,) = [row for row in table.rows if row[0] == "jax"]
    assert jax == ("jax", "–", "48.0 µs", "–", "–", "–")


def test_what_time_goes_into_adds_up_to_the_whole(analysis_of, data):
    limits = [{"workload": "moons", "contestant": name, "floor_seconds": 20e-6} for name in ("keras", "numpy_nn")]
    analysis = analysis_of(times=MOONS_TIMES, limits=limits)
    parts = derived.breakdown(analysis, "moons").set_index("contestant")
    steps = derived.steps_of(analysis, "moons")["numpy_nn"]
    assert steps == 5 * 29
    assert parts.loc["numpy_nn", "products"] == pytest.approx(20e-6 * steps)
    np.testing.assert_allclose(parts[["cold_start", "products", "rest"]].sum(axis=1), parts["total"])


def test_accuracy_against_time_starts_after_the_cold_start_and_the_first_epoch(analysis_of):
    measures = {"cold start": 1.0, "first epoch": 0.5, "epoch": 0.1}
    curves = [
        {"workload": "moons", "contestant": "keras", "seed": seed, "epoch": epoch, "val_accuracy": 0.9 + 0.02 * seed}
        for seed in (0, 1)
        for epoch in (0, 1)
    ]
    analysis = analysis_of(times=[time_row("keras", name, value) for name, value in measures.items()], curves=curves)
    table = derived.accuracy_against_time(analysis, "moons")
    np.testing.assert_allclose(table["seconds"], [1.5, 1.6])
    np.testing.assert_allclose(table[["accuracy", "least", "most"]], [[0.91, 0.90, 0.92]] * 2)


def test_the_map_counts_a_cell_within_5_per_cent_as_won_and_lists_the_others(analysis_of):
    rows = grid(8, 1, numpy_nn=1.0, jax=2.0) + grid(8, 32, numpy_nn=1.04, jax=1.0) + grid(64, 32, numpy_nn=1.3, jax=1.0, floor=0.1)
    document = sections.build(analysis_of(scaling=rows), [], PlotData())
    blocks = shown(document, "Where it loses")
    assert document.answer == (
        "NumPy is first, or within 5 % of the first, in 2 of 3 sizes of network and batch; it loses to `jax` at batch 32."
    )
    assert "first in 1 of 3 sizes of network and batch, and first or within 5 % of the first in 2 (67 %)" in blocks[0].text
    (lost,) = [block for block in blocks if isinstance(block, Table)]
    why = "NumPy's calls: 92 % of the step is beside its products, which alone take 0.10 × the first's step"
    assert lost.rows == (("64", "32", "2", "1", "jax", "1.00 s", "1.30 s", "too few rounds to tell (1.3 × slower)", why),)


def test_a_cell_whose_floor_is_above_the_firsts_whole_step_is_put_down_to_the_blas(analysis_of):
    cells = derived.winners(analysis_of(scaling=grid(64, 32, numpy_nn=1.5, jax=1.0, floor=1.2)).scaling)
    assert scaling.lost_cells(cells, "").rows[0][-1] == "NumPy's BLAS: the products alone take 1.2 × the first's whole step"


def test_a_cell_in_which_we_were_not_measured_counts_as_lost(analysis_of):
    cells = derived.winners(analysis_of(scaling=grid(8, 1, jax=1.0, keras=2.0)).scaling)
    assert scaling.lost_cells(cells, "").rows[0][-3:] == ("–", "–", "–")


def test_points_left_out_of_the_scaling_study_are_counted_with_their_rule(analysis_of):
    rows = grid(8, 1, numpy_nn=1.0) + [{**row, "left_out": "took too long"} for row in grid(64, 1, keras=np.nan)]
    assert scaling.left_out(analysis_of(scaling=rows).scaling, "").rows == (("keras", "1", "took too long"),)


def test_a_failed_trial_and_a_missing_contestant_are_named_with_what_to_do(data):
    failed, missing = methodology.failures(data).blocks
    assert ("torch", "moons", "scored", "failed", "`RuntimeError: no such device`", "1", "0") in failed.rows
    assert ("torch", "moons", "timed", "failed", "`the worker died of signal 11`", "2", "0, 1") in failed.rows
    assert [row[0] for row in missing.rows] == ["keras-torch"]
    assert missing.rows[0][-1].startswith("`python -m pip install")


def test_a_long_error_is_cut_and_keeps_to_one_line(data, with_trials):
    trial = next(trial for trial in data.trials if trial.status == "failed").model_copy(update={"error": "line\n" * 100})
    ((*_, error, _, _),) = methodology.failures(with_trials(data, [trial])).blocks[0].rows
    assert "\n" not in error
    assert len(error) == 202


def test_damaged_lines_are_listed_by_number(data):
    damaged = replace(data, damaged=["trials.jsonl, line 7: seed: Field required"])
    assert Bullets(("trials.jsonl, line 7: seed: Field required",)) in methodology.warnings(damaged, [], []).blocks


def test_an_interrupted_quick_run_says_both_before_all_other_warnings(data):
    run = data.run.model_copy(update={"status": "interrupted", "quick": True})
    (bullets, _) = methodology.warnings(replace(data, run=run), ["A process took half a core."], []).blocks
    assert ["--quick" in bullets.items[0], "interrupted" in bullets.items[1]] == [True, True]
    assert bullets.items[2] == "A process took half a core."


@pytest.mark.parametrize(
    ("of_tuned", "badge"),
    [
        ((0.0244, 0.0256), None),
        ((0.02415, 0.02585), "ratio to `keras-tuned` known to ±3.4 % (goal ±3 %)"),
        ((0.02, 0.03), "ratio to `keras-tuned` known to ±20 % (goal ±3 %)"),
        ((0.01, 0.09), "ratio to `keras-tuned` known within a factor of 3.0 (goal ±3 %)"),
        ((np.nan, np.nan), "too few rounds for an interval"),
    ],
)
def test_a_badge_names_the_headline_ratio_that_is_least_known(data, monkeypatch, of_tuned, badge):
    rows = [
        RatioRow("moons", "numpy_nn", reference, "step", ratio, *ends, 4, 4)
        for reference, ratio, ends in (("keras", 0.0150, (0.0148, 0.0152)), ("keras-tuned", 0.025, of_tuned))
    ]
    monkeypatch.setattr("bench.report.badges.headline_ratios", lambda _: rows)
    quick = replace(data, run=data.run.model_copy(update={"quick": badge is None}))  # whose goal is ±10 %
    texts = [each.text for each in badges(analyse(quick)) if "ratio" in each.text or "rounds" in each.text]
    assert texts == ([] if badge is None else [badge])


def test_a_contestant_that_is_not_installed_limits_nothing_and_is_no_warning(data):
    absent = data.run.contestants[0].model_copy(update={"name": "torch", "missing": ["torch"]})
    said = ["torch is left out: torch is missing, install it by  pip", "torches are left out of this sentence"]
    run = data.run.model_copy(update={"contestants": [*data.run.contestants, absent], "notes": said})
    assert methodology.notes(replace(data, run=run)) == said[1:]


def test_a_run_of_predictions_alone_is_answered_by_them(data, with_trials):
    alone = with_trials(data, [trial for trial in data.trials if trial.kind == "predict"])
    analysis = analyse(alone)
    assert verdict.answer(analysis).startswith("Predictions of NumPy against Keras' fastest call: 1 row ")
    baselines = [
        row[0] for row in latency_ratios(analysis, "moons", "").rows if row[1] == "baseline" and row[0].endswith(", 1 row")
    ]
    assert len(baselines) == 1
    assert baselines[0].startswith("keras")
    without = with_trials(data, [trial for trial in alone.trials if "keras" not in trial.contestant])
    assert verdict.answer(analyse(without)).startswith("A prediction of 1 row takes ")


def test_means_over_other_seeds_are_told_apart(data, with_trials):
    fewer = [trial for trial in data.trials if (trial.contestant, trial.kind, trial.seed) != ("keras", "scored", 0)]
    (sentence,) = verdict.same_accuracy(analyse(with_trials(data, fewer)))
    assert "over 2 and 1 seed is" in sentence
    assert "points over the seeds of both" in sentence


def test_the_list_of_what_differs_has_nothing_that_does_not(data):
    (_, table) = fairness.differences(data, "moons")
    text = markdown._prose(table, 30)
    assert "**keras-tuned** settings: " in text
    assert "as the others" not in text


def test_what_differs_between_contestants_stands_in_one_table(data):
    same, table = fairness.differences(data, "moons")
    assert "updates 145, batch 32" in same.text
    assert table.columns == ("contestant", "the clock includes", "settings")
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["keras-tuned"] == ("as the others", "`jit_compile=True`, `steps_per_execution=29`")
    assert rows["sklearn"] == ("every update, and each epoch's loss", "as the others")
    assert "numpy_nn" not in rows


def test_settings_of_ones_own_are_a_difference(data):
    _, table = fairness.differences(data, "article")
    keras = dict(zip(table.columns, next(row for row in table.rows if row[0] == "keras"), strict=True))
    assert keras["batch order"].startswith("shuffled anew")
    assert (keras["batch"], keras["precision"], keras["first weights"]) == ("32", "float32", "glorot_uniform")


def test_csv_tables_are_sorted_and_keep_every_digit(analysis_of):
    third = [time_row("numpy_nn", "step", 1 / 3), time_row("keras", "step", 0.1), time_row("keras", "fit", 0.2, workload="article")]
    frames = csv_tables(analysis_of(times=third))
    assert set(frames) == {"times", "ratios"}
    lines = frame_as_csv(frames["times"]).splitlines()
    assert [line.split(",")[:3] for line in lines[1:]] == [
        ["article", "keras", "fit"],
        ["moons", "keras", "step"],
        ["moons", "numpy_nn", "step"],
    ]
    assert "0.3333333333333333" in lines[3]


def test_no_two_plots_and_no_two_tables_share_a_name(data):
    analysis = analyse(data)
    document = sections.build(analysis, claims(analysis), PlotData())
    for names in ([plot.name for plot in document.plots()], [table.name for table in document.tables()]):
        assert len(names) == len(set(names)) >= 4
    assert all(isinstance(plot, Plot) and plot.alt and plot.caption for plot in document.plots())


def test_a_step_that_differs_between_contestants_comes_with_a_warning(analysis_of):
    ratio = {"contestant": "numpy_nn", "reference": "keras", "measure": "fit", "ratio": 0.5, "low": 0.4, "high": 0.6}
    fits = [time_row(name, "fit", 1.0, workload=workload) for name in ("keras", "numpy_nn") for workload in ("article", "moons")]
    analysis = analysis_of(times=fits, ratios=[ratio | {"workload": name} for name in ("article", "moons")])
    document = sections.build(analysis, [], PlotData())
    captions = {
        title: [block.caption for block in shown(document, title) if isinstance(block, Table) and "against" in block.caption]
        for title in ("The article's run", "All ratios")
    }
    assert captions["The article's run"]
    assert all("compare the whole fit" in caption for caption in captions["The article's run"])
    assert not any("compare the whole fit" in caption for caption in captions["All ratios"])


def test_agreement_is_summed_over_the_seeds(analysis_of):
    rows = [
        {
            "workload": "moons",
            "contestant": "jax",
            "seed": seed,
            "points": 100,
            "near": 1,
            "disagree": seed,
            "largest_difference": 1e-6 * (1 + seed),
        }
        for seed in (0, 1)
    ]
    assert accuracy.agreement(analysis_of(agreement=rows), "moons", "").rows == (("jax", "2", "200", "2", "1", "2.0e-06"),)
