"""The films of a training: both decision surfaces side by side as they learn, and their difference.

Called by the command line for `--film`. Each workload has two films, as animated WebP and, where `ffmpeg` is installed, as MP4: one
shows both sides after the same epoch, the other at the same time after their processes started. A still stands beside them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from numpy.typing import NDArray
from PIL import Image

from bench.analysis.summary import Analysis, analyse
from bench.escaping import file_name
from bench.files import PARTIAL_SUFFIX, inside, replacing
from bench.records import ARRAYS_FOLDER, OURS, REFERENCE, RunData, read_run
from bench.records.run_files import RunFiles
from bench.report.derived import estimates
from bench.report.plot_data import read_arrays, read_plot_data
from bench.report.plots.surfaces import (
    Points,
    Surface,
    difference_bar,
    draw_difference,
    draw_surface,
    largest_gap,
    surface_panels,
)
from bench.report.style import drawing, plot_text
from bench.report.units import percent, seconds

FOLDER = "film"
BY_EPOCH, BY_TIME = "epochs", "seconds"
"""What the two films are synchronised by, and the ends of their names."""
PLAYS_SECONDS = 12.0
LARGEST_WEBP_BYTES, LARGEST_MP4_BYTES = 600_000, 380_000
"""Both films in both formats stay below 2 MB."""
MOST_FRAMES = 1000
"""Of a recorded film that is read; a run records some sixty."""
_TIMED_FRAMES = 60
_QUALITIES = (75, 55, 35, 20, 8)
_LOSSES = (24, 30, 36, 44)
"""Of H.264: from nearly none to much."""
_DOTS_PER_INCH = 90
_CAPTION_INCHES = 0.5


@dataclass(frozen=True)
class Side:
    """A contestant's training: its surface and its test accuracy after each of some epochs, counted from 1."""

    contestant: str
    epochs: NDArray[Any]
    surfaces: list[Surface]
    accuracies: list[float]
    seconds: NDArray[Any] | None
    """Since its process started; None where it wasn't timed."""


@dataclass(frozen=True)
class Moment:
    """A frame: its caption, and which of each side's surfaces it shows, None before the first."""

    caption: str
    shown: tuple[int | None, ...]


def write_films(directory: Path, data: RunData | None = None) -> list[Path]:
    """Write the films of the run in `directory` to `film/`, and return the files; none if no surfaces were recorded.

    `data` are the records, where they have been read already.
    """
    data = data or read_run(directory)
    analysis, points = analyse(data), read_plot_data(data).points
    written: list[Path] = []
    for workload in [record["name"] for record in data.run.workloads]:
        sides = read_sides(data, analysis, workload)
        if sides:
            written += _write_workload(inside(directory, FOLDER), workload, sides, points.get(workload))
    return written


def read_sides(data: RunData, analysis: Analysis, workload: str) -> list[Side]:
    """What was recorded of `numpy_nn` and the reference, in this order; a file that can't be read is left out."""
    clocks = estimates(analysis, workload).reindex(columns=["cold start", "first epoch", "epoch"]).dropna()
    sides = []
    for trial in data.trials:
        if trial.workload != workload or trial.kind != "scored" or trial.status != "ok" or trial.arrays is None:
            continue
        accuracies = trial.history.get("val_accuracy", [])
        try:
            epochs, surfaces = _read_film(data.directory / ARRAYS_FOLDER / trial.arrays, len(accuracies))
        except Exception:
            continue
        clock = clocks.loc[trial.contestant] if trial.contestant in clocks.index else None
        elapsed = None if clock is None else clock["cold start"] + clock["first epoch"] + epochs * clock["epoch"]
        sides.append(Side(trial.contestant, epochs + 1, surfaces, [accuracies[epoch] for epoch in epochs], elapsed))
    return sorted(sides, key=lambda side: [OURS, REFERENCE].index(side.contestant) if side.contestant in (OURS, REFERENCE) else 2)[
        :2
    ]


def by_epoch(sides: Sequence[Side]) -> list[Moment]:
    """A moment per recorded epoch: each side after that epoch, or after its last one before."""
    return [Moment(f"after epoch {now:.0f}", _shown(sides, now, lambda side: side.epochs)) for now in _union(sides)]


def by_time(sides: Sequence[Side]) -> list[Moment]:
    """Moments evenly spaced from the start of both processes to the end of the slower one; none if a side wasn't timed."""
    if any(side.seconds is None for side in sides):
        return []
    end = max(float(_seconds_of(side)[-1]) for side in sides)
    times = np.linspace(0.0, end, _TIMED_FRAMES)
    caption = "{} after the start of both processes"
    return [Moment(caption.format(seconds(now) if now else "0 s"), _shown(sides, now, _seconds_of)) for now in times]


def draw_frames(sides: Sequence[Side], moments: Sequence[Moment], points: Points | None) -> list[Image.Image]:
    """The frames, all of one size; the scale of the difference is the largest that any of them shows."""
    pairs = [_pair(sides, moment) for moment in moments]
    most = max((largest_gap(*pair) for pair in pairs if pair is not None), default=1e-16)
    figure, panels = surface_panels([side.contestant for side in sides], difference=len(sides) == 2)
    if len(sides) == 2:
        difference_bar(panels[-1], most)
    canvas = FigureCanvasAgg(figure)
    figure.set_dpi(_DOTS_PER_INCH)
    caption = figure.text(0.012, 0.975, "", fontsize=12, weight="bold", va="top")
    _fix_layout(figure, panels, sides)
    frames = []
    for moment, pair in zip(moments, pairs, strict=True):
        for axes in panels:
            for drawn in list(axes.collections):
                drawn.remove()
        caption.set_text(moment.caption)
        for axes, side, index in zip(panels, sides, moment.shown, strict=False):
            axes.set_title(_title(side, index), fontsize=10)
            if index is not None:
                draw_surface(axes, side.surfaces[index], points)
        if len(sides) == 2:
            gap = "" if pair is None else f"\nat most {largest_gap(*pair):.1e}"
            panels[-1].set_title(f"difference of the two{gap or chr(10)}", fontsize=10)
            if pair is not None:
                draw_difference(panels[-1], *pair, most)
        canvas.draw()  # type: ignore[no-untyped-call]
        frame = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])  # type: ignore[no-untyped-call]
        frames.append(frame.crop((0, 0, frame.width // 2 * 2, frame.height // 2 * 2)))  # H.264 has even sizes only
    return frames


def _write_workload(folder: Path, workload: str, sides: Sequence[Side], points: Points | None) -> list[Path]:
    folder.mkdir(exist_ok=True)
    endings = (".png", *(f"-{name}.{suffix}" for name in (BY_EPOCH, BY_TIME) for suffix in ("webp", "mp4")))
    RunFiles(folder.parent).add(*(f"{FOLDER}/{workload}{ending}" for ending in endings))
    written = []
    with drawing():
        films = {BY_EPOCH: by_epoch(sides), BY_TIME: by_time(sides)}
        frames = {name: draw_frames(sides, moments, points) for name, moments in films.items() if moments}
    stem = file_name(workload)
    still = folder / f"{stem}.png"
    told = BY_TIME if BY_TIME in frames else BY_EPOCH
    with replacing(still) as file:
        frames[told][_telling(sides, films[told])].save(file, format="PNG", optimize=True)
    written.append(still)
    for name, pictures in frames.items():
        path = folder / f"{stem}-{name}.webp"
        with replacing(path) as file:
            file.write(_webp(pictures))
        written.append(path)
        if shutil.which("ffmpeg"):
            written += _write_mp4(pictures, path.with_suffix(".mp4"))
    return written


def _webp(frames: Sequence[Image.Image]) -> bytes:
    """The film in the best quality that stays below `LARGEST_WEBP_BYTES`, or else in the lowest."""
    for quality in _QUALITIES:
        film = BytesIO()
        duration = round(1000 * PLAYS_SECONDS / len(frames))
        frames[0].save(
            film, format="WEBP", save_all=True, append_images=frames[1:], duration=duration, loop=0, quality=quality, method=4
        )
        if film.tell() <= LARGEST_WEBP_BYTES:
            break
    return film.getvalue()


def _write_mp4(frames: Sequence[Image.Image], path: Path) -> list[Path]:
    """Write the film in the best quality that stays below `LARGEST_MP4_BYTES`, or else in the lowest; nothing without H.264."""
    size, rate = "x".join(map(str, frames[0].size)), f"{len(frames) / PLAYS_SECONDS:.3f}"
    temporary = path.with_name(f"{path.name}.{os.urandom(6).hex()}{PARTIAL_SUFFIX}")
    pixels = b"".join(frame.tobytes() for frame in frames)
    for loss in _LOSSES:
        command = ["ffmpeg", "-y", "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", rate, "-i", "-"]
        command += [
            "-c:v",
            "libx264",
            "-pix_fmt",
            "yuv420p",
            "-crf",
            str(loss),
            "-movflags",
            "+faststart",
            "-f",
            "mp4",
            str(temporary),
        ]
        if subprocess.run(command, input=pixels, capture_output=True).returncode:
            temporary.unlink(missing_ok=True)
            return []
        if temporary.stat().st_size <= LARGEST_MP4_BYTES:
            break
    temporary.replace(path)
    return [path]


def _fix_layout(figure: Any, panels: Sequence[Any], sides: Sequence[Side]) -> None:
    """Lay the figure out once, with titles of the height that all frames have, and make room for a caption above."""
    for axes in panels:
        axes.set_title("name\nepoch", fontsize=10)
    first = sides[0].surfaces[0]
    panels[0].set(xlim=(first.x.min(), first.x.max()), ylim=(first.y.min(), first.y.max()))
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    height = figure.get_figheight()
    figure.set_figheight(height + _CAPTION_INCHES)
    for axes in figure.axes:
        x, y, width, share = axes.get_position(original=True).bounds
        axes.set_position((x, y * height / figure.get_figheight(), width, share * height / figure.get_figheight()))


def _title(side: Side, index: int | None) -> str:
    if index is None:
        return f"{plot_text(side.contestant)}\nbefore its first epoch"
    done = " (done)" if index == len(side.surfaces) - 1 else ""
    return f"{plot_text(side.contestant)}\nepoch {side.epochs[index]}{done}, accuracy {percent(side.accuracies[index])}"


def _shown(sides: Sequence[Side], now: float, places: Callable[[Side], NDArray[Any]]) -> tuple[int | None, ...]:
    counts = [int(np.searchsorted(places(side), now + 1e-9, side="right")) for side in sides]
    return tuple(count - 1 if count else None for count in counts)


def _telling(sides: Sequence[Side], moments: Sequence[Moment]) -> int:
    """The first moment at which each side has shown a quarter of its surfaces."""
    quarters = [len(side.surfaces) // 4 for side in sides]
    pairs = (zip(moment.shown, quarters, strict=True) for moment in moments)
    return next(place for place, pair in enumerate(pairs) if all(index is not None and index >= least for index, least in pair))


def _pair(sides: Sequence[Side], moment: Moment) -> tuple[Surface, Surface] | None:
    if len(sides) != 2 or None in moment.shown:
        return None
    first, second = (side.surfaces[index or 0] for side, index in zip(sides, moment.shown, strict=True))
    return first, second


def _union(sides: Sequence[Side]) -> list[float]:
    return [float(epoch) for epoch in sorted({int(epoch) for side in sides for epoch in side.epochs})]


def _seconds_of(side: Side) -> NDArray[Any]:
    assert side.seconds is not None
    return side.seconds


def _read_film(path: Path, trained_epochs: int) -> tuple[NDArray[Any], list[Surface]]:
    """Return the epochs, counted from 0, and the surfaces after them; a file that has none raises any error."""
    film, told, *axes = read_arrays(path, ("film", "film_epochs", "surface_x", "surface_y"))
    epochs = told.astype(int)
    if film.ndim != 3 or len(film) != len(epochs) or not 0 < len(epochs) <= MOST_FRAMES or (np.diff(epochs) <= 0).any():
        raise ValueError(f"the film has the shape {film.shape} for {len(epochs)} epochs: it may have {MOST_FRAMES} at most")
    if epochs[0] < 0 or epochs[-1] >= trained_epochs:
        raise ValueError(f"the film has the epochs {epochs[0]} to {epochs[-1]} of {trained_epochs}")
    ends = [(float(axis[0]), float(axis[-1])) for axis in axes]
    x, y = (np.linspace(*end, count) for end, count in zip(ends, (film.shape[2], film.shape[1]), strict=True))
    return epochs, [Surface(x, y, frame) for frame in film]
