import math

import pytest
from synthetic import LEFT_OUT, change_trials, update

from bench.analysis.scaling import scaling_table

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
