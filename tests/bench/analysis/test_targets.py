import math

import pytest
from synthetic import Noise, change_trials, synthetic_run

from bench.analysis.summary import analyse
from bench.analysis.targets import first_epoch_at, reached_table, target_warnings, targets_table, times_to_target


@pytest.fixture(scope="module")
def found(data):
    return times_to_target(data)


def of(found, contestant, target):
    return [one for one in found if one.contestant == contestant and one.target == target]


def test_the_epoch_is_the_scored_trials_and_the_clock_the_timed_ones(data, found):
    timed = {
        trial.round: trial for trial in data.trials if (trial.workload, trial.kind, trial.contestant) == ("moons", "timed", "keras")
    }

    for one in of(found, "keras", 0.95):
        assert one.fit_seconds == pytest.approx(sum(timed[one.round].epoch_seconds[: 8 + one.round + 1]))


def test_every_trial_of_a_launch_starts_from_its_process_cold_start(data, found):
    cold = {
        trial.launch: trial.cold_start_seconds
        for trial in data.trials
        if (trial.workload, trial.kind, trial.contestant) == ("moons", "timed", "keras") and trial.cold_start_seconds
    }

    assert [one.cold_start_seconds for one in of(found, "keras", 0.95)] == [cold[one.launch] for one in of(found, "keras", 0.95)]


def test_a_trial_that_never_got_there_is_censored_after_its_last_epoch(data, found):
    (missed,) = [one for one in of(found, "keras", 0.97) if not one.reached]
    trial = next(t for t in data.trials if (t.workload, t.kind, t.contestant, t.round) == ("moons", "timed", "keras", 4))

    assert missed.round == 4
    assert missed.fit_seconds == pytest.approx(sum(trial.epoch_seconds))


def test_censored_trials_count_in_the_median_and_not_in_ratios(analysis):
    times = analysis.times[(analysis.times["contestant"] == "keras") & (analysis.times["measure"] == "to 0.97")].iloc[0]
    ratios = analysis.ratios
    ratio = ratios[(ratios["contestant"] == "numpy_nn") & (ratios["reference"] == "keras") & (ratios["measure"] == "to 0.97")].iloc[
        0
    ]

    assert (times["trials"], times["high"]) == (6, math.inf)
    assert ratio["pairs"] == 5


def test_the_curve_of_those_that_got_there_ends_below_one_where_one_did_not(found):
    table = reached_table(found)
    curve = table[(table["contestant"] == "keras") & (table["target"] == 0.97)]

    assert curve["share"].is_monotonic_increasing
    assert curve["share"].iloc[-1] == pytest.approx(5 / 6)


def test_the_count_over_seeds_has_those_that_missed(data):
    table = targets_table(data)
    row = table[(table["contestant"] == "numpy_nn") & (table["target"] == 0.97)].iloc[0]

    assert (row["seeds"], row["reached"]) == (6, 5)
    assert row["median_epoch"] == (17 + 18) / 2  # of the epochs 15, 16, 17, 18, 20 and never, counted from 1


def test_a_target_counts_as_reached_where_rounding_alone_misses_it(data):
    trial = next(trial for trial in data.trials if trial.kind == "scored" and trial.status == "ok")

    assert first_epoch_at(trial.model_copy(update={"history": {"val_accuracy": [0.9, 0.97 - 1e-16]}}), 0.97) == 1
    assert first_epoch_at(trial.model_copy(update={"history": {"val_accuracy": [0.9, 0.96]}}), 0.97) is None


def test_the_ratio_from_process_start_has_the_cold_starts_in_it():
    analysis = analyse(synthetic_run(noise=Noise(0.0, 0.0, 0.0, 0.0)))
    ratios = analysis.ratios[(analysis.ratios["contestant"] == "numpy_nn") & (analysis.ratios["reference"] == "keras")]
    by_measure = ratios.set_index("measure")["ratio"]

    assert by_measure["fit to 0.95"] == pytest.approx(36e-6 / 2.7e-3)
    assert by_measure["to 0.95"] > by_measure["fit to 0.95"]


def test_scored_and_timed_trials_that_train_differently_are_named(data):
    def change(trial):
        return trial.model_copy(update={"history": {**trial.history, "loss": [1.01 * loss for loss in trial.history["loss"]]}})

    warnings = target_warnings(change_trials(data, change, workload="moons", contestant="keras", kind="timed", round=2))

    assert any("`keras` trained differently" in warning and "seed 2" in warning for warning in warnings)
    assert not any("trained differently" in warning for warning in target_warnings(data))


def test_censored_trials_are_named_with_their_count(data):
    (warning,) = target_warnings(data)

    assert "97 %" in warning
    assert "`numpy_nn` missed it in 1 of 6" in warning


def test_the_start_of_a_process_whose_first_trial_were_turns_counts_too():
    data = synthetic_run(turns=4)
    starts = {trial.launch: trial.cold_start_seconds for trial in data.trials if trial.kind == "timed" and trial.cold_start_seconds}

    def move(trial):
        cold = starts.get(trial.launch) if trial.kind == "turns" else None
        return trial.model_copy(update={"cold_start_seconds": cold})

    moved = change_trials(change_trials(data, move, kind="timed", contestant="keras"), move, kind="turns", contestant="keras")
    before = [one.cold_start_seconds is None for one in times_to_target(data) if one.contestant == "keras"]
    after = [one.cold_start_seconds is None for one in times_to_target(moved) if one.contestant == "keras"]
    assert before == after
    assert not any(after)
