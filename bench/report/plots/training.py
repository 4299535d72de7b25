"""How a training went: loss and accuracy an epoch, parity an epoch, accuracy against the clock, who reached the target when.

Called by `bench.report.figures`. Contestants that compute the same lie on top of one another: the reference is drawn wide and
pale, the others thin above it, each dashed where the next ones have their gaps, so that all can be seen.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bench.records import REFERENCE
from bench.report.style import FAINT, colour, count_axis, in_order, legend_below, new_figure, percent_axis, time_axis

_DASH = 4.0
"""In line widths."""
_PANELS = (
    ("loss", "training loss"),
    ("accuracy", "training accuracy"),
    ("val_accuracy", "test accuracy"),
)
_LOG_WHEN_EPOCHS_DIFFER_BY = 4


def training_curves(curves: pd.DataFrame) -> Figure:
    """Loss and accuracy an epoch of one workload: each contestant's mean over its seeds; the band is from least to most.

    `curves` has the columns of `Analysis.curves`.
    """
    panels = [(column, title) for column, title in _PANELS if curves[column].notna().any()]
    figure = new_figure(3.9)
    drawn = figure.subplots(1, len(panels), squeeze=False)[0]
    lines = _lines(in_order(curves["contestant"]))
    for axes, (column, title) in zip(drawn, panels, strict=True):
        for contestant, line in lines.items():
            by_epoch = curves[curves["contestant"] == contestant].groupby("epoch")[column]
            mean, least, most = by_epoch.mean(), by_epoch.min(), by_epoch.max()
            epochs = np.asarray(mean.index, dtype=float) + 1
            axes.plot(epochs, mean, color=colour(contestant), label=contestant, **line)
            axes.fill_between(epochs, least, most, color=colour(contestant), alpha=0.10, linewidth=0)
        axes.set(title=title, xlabel="epoch")
        if column != "loss":
            percent_axis(axes)
        if _epochs_differ(curves):
            count_axis(axes)
    legend_below(figure, drawn[0])
    return figure


def parity_curves(curves: pd.DataFrame) -> Figure:
    """The largest difference to the reference after each epoch: loss, accuracy, weights, on a logarithmic axis.

    A difference of exactly zero has no logarithm; it is drawn on a line of its own at the foot, marked 0. `curves` has the columns
    of `Analysis.parity_curves`, of one workload.
    """
    measures = ("loss", "accuracy", "weights")
    contestants = in_order(curves["contestant"])
    differences = np.abs(curves[list(measures)].to_numpy(dtype=float))
    foot = _below_smallest(differences)
    high = max(3 * float(np.nanmax(differences)), foot * 1e3)
    figure = new_figure(3.9)
    panels = figure.subplots(1, len(measures), sharey=True)
    panels[0].set_yscale("log")
    panels[0].set_ylim(foot / 3, high)
    for axes, measure in zip(panels, measures, strict=True):
        # From large dots to small ones, ours last, so that equal values show as rings.
        for contestant, dot in zip(reversed(contestants), np.linspace(9, 3, len(contestants)), strict=True):
            rows = curves[curves["contestant"] == contestant].sort_values("epoch")
            values = rows[measure].abs().to_numpy(dtype=float)
            shown = np.where(values == 0, foot, values)
            axes.plot(rows["epoch"] + 1, shown, ".", color=colour(contestant), markersize=dot, label=contestant)
        axes.axhline(foot, color=FAINT, linewidth=0.8, zorder=0)
        axes.set(title=measure, xlabel="epoch")
        axes.minorticks_off()
    powers = np.arange(np.log10(foot) + 1, np.floor(np.log10(high)) + 1).round()
    ticks = 10.0 ** powers[:: max(1, len(powers) // 7)]
    panels[0].set_yticks([foot, *ticks], labels=["0", *(f"1e{np.log10(tick):.0f}" for tick in ticks)])
    panels[0].set_ylabel("largest difference to the reference")
    legend_below(figure, panels[0])
    return figure


def accuracy_against_time(curves: pd.DataFrame) -> Figure:
    """Test accuracy against the seconds since the process began, on a logarithmic axis.

    `curves` has contestant, seconds, accuracy, least, most: a row an epoch.
    """
    figure = new_figure(4.4)
    axes = figure.add_subplot()
    for contestant in in_order(curves["contestant"]):
        rows = curves[curves["contestant"] == contestant].sort_values("seconds")
        axes.plot(rows["seconds"], rows["accuracy"], color=colour(contestant), label=contestant)
        axes.fill_between(rows["seconds"], rows["least"], rows["most"], color=colour(contestant), alpha=0.12, linewidth=0)
    axes.set(xlabel="since the process began, imports and compiling included", ylabel="test accuracy")
    percent_axis(axes)
    time_axis(axes)
    legend_below(figure, axes)
    return figure


def share_reached(reached: pd.DataFrame) -> Figure:
    """The share of trainings that had reached the target by time t, a panel a target: steps upwards, one a training.

    `reached` has the columns of `Analysis.reached`, of one workload.
    """
    targets = sorted(set(reached["target"]))
    figure = new_figure(3.9)
    panels = figure.subplots(1, len(targets), sharey=True, squeeze=False)[0]
    last = float(reached["seconds"].max()) * 1.5
    first = float(reached.loc[reached["seconds"] > 0, "seconds"].min()) / 1.5
    for axes, target in zip(panels, targets, strict=True):
        for contestant in in_order(reached["contestant"]):
            rows = reached[(reached["contestant"] == contestant) & (reached["target"] == target)].sort_values(["seconds", "share"])
            if len(rows):
                moments = np.concatenate([[first], rows["seconds"].clip(lower=first), [last]])
                shares = np.concatenate([[0.0], rows["share"], [rows["share"].iloc[-1]]])
                axes.step(moments, shares, where="post", color=colour(contestant), label=contestant)
        axes.set(title=f"test accuracy of {100 * target:g} %", xlabel="since the process began", ylim=(-0.02, 1.04))
        axes.set_xlim(first, last)
        percent_axis(axes)
        time_axis(axes)
    panels[0].set_ylabel("share of trainings that got there")
    legend_below(figure, panels[0])
    return figure


def _lines(contestants: list[str]) -> dict[str, dict[str, Any]]:
    """How each curve is drawn, the lowest first: the reference below all, the dashes of the others side by side."""
    others = [name for name in contestants if name != REFERENCE]
    lines: dict[str, dict[str, Any]] = {}
    if REFERENCE in contestants:
        lines[REFERENCE] = {"linewidth": 4.5, "alpha": 0.45}
    for index, name in enumerate(others):
        gap = _DASH * (len(others) - 1)
        lines[name] = {"linewidth": 1.6, "linestyle": (_DASH * index, (_DASH, gap)) if gap else "-"}
    return lines


def _epochs_differ(curves: pd.DataFrame) -> bool:
    epochs = curves.groupby("contestant")["epoch"].max() + 1
    return bool(epochs.max() > _LOG_WHEN_EPOCHS_DIFFER_BY * epochs.min())


def _below_smallest(values: NDArray[Any]) -> float:
    """The power of ten at least one decade below every one of `values` (none negative) that isn't zero."""
    positive = values[np.isfinite(values) & (values > 0)]
    return float(10.0 ** (np.floor(np.log10(positive.min())) - 1)) if len(positive) else 1e-17
