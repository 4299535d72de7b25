import numpy as np
import pytest
from harness import spec, workload

from bench.execution.request_builder import FEWEST_GRID_EPOCHS, GRID_FLOPS, MOST_GRID_STEPS, Tasks
from bench.execution.schedule import PlannedTrial
from bench.workloads.data_sets import Split
from bench.workloads.models import WORKLOADS

ROWS = 9000


@pytest.fixture(autouse=True)
def _light_data(monkeypatch):
    rows = np.zeros((ROWS, 2))
    monkeypatch.setattr(
        "bench.execution.request_builder.make_split", lambda *_, **__: Split(rows, rows[:, :1], rows[:10], rows[:10, :1])
    )
    monkeypatch.setattr("bench.execution.request_builder.first_weights", lambda architecture, initializer, seed: [])


def request(directory, point, kind="timed", epochs=24, contestant="Tiny"):
    grid = workload(rounds=1, training={"epochs": epochs}, grid={axis: [value] for axis, value in point.items()})
    planned = PlannedTrial(grid, spec(contestant), kind, seed=0, round=0, launch=0, point=point)
    return Tasks(directory, threads=2).request(planned, {})


def rows_of(asked):
    with np.load(asked.data) as arrays:
        return len(arrays["x"])


def test_a_cell_trains_on_whole_batches_only_and_as_many_as_there_are_rows_for(tmp_path):
    assert rows_of(request(tmp_path, {"width": 8, "batch": 32, "layers": 2})) == 32 * MOST_GRID_STEPS
    assert rows_of(request(tmp_path, {"width": 8, "batch": 4096, "layers": 2})) == ROWS // 4096 * 4096
    assert rows_of(request(tmp_path, {"width": 8})) == ROWS


def test_a_large_cell_trains_for_the_operations_that_a_small_one_may_and_for_four_epochs_at_least(tmp_path):
    def steps(point):
        asked = request(tmp_path, point)
        return asked.epochs * rows_of(asked) // point["batch"]

    for width in (256, 512):
        point = {"width": width, "batch": 128, "layers": 4}
        operations = 6 * 128 * (2 * width + 2 * width**2 + width)
        assert GRID_FLOPS / 2 < steps(point) * operations <= GRID_FLOPS
    assert steps({"width": 1024, "batch": 4096, "layers": 4}) == FEWEST_GRID_EPOCHS


def test_a_cells_threads_are_its_own_and_its_architecture_has_its_width_and_depth(tmp_path):
    asked = request(tmp_path, {"width": 7, "layers": 3, "threads": 1})
    assert asked.threads == 1
    assert [(layer["input_dim"], layer["output_dim"], layer["activation"]) for layer in asked.architecture] == [
        (2, 7, "relu"),
        (7, 7, "relu"),
        (7, 1, "sigmoid"),
    ]
    assert request(tmp_path, {"width": 7}).threads == 2


@pytest.mark.parametrize(
    ("point", "kind", "kept"),
    [
        ({"width": 4}, "timed", True),
        ({}, "timed", False),
        ({}, "predict", True),
        ({}, "scored", False),
        ({"width": 4}, "tune", False),
    ],
)
def test_a_contestant_is_kept_for_the_next_round_of_a_cell_and_of_predictions_alone(tmp_path, point, kind, kept):
    assert request(tmp_path, point, kind).keep is kept


@pytest.mark.parametrize("name", ["scaling", "depth"])
def test_the_scaling_studies_have_enough_rows_for_four_steps_of_the_largest_batch(name):
    study = WORKLOADS[name]
    rows = study.data.parameters["n_samples"] * (1 - study.data.test_size)
    assert rows >= 4 * max(study.grid["batch"])
