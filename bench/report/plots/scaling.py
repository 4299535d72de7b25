"""Plots of the scaling study: the map of the fastest contestants over width and batch, and the time of a step as curves.

Called by `bench.report.figures` if a grid workload was measured.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from bench.report.plots.labels import Curve, label_ends
from bench.report.style import FAINT, colour, count_axis, in_order, look, new_figure, plot_text, text_on, time_axis
from bench.report.units import counted, number

NEAR_TIE = 1.05
"""A runner-up whose ratio to the fastest is at most this is as good as the fastest."""
_MOST_CURVE_PANELS = 4
_LEAST_TICK_SHARE = 0.26
"""The share of the widths' part of an axis that a tick's label takes."""
_ROOM_FOR_NAMES = 0.55
"""The share of a panel of curves that is free for the names on the right."""
_CELL_INCHES = (0.9, 0.56)


def scaling_map(cells: pd.DataFrame) -> Figure:
    """A panel per depth and number of threads. Each cell has its winner's colour and name, and the ratio of the runner-up to it.

    Below them, in brackets, is `numpy_nn`'s ratio to the winner if it is neither of the two. A near tie has a frame, and a cell
    that wasn't measured is white. `cells` has the columns of `derived.winners`.
    """
    facets = sorted(set(zip(cells["threads"], cells["layers"], strict=True)))
    columns = min(2, len(facets))
    lines = -(-len(facets) // columns)
    widths, batches = sorted(set(cells["width"])), sorted(set(cells["batch"]))
    width = max(4.0, columns * (0.75 + _CELL_INCHES[0] * len(batches)))
    figure = new_figure(0.3 + lines * (0.75 + _CELL_INCHES[1] * len(widths)), width)
    panels = figure.subplots(lines, columns, squeeze=False).ravel()
    for axes, (threads, layers) in zip(panels, facets, strict=False):
        rows = cells[(cells["threads"] == threads) & (cells["layers"] == layers)]
        _draw_map(axes, rows, widths, batches)
        axes.set_title(f"{counted(int(layers), 'layer')}, {counted(int(threads), 'thread')}")
    for axes in panels[len(facets) :]:
        axes.set_visible(False)
    return figure


def _draw_map(axes: Axes, rows: pd.DataFrame, widths: list[int], batches: list[int]) -> None:
    axes.set_xticks(range(len(batches)), labels=[f"{batch}" for batch in batches])
    axes.set_yticks(range(len(widths)), labels=[f"{width}" for width in widths])
    axes.set(xlim=(-0.5, len(batches) - 0.5), ylim=(-0.5, len(widths) - 0.5), xlabel="batch", ylabel="width")
    axes.tick_params(length=0)
    axes.grid(visible=False)
    for edge in axes.spines.values():
        edge.set(visible=True, edgecolor=FAINT)
    columns = ("width", "batch", "winner", "runner_up_ratio", "ours_ratio")
    for width, batch, winner, runner_up, ours in zip(*(rows[name] for name in columns), strict=True):
        if not isinstance(winner, str):
            continue
        column, line = batches.index(batch), widths.index(width)
        axes.add_patch(Rectangle((column - 0.485, line - 0.48), 0.97, 0.96, facecolor=colour(winner), edgecolor="none"))
        hue = text_on(winner)
        near = runner_up <= NEAR_TIE
        if near:
            axes.add_patch(
                Rectangle((column - 0.455, line - 0.44), 0.91, 0.88, fill=False, edgecolor=hue, linewidth=1, linestyle="--")
            )
        ratio = "" if np.isnan(runner_up) else f"\n{'≈ ' if near else ''}{number(runner_up)} ×"
        ratio += f"\n({number(ours)} ×)" if ours > runner_up else ""
        axes.text(column, line, plot_text(winner, 14) + ratio, ha="center", va="center", fontsize=7, color=hue)


def scaling_curves(scaling: pd.DataFrame) -> Figure:
    """The time of a step against the width, both logarithmic, in a panel per batch size (at most `_MOST_CURVE_PANELS` of them).

    A line joins neighbouring sizes only. `scaling` has the columns of `Analysis.scaling`, of one depth and one number of threads.
    """
    measured = scaling.dropna(subset=["step_seconds"])
    batches = _spread(sorted(set(measured["batch"])), _MOST_CURVE_PANELS)
    widths = sorted(set(scaling["width"]))
    figure = new_figure(4.6, 1.0 + 2.9 * len(batches))
    panels = figure.subplots(1, len(batches), sharey=True, squeeze=False)[0]
    drawn = []
    for axes, batch in zip(panels, batches, strict=True):
        lines = []
        for contestant in in_order(measured["contestant"]):
            rows = measured[(measured["batch"] == batch) & (measured["contestant"] == contestant)]
            times = rows.groupby("width")["step_seconds"].first().reindex(widths).to_numpy(dtype=float)
            if np.isfinite(times).any():
                x, (hue, marker) = np.array(widths, dtype=float), (colour(contestant), look(contestant).marker)
                axes.plot(x, times, color=hue, marker=marker, markersize=4.5)
                lines.append(Curve(plot_text(contestant), x, times, hue, marker))
        axes.set(title=f"batch {batch}", xlabel="width")
        axes.set_xscale("log")
        low, high = axes.get_xlim()
        axes.set_xlim(low, high * (high / low) ** _ROOM_FOR_NAMES)
        count_axis(axes)
        ticks = _apart(widths)
        axes.set_xticks(ticks, labels=[f"{width}" for width in ticks])
        drawn.append((axes, lines))
    time_axis(panels[0], "y")
    panels[0].set_ylabel("a step")
    for axes, lines in drawn:
        label_ends(axes, lines, size=7.5)
    return figure


def _apart(widths: list[int]) -> list[int]:
    """The widths that have room for a tick's label on a logarithmic axis, the largest in any case."""
    least = (widths[-1] / widths[0]) ** _LEAST_TICK_SHARE
    ticks: list[int] = []
    for width in reversed(widths):
        if not ticks or ticks[-1] / width >= least:
            ticks.append(width)
    return ticks


def _spread(values: list[int], most: int) -> list[int]:
    """At most `most` of the sorted `values`, evenly spaced, with the first and the last."""
    if len(values) <= most:
        return values
    return [values[round(index)] for index in np.linspace(0, len(values) - 1, most)]
