import inspect
import re
from dataclasses import fields

import pandas as pd
import pytest
from study_records import Outcome, study_run
from synthetic import change_trials, synthetic_run, update

from bench.analysis.latency import COMPILED_CALL, OWN_CALL, PREDICTION_PEER, latency_tables
from bench.analysis.steps import turns_table
from bench.analysis.summary import Analysis, analyse
from bench.records import read_run
from bench.report.claims import NOT_MEASURED, OPEN, claims
from bench.report.verdict import NOTHING, verdict

TABLES = [field.name for field in fields(Analysis) if field.name not in ("data", "warnings")]


def emptied(data, **selected):
    return change_trials(data, lambda trial: None, **selected)


def documented_columns(name):
    """The words of a table's docstring: its columns are among them."""
    source = re.search(rf'    {name}: pd.DataFrame\n    """(.*?)"""', inspect.getsource(Analysis), re.DOTALL)
    assert source is not None
    return set(re.findall(r"[a-z_0-9]+", source.group(1)))


@pytest.mark.parametrize("name", TABLES)
def test_every_column_is_documented_and_no_table_of_a_whole_run_is_empty(analysis, name):
    table = turns_table(synthetic_run(turns=4)) if name == "turns" else getattr(analysis, name)
    if name.startswith("study"):  # of a run of its own, whose one axis is no column of all
        table = getattr(analyse(study_run(lambda *_: Outcome(0.9), grid={"width": [4]})), name).drop(columns="width")
    if name == "machines":  # of a run on two of them
        table = analyse(change_trials(analysis.data, update(machine="other"), launch=2)).machines

    assert len(table)
    assert set(table.columns) <= documented_columns(name)


@pytest.mark.parametrize("name", TABLES)
def test_a_run_without_any_trial_has_every_table_with_every_column(analysis, name):
    nothing = analyse(emptied(analysis.data))

    assert list(getattr(nothing, name).columns) == list(getattr(analysis, name).columns)
    if name != "scaling":
        assert getattr(nothing, name).empty


@pytest.mark.parametrize("kind", ["timed", "scored", "parity", "predict", "tune"])
def test_a_run_that_lacks_one_kind_of_trial_is_analysed_all_the_same(data, kind):
    lacking = analyse(emptied(data, kind=kind))

    assert verdict(lacking)
    assert len(claims(lacking)) == 4


@pytest.mark.parametrize("contestant", ["keras", "numpy_nn", "floor"])
def test_a_run_that_lacks_a_contestant_is_analysed_all_the_same(data, contestant):
    lacking = analyse(emptied(data, contestant=contestant))

    assert contestant not in set(lacking.times["contestant"])
    assert verdict(lacking)


def test_the_same_records_give_the_same_tables(tmp_path):
    data = synthetic_run(tmp_path, rounds=2, launches=2, scored_seeds=1, epochs=5, write=True)
    there, again = analyse(data), analyse(read_run(tmp_path))

    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(there, name), getattr(again, name))
    assert there.warnings == again.warnings


def test_no_table_holds_a_zero_in_place_of_a_figure_that_was_not_measured(analysis):
    for name in ("times", "ratios", "limits", "latency", "latency_ratios"):
        numbers = getattr(analysis, name).select_dtypes("number")
        assert not (numbers == 0).to_numpy().any(), name


def of_one_row(table, contestant):
    rows = table[(table["rows"] == 1) & (table["contestant"] == contestant) & ~table["compiled_by_hand"].astype(bool)]
    return rows.set_index(["reference", "measure"])


def test_predictions_are_compared_with_keras_own_calls_and_with_what_is_compiled_from_it_by_hand(data):
    _, ratios = latency_tables(data)

    assert of_one_row(ratios, "keras-tuned").loc[(OWN_CALL, "median"), "ratio"] == 1.0
    assert of_one_row(ratios, "onnxruntime").loc[(PREDICTION_PEER, "p99"), "ratio"] == 1.0
    ours = of_one_row(ratios, "numpy_nn")
    assert ours.loc[(OWN_CALL, "median"), "ratio"] == pytest.approx(5e-6 / 0.9e-3, rel=0.1)
    assert ours.loc[(COMPILED_CALL, "median"), "ratio"] == pytest.approx(5e-6 / 0.9e-4, rel=0.1)
    assert ours.loc[(OWN_CALL, "p99"), "low"] < ours.loc[(OWN_CALL, "p99"), "ratio"] < ours.loc[(OWN_CALL, "p99"), "high"]


def test_a_latency_is_summed_up_over_the_turns_of_all_launches(data):
    table, _ = latency_tables(data)
    ours = table[(table["rows"] == 1) & (table["contestant"] == "numpy_nn")].iloc[0]

    assert (ours["launches"], ours["calls"]) == (2, 2 * 2 * 2000)
    assert ours["median_low"] < ours["median_seconds"] < ours["median_high"] < ours["p99_seconds"]


def test_a_latency_names_the_call_where_a_contestant_had_several(data):
    table, _ = latency_tables(data)
    calls = table[table["contestant"].isin(["keras", "numpy_nn"])].set_index(["contestant", "rows", "compiled_by_hand"])["call"]

    assert calls.dropna().to_dict() == {("keras", 1, False): "model(x)", ("keras", 1, True): "jit(model)"}


def test_without_onnxruntime_there_is_no_ratio_to_it(data):
    assert PREDICTION_PEER not in set(latency_tables(emptied(data, contestant="onnxruntime"))[1]["reference"])


def test_the_parts_warnings_come_together(analysis):
    text = "\n".join(analysis.warnings)

    assert "97 % test accuracy was not reached" in text
    assert "`scaling`" not in text
    assert "--time-budget" in text


def test_a_verdict_on_nothing_says_so(data):
    nothing = change_trials(data, lambda trial: None)
    bare = nothing.run.model_copy(update={"contestants": []})

    assert verdict(analyse(type(data)(data.directory, bare, []))) == [NOTHING]
    assert {claim.judgement for claim in claims(analyse(nothing))} == {OPEN}
    assert {claim.measured for claim in claims(analyse(nothing))} == {NOT_MEASURED}
