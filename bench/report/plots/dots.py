"""Dot plots of seconds on logarithmic axes: the plot beside the answer, with a dot for every turn or trial, and one of all times.

Called by `bench.report.figures`. A contestant's name stands beside its dots, on whichever side has room.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report.plots.labels import text_points
from bench.report.style import INK, PAPER, WIDTH_INCHES, look, new_figure, plot_text, time_axis
from bench.report.units import seconds

STEP, TARGET = "step", "95 %"
_TITLES = {STEP: "a training step", TARGET: "process start to 95 % test accuracy"}
_NARROW_TITLES = {STEP: "a step", TARGET: "start to 95 % accuracy"}
_GAP_POINTS = 7.0
_LEFT_TO_RIGHT = "\u200e"
"""Keeps the figure after a name on its right, whatever script the name is in."""
_SPREAD = 0.3
"""How far the dots stand above and below their row."""
_GOLDEN = 0.618034
"""Its multiples, without their whole part, are spread evenly and in no visible order."""
_MANY_DOTS = 12
"""In a row, from which on the dots are smaller."""
MOST_DOTS = 64
"""In a row, of more values: evenly chosen from the least to the greatest, so that the page stays small."""


@dataclass(frozen=True)
class DotRow:
    """One measure of one contestant, in seconds: a value per turn or trial, the estimate and the interval, NaN if there is none."""

    contestant: str
    measure: str
    values: Sequence[float]
    median: float
    low: float
    high: float
    disturbed: Sequence[float] = ()
    """Values that the estimate doesn't count, since other work was seen in their turns."""


@dataclass(frozen=True)
class _Layout:
    """Sizes of a dot plot: inches of the figure and a row, points of the text and the marks."""

    width: float
    row: float
    margin: float
    font: float
    mark: float
    figures: bool
    """Whether the estimate stands beside the name."""
    letters: int
    """The most of a name."""


_WIDE = _Layout(WIDTH_INCHES, row=0.28, margin=0.75, font=9.0, mark=5.5, figures=True, letters=24)
_NARROW = _Layout(3.8, row=0.2, margin=0.6, font=7.5, mark=4.5, figures=False, letters=15)


def step_and_target(rows: Sequence[DotRow], *, narrow: bool = False) -> Figure:
    """A panel for `STEP` and one for `TARGET`, with the contestants in the order of `rows`, the first on top.

    `narrow` is for a screen 390 pixels wide: smaller, and without the estimates.
    """
    return _dot_plot(rows, _NARROW_TITLES if narrow else _TITLES, _NARROW if narrow else _WIDE)


def _dot_plot(rows: Sequence[DotRow], titles: Mapping[str, str], layout: _Layout) -> Figure:
    names = list(dict.fromkeys(row.contestant for row in rows))
    measures = [measure for measure in titles if any(row.measure == measure and _extent(row) for row in rows)]
    figure = new_figure(layout.margin + layout.row * len(names), layout.width)
    panels = figure.subplots(1, max(1, len(measures)), squeeze=False)[0]
    for axes, measure in zip(panels, measures, strict=False):
        found = {row.contestant: row for row in rows if row.measure == measure}
        absent = {name: "not reached" if name in found and measure == TARGET else "not measured" for name in names}
        shown = [found.get(name, DotRow(name, measure, (), np.nan, np.nan, np.nan)) for name in names]
        _panel(axes, shown, [_text(row, absent[row.contestant], layout) for row in shown], layout)
        axes.set_title(titles[measure], fontsize=layout.font + 1.5)
    return figure


def _panel(axes: Axes, rows: Sequence[DotRow], texts: Sequence[str], layout: _Layout) -> None:
    room = 72 * 0.92 * layout.width / axes.get_subplotspec().get_gridspec().ncols  # type: ignore[union-attr]
    needed = [(text_points(text, layout.font)[0] + _GAP_POINTS) / room for text in texts]
    extents = [_extent(row) for row in rows]
    left, right = _limits([(np.log10(extent), share) for extent, share in zip(extents, needed, strict=True) if extent])
    axes.set_xscale("log")
    axes.set_xlim(10**left, 10**right)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    time_axis(axes)
    axes.tick_params(labelsize=layout.font)
    for place, (row, text, extent, share) in enumerate(zip(rows, texts, extents, needed, strict=True)):
        if extent:
            _marks(axes, place, row, layout)
            fits = (np.log10(extent[1]) - left) / (right - left) + share <= 1
            _name(axes, place, text, extent[1] if fits else extent[0], 1 if fits else -1, layout)
        else:
            _name(axes, place, text, 10**left, 1, layout)


def _marks(axes: Axes, place: int, row: DotRow, layout: _Layout) -> None:
    """A dot for each value, over them the interval and a stroke at the estimate; without values, a dot at the estimate."""
    values, disturbed = _thinned(row.values), _thinned(row.disturbed)
    if _drawable(row.low) and _drawable(row.high):
        axes.hlines(place, row.low, row.high, color=INK, linewidth=1.4, zorder=4, clip_on=False)
    if (values or disturbed) and _drawable(row.median):
        axes.vlines(row.median, place - 0.42, place + 0.42, color=INK, linewidth=1.2, zorder=5, clip_on=False)
    elif not disturbed:
        values = [row.median]
    size = layout.mark * (0.7 if len(values) + len(disturbed) > _MANY_DOTS else 1.0 if row.values else 1.5)
    color = look(row.contestant).light
    if disturbed:
        _dots(axes, row, disturbed, place, size, facecolors="none", edgecolors=color, linewidths=0.5)
    if values:
        _dots(axes, row, values, place, size, c=color, edgecolors=PAPER, linewidths=0.3)


def _dots(axes: Axes, row: DotRow, values: Sequence[float], place: int, size: float, **marks: Any) -> None:
    spread = np.linspace(-_SPREAD, _SPREAD, len(values)) if len(values) > 1 else np.zeros(len(values))
    heights = place + spread[np.argsort(np.arange(len(values)) * _GOLDEN % 1, kind="stable")]
    axes.scatter(values, heights, s=size**2, marker=look(row.contestant).marker, zorder=3, clip_on=False, **marks)


def _thinned(values: Sequence[float]) -> list[float]:
    """The values that can be drawn, in order; of many, evenly chosen ones."""
    found = sorted(value for value in values if _drawable(value))
    chosen = np.linspace(0, len(found) - 1, MOST_DOTS).round().astype(int) if len(found) > MOST_DOTS else range(len(found))
    return [found[index] for index in chosen]


def _name(axes: Axes, place: int, text: str, x: float, side: int, layout: _Layout) -> None:
    axes.annotate(
        text,
        (x, place),
        xytext=(side * _GAP_POINTS, 0),
        textcoords="offset points",
        ha="left" if side > 0 else "right",
        va="center",
        fontsize=layout.font,
        in_layout=False,
    )


def _text(row: DotRow, absent: str, layout: _Layout) -> str:
    name = f"{_LEFT_TO_RIGHT}{plot_text(row.contestant, layout.letters)}{_LEFT_TO_RIGHT}"
    if not _extent(row):
        return f"{name}: {absent}"
    if not _drawable(row.median):
        return f"{name}: no estimate"
    return f"{name} {seconds(row.median)}" if layout.figures else name


def _extent(row: DotRow) -> tuple[float, float] | None:
    """The least and the greatest figure of a row; None if it has none."""
    drawn = [value for value in (*row.values, *row.disturbed, row.median, row.low, row.high) if _drawable(value)]
    return (min(drawn), max(drawn)) if drawn else None


def _drawable(value: float) -> bool:
    return bool(np.isfinite(value)) and value > 0


def _limits(rows: Sequence[tuple[np.ndarray, float]]) -> tuple[float, float]:
    """The axis' ends, as powers of ten, such that each text fits on the left or on the right of its row.

    `rows` has each row's extent, as powers of ten, and its text's share of the axis.
    """
    low, high = min(extent[0] for extent, _ in rows), max(extent[1] for extent, _ in rows)
    span = max(high - low, 0.3)
    for growth in np.arange(0.06, 4.0, 0.02):
        left, right = low - 0.05 * span, high + growth * span
        whole = right - left
        if all((extent[1] - left) / whole + share <= 1 or (extent[0] - left) / whole >= share for extent, share in rows):
            break
    return left, right
