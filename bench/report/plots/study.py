"""Maps of a study: a figure of each cell over two axes, a panel for each combination of the others.

Called by `bench.report.study`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize, to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from bench.records.workload_records import sorted_values
from bench.report.style import FAINT, INK, new_figure, plot_text, text_on_colour

MOST_PANELS = 16
"""Combinations of the other axes that are drawn; the table has all."""
_MOST_SIDE = 12
"""Values along an axis of a panel whose cells have their figure written into them."""
_COLUMNS = 4
_CELL_INCHES = (0.66, 0.42)
_LEAST_PANEL_INCHES = (1.5, 0.6)

SHARES = LinearSegmentedColormap.from_list("shares", ["#f6efdf", "#e2b95c", "#8a8a72", "#3e5f8a", "#0b2a55"])
"""Light to dark in steady steps of lightness, yellow to blue, which colour-blind readers tell apart."""
DIFFERENCES = LinearSegmentedColormap.from_list("differences", ["#7a2d00", "#f3ceaa", "#fbfbfb", "#bcd9f0", "#0b4a86"])


@dataclass(frozen=True)
class Scale:
    """How a map's values become colours."""

    colours: Colormap
    low: float
    high: float


def study_map(cells: pd.DataFrame, axes: Sequence[str], scale: Scale) -> Figure:
    """Draw the map over the first two axes. `cells` has a row a cell: the axes, `value`, `text` and `marked` (a frame)."""
    inner, outer = list(axes[:2]), list(axes[2:])
    sides = [sorted_values(cells[axis].unique().tolist()) for axis in inner]
    facets = list(product(*(sorted_values(cells[axis].unique().tolist()) for axis in outer)))[:MOST_PANELS]
    columns = min(_COLUMNS, len(facets))
    lines = -(-len(facets) // columns)
    across, up = (
        max(least, inches * len(side))
        for least, inches, side in zip(_LEAST_PANEL_INCHES, _CELL_INCHES, _padded(sides), strict=True)
    )
    title_lines = max(1, len(outer))
    figure = new_figure(0.3 + lines * (0.6 + 0.17 * title_lines + up), max(4.0, columns * (0.55 + across)))
    panels = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True)
    for number, axes_of_panel in enumerate(panels.ravel()):
        if number >= len(facets):
            axes_of_panel.set_visible(False)
            continue
        rows = cells
        for axis, value in zip(outer, facets[number], strict=True):
            rows = rows[rows[axis] == value]
        _draw(axes_of_panel, rows, inner, sides, scale)
        named = [f"{axis} {_label(value)}" for axis, value in zip(outer, facets[number], strict=True)]
        axes_of_panel.set_title("\n".join(named), fontsize=8)
        axes_of_panel.set_xlabel(inner[0] if number >= len(facets) - columns else "", fontsize=8)
        axes_of_panel.set_ylabel(inner[1] if len(inner) > 1 and number % columns == 0 else "", fontsize=8)
        axes_of_panel.tick_params(labelbottom=number >= len(facets) - columns)
    return figure


def _draw(axes: Axes, rows: pd.DataFrame, inner: list[str], sides: list[list[Any]], scale: Scale) -> None:
    across, up = _padded(sides)
    axes.set_xticks(range(len(across)), labels=[_label(value) for value in across], fontsize=7.5)
    axes.set_yticks(range(len(up)), labels=[_label(value) for value in up], fontsize=7.5)
    axes.set(xlim=(-0.5, len(across) - 0.5), ylim=(-0.5, len(up) - 0.5))
    axes.tick_params(length=0)
    axes.grid(visible=False)
    for edge in axes.spines.values():
        edge.set(visible=True, edgecolor=FAINT)
    written = max(len(across), len(up)) <= _MOST_SIDE
    colour_of = Normalize(scale.low, scale.high, clip=True)
    for row in rows.to_dict("records"):
        column, line = across.index(row[inner[0]]), up.index(row[inner[1]]) if len(inner) > 1 else 0
        value = row["value"]
        if value is None or np.isnan(value):
            hue, ink = "none", None
        else:
            hue = to_hex(scale.colours(colour_of(value)))
            ink = text_on_colour(hue)
        axes.add_patch(Rectangle((column - 0.485, line - 0.48), 0.97, 0.96, facecolor=hue, edgecolor=FAINT, linewidth=0.4))
        if row["marked"] and ink is not None:
            axes.add_patch(Rectangle((column - 0.44, line - 0.42), 0.88, 0.84, fill=False, edgecolor=ink, linewidth=1.4))
        if written:
            axes.text(column, line, row["text"], ha="center", va="center", fontsize=6.3, linespacing=1.1, color=ink or INK)


def _padded(sides: list[list[Any]]) -> tuple[list[Any], list[Any]]:
    return (sides[0], sides[1]) if len(sides) > 1 else (sides[0], [""])


def _label(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else plot_text(value, 16)
