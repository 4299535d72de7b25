"""The style of all plots: colour-blind safe colours of the contestants, fonts, grid, size and axes.

Called by `bench.report.plots`. The HTML page replaces the neutral colours on dark screens.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from bench.report.units import number, seconds

INK = "#1b1f24"
"""The colour of text, axes and neutral lines."""
FAINT = "#c9ced6"
"""The colour of the grid."""
PAPER = "#ffffff"
"""The background."""
DARK = {INK: "#e6e9ee", FAINT: "#3a414b", PAPER: "#15181d"}
"""The replacement of each neutral colour on a dark page."""

# Okabe and Ito's palette for the main contestants, Paul Tol's muted palette for the others.
COLOURS = {
    "numpy_nn": "#0072b2",
    "article": "#56b4e9",
    "keras": "#d55e00",
    "keras-tuned": "#e69f00",
    "keras-jax": "#b09b1f",
    "keras-torch": "#cc6677",
    "tensorflow": "#882255",
    "jax": "#009e73",
    "torch": "#cc79a7",
    "torch-compile": "#aa4499",
    "sklearn": "#6b4c2a",
    "onnxruntime": "#44aa99",
    "floor": "#8a8f98",
}
"""By contestant, in the order in which contestants are listed."""
_OTHERS = ("#6f4bc9", "#a0522d", "#5f7a00", "#c2185b", "#00798c")

RC: Any = {
    "axes.axisbelow": True,
    "axes.edgecolor": INK,
    "axes.facecolor": PAPER,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 10,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "figure.facecolor": PAPER,
    "font.family": "DejaVu Sans",  # part of matplotlib, so that all machines draw alike
    "font.size": 10,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "lines.linewidth": 1.6,
    "savefig.facecolor": PAPER,
    "svg.hashsalt": "moons-bench",  # without it, the ids in an SVG are random
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}

WIDTH_INCHES = 9.0
_LEGEND_COLUMNS = 6


def colour(contestant: str) -> str:
    """The contestant's colour: from `COLOURS`, or for any other contestant a fixed one that follows from its name."""
    return COLOURS.get(contestant) or _OTHERS[zlib.crc32(contestant.encode()) % len(_OTHERS)]


def in_order(contestants: Iterable[str]) -> list[str]:
    """The distinct names, the known ones in the order of `COLOURS`, then the others alphabetically."""
    place = {name: index for index, name in enumerate(COLOURS)}
    return sorted(set(contestants), key=lambda name: (place.get(name, len(place)), name))


def new_figure(height_inches: float, width_inches: float = WIDTH_INCHES) -> Figure:
    """An empty figure with constrained layout, independent of pyplot's global state."""
    figure = Figure(figsize=(width_inches, height_inches))
    figure.set_layout_engine("constrained", wspace=0.05)
    return figure


def time_axis(axes: Axes, which: str = "x") -> None:
    """Make an axis of seconds logarithmic, with tick labels such as 10 µs and 1 ms."""
    _log_axis(axes, which, lambda value: seconds(value).replace(".00", "").replace(".0 ", " "))


def count_axis(axes: Axes, which: str = "x") -> None:
    """Make an axis logarithmic, with plain numbers as tick labels."""
    _log_axis(axes, which, lambda value: number(value, 1))


def percent_axis(axes: Axes, which: str = "y") -> None:
    """Label shares as per cent."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:.4g} %"))


def legend_below(figure: Figure, axes: Axes) -> None:
    """Add one legend for the whole figure below it, with the entries of `axes`."""
    handles, labels = axes.get_legend_handles_labels()
    columns = -(-len(handles) // -(-len(handles) // _LEGEND_COLUMNS))
    figure.legend(handles, labels, loc="outside lower center", ncols=columns)


def _log_axis(axes: Axes, which: str, show: Any) -> None:
    if which == "x":
        axes.set_xscale("log")
        axis: Any = axes.xaxis
        low, high = axes.get_xlim()
    else:
        axes.set_yscale("log")
        axis = axes.yaxis
        low, high = axes.get_ylim()
    # An axis over few powers of ten needs ticks between them; panels side by side have room for fewer.
    place = axes.get_subplotspec()
    many = 1e3 / (place.get_gridspec().ncols if place is not None else 1)
    steps = (1.0,) if high / low >= many else (1.0, 3.0) if high / low >= 30 else (1.0, 2.0, 5.0)
    axis.set_major_locator(LogLocator(base=10, subs=steps, numticks=8))
    axis.set_major_formatter(FuncFormatter(lambda value, _: show(value)))
    axis.set_minor_locator(NullLocator())
