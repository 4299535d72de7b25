import math

import numpy as np
import pytest
from synthetic import change_trials, update
from synthetic_figures import LEFT_OUT

from bench.analysis.scaling import _interval, scaling_table

CELL = {"width": 64, "batch": 32, "layers": 2, "threads": 1}
LARGEST = {"width": 512, "batch": 1024, "layers": 2, "threads": 1}


def cell_of(table, point):
    for name, value in point.items():
        table = table[table[name] == value]
    return table.set_index("contestant")


def test_every_cell_has_a_row_for_every_contestant(data):
    table = scaling_table(data)

    assert len(table) == 3 * 3 * 2 * 2 * 4
    assert not table.duplicated(["width", "batch", "layers", "threads", "contestant"]).any()


def test_contestants_are_ranked_in_their_cell_and_the_floor_is_none_of_them(data):
    cell = cell_of(scaling_table(data), CELL)

    assert cell.loc[["numpy_nn", "jax", "keras"], "rank"].tolist() == [1, 2, 3]
    assert math.isnan(cell.loc["floor", "rank"])
    assert cell.loc["floor", "ratio_to_best"] < 1


def test_the_ratio_to_the_best_is_exactly_one_for_the_best_and_has_an_interval_for_others(data):
    cell = cell_of(scaling_table(data), LARGEST)

    assert cell.loc["jax", ["ratio_to_best", "low", "high"]].tolist() == [1, 1, 1]
    assert cell.loc["numpy_nn", "low"] < cell.loc["numpy_nn", "ratio_to_best"] < cell.loc["numpy_nn", "high"]


def disturbed(trial):
    """Every other epoch takes longer, as on a core that another process wants too."""
    seconds = [value * (1.5 if number % 2 else 1) for number, value in enumerate(trial.epoch_seconds)]
    return trial.model_copy(update={"epoch_seconds": seconds})


def test_a_core_that_others_want_half_of_the_time_changes_no_rank(data):
    before = cell_of(scaling_table(data), CELL)
    after = cell_of(scaling_table(change_trials(data, disturbed, contestant="numpy_nn", point=CELL)), CELL)

    assert after["rank"].equals(before["rank"])
    assert after["step_seconds"].to_numpy() == pytest.approx(before["step_seconds"].to_numpy(), rel=0.05)


def disturbed_rounds(rng, rounds, share):
    """Seconds of rounds of 23 epochs, of which the core is slow for a share, 20 epochs long on average."""
    quiet = np.exp(rng.normal(0, 0.01, (rounds, 1)) + rng.normal(0, 0.02, (rounds, 23)))
    slow = rng.random((rounds, 23)) < share
    for epoch in range(1, 23):
        slow[:, epoch] = np.where(rng.random(rounds) < 0.95, slow[:, epoch - 1], slow[:, epoch])
    return quiet * np.where(slow, 1.6, 1)


@pytest.mark.parametrize(("rounds", "share"), [(4, 0.0), (4, 0.2), (12, 0.5)])
def test_the_interval_holds_the_true_ratio_as_often_as_it_claims(rounds, share):
    rng = np.random.default_rng(7)
    intervals = [_interval(disturbed_rounds(rng, rounds, share), disturbed_rounds(rng, rounds, share)) for _ in range(300)]

    assert np.mean([low <= 1 <= high for low, high in intervals]) >= 0.93


def test_one_round_alone_has_no_interval():
    assert all(math.isnan(end) for end in _interval(np.ones((1, 5)), np.ones((4, 5))))


def test_a_point_that_was_left_out_keeps_its_row_with_the_rule(data):
    row = cell_of(scaling_table(data), LARGEST).loc["keras"]

    assert LEFT_OUT in row["left_out"]
    assert math.isnan(row["step_seconds"])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda trial: None, "the run had ended before"),
        (update(status="timeout", error="took longer than 60 s"), "timeout: took longer than 60 s"),
        (update(epoch_seconds=[1.0]), "single epoch"),
    ],
)
def test_a_point_without_a_figure_says_why(data, change, reason):
    table = scaling_table(change_trials(data, change, contestant="jax", point=CELL))

    assert reason in cell_of(table, CELL).loc["jax", "left_out"]
