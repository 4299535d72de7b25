import math
from dataclasses import replace

import numpy as np
import pytest
from synthetic import Noise, change_trials, synthetic_run, update
from synthetic_figures import STEP_SECONDS

from bench.analysis.limits import limits_table
from bench.analysis.precision import headline_precision, precision_warnings
from bench.analysis.timing import measurements, memory_table, ratio_rows, time_rows


def find(rows, **values):
    (found,) = [row for row in rows if all(getattr(row, name) == value for name, value in values.items())]
    return found


def figures_of(data, **changes):
    """The figures of one whole fit alone."""
    trial = next(trial for trial in data.trials if trial.kind == "timed" and trial.contestant == "numpy_nn")
    alone = replace(data, trials=[trial.model_copy(update={"cold_start_seconds": None, **changes})])
    return {one.measure: one.seconds for one in measurements(alone)}


def test_the_steady_state_of_a_whole_fit_is_the_quickest_tenth_of_all_epochs_but_the_first(data):
    epochs = [9.0, *np.arange(1.0, 12.0)]

    assert figures_of(data, epoch_seconds=epochs, steps=24, fit_seconds=75.5) == pytest.approx(
        {"first epoch": 9.0, "step": 1.0, "epoch": 2.0, "fit": 75.5}
    )


def test_a_single_epoch_has_no_steady_state(data):
    assert "step" not in figures_of(data, epoch_seconds=[1.0])


def test_every_measure_has_its_trials_and_launches(data):
    rows = time_rows(measurements(data))

    assert find(rows, workload="moons", contestant="keras", measure="step")[-2:] == (6, 3)
    assert find(rows, workload="moons", contestant="keras", measure="cold start")[-2:] == (3, 3)


def test_what_every_round_slows_down_alike_leaves_the_ratios_exact():
    quiet = Noise(launch=0.0, round=1.0, trial=0.0, epoch=0.0)
    row = find(
        ratio_rows(measurements(synthetic_run(noise=quiet))),
        workload="moons",
        contestant="numpy_nn",
        reference="keras",
        measure="step",
    )

    truth = STEP_SECONDS["numpy_nn"] / STEP_SECONDS["keras"]
    assert (row.ratio, row.low, row.high) == pytest.approx((truth, truth, truth))
    assert (row.pairs, row.launches) == (6, 3)


def test_a_round_that_one_of_two_lost_is_left_out_of_their_ratio_alone(data):
    lost = change_trials(data, update(status="failed", error="gone"), workload="moons", contestant="keras", kind="timed", round=2)
    rows = ratio_rows(measurements(lost))

    assert find(rows, workload="moons", contestant="numpy_nn", reference="keras", measure="step").pairs == 5
    assert find(rows, workload="moons", contestant="numpy_nn", reference="jax", measure="step").pairs == 6


def test_a_contestant_that_failed_has_no_times(data):
    assert "torch" not in {row.contestant for row in time_rows(measurements(data))}


def test_cells_of_a_grid_are_not_mixed_into_the_times(data):
    assert "scaling" not in {one.workload for one in measurements(data)}


def test_the_memory_is_the_largest_of_the_timed_trials(data):
    table = memory_table(
        change_trials(data, update(peak_memory_bytes=99_000_000), workload="moons", contestant="numpy_nn", round=3)
    )

    assert table[(table["workload"] == "moons") & (table["contestant"] == "numpy_nn")]["peak_memory_bytes"].item() == 99_000_000


def test_the_floor_is_one_floor_away_from_itself_and_others_are_as_far_as_their_ratio(data):
    times, ratios = time_rows(measurements(data)), ratio_rows(measurements(data))
    table = limits_table(data, times, ratios).set_index("contestant")
    ratio = find(ratios, workload="moons", contestant="numpy_nn", reference="floor", measure="step")

    assert table.loc["floor", "times_floor"] == 1.0
    assert tuple(table.loc["numpy_nn", ["times_floor", "low", "high"]]) == (ratio.ratio, ratio.low, ratio.high)


def test_the_share_of_the_peak_is_what_the_step_reaches_of_it(data):
    table = limits_table(data, time_rows(measurements(data)), ratio_rows(measurements(data))).set_index("contestant")

    assert table.loc["numpy_nn", "share_of_peak"] == pytest.approx(978_000 / table.loc["numpy_nn", "step_seconds"] / 9.0e10)


def test_the_precision_is_the_wider_of_the_two_headline_intervals(data):
    rows = ratio_rows(measurements(data))
    widths = [
        (row.high - row.low) / 2 / row.ratio
        for row in rows
        if row.workload == "moons" and row.contestant == "numpy_nn" and row.measure == "step" and row.reference.startswith("keras")
    ]

    assert len(widths) == 2
    assert headline_precision(data) == pytest.approx(max(widths))


def test_one_round_has_no_precision_yet_and_a_run_without_both_sides_never_will():
    assert headline_precision(synthetic_run(rounds=1, launches=1)) == math.inf
    assert headline_precision(change_trials(synthetic_run(), lambda trial: None, contestant="numpy_nn")) is None


def test_more_launches_make_the_headline_more_precise():
    few, many = (
        np.median([headline_precision(synthetic_run(seed=seed, rounds=2 * n, launches=n)) for seed in range(5)]) for n in (3, 12)
    )

    assert many < few / 2


def test_a_headline_that_is_not_precise_says_what_would_help(data):
    assert "--time-budget" in precision_warnings(data)[0]
    assert precision_warnings(synthetic_run(noise=Noise(0.0, 0.1, 0.0, 0.0))) == []
