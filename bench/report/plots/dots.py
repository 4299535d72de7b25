"""The plot beside the answer: each contestant's step and its time to 95 %, every trial a dot, the interval over them.

Called by `bench.report.figures`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report.style import INK, PAPER, colour, new_figure, time_axis
from bench.report.units import is_absent, seconds

STEP, TARGET = "step", "95 %"
_TITLES = {STEP: "a training step", TARGET: "from process start to 95 % test accuracy"}
_ROW_INCHES = 0.3
_MARKERS = {STEP: "o", TARGET: "D"}


@dataclass(frozen=True)
class DotRow:
    """One measure (`STEP` or `TARGET`) of one contestant, in seconds: a value per trial, the estimate and its interval."""

    contestant: str
    measure: str
    values: list[float]
    median: float
    low: float
    high: float


def step_and_target(rows: Sequence[DotRow], *, narrow: bool = False) -> Figure:
    """A panel per measure on logarithmic axes, the contestants in the order of `rows`; with `narrow`, one above the other."""
    names = list(dict.fromkeys(row.contestant for row in rows))
    measures = [measure for measure in _TITLES if any(row.measure == measure for row in rows)]
    shape = (len(measures), 1) if narrow else (1, len(measures))
    row_inches = 0.19 if narrow else _ROW_INCHES
    height = shape[0] * (0.6 + row_inches * len(names))
    figure = new_figure(height, 3.8 if narrow else 9.0)
    panels = figure.subplots(*shape, sharey=True, squeeze=False).ravel()
    for axes, measure in zip(panels, measures, strict=True):
        found = {row.contestant: row for row in rows if row.measure == measure}
        for place, name in enumerate(names):
            if name in found:
                _row(axes, place, found[name], narrow)
        axes.set_title(_TITLES[measure].removeprefix("from process start ") if narrow else _TITLES[measure])
        _room_for_figures(axes, narrow)
        axes.set_yticks(range(len(names)), labels=names)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False, axis="y")
        if narrow:
            axes.tick_params(labelsize=7.5)
    return figure


def _row(axes: Axes, place: int, row: DotRow, narrow: bool) -> None:
    hue, size = colour(row.contestant), 12 if narrow else 22
    spread = np.linspace(-0.22, 0.22, len(row.values)) if len(row.values) > 1 else np.zeros(1)
    axes.scatter(row.values, place + spread[: len(row.values)], s=size, color=hue, alpha=0.45, linewidth=0)
    if is_absent(row.median):
        return
    if not is_absent(row.low) and np.isfinite([row.low, row.high]).all():
        axes.hlines(place, row.low, row.high, color=INK, linewidth=1.6)
    axes.scatter([row.median], [place], s=2 * size, marker=_MARKERS[row.measure], color=hue, edgecolor=INK, linewidth=0.8, zorder=3)
    right = max([row.median, *row.values, *([row.high] if np.isfinite(row.high) else [])])
    background = {"facecolor": PAPER, "edgecolor": "none", "pad": 0.5}
    axes.annotate(
        seconds(row.median),
        (right, place),
        xytext=(7, 0),
        textcoords="offset points",
        va="center",
        fontsize=7.5 if narrow else 9,
        bbox=background,
    )


def _room_for_figures(axes: Axes, narrow: bool) -> None:
    """Widen the axis to the right for the figure beside the slowest contestant."""
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    axes.set_xlim(low, high * (high / low) ** (0.35 if narrow else 0.2))
    time_axis(axes)
