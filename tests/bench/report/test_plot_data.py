"""The arrays of a run's folder, data and decision surfaces: what is read, what is drawn, and what of them is refused."""

from dataclasses import replace

import numpy as np
import pytest
from report_frames import time_row

from bench.report import sections
from bench.report.plot_data import PlotData, points_file, read_plot_data
from bench.report.plots.surfaces import Points, Surface

TIMES = [time_row("keras", "step", 2.7e-3), time_row("numpy_nn", "step", 30e-6)]


@pytest.fixture
def run_in(data, with_trials):
    """`run_in(folder, **changes)`: the run with one scored trial of `moons`, changed so, and a folder for its arrays."""

    def make(folder, **changes):
        trial = next(trial for trial in data.trials if (trial.workload, trial.kind) == ("moons", "scored"))
        return replace(with_trials(data, [trial.model_copy(update=changes)]), directory=folder)

    return make


@pytest.fixture(autouse=True)
def _arrays_folder(tmp_path):
    (tmp_path / "arrays").mkdir()


def test_surfaces_are_drawn_of_ours_and_the_reference_where_both_are_there(analysis_of):
    axis, points = np.linspace(-1, 1, 4), Points(np.eye(2), np.eye(2)[:, :1], np.eye(2), np.eye(2)[:, :1])
    found = {name: Surface(axis, axis, np.linspace(0, 1, 16).reshape(4, 4)) for name in ("jax", "keras", "numpy_nn")}
    plot_data = PlotData(points={"moons": points}, surfaces={"moons": found})
    document = sections.build(analysis_of(times=TIMES), [], plot_data)
    (plot,) = [plot for plot in document.plots() if plot.name == "surfaces-moons"]
    assert plot.alt.startswith("Decision surfaces of numpy_nn and keras")


def test_arrays_and_data_that_are_gone_cost_their_plot_and_are_named(run_in, tmp_path):
    (tmp_path / "arrays" / points_file("moons")).write_bytes(b"PK no archive")
    plot_data = read_plot_data(run_in(tmp_path, arrays="gone.npz"))
    assert not plot_data.points
    assert not plot_data.surfaces
    assert ["moons-points.npz" in plot_data.problems[0], "gone.npz" in plot_data.problems[1]] == [True, True]
    assert str(tmp_path) not in "".join(plot_data.problems)


def test_a_run_without_points_has_its_surfaces_drawn_and_no_warning(run_in, tmp_path, analysis_of):
    axis = np.linspace(-1, 1, 4)
    np.savez(tmp_path / "arrays" / "s.npz", surface_x=axis, surface_y=axis, surface=np.linspace(0, 1, 16).reshape(4, 4))
    plot_data = read_plot_data(run_in(tmp_path, arrays="s.npz"))
    assert (plot_data.problems, plot_data.points, list(plot_data.surfaces)) == ([], {}, ["moons"])
    document = sections.build(analysis_of(times=TIMES), [], plot_data)
    names = [plot.name for plot in document.plots()]
    assert ["surfaces-moons" in names, "data-moons" in names] == [True, False]


def test_points_are_read_as_they_were_written(run_in, tmp_path):
    x, y = np.array([[0.5, -1.0], [2.0, 0.0]]), np.array([[0.0], [1.0]])
    np.savez(tmp_path / "arrays" / points_file("moons"), x=x, y=y, x_test=x[:1], y_test=y[:1])
    points = read_plot_data(run_in(tmp_path)).points["moons"]
    np.testing.assert_array_equal(points.x, x)
    np.testing.assert_array_equal(points.y, y)
    np.testing.assert_array_equal(points.x_test, x[:1])


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"x": np.zeros((2, 3))}, "shapes"),
        ({"y": np.full((2, 1), 0.5)}, "classes"),
        ({"x": np.full((2, 2), np.nan)}, "finite"),
        ({"x": np.array([[{}, {}]] * 2)}, "allow_pickle"),
        ({"x": np.zeros((2, 1000))}, "bytes"),
    ],
    ids=["three features", "no classes", "not finite", "pickled", "too large"],
)
def test_a_file_of_points_that_is_not_what_it_should_be_is_named_with_the_reason(run_in, tmp_path, monkeypatch, arrays, reason):
    monkeypatch.setattr("bench.report.plot_data.LARGEST_FILE_BYTES", 10_000)
    good = {"x": np.zeros((2, 2)), "y": np.zeros((2, 1)), "x_test": np.zeros((2, 2)), "y_test": np.zeros((2, 1))}
    np.savez_compressed(tmp_path / "arrays" / points_file("moons"), **good | arrays)
    plot_data = read_plot_data(run_in(tmp_path))
    assert not plot_data.points
    (problem,) = plot_data.problems
    assert problem.startswith("arrays/moons-points.npz can't be read")
    assert reason in problem
