from dataclasses import replace

import numpy as np
import pytest
from synthetic import Noise, change_trials, synthetic_run
from synthetic_figures import CANARY_SECONDS, STEP_SECONDS

from bench.analysis.precision import half_width, headline_precision, headline_ratios, least_known, precision_warnings
from bench.analysis.steps import (
    FEWEST_TURNS,
    disturbance_warnings,
    in_quiet_moments,
    quickest_tenth,
    step_times,
    turns_table,
)
from bench.analysis.timing import measurements, ratio_rows, time_rows
from bench.records import OURS

SILENT = Noise(launch=0.0, round=0.0, trial=0.0, epoch=0.0)
TURNS = 6


@pytest.fixture(scope="module")
def data():
    return synthetic_run(turns=TURNS, launches=4, noise=SILENT)


def disturb(data, count, **selected):
    """The first `count` turns of the selected trials take twice as long, and the canary shows it."""

    def slowed(turn):
        seconds = [2 * seconds for seconds in turn.epoch_seconds]
        return turn.model_copy(update={"epoch_seconds": seconds, "canary_after_seconds": 2 * CANARY_SECONDS})

    def change(trial):
        return trial.model_copy(update={"turns": [*map(slowed, trial.turns[:count]), *trial.turns[count:]]})

    return change_trials(data, change, workload="moons", kind="turns", **selected)


def headline(data, reference="keras"):
    return next(row for row in headline_ratios(data) if row.reference == reference)


def test_steps_come_from_turns_where_there_are_any_and_from_whole_fits_elsewhere(data):
    kinds = {(step.trial.workload, step.trial.kind) for step in step_times(data)}
    assert kinds == {("moons", "turns"), ("article", "timed")}
    assert {step.trial.kind for step in step_times(synthetic_run())} == {"timed"}


def test_a_step_is_the_quickest_tenth_of_the_undisturbed_epochs(data):
    assert quickest_tenth(list(range(11))) == 1.0
    (step, *_) = [step for step in step_times(disturb(data, 2)) if step.trial.contestant == "keras"]
    assert step.step_seconds == pytest.approx(STEP_SECONDS["keras"])
    assert not step.disturbed


def test_disturbed_turns_move_no_ratio(data):
    truth = STEP_SECONDS[OURS] / STEP_SECONDS["keras"]
    found = headline(disturb(data, TURNS - FEWEST_TURNS, contestant="keras"))
    assert (found.ratio, found.launches) == (pytest.approx(truth), 4)


def test_a_launch_without_enough_undisturbed_turns_does_not_count_where_there_are_others(data):
    found = disturb(data, TURNS, contestant="keras", launch=2)
    assert (headline(found).launches, headline(found).ratio) == (3, pytest.approx(STEP_SECONDS[OURS] / STEP_SECONDS["keras"]))
    assert headline(found, "keras-tuned").launches == 4
    (times,) = [row for row in time_rows(measurements(found)) if row[:3] == ("moons", "keras", "step")]
    assert times.launches == 3


def test_where_every_launch_is_disturbed_all_of_them_count_and_a_warning_says_so(data):
    busy = disturb(disturb(data, TURNS, launch=1), TURNS, launch=2)
    assert headline(busy).launches == 4
    assert any("In 2 of 4 launches of `moons`" in warning and "`keras`" in warning for warning in disturbance_warnings(busy))
    assert disturbance_warnings(data) == []


def test_the_table_has_every_turn_with_what_disturbed_it(data):
    table = turns_table(disturb(data, 2, contestant="keras", launch=1))
    assert len(table) == 4 * 6 * TURNS
    slow = table[table["reason"].notna()]
    assert slow[["contestant", "launch", "turn", "reason"]].to_numpy().tolist() == [["keras", 1, n, "canary"] for n in range(2)]
    assert slow["canary"].tolist() == [2.0, 2.0]


def test_a_system_without_meters_is_said_to_be_one(data):
    unknown = dict.fromkeys(["wait_seconds", "other_cpu_seconds"])

    def change(trial):
        return trial.model_copy(update={"turns": [turn.model_copy(update=unknown) for turn in trial.turns]})

    (warning,) = disturbance_warnings(change_trials(data, change, kind="turns"))
    assert "could not be known" in warning


def test_fits_that_began_or_ended_while_the_canary_was_slow_are_found(data):
    fits = [trial for trial in data.trials if trial.kind == "timed" and trial.workload == "article"]
    readings = [(1.0, 1.0)] * (len(fits) - 1) + [(1.0, 1.2)]
    known = [
        trial.model_copy(update={"load": {"canary_before_seconds": before, "canary_after_seconds": after}})
        for trial, (before, after) in zip(fits, readings, strict=True)
    ]
    assert in_quiet_moments(known) == [True] * (len(fits) - 1) + [False]
    assert in_quiet_moments(fits) == [True] * len(fits)


def test_ratios_pair_the_turns_of_one_launch():
    noisy = synthetic_run(turns=TURNS, launches=4, noise=Noise(launch=0.1))
    rows = [one for one in measurements(noisy) if one.measure == "step" and one.workload == "moons"]
    row = next(row for row in ratio_rows(rows) if (row.contestant, row.reference) == (OURS, "keras"))
    seconds = {name: [one.seconds for one in rows if one.contestant == name] for name in (OURS, "keras")}
    assert row.pairs == 4
    assert np.log(row.ratio) == pytest.approx(np.mean(np.log(seconds[OURS])) - np.mean(np.log(seconds["keras"])))


def test_another_launch_serves_those_whose_ratio_is_known_least():
    noisy = synthetic_run(turns=TURNS, launches=4, noise=Noise(launch=0.3))
    assert least_known(noisy)[:2] == ("moons", [OURS, "keras", "keras-tuned"]), "the headline goes first"
    steady = change_trials(noisy, lambda trial: trial if trial.contestant in (OURS, "jax") else None, kind="turns")
    assert least_known(steady).contestants == [OURS, "jax"]


def test_few_launches_are_never_enough_and_a_precise_run_is(data):
    few = synthetic_run(turns=TURNS, launches=3, noise=SILENT)
    assert least_known(few).contestants == [OURS, "keras", "keras-tuned"]
    assert half_width(headline(data)) == pytest.approx(0.0, abs=1e-9)
    assert least_known(data) is None


def test_how_many_launches_are_needed_goes_with_the_square_of_what_launches_differ_by():
    def needed(noise):
        return least_known(synthetic_run(turns=TURNS, launches=12, noise=Noise(launch=noise))).launches

    some, more = needed(0.06), needed(0.12)
    assert some[OURS] == max(some["keras"], some["keras-tuned"])
    assert 2.5 < (12 + more[OURS]) / (12 + some[OURS]) < 5.5


def test_ten_percent_from_three_launches_are_enough_for_a_quick_run():
    few = synthetic_run(turns=TURNS, launches=3, noise=Noise(launch=0.01))
    quick = replace(few, run=few.run.model_copy(update={"quick": True}))
    assert 0.03 < headline_precision(quick) < 0.10
    assert least_known(few).contestants == [OURS, "keras", "keras-tuned"]
    assert least_known(quick) is None
    assert precision_warnings(quick) == []


def test_a_run_whose_turns_were_left_out_wants_them():
    none_yet = synthetic_run()
    names = [OURS, "keras"]
    workloads = [{**workload, "contestants": names} for workload in none_yet.run.workloads]
    asked = replace(none_yet, run=none_yet.run.model_copy(update={"workloads": workloads}))
    assert least_known(asked) == ("moons", names, {})
