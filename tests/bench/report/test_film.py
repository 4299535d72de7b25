"""The films: which surface is shown when, what is written in a frame, and files that are small and move."""

import os
import shutil

import numpy as np
import pytest
from PIL import Image
from synthetic import synthetic_run

from bench.records import ARRAYS_FOLDER
from bench.report import film, plot_data, style
from bench.report.film import Side, by_epoch, by_time, draw_frames, write_films
from bench.report.plots.surfaces import Surface

AXIS = np.linspace(-1, 1, 8)


def side(name, epochs, seconds=None, tilt=1.0):
    surfaces = [Surface(AXIS, AXIS, 0.5 + 0.4 * np.tanh(tilt * epoch * (AXIS[:, None] + AXIS) / 10)) for epoch in epochs]
    accuracies = [0.5 + epoch / 100 for epoch in epochs]
    return Side(name, np.array(epochs), surfaces, accuracies, None if seconds is None else np.array(seconds))


@pytest.fixture
def run_folder(tmp_path, monkeypatch):
    """A run that has recorded three frames of `numpy_nn` and the reference."""
    monkeypatch.setattr(film, "_TIMED_FRAMES", 4)
    monkeypatch.setattr(film, "_DOTS_PER_INCH", 30)
    synthetic_run(tmp_path, epochs=5, scored_seeds=1, rounds=2, launches=2, write=True)
    for name in ("numpy_nn", "keras"):
        path = tmp_path / ARRAYS_FOLDER / f"moons-{name}-surface.npz"
        with np.load(path) as arrays:
            kept = dict(arrays)
        frames = np.stack([np.full((6, 7), 0.2), np.eye(6, 7), np.full((6, 7), 0.8)])
        np.savez(path, **kept, film=frames, film_epochs=np.array([0, 2, 4]))
    return tmp_path


def test_sides_that_trained_alike_are_shown_after_the_same_epoch():
    moments = by_epoch([side("numpy_nn", [1, 5, 9]), side("keras", [1, 5, 9])])
    assert [moment.caption for moment in moments] == ["after epoch 1", "after epoch 5", "after epoch 9"]
    assert [moment.shown for moment in moments] == [(0, 0), (1, 1), (2, 2)]


def test_a_side_with_fewer_epochs_keeps_its_last_surface():
    moments = by_epoch([side("numpy_nn", [1, 100]), side("keras", [1, 5])])
    assert [moment.shown for moment in moments] == [(0, 0), (0, 1), (1, 1)]


def test_on_the_clock_the_fast_side_is_done_while_the_slow_one_starts(monkeypatch):
    monkeypatch.setattr(film, "_TIMED_FRAMES", 5)
    moments = by_time([side("numpy_nn", [1, 5, 9], [0.1, 0.2, 0.3]), side("keras", [1, 5, 9], [2.0, 3.0, 4.0])])
    assert [moment.shown for moment in moments] == [(None, None), (2, None), (2, 0), (2, 1), (2, 2)]
    assert [moment.caption.split(" after")[0] for moment in moments] == ["0 s", "1.00 s", "2.00 s", "3.00 s", "4.00 s"]


def test_without_times_there_is_no_film_on_the_clock():
    assert by_time([side("numpy_nn", [1], [0.1]), side("keras", [1])]) == []


def test_epoch_and_accuracy_of_each_side_stand_in_the_frame():
    numpy_nn = side("numpy_nn", [1, 5])
    assert film._title(numpy_nn, 0) == "numpy_nn\nepoch 1, accuracy 51.0 %"
    assert film._title(numpy_nn, 1) == "numpy_nn\nepoch 5 (done), accuracy 55.0 %"
    assert film._title(numpy_nn, None) == "numpy_nn\nbefore its first epoch"


def test_all_frames_have_one_even_size_and_change():
    sides = [side("numpy_nn", [1, 5]), side("keras", [1, 5], tilt=1.2)]
    with style.drawing():
        frames = draw_frames(sides, [film.Moment("start", (None, None)), *by_epoch(sides)], None)
    (size,) = {frame.size for frame in frames}
    assert size[0] % 2 == size[1] % 2 == 0
    assert len({frame.tobytes() for frame in frames}) == 3


def test_one_side_alone_has_a_film_without_a_difference():
    sides = [side("numpy_nn", [1, 5])]
    with style.drawing():
        assert len(draw_frames(sides, by_epoch(sides), None)) == 2


def test_a_run_has_a_still_and_two_films_that_move(run_folder):
    written = write_films(run_folder)
    names = {path.name for path in written}
    assert {"moons.png", "moons-epochs.webp", "moons-seconds.webp"} <= names
    assert {path.name for path in (run_folder / "film").iterdir()} == names
    assert ("moons-epochs.mp4" in names) == (shutil.which("ffmpeg") is not None)
    for name, frames in (("epochs", 3), ("seconds", 4)):
        with Image.open(run_folder / "film" / f"moons-{name}.webp") as picture:
            assert (picture.n_frames, picture.is_animated) == (frames, True)
    assert sum(path.stat().st_size for path in written) < 2_000_000


def test_a_film_of_noise_is_written_in_the_quality_that_fits(monkeypatch):
    noise = [Image.fromarray(np.random.default_rng(n).integers(0, 255, (64, 64, 3), dtype=np.uint8)) for n in range(4)]
    best = len(film._webp(noise))
    monkeypatch.setattr(film, "LARGEST_WEBP_BYTES", best - 1)
    assert len(film._webp(noise)) < best


FRAMES = {
    "none": {},
    "shape": {"film": np.zeros((2, 3)), "film_epochs": np.arange(2)},
    "an epoch that was not trained": {"film": np.zeros((2, 3, 3)), "film_epochs": np.array([0, 5])},
    "an epoch before the first": {"film": np.zeros((2, 3, 3)), "film_epochs": np.array([-1, 1])},
    "too many": {"film": np.zeros((film.MOST_FRAMES + 1, 1, 1)), "film_epochs": np.arange(film.MOST_FRAMES + 1)},
    "bytes": {},
    "pipe": {},
    "link": {"film": np.zeros((2, 3, 3)), "film_epochs": np.arange(2)},
}


@pytest.mark.parametrize("damage", FRAMES)
def test_a_run_without_readable_frames_has_no_film(run_folder, damage):
    for path in (run_folder / ARRAYS_FOLDER).glob("*-surface.npz"):
        with np.load(path) as arrays:
            kept = {name: arrays[name] for name in ("surface", "surface_x", "surface_y")}
        np.savez(path, **kept, **FRAMES[damage])
        if damage == "bytes":
            path.write_bytes(b"PK nothing")
        elif damage == "pipe":
            path.unlink()
            os.mkfifo(path)
        elif damage == "link":
            path.symlink_to(path.rename(path.with_suffix(".elsewhere")))
    assert write_films(run_folder) == []
    assert not (run_folder / "film").exists()


def test_a_file_that_is_larger_than_the_limit_is_no_film(run_folder, monkeypatch):
    monkeypatch.setattr(plot_data, "LARGEST_FILE_BYTES", 1000)
    assert write_films(run_folder) == []
