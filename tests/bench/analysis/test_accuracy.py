import math

import numpy as np
import pytest
from scipy import stats
from synthetic import change_trials, synthetic_run, update

from bench.analysis.accuracy import accuracy_table, agreement, agreement_table, curves_table


def row_of(table, **values):
    for name, value in values.items():
        table = table[table[name] == value]
    assert len(table) == 1
    return table.iloc[0]


def column(*values):
    return np.array(values, dtype=float).reshape(-1, 1)


def test_the_mean_over_seeds_has_students_interval(data):
    accuracies = [trial.test_accuracy for trial in data.trials if trial.kind == "scored" and trial.contestant == "numpy_nn"]
    row = row_of(accuracy_table(data), workload="moons", contestant="numpy_nn")
    low, high = stats.t.interval(0.95, len(accuracies) - 1, np.mean(accuracies), stats.sem(accuracies))

    assert (row["seeds"], row["accuracy_mean"]) == (len(accuracies), pytest.approx(np.mean(accuracies)))
    assert (row["accuracy_low"], row["accuracy_high"]) == pytest.approx((low, high))


def test_an_accuracy_interval_stays_within_0_and_1():
    table = accuracy_table(change_trials(synthetic_run(), update(test_accuracy=1.0), contestant="numpy_nn", seed=0))

    assert table["accuracy_high"].max() <= 1.0


def test_the_difference_is_paired_by_seed(data):
    lower = change_trials(data, update(test_accuracy=0.96), contestant="numpy_nn", kind="scored", seed=0)  # from 0.97
    row = row_of(accuracy_table(lower), workload="moons", contestant="numpy_nn")

    assert row["difference_mean"] == pytest.approx(-0.01 / 6)
    assert row["difference_high"] - row["difference_low"] < row["accuracy_high"] - row["accuracy_low"]


def test_the_reference_has_no_difference_to_itself(data):
    row = row_of(accuracy_table(data), workload="moons", contestant="keras")

    assert math.isnan(row["difference_mean"])
    assert row["equivalent"] is None


def test_equal_accuracies_are_equivalent_and_those_a_point_apart_are_not(data):
    worse = change_trials(
        data,
        lambda trial: trial.model_copy(update={"test_accuracy": trial.test_accuracy - 0.01}),
        contestant="numpy_nn",
        kind="scored",
    )

    assert row_of(accuracy_table(data), workload="moons", contestant="numpy_nn")["equivalent"] is True
    assert row_of(accuracy_table(worse), workload="moons", contestant="numpy_nn")["equivalent"] is False


def test_one_seed_has_a_mean_and_no_interval(data):
    row = row_of(accuracy_table(data), workload="moons", contestant="jax")

    assert (row["seeds"], row["accuracy_mean"]) == (1, 0.97)
    assert math.isnan(row["accuracy_low"])


def test_a_workload_without_scored_trials_is_judged_by_its_timed_ones(data):
    assert row_of(accuracy_table(data), workload="article", contestant="article")["seeds"] == 3


def test_a_class_that_differs_near_the_cut_is_no_disagreement():
    reference, other = column(0.49995, 0.2, 0.7), column(0.50005, 0.2, 0.7)

    assert agreement(reference, other) == (3, 1, 0, pytest.approx(1e-4))


def test_a_class_that_differs_elsewhere_is_one():
    assert agreement(column(0.4, 0.9), column(0.6, 0.9)) == (2, 0, 1, pytest.approx(0.2))


def test_of_several_outputs_the_first_largest_counts():
    reference = np.array([[0.2, 0.7, 0.1], [0.40001, 0.4, 0.19999]])

    assert agreement(reference, np.array([[0.7, 0.2, 0.1], [0.4, 0.40001, 0.19999]]))[:3] == (2, 1, 1)


def test_predictions_are_compared_seed_by_seed(data):
    table = agreement_table(data)
    ours = table[table["contestant"] == "numpy_nn"]

    assert ours["seed"].tolist() == [0, 1, 2, 3, 4, 5]
    assert ours["near"].tolist() == [1] * 6
    assert ours["disagree"].tolist() == [0] * 6
    assert "keras" not in set(table["contestant"])


def test_without_the_reference_there_is_no_agreement_to_speak_of(data):
    assert agreement_table(change_trials(data, lambda trial: None, contestant="keras")).empty


def test_curves_are_of_scored_trials_and_elsewhere_of_the_first_timed_one(data):
    table = curves_table(data)
    article = table[table["workload"] == "article"]

    assert table[(table["workload"] == "moons") & (table["contestant"] == "keras")]["seed"].nunique() == 6
    assert article.groupby("contestant")["seed"].nunique().to_dict() == {"article": 1, "keras": 1, "numpy_nn": 1}
    assert article["val_accuracy"].isna().all()
