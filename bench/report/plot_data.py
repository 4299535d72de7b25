"""Reads the arrays that the plots need besides the analysis: data points and decision surfaces, from the run's folder `arrays/`.

Called by `bench.report.build`. A run without these files is drawn without them; a file that can't be read becomes a warning.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.error_messages import one_line
from bench.files import open_regular
from bench.records import ARRAYS_FOLDER, RunData
from bench.report.plots.surfaces import Points, Surface

LARGEST_FILE_BYTES = 256 * 2**20
"""The largest size of a file that is read, compressed or not."""


@dataclass(frozen=True)
class PlotData:
    """By workload, the points of the first seed's data set and each contestant's decision surface; and what couldn't be read."""

    points: dict[str, Points] = field(default_factory=dict)
    surfaces: dict[str, dict[str, Surface]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def points_file(workload: str) -> str:
    """The name of the file in `arrays/` with the points of a workload's data set: `x`, `y`, `x_test`, `y_test`."""
    return f"{workload}-points.npz"


def read_plot_data(data: RunData) -> PlotData:
    """All points and surfaces of the run that are there and can be read."""
    plot_data = PlotData()
    folder = data.directory / ARRAYS_FOLDER
    for workload in data.run.workloads:
        name = points_file(workload["name"])
        if (folder / name).exists():
            try:
                plot_data.points[workload["name"]] = _read_points(folder / name)
            except Exception as error:  # NumPy parses headers with Python's own parser, which raises much
                plot_data.problems.append(_problem(name, "its points aren't drawn", error))
    for trial in data.trials:
        if trial.arrays is not None and trial.status == "ok":
            try:
                surface = _read_surface(folder / trial.arrays)
            except Exception as error:  # NumPy parses headers with Python's own parser, which raises much
                plot_data.problems.append(_problem(trial.arrays, "its surface isn't drawn", error))
            else:
                plot_data.surfaces.setdefault(trial.workload, {})[trial.contestant] = surface
    return plot_data


def _read_points(path: Path) -> Points:
    points = Points(*read_arrays(path, ("x", "y", "x_test", "y_test")))
    for x, y in ((points.x, points.y), (points.x_test, points.y_test)):
        if x.ndim != 2 or x.shape[1] != 2 or y.ndim != 2 or len(x) != len(y) or not y.size:
            raise ValueError(f"points have the shapes {x.shape} and {y.shape}, not (samples, 2) and (samples, outputs)")
        if not np.isfinite(x).all() or not np.isin(y, (0.0, 1.0)).all():
            raise ValueError("points aren't finite, or their classes aren't 0 and 1")
    return points


def _read_surface(path: Path) -> Surface:
    surface = Surface(*read_arrays(path, ("surface_x", "surface_y", "surface")))
    shape = (surface.y.size, surface.x.size)
    if surface.x.ndim != 1 or surface.y.ndim != 1 or surface.z.shape != shape or min(shape) < 2:
        raise ValueError(f"the surface has the shape {surface.z.shape}, its axes {surface.y.shape} and {surface.x.shape}")
    return surface


def read_arrays(path: Path, names: Sequence[str]) -> list[NDArray[Any]]:
    """Return arrays of an .npz file, as floats.

    Raises
    ------
    OSError
        If it is missing, a link, a pipe or too large; a damaged file raises any other error.
    LookupError
        If it hasn't one of `names`.

    """
    with open_regular(path, LARGEST_FILE_BYTES, follow_links=False) as file:
        with zipfile.ZipFile(file) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > LARGEST_FILE_BYTES:
            raise ValueError(f"it has {size:,} bytes, and at most {LARGEST_FILE_BYTES:,} are read")
        file.seek(0)
        with np.load(file, allow_pickle=False) as arrays:
            return [np.asarray(arrays[name], dtype=float) for name in names]


def _problem(name: str, effect: str, error: BaseException) -> str:
    reason = (error.strerror if isinstance(error, OSError) else None) or f"{type(error).__name__}: {error}"
    return f"{ARRAYS_FOLDER}/{name} can't be read, and {effect}: {one_line(reason)}"
