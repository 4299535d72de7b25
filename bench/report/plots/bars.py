"""The bar chart of peak memory, on a linear axis that starts at zero. Called by `bench.report.figures`."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from bench.report.style import colour, new_figure, plot_text
from bench.report.units import size

_ROW_INCHES = 0.3
_MARGIN_INCHES = 0.8


def memory_bars(memory: pd.DataFrame) -> Figure:
    """The peak memory of each contestant's process, the smallest on top.

    `memory` has the columns of `Analysis.memory`, of one workload.
    """
    rows = memory.dropna(subset=["peak_memory_bytes"]).sort_values(["peak_memory_bytes", "contestant"])
    names = [str(name) for name in rows["contestant"]]
    peaks = rows["peak_memory_bytes"].to_numpy(dtype=float)
    figure = new_figure(_MARGIN_INCHES + _ROW_INCHES * len(names))
    axes = figure.add_subplot()
    axes.barh(range(len(names)), peaks, color=[colour(name) for name in names], height=0.66)
    for place, peak in enumerate(peaks):
        axes.annotate(size(peak), (peak, place), xytext=(6, 0), textcoords="offset points", va="center", fontsize=9)
    axes.set_yticks(range(len(names)), labels=[plot_text(name) for name in names])
    axes.set_xlim(0, peaks.max() * 1.15)
    axes.set_xlabel("peak memory of the worker's process")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 1e6:g} MB"))
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    return figure
