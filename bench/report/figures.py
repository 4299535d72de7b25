"""The plots of the report with their names, captions and alternative texts; None where there is nothing to draw.

Called by `bench.report.sections`. `bench.report.plots` draws them.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench import escaping
from bench.analysis.accuracy import THRESHOLD
from bench.analysis.steps import QUANTILE, turn_steps
from bench.analysis.summary import Analysis
from bench.records import OURS, REFERENCE
from bench.report import derived, units
from bench.report.derived import of_workload
from bench.report.document import Plot
from bench.report.plot_data import PlotData
from bench.report.plots import bars, surfaces
from bench.report.plots import history as history_plots
from bench.report.plots import scaling as scaling_plots
from bench.report.plots import training as training_plots
from bench.report.plots.dots import TARGET, step_and_target
from bench.report.style import in_order
from bench.report.verdict import ARTICLE_ACCURACY

_FEWEST_TRACKED_RUNS = 2
MOST_LINES = 14
"""Contestants in one plot; the tables have all of them."""


def answer(analysis: Analysis, workload: str, target: str | None) -> Plot | None:
    """Each contestant's step and time to the target, every trial a dot."""
    rows = derived.dot_rows(analysis, workload, target)
    if not rows:
        return None
    reached = any(row.measure == TARGET and row.values for row in rows)
    what = "step" + (f" and time to {100 * ARTICLE_ACCURACY:g} % test accuracy" if reached else "")
    dots = "trial"
    if any(turn.workload == workload for turn in turn_steps(analysis.data)):
        dots = "turn (of the time to an accuracy, a trial)" if reached else "turn"
    hollow = "; hollow ones were disturbed by other work, and don't count" if any(row.disturbed for row in rows) else ""
    shown = len({row.contestant for row in rows})
    caption = (
        f"{escaping.code(workload)}: {what} of {units.counted(shown, 'contestant')}; every dot is a {dots}{hollow}. "
        f"The stroke is the estimate, the line its {units.INTERVAL}."
    )
    alt = f"Dots of the {what} of each contestant on {workload}, on logarithmic axes, the fastest on top"
    name = f"step-and-target-{escaping.file_name(workload)}"
    return Plot(name, caption, alt, step_and_target(rows), step_and_target(rows, narrow=True))


def data_set(workload: str, plot_data: PlotData) -> Plot | None:
    """The data set of seed 0."""
    if workload not in plot_data.points:
        return None
    caption = f"{escaping.code(workload)}: the data set of seed 0; the test points are the large ones."
    alt = f"Scatter plot of the two features of {workload}, a colour and a marker for each class"
    return Plot(f"data-{escaping.file_name(workload)}", caption, alt, surfaces.data_set(plot_data.points[workload]))


def decision_surfaces(workload: str, plot_data: PlotData) -> Plot | None:
    """The surfaces of `numpy_nn` and the reference; if one is missing, that of the next contestant."""
    found = plot_data.surfaces.get(workload, {})
    if not found:
        return None
    points = plot_data.points.get(workload)
    pair = [name for name in (OURS, REFERENCE) if name in found]
    pair += [name for name in in_order(found) if name not in pair]
    shown = {name: found[name] for name in pair[:2]}
    both = ", and the difference of the two" if len(shown) == 2 else ""
    caption = (
        f"{escaping.code(workload)}: the output over the two features, after the last epoch of seed 0{both}. "
        f"The line is {THRESHOLD:g}{', the points are the test set' if points else ''}."
    )
    alt = f"Decision surfaces of {' and '.join(shown)} on {workload}, side by side, with the line at {THRESHOLD:g}"
    alt += (" and the test points" if points else "") + (", and their difference" if len(shown) == 2 else "")
    return Plot(
        f"surfaces-{escaping.file_name(workload)}",
        caption,
        alt,
        surfaces.decision_surfaces(shown, points),
    )


def training(analysis: Analysis, workload: str) -> Plot | None:
    """Loss and accuracy of all contestants but the peers, which take part for their speed; None if all curves coincide."""
    peers = {record.name for record in analysis.data.run.contestants if record.peer}
    curves = of_workload(analysis.curves, workload)
    shown = _drawable(curves[~curves["contestant"].isin(peers)])
    if shown.empty or len(training_plots.coinciding(shown)) == 1:
        return None
    epochs = shown.groupby("contestant")["epoch"].max() + 1
    steps = {name: count / epochs[name] for name, count in derived.steps_of(analysis, workload).items() if name in epochs}
    name = escaping.code(workload)
    caption = f"{name}: the mean over the seeds, with a band from minimum to maximum. Curves that coincide share a line."
    alt = f"Loss and accuracy during the training on {workload}, for {', '.join(in_order(shown['contestant']))}"
    return Plot(f"training-{escaping.file_name(workload)}", caption, alt, training_plots.training_curves(shown, steps))


def loss_difference(analysis: Analysis, workload: str) -> Plot | None:
    """The losses of `numpy_nn` and the reference from the same weights, with their difference under them."""
    losses = derived.losses_of_pair(analysis, workload)
    if losses is None:
        return None
    dtype, pair = losses
    caption = f"{escaping.code(workload)}: the training loss of `{OURS}` and `{REFERENCE}` in {dtype}, and their difference."
    alt = f"The training losses of {OURS} and {REFERENCE} on {workload} as one line, and under it their difference, epoch by epoch"
    return Plot(f"loss-{escaping.file_name(workload)}", caption, alt, training_plots.loss_difference(pair))


def parity(analysis: Analysis, workload: str) -> Plot | None:
    """The differences to the reference, epoch by epoch."""
    curves = of_workload(analysis.parity_curves, workload)
    if curves.empty:
        return None
    caption = (
        f"{escaping.code(workload)}: the largest difference to `{REFERENCE}`, a dot for each few epochs; "
        "where all are equal it is at 0."
    )
    alt = f"Largest difference of loss and weights to {REFERENCE} after each epoch of {workload}, logarithmic"
    return Plot(f"parity-{escaping.file_name(workload)}", caption, alt, training_plots.parity_curves(_drawable(curves)))


def accuracy_against_time(analysis: Analysis, workload: str) -> Plot | None:
    """Test accuracy against the clock."""
    curves = derived.accuracy_against_time(analysis, workload)
    if curves.empty:
        return None
    caption = (
        f"{escaping.code(workload)}: test accuracy against wall-clock time: the mean over the seeds, with a band from minimum to "
        "maximum. Accuracies are from scored trials, times from timed ones."
    )
    alt = f"Test accuracy of each contestant on {workload} against the seconds since its process started, on a logarithmic axis"
    return Plot(
        f"accuracy-time-{escaping.file_name(workload)}", caption, alt, training_plots.accuracy_against_time(_drawable(curves))
    )


def scaling_map(cells: pd.DataFrame) -> Plot:
    """The map of the fastest contestants."""
    caption = (
        "The fastest contestant at each width and batch, with the ratio of the runner-up to it; in brackets the ratio of "
        f"`{OURS}` to it, if it is neither. A dashed frame is a near tie, within {units.percent(scaling_plots.NEAR_TIE - 1, 0)}; "
        f"white wasn't measured. A step is the quickest tenth ({100 * QUANTILE:g} % quantile) of a cell's epochs."
    )
    alt = "Map of width by batch, each cell in the colour of its fastest contestant, with the ratio of the runner-up in it"
    return Plot("scaling-map", caption, alt, scaling_plots.scaling_map(_drawable(cells, "winner")))


def scaling_curves(table: pd.DataFrame, cells: pd.DataFrame) -> list[Plot]:
    """The time of a step against the width, for each depth and number of threads."""
    plots = []
    for layers, threads in sorted({(int(a), int(b)) for a, b in zip(cells["layers"], cells["threads"], strict=True)}):
        rows = table[(table["layers"] == layers) & (table["threads"] == threads)]
        facet = f"{units.counted(layers, 'layer')}, {units.counted(threads, 'thread')}"
        name = f"scaling-curves-{layers}-layers-{threads}-threads"
        caption = f"{facet}: the time of a step against the width."
        alt = f"Lines of the time of a step against the width, both logarithmic, a panel per batch size; {facet}"
        plots.append(Plot(name, caption, alt, scaling_plots.scaling_curves(_drawable(rows))))
    return plots


def memory(analysis: Analysis, workload: str) -> Plot | None:
    """Peak memory as bars."""
    rows = of_workload(analysis.memory, workload)
    if not rows["peak_memory_bytes"].notna().any():
        return None
    caption = f"{escaping.code(workload)}: the peak memory of each worker process, imports included."
    return Plot(
        f"memory-{escaping.file_name(workload)}",
        caption,
        f"Bars of the peak memory of each contestant's process on {workload}",
        bars.memory_bars(_drawable(rows)),
    )


def _drawable(frame: pd.DataFrame, column: str = "contestant") -> pd.DataFrame:
    """The rows of at most `MOST_LINES` contestants, with gaps for what isn't finite."""
    shown = set(in_order(frame[column].dropna())[:MOST_LINES])
    return frame[frame[column].isin(shown) | frame[column].isna()].replace([np.inf, -np.inf], np.nan)


def speed_history(history: pd.DataFrame) -> Plot | None:
    """The tracked runs; None before there are two. `history` has the columns `plots.history.COLUMNS`."""
    if history["run"].nunique() < _FEWEST_TRACKED_RUNS:
        return None
    last = (
        f"of the last {history_plots.MOST_RUNS} tracked runs"
        if history["run"].nunique() > history_plots.MOST_RUNS
        else "tracked run"
    )
    caption = f"How many times as long as `{OURS}`'s a step of each reference takes, in each {last}."
    alt = f"Lines over the tracked runs: the ratio of the step of each reference to that of {OURS}, on a logarithmic axis"
    return Plot("history", caption, alt, history_plots.speed_history(history))
