"""Plots of the training: loss and accuracy, the losses of two contestants with their difference, parity, accuracy against time.

Called by `bench.report.figures`. Curves that coincide share one line with all their names; no curve has more points than pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from bench.report.plots.labels import Curve, label_curves
from bench.report.style import (
    FAINT,
    INK,
    colour,
    count_axis,
    in_order,
    look,
    new_figure,
    percent_axis,
    plot_text,
    time_axis,
    whole_axis,
)

Array = NDArray[Any]

_PANELS = (
    ("loss", "training loss"),
    ("accuracy", "training accuracy"),
    ("val_accuracy", "test accuracy"),
)
_LOG_WHEN_LENGTHS_DIFFER_BY = 4
SAME = 0.005
"""Curves that differ by at most this share of their panel's height coincide on a screen."""
MOST_COLUMNS = 400
"""The columns of pixels that a curve has at most."""
_NAMES_IN_A_LABEL = 3
_MOST_DOTS = 50


def training_curves(curves: pd.DataFrame, steps_per_epoch: Mapping[str, float]) -> Figure:
    """Loss and accuracy of one workload: the mean over a contestant's seeds, with a band from minimum to maximum.

    The axis counts epochs where those of all contestants have equally many updates, and updates elsewhere. `curves` has the columns
    of `Analysis.curves`.
    """
    panels = [(column, title) for column, title in _PANELS if curves[column].notna().any()]
    groups = coinciding(curves)
    updates = len({round(steps_per_epoch.get(name, 1.0), 6) for group in groups for name in group}) > 1
    figure = new_figure(3.4)
    panels_drawn = figure.subplots(1, len(panels), squeeze=False)[0]
    drawn = []
    for axes, (column, title) in zip(panels_drawn, panels, strict=True):
        lines = []
        for group in groups:
            by_epoch = curves[curves["contestant"] == group[0]].groupby("epoch")[column]
            x = (by_epoch.mean().index.to_numpy(dtype=float) + 1) * (steps_per_epoch.get(group[0], 1.0) if updates else 1.0)
            statistics = (by_epoch.mean(), by_epoch.min(), by_epoch.max())
            lines.append(_banded(axes, group, x, *(values.to_numpy(dtype=float) for values in statistics)))
        axes.set(title=title, xlabel="updates" if updates else "epoch")
        if column != "loss":
            percent_axis(axes)
        if _lengths_differ([line.x for line in lines]):
            count_axis(axes)
        else:
            whole_axis(axes)
        drawn.append((axes, lines))
    for axes, lines in drawn:
        label_curves(axes, lines)
    return figure


def coinciding(curves: pd.DataFrame) -> list[list[str]]:
    """The contestants in groups whose curves coincide in every panel; a contestant without a like is a group of its own."""
    columns = [column for column, _ in _PANELS if curves[column].notna().any()]
    finite = curves[columns].where(np.isfinite(curves[columns]))
    heights = (finite.max() - finite.min()).fillna(0.0).to_numpy()
    means = {str(name): rows.groupby("epoch")[columns].mean() for name, rows in curves.groupby("contestant")}
    groups: list[list[str]] = []
    for name in in_order(means):
        own = means[name]
        for group in groups:
            first = means[group[0]]
            if first.index.equals(own.index) and np.isclose(first, own, rtol=0, atol=SAME * heights, equal_nan=True).all():
                group.append(name)
                break
        else:
            groups.append([name])
    return groups


def loss_difference(losses: Mapping[str, Sequence[float]]) -> Figure:
    """The losses of two contestants, epoch by epoch, and under them the first one's less the second one's.

    The axis of the difference is linear, and as wide as the largest difference.
    """
    (ours, own), (reference, other) = ((name, np.asarray(values, dtype=float)) for name, values in losses.items())
    epochs = np.arange(1, len(own) + 1, dtype=float)
    figure = new_figure(4.6, 7.5)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(1.3, 1))
    lines = []
    for name, values, width in ((reference, other, 5.0), (ours, own, 1.6)):
        x, y = thinned(epochs, np.where(np.isfinite(values), values, np.nan))
        above.plot(x, y, color=colour(name), linewidth=width)
        lines.append(Curve(plot_text(name), x, y, colour(name), look(name).marker))
    above.set(title="training loss", ylabel="loss")
    with np.errstate(invalid="ignore"):
        gap = own - other
    gap[~np.isfinite(gap)] = np.nan
    most = float(np.nanmax(np.abs(gap), initial=0.0, where=np.isfinite(gap)))
    below.axhline(0, color=INK, linewidth=0.8)
    below.plot(*thinned(epochs, gap), ".", color=colour(ours), markersize=4)
    below.set_ylim(-1.15 * (most or 1e-16), 1.15 * (most or 1e-16))
    below.yaxis.set_major_locator(MaxNLocator(6, symmetric=True))
    below.yaxis.set_major_formatter(FuncFormatter(lambda value, _: "0" if value == 0 else f"{value:.1e}"))
    equal = "equal in every epoch" if np.isfinite(gap).all() else "equal wherever both are finite"
    largest = f"at most {most:.1e}" if most else equal
    below.set(title=f"{plot_text(ours)} − {plot_text(reference)}: {largest}", xlabel="epoch", ylabel="difference of loss")
    whole_axis(below)
    label_curves(above, lines)
    return figure


def parity_curves(curves: pd.DataFrame) -> Figure:
    """The largest difference to the reference: loss and weights, on a logarithmic axis.

    There is a dot for each epoch, or where there are more than `_MOST_DOTS` of them, for the largest of a few. Differences of
    exactly zero lie on a separate line at the bottom, labelled 0. `curves` has the columns of `Analysis.parity_curves`, of one
    workload.
    """
    measures = [name for name in ("loss", "weights") if np.isfinite(curves[name]).any()] or ["loss"]
    contestants = in_order(curves["contestant"])
    differences = np.abs(curves[list(measures)].to_numpy(dtype=float))
    differences = np.where(np.isfinite(differences), differences, np.nan)
    foot = _below_smallest(differences)
    high = max(3 * float(np.nanmax(differences, initial=0.0)), foot * 1e3)
    figure = new_figure(4.4)
    panels = figure.subplots(1, len(measures), sharey=True, squeeze=False)[0]
    panels[0].set_yscale("log")
    panels[0].set_ylim(foot / 3, high)
    drawn = []
    for axes, measure in zip(panels, measures, strict=True):
        lines = []
        # From large dots to small ones, so that equal values are visible as rings.
        for contestant, dot in zip(reversed(contestants), np.linspace(8, 2.5, len(contestants)), strict=True):
            rows = curves[curves["contestant"] == contestant].sort_values("epoch")
            x, values = _largest_of_parts(rows["epoch"].to_numpy(dtype=float) + 1, rows[measure].abs().to_numpy(dtype=float))
            y = np.where(values == 0, foot, values)
            axes.plot(x, y, ".", color=colour(contestant), markersize=dot)
            lines.append(Curve(plot_text(contestant), x, y, colour(contestant), look(contestant).marker))
        axes.axhline(foot, color=FAINT, linewidth=0.8, zorder=0)
        axes.set(title=measure, xlabel="epoch")
        axes.minorticks_off()
        whole_axis(axes)
        drawn.append((axes, lines))
    powers = np.arange(np.log10(foot) + 1, np.floor(np.log10(high)) + 1).round()
    ticks = 10.0 ** powers[:: max(1, len(powers) // 7)]
    panels[0].set_yticks([foot, *ticks], labels=["0", *(f"1e{np.log10(tick):.0f}" for tick in ticks)])
    panels[0].set_ylabel("largest difference to the reference")
    for axes, lines in drawn:
        label_curves(axes, lines[::-1])
    return figure


def accuracy_against_time(curves: pd.DataFrame) -> Figure:
    """Test accuracy against the seconds since the start of the process, on a logarithmic axis.

    `curves` has the columns of `derived.accuracy_against_time`.
    """
    figure = new_figure(4.8)
    axes = figure.add_subplot()
    lines = []
    for contestant in in_order(curves["contestant"]):
        rows = curves[curves["contestant"] == contestant].sort_values("seconds")
        columns = (rows[name].to_numpy(dtype=float) for name in ("seconds", "accuracy", "least", "most"))
        lines.append(_banded(axes, [contestant], *columns))
    axes.set(xlabel="time since process start, imports and compiling included", ylabel="test accuracy")
    percent_axis(axes)
    time_axis(axes)
    label_curves(axes, sorted(lines, key=lambda line: float(line.x[0])))
    return figure


def thinned(x: Array, y: Array) -> tuple[Array, Array]:
    """The first, least, greatest and last point of each column of pixels; short curves stay as they are.

    There are `MOST_COLUMNS` columns of a linear axis and as many of a logarithmic one, so that a curve may be drawn on either.
    """
    if len(x) <= 2 * MOST_COLUMNS:
        return x, y
    columns = _columns(x) + (MOST_COLUMNS + 1) * _columns(np.log(x))
    starts = np.flatnonzero(np.diff(columns, prepend=-1)).tolist()
    kept: set[int] = set()
    for start, end in zip(starts, [*starts[1:], len(x)], strict=True):
        piece = y[start:end]
        kept |= {start, end - 1, start + int(piece.argmin()), start + int(piece.argmax())}
    order = sorted(kept)
    return x[order], y[order]


def _largest_of_parts(x: Array, y: Array) -> tuple[Array, Array]:
    """The largest value of each of at most `_MOST_DOTS` parts, where it is; infinite differences count, NaN doesn't."""
    parts = np.array_split(np.arange(len(x)), min(len(x), _MOST_DOTS))
    kept = [int(part[np.argmax(np.where(np.isnan(y[part]), -1.0, y[part]))]) for part in parts]
    return x[kept], y[kept]


def _columns(places: Array) -> Array:
    return np.asarray(np.minimum((MOST_COLUMNS * (places - places[0]) / (places[-1] - places[0])).astype(int), MOST_COLUMNS - 1))


def _banded(axes: Axes, group: Sequence[str], x: Array, mean: Array, least: Array, most: Array) -> Curve:
    """Draw a curve with its band, and return it with the group's names."""
    name = group[0]
    mean, least, most = (np.where(np.isfinite(values), values, np.nan) for values in (mean, least, most))
    x_shown, shown = thinned(x, mean)
    axes.plot(x_shown, shown, color=colour(name))
    if (most > least).any():
        x_low, low = thinned(x, least)
        x_high, high = thinned(x, most)
        axes.fill_between(x_low, low, np.interp(x_low, x_high, high), color=colour(name), alpha=0.12, linewidth=0)
    names = [plot_text(each) for each in group[:_NAMES_IN_A_LABEL]]
    names += [f"and {len(group) - _NAMES_IN_A_LABEL} more"] if len(group) > _NAMES_IN_A_LABEL else []
    return Curve("\n".join(names), x_shown, shown, colour(name), look(name).marker)


def _lengths_differ(xs: Sequence[Array]) -> bool:
    ends = [float(x[-1]) for x in xs if len(x)]
    return bool(ends) and max(ends) > _LOG_WHEN_LENGTHS_DIFFER_BY * min(ends)


def _below_smallest(values: Array) -> float:
    """The power of ten at least one decade below all non-zero `values` (none of which is negative)."""
    positive = values[np.isfinite(values) & (values > 0)]
    return float(10.0 ** (np.floor(np.log10(positive.min())) - 1)) if len(positive) else 1e-17
