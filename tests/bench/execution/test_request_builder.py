from pathlib import Path

import numpy as np
import pytest
from harness import spec, workload

from bench.execution.request_builder import SPLITS_KEPT, RequestBuilder
from bench.execution.schedule import PlannedTrial
from bench.execution.trial_checks import check_file
from bench.workloads import grid
from bench.workloads.data_sets import Split

ROWS = 9000


@pytest.fixture(autouse=True)
def _light_data(monkeypatch):
    rows = np.zeros((ROWS, 2))
    monkeypatch.setattr(
        "bench.execution.request_builder.make_split", lambda *_, **__: Split(rows, rows[:, :1], rows[:10], rows[:10, :1])
    )
    monkeypatch.setattr("bench.execution.request_builder.first_weights", lambda architecture, initializer, seed: [])


def request(directory, point, kind="timed", epochs=24, contestant="Tiny"):
    study = workload(rounds=1, training={"epochs": epochs}, grid={axis: [value] for axis, value in point.items()})
    planned = PlannedTrial(study, spec(contestant), kind, seed=0, round=0, launch=0, point=point)
    return RequestBuilder(directory, threads=2).request(planned, {})


def rows_of(asked):
    with np.load(asked.paths.data) as arrays:
        return len(arrays["x"])


def test_a_cell_trains_on_whole_batches_only_and_as_many_as_there_are_rows_for(tmp_path):
    assert rows_of(request(tmp_path, {"width": 8, "batch": 32, "layers": 2})) == 32 * grid.MOST_STEPS
    assert rows_of(request(tmp_path, {"width": 8, "batch": 4096, "layers": 2})) == ROWS // 4096 * 4096
    assert rows_of(request(tmp_path, {"width": 8})) == ROWS


def test_a_large_cell_trains_for_the_operations_that_a_small_one_may_and_for_four_epochs_at_least(tmp_path):
    def steps(point):
        asked = request(tmp_path, point)
        return asked.task.epochs * rows_of(asked) // point["batch"]

    for width in (256, 512):
        point = {"width": width, "batch": 128, "layers": 4}
        operations = 6 * 128 * (2 * width + 2 * width**2 + width)
        assert grid.FLOPS / 2 < steps(point) * operations <= grid.FLOPS
    assert steps({"width": 1024, "batch": 4096, "layers": 4}) == grid.FEWEST_EPOCHS


def test_a_cells_threads_are_its_own_and_its_architecture_has_its_width_and_depth(tmp_path):
    asked = request(tmp_path, {"width": 7, "layers": 3, "threads": 1})
    assert asked.task.threads == 1
    assert [(layer["input_dim"], layer["output_dim"], layer["activation"]) for layer in asked.task.architecture] == [
        (2, 7, "relu"),
        (7, 7, "relu"),
        (7, 1, "sigmoid"),
    ]
    assert request(tmp_path, {"width": 7}).task.threads == 2


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


def points_file(directory, made, **fields):
    """The file of points after a request for a workload whose data are `made`."""
    planned = PlannedTrial(workload(rounds=2, **fields), spec("Tiny"), "timed", seed=0, round=0, launch=0)
    builder = RequestBuilder(directory, threads=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.execution.request_builder.make_split", lambda data, seed: made)
        builder.request(planned, {})
    return directory / "arrays" / "small-points.npz"


def test_the_first_seeds_points_are_kept_for_the_report(tmp_path):
    random = np.random.default_rng(0)
    classes = np.eye(3)[random.integers(3, size=10)]
    made = Split(random.normal(size=(8, 2)), classes[:8], random.normal(size=(2, 2)), classes[8:])
    with np.load(points_file(tmp_path, made)) as points:
        assert set(points.files) == {"x", "y", "x_test", "y_test"}
        for name in points.files:
            np.testing.assert_array_equal(points[name], getattr(made, name))


@pytest.mark.parametrize(
    ("features", "target", "fields"),
    [(3, 1.0, {}), (2, 0.5, {}), (2, 1.0, {"grid": {"width": [4]}})],
    ids=["three features", "a regression", "a grid"],
)
def test_points_that_no_plot_shows_are_not_kept(tmp_path, features, target, fields):
    x, y = np.zeros((8, features)), np.full((8, 1), target)
    assert not points_file(tmp_path, Split(x, y, x, y), **fields).exists()


def test_a_film_has_frames_from_the_first_epoch_to_the_last_of_seed_0s_scored_trial(tmp_path):
    def epochs(contestant="Tiny", frames=4, seed=0, kind="scored", trained=24):
        filmed = workload(training={"epochs": trained}).model_copy(update={"film_frames": frames})
        planned = PlannedTrial(filmed, spec(contestant), kind, seed=seed, round=0, launch=0)
        return RequestBuilder(tmp_path, threads=1, reference="Tiny").request(planned, {}).film_epochs

    assert epochs() == [0, 8, 15, 23]
    assert epochs(trained=3) == [0, 1, 2]
    assert epochs(frames=0) == epochs(seed=1) == epochs(kind="timed") == epochs(contestant="Other") == []


def test_the_data_of_a_seed_are_made_once_and_not_kept_for_all_seeds(tmp_path, monkeypatch):
    made = []

    def split(data, seed):
        made.append(seed)
        rows = np.full((20, 2), float(seed))
        return Split(rows, rows[:, :1], rows[:4], rows[:4, :1])

    monkeypatch.setattr("bench.execution.request_builder.make_split", split)
    small, builder = workload(scored_seeds=100), RequestBuilder(tmp_path, threads=2)
    for name in ("Tiny", "Twin"):
        for seed in range(100):
            asked = builder.request(PlannedTrial(small, spec(name), "scored", seed, 0, 0), {})
            with np.load(asked.paths.data) as arrays:
                assert arrays["x"][0, 0] == seed
            assert (asked.paths.surface is not None) == (asked.surface_box is not None) == (seed == 0)
    assert made == list(range(100))
    assert len(builder._splits) <= SPLITS_KEPT + 1


def test_the_files_of_a_trial_are_found_from_any_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paths = request(Path(), {"width": 7}).paths
    monkeypatch.chdir("/")
    assert Path(paths.data).is_file()
    assert Path(paths.trajectory).parent.is_dir()


def test_data_that_somebody_removes_are_no_cheat_of_the_contestants(tmp_path):
    asked = request(tmp_path, {"width": 7})
    check_file(Path(asked.paths.data), asked.data_sha256)
    Path(asked.paths.data).unlink()
    with pytest.raises(FileNotFoundError):
        check_file(Path(asked.paths.data), asked.data_sha256)
