"""Horizontal bar charts: times, ratios to the floor, where the time goes, memory.

Called by `bench.report.figures`. Each bar has its figure beside it; whiskers show its interval.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from bench.report.style import INK, PAPER, colour, count_axis, legend_below, new_figure, percent_axis, time_axis
from bench.report.units import multiple, seconds, size

_ROW_INCHES = 0.34
_MARGIN_INCHES = 0.95
_ROOM_FOR_FIGURE = 0.32
"""The share of the axis that is free for the figure beside the longest bar."""
BREAKDOWN_PARTS = (
    ("cold_start", "cold start", "#8a8f98"),
    ("products", "matrix products", "#5b3f8f"),
    ("rest", "all else of the training", "#d8b365"),
)


def time_bars(times: pd.DataFrame, titles: Mapping[str, str]) -> Figure:
    """A panel per measure, on logarithmic axes, with the fastest by the first measure on top.

    `times` has the columns of `Analysis.times`, of one workload.
    """
    shown = [measure for measure in titles if (times["measure"] == measure).any()]
    names = _fastest_first(times, shown)
    figure = new_figure(_MARGIN_INCHES + _ROW_INCHES * len(names))
    panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for axes, measure in zip(panels, shown, strict=True):
        rows = times[times["measure"] == measure].set_index("contestant").reindex(names)
        _log_bars(axes, names, rows[["median", "low", "high"]], [seconds(value) for value in rows["median"]])
        axes.set_title(titles[measure])
        time_axis(axes)
    return figure


def floor_bars(limits: pd.DataFrame) -> Figure:
    """The ratio of each contestant's step to the floor, on a logarithmic axis that starts at the floor.

    `limits` has the columns of `Analysis.limits`, of one workload.
    """
    rows = limits.dropna(subset=["times_floor"]).sort_values(["times_floor", "contestant"]).set_index("contestant")
    names = [str(name) for name in rows.index]
    figure = new_figure(_MARGIN_INCHES + _ROW_INCHES * len(names))
    axes = figure.add_subplot()
    columns = rows[["times_floor", "low", "high"]].set_axis(["median", "low", "high"], axis=1)
    _log_bars(axes, names, columns, [multiple(value) for value in rows["times_floor"]], start=1.0)
    axes.set_xlabel("times the floor, the matrix products of a step alone")
    count_axis(axes)
    return figure


def memory_bars(memory: pd.DataFrame) -> Figure:
    """The peak memory of each contestant's process, the smallest on top.

    `memory` has the columns of `Analysis.memory`, of one workload.
    """
    rows = memory.dropna(subset=["peak_memory_bytes"]).sort_values(["peak_memory_bytes", "contestant"])
    names = [str(name) for name in rows["contestant"]]
    peaks = rows["peak_memory_bytes"].to_numpy(dtype=float)
    figure = new_figure(_MARGIN_INCHES + _ROW_INCHES * len(names))
    axes = figure.add_subplot()
    axes.barh(names, peaks, color=[colour(name) for name in names], height=0.66)
    for place, peak in enumerate(peaks):
        _note(axes, size(peak), peak, place)
    axes.set_xlim(0, peaks.max() * 1.15)
    axes.set_xlabel("peak memory of the worker's process")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 1e6:g} MB"))
    _rows_downwards(axes)
    return figure


def breakdown_bars(breakdown: pd.DataFrame) -> Figure:
    """The shares of cold start, matrix products and all else in the time from process start to the last update.

    `breakdown` has the columns of `derived.breakdown`.
    """
    names = [str(name) for name in breakdown["contestant"]]
    parts = breakdown[[part for part, _, _ in BREAKDOWN_PARTS]].fillna(0.0).to_numpy(dtype=float)
    shares = parts / parts.sum(axis=1, keepdims=True)
    figure = new_figure(_MARGIN_INCHES + 0.3 + _ROW_INCHES * len(names))
    axes = figure.add_subplot()
    starts = np.zeros(len(names))
    for (_, label, hue), share in zip(BREAKDOWN_PARTS, shares.T, strict=True):
        if share.any():
            axes.barh(names, share, left=starts, color=hue, height=0.66, label=label, edgecolor=PAPER, linewidth=0.8)
        starts = starts + share
    for place, total in enumerate(parts.sum(axis=1)):
        _note(axes, seconds(total), 1.0, place)
    axes.set_xlim(0, 1.12)
    axes.set_xticks(np.linspace(0, 1, 6))
    percent_axis(axes, "x")
    axes.set_xlabel("share of the time from process start to the last update; beside it the whole")
    _rows_downwards(axes)
    legend_below(figure, axes)
    return figure


def _fastest_first(times: pd.DataFrame, measures: Sequence[str]) -> list[str]:
    table = times[times["measure"].isin(measures)].pivot_table(index="contestant", columns="measure", values="median")
    table = table.reindex(columns=list(measures))
    return [str(name) for name in table.sort_index().sort_values(list(measures), kind="stable").index]


def _log_bars(axes: Axes, names: Sequence[str], rows: pd.DataFrame, labels: Sequence[str], start: float | None = None) -> None:
    """Draw bars with whiskers and figures; `rows` has median, low and high of each of `names`."""
    medians = rows["median"].to_numpy(dtype=float)
    lows = np.where(np.isnan(rows["low"].to_numpy(dtype=float)), medians, rows["low"].to_numpy(dtype=float))
    highs = np.where(np.isnan(rows["high"].to_numpy(dtype=float)), medians, rows["high"].to_numpy(dtype=float))
    begin = start if start is not None else 10 ** np.floor(np.log10(np.nanmin(lows)) - 0.15)
    end = max(float(np.nanmax(highs)), begin * 2)
    places = np.arange(len(names))
    axes.barh(places, np.maximum(medians - begin, 0), left=begin, color=[colour(name) for name in names], height=0.66)
    axes.hlines(places, lows, highs, color=INK, linewidth=1.4)
    for place, (high, label) in enumerate(zip(highs, labels, strict=True)):
        measured = not np.isnan(high)
        _note(axes, label if measured else "not measured", max(high, begin) if measured else begin, place)
    axes.set_yticks(places, labels=list(names))
    axes.set_xscale("log")
    axes.set_xlim(begin, begin * (end / begin) ** (1 / (1 - _ROOM_FOR_FIGURE)))
    _rows_downwards(axes)


def _rows_downwards(axes: Axes) -> None:
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    if not axes.yaxis_inverted():
        axes.invert_yaxis()


def _note(axes: Axes, text: str, x: float, row: int) -> None:
    """Write a figure beside the end of its bar, on top of the grid."""
    background = {"facecolor": PAPER, "edgecolor": "none", "pad": 1.0}
    axes.annotate(text, (x, row), xytext=(6, 0), textcoords="offset points", va="center", fontsize=9, bbox=background)
