"""Plots the data set and the contestants' decision surfaces. Called by `bench.report.figures` for data of two features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bench.analysis.accuracy import THRESHOLD
from bench.report.style import INK, PAPER, new_figure

CLASS_COLOURS = ("#b35806", "#7b5fc0", "#4d7c2f", "#7f7f7f", "#b3003b")
"""Different from all contestants' colours."""
_CLASS_MARKERS = ("o", "^", "s", "D", "v")
_PROBABILITY = LinearSegmentedColormap.from_list("probability", ["#dba873", "#f7f7f7", "#a693cc"])


@dataclass(frozen=True)
class Points:
    """A data set of one seed: `x` and `x_test` (samples, 2), `y` and `y_test` (samples, outputs) of zeros and ones."""

    x: NDArray[Any]
    y: NDArray[Any]
    x_test: NDArray[Any]
    y_test: NDArray[Any]


@dataclass(frozen=True)
class Surface:
    """A contestant's output `z` (rows, columns), in [0, 1], over the grid of `x` (columns,) and `y` (rows,)."""

    x: NDArray[Any]
    y: NDArray[Any]
    z: NDArray[Any]


def data_set(points: Points) -> Figure:
    """The training points and, with an outline, the test points."""
    figure = new_figure(4.2, 6.5)
    axes = figure.add_subplot()
    _scatter(axes, points.x, points.y, size=10, edge="none", alpha=0.55, label="training, class")
    _scatter(axes, points.x_test, points.y_test, size=34, edge=INK, alpha=1.0, label="test, class")
    axes.set(xlabel="first feature", ylabel="second feature", aspect="equal")
    axes.grid(visible=False)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4, handletextpad=0.2, columnspacing=1.2)
    return figure


def decision_surfaces(surfaces: Mapping[str, Surface], points: Points | None) -> Figure:
    """The surfaces side by side, with a line where the output is `THRESHOLD` and the test points, if given, on top."""
    figure = new_figure(4.1, 4.6 * len(surfaces) + 0.8)
    panels = figure.subplots(1, len(surfaces), sharex=True, sharey=True, squeeze=False)[0]
    for axes, (contestant, surface) in zip(panels, surfaces.items(), strict=True):
        filled = axes.contourf(surface.x, surface.y, surface.z, levels=np.linspace(0, 1, 21), cmap=_PROBABILITY)
        if surface.z.min() < THRESHOLD < surface.z.max():
            axes.contour(surface.x, surface.y, surface.z, levels=[THRESHOLD], colors="#1a1a1a", linewidths=1.6)
        if points is not None:
            _scatter(axes, points.x_test, points.y_test, size=26, edge=PAPER, alpha=1.0, label="test, class")
        axes.set(title=contestant, xlabel="first feature", aspect="equal")
        axes.set(xlim=(surface.x.min(), surface.x.max()), ylim=(surface.y.min(), surface.y.max()))
        axes.grid(visible=False)
    panels[0].set_ylabel("second feature")
    bar = figure.colorbar(filled, ax=list(panels), shrink=0.7, ticks=[0, 0.25, 0.5, 0.75, 1])
    bar.set_label("output: probability of class 1")
    return figure


def _scatter(axes: Axes, x: NDArray[Any], y: NDArray[Any], *, size: float, edge: str, alpha: float, label: str) -> None:
    classes = y[:, 0].astype(int) if y.shape[1] == 1 else y.argmax(axis=1)
    styles = zip(cycle(CLASS_COLOURS), cycle(_CLASS_MARKERS))
    for code, (colour, marker) in zip(range(max(2, y.shape[1])), styles, strict=False):
        rows, name = x[classes == code], f"{label} {code}"
        axes.scatter(
            rows[:, 0], rows[:, 1], s=size, c=colour, marker=marker, edgecolors=edge, linewidths=0.8, alpha=alpha, label=name
        )
