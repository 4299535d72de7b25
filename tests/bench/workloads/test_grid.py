"""The cells of scaling studies."""

import pytest
from harness import workload

from bench.workloads import WORKLOADS, grid


def test_a_grids_cells_are_all_combinations_the_smallest_values_first():
    study = workload(rounds=1, grid={"width": [16, 8], "batch": [4, 1]})
    assert grid.points(study) == [{"width": w, "batch": b} for w in (8, 16) for b in (1, 4)]
    assert grid.points(workload(rounds=1)) == [{}]


def test_a_cell_keeps_what_its_axes_do_not_set():
    study = workload(rounds=1, training={"epochs": 7})
    assert grid.architecture_at(study, {"threads": 2, "batch": 4}) == study.architecture
    assert (grid.epochs_at(study, {"width": 4}, 7), grid.rows_at(study, {"width": 4}, 100)) == (7, None)


@pytest.mark.parametrize("name", ["scaling", "depth"])
def test_the_scaling_studies_have_enough_rows_for_four_steps_of_the_largest_batch(name):
    study = WORKLOADS[name]
    rows = study.data.parameters["n_samples"] * (1 - study.data.test_size)
    assert rows >= 4 * max(study.grid["batch"])
