"""What is learnt, and what was learnt of it: the data set, and each contestant's decision surface over it.

Called by `bench.report.figures` for data of two features and two classes.
"""

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

from bench.report.style import INK, PAPER, new_figure
from bench.workloads.data_sets import Split

CLASS_COLOURS = ("#b35806", "#7b5fc0", "#4d7c2f", "#7f7f7f", "#b3003b")
"""None is a contestant's colour."""
_CLASS_MARKERS = ("o", "^", "s", "D", "v")
_PROBABILITY = LinearSegmentedColormap.from_list("probability", ["#dba873", "#f7f7f7", "#a693cc"])


@dataclass(frozen=True)
class Surface:
    """A contestant's output `z` (rows, columns), in [0, 1], over the grid of `x` (columns,) and `y` (rows,)."""

    x: NDArray[Any]
    y: NDArray[Any]
    z: NDArray[Any]


def data_set(split: Split) -> Figure:
    """The training rows and, ringed, the test rows of one seed."""
    figure = new_figure(4.2, 6.5)
    axes = figure.add_subplot()
    _scatter(axes, split.x, split.y, size=10, edge="none", alpha=0.55, label="to train, class")
    _scatter(axes, split.x_test, split.y_test, size=34, edge=INK, alpha=1.0, label="to test, class")
    axes.set(xlabel="first feature", ylabel="second feature", aspect="equal")
    axes.grid(visible=False)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4, handletextpad=0.2, columnspacing=1.2)
    return figure


def decision_surfaces(surfaces: Mapping[str, Surface], split: Split) -> Figure:
    """The surfaces side by side, with a line where the output is 0.5 and the test rows on top."""
    figure = new_figure(4.1, 4.6 * len(surfaces) + 0.8)
    panels = figure.subplots(1, len(surfaces), sharex=True, sharey=True, squeeze=False)[0]
    for axes, (contestant, surface) in zip(panels, surfaces.items(), strict=True):
        filled = axes.contourf(surface.x, surface.y, surface.z, levels=np.linspace(0, 1, 21), cmap=_PROBABILITY)
        if surface.z.min() < 0.5 < surface.z.max():
            axes.contour(surface.x, surface.y, surface.z, levels=[0.5], colors="#1a1a1a", linewidths=1.6)
        _scatter(axes, split.x_test, split.y_test, size=26, edge=PAPER, alpha=1.0, label="to test, class")
        axes.set(title=contestant, xlabel="first feature", aspect="equal")
        axes.set(xlim=(surface.x.min(), surface.x.max()), ylim=(surface.y.min(), surface.y.max()))
        axes.grid(visible=False)
    panels[0].set_ylabel("second feature")
    bar = figure.colorbar(filled, ax=list(panels), shrink=0.7, ticks=[0, 0.25, 0.5, 0.75, 1])
    bar.set_label("output: probability of class 1")
    return figure


def _scatter(axes: Axes, x: NDArray[Any], y: NDArray[Any], *, size: float, edge: str, alpha: float, label: str) -> None:
    classes = y[:, 0].astype(int) if y.shape[1] == 1 else y.argmax(axis=1)
    looks = zip(cycle(CLASS_COLOURS), cycle(_CLASS_MARKERS))
    for code, (colour, marker) in zip(range(max(2, y.shape[1])), looks, strict=False):
        rows, name = x[classes == code], f"{label} {code}"
        axes.scatter(
            rows[:, 0], rows[:, 1], s=size, c=colour, marker=marker, edgecolors=edge, linewidths=0.8, alpha=alpha, label=name
        )
