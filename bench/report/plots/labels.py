"""Writes the names of curves beside them, where no other name and as few curves as possible lie, in place of a legend.

Called by the other modules of this package.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from bench.report.style import INK, PAPER

_LETTER, _LINE = 0.66, 1.3
"""The width of a letter and the height of a line, in font sizes."""
_GAP_POINTS = 6.0
_COLUMN_POINTS = 16.0
"""From the last end to the column of texts."""
_CANDIDATES = 24
_SAMPLE_PIXELS = 3.0
_OVERLAP, _OUTSIDE, _COVERED = 100.0, 1000.0, 1.0
"""What it costs to overlap a label or a marker, to leave the axes, and to cover a piece of a curve."""


class Curve(NamedTuple):
    """A curve with the text beside it, its colour and its marker; NaN interrupts it."""

    text: str
    x: NDArray[Any]
    y: NDArray[Any]
    colour: str
    marker: str


def text_points(text: str, size: float) -> tuple[float, float]:
    """About how wide and high a text is, in points."""
    lines = text.split("\n")
    return _LETTER * size * max(map(len, lines)), _LINE * size * len(lines)


def label_curves(axes: Axes, curves: Sequence[Curve], size: float = 8.5) -> None:
    """Write each curve's text beside a marker on it. The axes' limits and scales must be final."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()  # lays the figure out: only then is it known where points lie
    pixels = figure.dpi / 72
    frame = axes.get_window_extent()
    paths = [_inside(axes.transData.transform(np.column_stack([curve.x, curve.y]).astype(float)), frame) for curve in curves]
    samples = [_sampled(path) for path in paths]
    taken: list[tuple[float, float, float, float]] = []
    for index, (curve, path) in enumerate(zip(curves, paths, strict=True)):
        if not len(path):
            continue
        width, height = (length * pixels for length in text_points(curve.text, size))
        others = np.concatenate([sample for other, sample in enumerate(samples) if other != index] or [np.zeros((0, 2))])
        best: tuple[float, Any] = (np.inf, None)
        for share, anchor in _anchors(path):
            for side, box in _boxes(anchor, width, height, _GAP_POINTS * pixels):
                cost = 0.02 * (1 - share) + _cost(box, taken, frame, others, samples[index])
                if cost < best[0]:
                    best = (cost, (anchor, side, box))
        anchor, side, box = best[1]
        taken.append(box)
        taken.append((anchor[0] - 5, anchor[1] - 5, anchor[0] + 5, anchor[1] + 5))
        _write(axes, curve, axes.transData.inverted().transform(anchor), side, size)


def label_ends(axes: Axes, curves: Sequence[Curve], size: float = 8.5) -> None:
    """Write the texts in a column on the right, in the order of the curves' ends, each with a line to its end.

    For curves that end close to one another. The axes' limits must be final and leave room on the right.
    """
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()
    frame, line = axes.get_window_extent(), _LINE * size * figure.dpi / 72
    points = [curve for curve in curves if np.isfinite(curve.y).any()]
    ends = axes.transData.transform([_last(curve) for curve in points]).reshape(-1, 2)
    order = np.argsort(ends[:, 1], kind="stable")
    places = _spread_out(ends[order, 1], line, frame.y0 + line / 2, frame.y1 - line / 2)
    column = ends[:, 0].max(initial=frame.x0) + _COLUMN_POINTS * figure.dpi / 72
    for index, place in zip(order, places, strict=True):
        curve, target = points[index], axes.transData.inverted().transform((column, place))
        axes.plot(*zip(_last(curve), target, strict=True), color=curve.colour, linewidth=0.7, linestyle=(0, (2, 1.5)), zorder=1)
        axes.annotate(
            curve.text, tuple(target), xytext=(2, 0), textcoords="offset points", va="center", fontsize=size, in_layout=False
        )


def _last(curve: Curve) -> tuple[float, float]:
    place = np.flatnonzero(np.isfinite(curve.y))[-1]
    return float(curve.x[place]), float(curve.y[place])


def _spread_out(places: NDArray[Any], gap: float, low: float, high: float) -> NDArray[Any]:
    """The sorted `places`, moved as little as need be to lie `gap` apart, between `low` and `high` as far as there is room."""
    # Of x[i] - i * gap, which mustn't fall, the best fit is isotonic: pool neighbours that violate the order.
    pools: list[list[float]] = []
    for index, place in enumerate(places):
        pools.append([place - index * gap, 1])
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (mean, count), (before, many) = pools.pop(), pools.pop()
            pools.append([(mean * count + before * many) / (count + many), count + many])
    spread = np.concatenate([np.full(int(count), mean) for mean, count in pools] or [np.zeros(0)])
    return np.asarray(np.clip(spread, low, max(low, high - (len(places) - 1) * gap)) + np.arange(len(places)) * gap)


def _write(axes: Axes, curve: Curve, anchor: NDArray[Any], side: tuple[int, int], size: float) -> None:
    axes.plot(*anchor, curve.marker, color=curve.colour, markersize=6, markeredgecolor=PAPER, markeredgewidth=0.6, zorder=4)
    axes.annotate(
        curve.text,
        tuple(anchor),
        xytext=(_GAP_POINTS * side[0], _GAP_POINTS * side[1]),
        textcoords="offset points",
        ha={-1: "right", 0: "center", 1: "left"}[side[0]],
        va={-1: "top", 0: "center", 1: "bottom"}[side[1]],
        fontsize=size,
        color=INK,
        zorder=5,
        annotation_clip=False,
        in_layout=False,
    )


def _inside(path: NDArray[Any], frame: Any) -> NDArray[Any]:
    kept = np.isfinite(path).all(axis=1)
    path = path[kept]
    x, y = path[:, 0], path[:, 1]
    return np.asarray(path[(x >= frame.x0 - 1) & (x <= frame.x1 + 1) & (y >= frame.y0 - 1) & (y <= frame.y1 + 1)])


def _sampled(path: NDArray[Any]) -> NDArray[Any]:
    """Points along a path, a few pixels apart."""
    if len(path) < 2:
        return path
    length = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    places = np.arange(0, length[-1] + _SAMPLE_PIXELS, _SAMPLE_PIXELS)
    return np.column_stack([np.interp(places, length, path[:, column]) for column in (0, 1)])


def _anchors(path: NDArray[Any]) -> Iterable[tuple[float, NDArray[Any]]]:
    """Where a label may stand: points of the path with their share of the way, evenly spaced on the screen."""
    length = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    shares = np.linspace(1, 0, _CANDIDATES) if length[-1] > 0 else np.ones(1)
    places = np.unique([int(np.argmin(abs(length - share * length[-1]))) for share in shares])[::-1]
    return [(float(length[place] / length[-1]) if length[-1] else 1.0, path[place]) for place in places]


def _boxes(
    anchor: NDArray[Any], width: float, height: float, gap: float
) -> Iterable[tuple[tuple[int, int], tuple[float, float, float, float]]]:
    """The boxes of a text around its anchor, with the side of the anchor on which it stands."""
    for side in ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1)):
        x = anchor[0] + gap * side[0] - {-1: width, 0: width / 2, 1: 0.0}[side[0]]
        y = anchor[1] + gap * side[1] - {-1: height, 0: height / 2, 1: 0.0}[side[1]]
        yield side, (x, y, x + width, y + height)


def _cost(
    box: tuple[float, float, float, float], taken: Sequence[Any], frame: Any, others: NDArray[Any], own: NDArray[Any]
) -> float:
    left, low, right, high = box
    cost = _OUTSIDE * ((left < frame.x0) + (right > frame.x1) + (low < frame.y0) + (high > frame.y1))
    cost += _OVERLAP * sum(left < x1 and right > x0 and low < y1 and high > y0 for x0, y0, x1, y1 in taken)
    for points, weight in ((others, _COVERED), (own, 0.5 * _COVERED)):
        x, y = points[:, 0], points[:, 1]
        cost += weight * float(((x > left) & (x < right) & (y > low) & (y < high)).sum())
    return float(cost)
