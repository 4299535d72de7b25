"""Plots of the scaling study: the map of the fastest contestants over width and batch, and the time of a step as curves.

Called by `bench.report.figures` if a grid workload was measured.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from bench.report.style import FAINT, colour, count_axis, in_order, legend_below, new_figure, time_axis
from bench.report.units import counted, number

_MOST_CURVE_PANELS = 4
_MOST_LEVEL_LABELS = 8


def scaling_map(cells: pd.DataFrame) -> Figure:
    """A panel per depth and number of threads. Each cell has its winner's colour and the ratio of the runner-up to the winner.

    Below it, in brackets, is `numpy_nn`'s ratio to the winner if it is neither of the two. `cells` has the columns of
    `derived.winners`.
    """
    facets = sorted(set(zip(cells["threads"], cells["layers"], strict=True)))
    columns = min(2, len(facets))
    lines = -(-len(facets) // columns)
    widths, batches = sorted(set(cells["width"])), sorted(set(cells["batch"]))
    figure = new_figure(0.7 + lines * (0.8 + 0.42 * len(widths)), max(6.0, columns * (1.0 + 0.58 * len(batches))))
    panels = figure.subplots(lines, columns, squeeze=False).ravel()
    for axes, (threads, layers) in zip(panels, facets, strict=False):
        rows = cells[(cells["threads"] == threads) & (cells["layers"] == layers)]
        _draw_map(axes, rows, widths, batches)
        axes.set_title(f"{counted(int(layers), 'layer')}, {counted(int(threads), 'thread')}")
    for axes in panels[len(facets) :]:
        axes.set_visible(False)
    winners = in_order(cells["winner"].dropna())
    handles = [Patch(color=colour(name), label=name) for name in winners]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(5, len(handles)) or 1, title="fastest")
    return figure


def _draw_map(axes: Axes, rows: pd.DataFrame, widths: list[int], batches: list[int]) -> None:
    for width, batch, winner, runner_up, ours in zip(
        *(rows[name] for name in ("width", "batch", "winner", "runner_up_ratio", "ours_ratio")), strict=True
    ):
        column, line = batches.index(batch), widths.index(width)
        axes.add_patch(Rectangle((column - 0.5, line - 0.5), 1, 1, facecolor=colour(winner), edgecolor="none"))
        if not np.isnan(runner_up):
            text_colour = "#ffffff" if _is_dark(colour(winner)) else "#111111"
            text = f"{number(runner_up)}×" + (f"\n({number(ours)}×)" if ours > runner_up else "")
            axes.text(column, line, text, ha="center", va="center", fontsize=8, color=text_colour)
    axes.set_xticks(
        range(len(batches)), labels=[str(batch) for batch in batches], rotation=0 if len(batches) <= _MOST_LEVEL_LABELS else 45
    )
    axes.set_yticks(range(len(widths)), labels=[str(width) for width in widths])
    axes.set(xlim=(-0.5, len(batches) - 0.5), ylim=(-0.5, len(widths) - 0.5), xlabel="batch", ylabel="width")
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.set_xticks(np.arange(len(batches) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(widths) + 1) - 0.5, minor=True)
    axes.grid(visible=True, which="minor", color=FAINT, linewidth=0.8)
    axes.tick_params(which="minor", length=0)
    axes.set_axisbelow(False)


def scaling_curves(scaling: pd.DataFrame) -> Figure:
    """The time of a step against the width, both logarithmic, in a panel per batch size (at most `_MOST_CURVE_PANELS` of them).

    `scaling` has the columns of `Analysis.scaling`, of one depth and one number of threads.
    """
    measured = scaling.dropna(subset=["step_seconds"])
    batches = _spread(sorted(set(measured["batch"])), _MOST_CURVE_PANELS)
    figure = new_figure(4.0, 1.2 + 2.6 * len(batches))
    panels = figure.subplots(1, len(batches), sharey=True, squeeze=False)[0]
    for axes, batch in zip(panels, batches, strict=True):
        for contestant in in_order(measured["contestant"]):
            rows = measured[(measured["batch"] == batch) & (measured["contestant"] == contestant)].sort_values("width")
            axes.plot(rows["width"], rows["step_seconds"], "o-", color=colour(contestant), markersize=3.5, label=contestant)
        axes.set(title=f"batch {batch}", xlabel="width")
        count_axis(axes)
    for axes in panels:
        time_axis(axes, "y")
    panels[0].set_ylabel("a step")
    legend_below(figure, panels[0])
    return figure


def _spread(values: list[int], most: int) -> list[int]:
    """At most `most` of the sorted `values`, evenly spaced, with the first and the last."""
    if len(values) <= most:
        return values
    return [values[round(index)] for index in np.linspace(0, len(values) - 1, most)]


def _is_dark(hue: str) -> bool:
    red, green, blue = to_rgb(hue)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.45
