"""Plots the data set, two contestants' decision surfaces and their difference. Called by `bench.report.figures` and the film."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from bench.analysis.accuracy import THRESHOLD
from bench.report.style import INK, new_figure, plot_text

CLASS_COLOURS = ("#b35806", "#7a5ec0", "#4d7c2f", "#7f7f7f", "#d1264f")
"""Each has a contrast of 3 or more on a light and on a dark page, the first two on the surfaces; none is replaced on dark pages."""
_CLASS_MARKERS = ("o", "^", "s", "D", "v")
SURFACE_COLOURS = ("#f3ceaa", "#fbfbfb", "#d3c7ee")
"""Of the outputs 0, 0.5 and 1."""
_PROBABILITY = LinearSegmentedColormap.from_list("probability", SURFACE_COLOURS)
_DIFFERENCE = LinearSegmentedColormap.from_list("difference", ["#7a2d00", "#f3ceaa", "#fbfbfb", "#bcd9f0", "#0b4a86"])
_LINE, _EDGE, _TEST_EDGE = "#1a1a1a", "#fefefe", INK
_LEVELS = np.linspace(0, 1, 21)


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
    """The training points and, larger and with an outline, the test points."""
    figure = new_figure(4.2, 6.5)
    axes = figure.add_subplot()
    _scatter(axes, points.x, points.y, size=4, edge="face", label="training, class")
    _scatter(axes, points.x_test, points.y_test, size=36, edge=_TEST_EDGE, label="test, class")
    axes.set(xlabel="first feature", ylabel="second feature", aspect="equal")
    axes.grid(visible=False)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4, handletextpad=0.2, columnspacing=1.2)
    return figure


def decision_surfaces(surfaces: Mapping[str, Surface], points: Points | None) -> Figure:
    """The surfaces side by side, with a line where the output is `THRESHOLD` and the test points, if given, on top.

    Of two surfaces over one grid, a third panel has the difference: the first's output less the second's.
    """
    figure, panels = surface_panels(list(surfaces), _same_grid(surfaces))
    for axes, surface in zip(panels, surfaces.values(), strict=False):
        draw_surface(axes, surface, points)
    if len(panels) > len(surfaces):
        first, second = surfaces.values()
        most = largest_gap(first, second)
        draw_difference(panels[-1], first, second, most)
        difference_bar(panels[-1], most)
    return figure


def surface_panels(names: list[str], difference: bool) -> tuple[Figure, list[Axes]]:
    """An empty figure with a titled panel per name, if asked for one for their difference, and the bar of the outputs below."""
    count = len(names) + difference
    figure = new_figure(3.6, max(4.6, 3.3 * count))
    panels = list(figure.subplots(1, count, sharex=True, sharey=True, squeeze=False)[0])
    titles = [plot_text(name) for name in names] + [f"{' − '.join(plot_text(name, 14) for name in names)}"] * difference
    for axes, title in zip(panels, titles, strict=True):
        axes.set(title=title, xlabel="first feature", aspect="equal")
        axes.grid(visible=False)
    panels[0].set_ylabel("second feature")
    colours = ScalarMappable(Normalize(0, 1), _PROBABILITY)
    bar = figure.colorbar(colours, ax=panels[: len(names)], location="bottom", shrink=0.5, aspect=35, ticks=[0, 0.25, 0.5, 0.75, 1])
    bar.set_label("output: probability of class 1")
    return figure, panels


def draw_surface(axes: Axes, surface: Surface, points: Points | None) -> None:
    """Fill the panel with a surface, its line at `THRESHOLD` and the test points."""
    axes.contourf(surface.x, surface.y, np.clip(surface.z, 0, 1), levels=_LEVELS, cmap=_PROBABILITY).set_rasterized(True)
    _line(axes, surface)
    if points is not None:
        _scatter(axes, points.x_test, points.y_test, size=22, edge=_EDGE, label="test, class")
    axes.set(xlim=(surface.x.min(), surface.x.max()), ylim=(surface.y.min(), surface.y.max()))


def largest_gap(first: Surface, second: Surface) -> float:
    """The largest difference of two surfaces; where they are equal, the smallest that a double of 1 could show."""
    gap = np.abs(first.z - second.z)
    return float(np.nanmax(gap, initial=0.0, where=np.isfinite(gap))) or 1e-16


def draw_difference(axes: Axes, first: Surface, second: Surface, most: float) -> None:
    """Fill the panel with the first surface less the second, from −`most` to `most`, under both lines at `THRESHOLD`."""
    gap = np.clip(first.z - second.z, -most, most)
    axes.contourf(first.x, first.y, gap, levels=most * np.linspace(-1, 1, 22), cmap=_DIFFERENCE).set_rasterized(True)
    _line(axes, first)
    _line(axes, second, ":")
    axes.set(xlim=(first.x.min(), first.x.max()), ylim=(first.y.min(), first.y.max()))


def difference_bar(axes: Axes, most: float) -> None:
    """Put the bar of the difference's colours below its panel."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    bar = figure.colorbar(
        ScalarMappable(Normalize(-most, most), _DIFFERENCE),
        ax=axes,
        location="bottom",
        shrink=0.8,
        aspect=18,
        ticks=[-most, 0, most],
    )
    bar.ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: "0" if value == 0 else f"{value:+.2g}"))
    bar.set_label("difference of the outputs")


def _same_grid(surfaces: Mapping[str, Surface]) -> bool:
    grids = [(surface.x, surface.y) for surface in surfaces.values()]
    return len(grids) == 2 and all(np.array_equal(one, other) for one, other in zip(*grids, strict=True))


def _line(axes: Axes, surface: Surface, style: str = "-") -> None:
    if np.nanmin(surface.z) < THRESHOLD < np.nanmax(surface.z):
        axes.contour(surface.x, surface.y, surface.z, levels=[THRESHOLD], colors=_LINE, linewidths=1.4, linestyles=style)


def _scatter(axes: Axes, x: NDArray[Any], y: NDArray[Any], *, size: float, edge: str, label: str) -> None:
    classes = y[:, 0].astype(int) if y.shape[1] == 1 else y.argmax(axis=1)
    styles = zip(cycle(CLASS_COLOURS), cycle(_CLASS_MARKERS))
    for code, (colour, marker) in zip(range(max(2, y.shape[1])), styles, strict=False):
        rows, name = x[classes == code], f"{label} {code}"
        axes.scatter(rows[:, 0], rows[:, 1], s=size, c=colour, marker=marker, edgecolors=edge, linewidths=0.7, label=name)
