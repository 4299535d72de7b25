"""The plots of the report with their names, captions and alternative texts; None where there is nothing to draw.

Called by `bench.report.sections`. `bench.report.plots` draws them.
"""

from __future__ import annotations

import pandas as pd

from bench.analysis.accuracy import THRESHOLD
from bench.analysis.selection import OURS
from bench.analysis.summary import Analysis
from bench.records import REFERENCE
from bench.report import derived, units
from bench.report.derived import of_workload
from bench.report.document import Plot
from bench.report.plot_data import PlotData
from bench.report.plots import bars, dots, surfaces
from bench.report.plots import history as history_plots
from bench.report.plots import scaling as scaling_plots
from bench.report.plots import training as training_plots
from bench.report.style import in_order

_TIMES = {"step": "a step", "cold start": "cold start", "fit": "whole fit"}
_FEWEST_TRACKED_RUNS = 2


def times(analysis: Analysis, workload: str) -> Plot | None:
    """Step, cold start and fit as dots."""
    rows = of_workload(analysis.times, workload)
    if not rows["measure"].isin(_TIMES).any():
        return None
    caption = f"`{workload}`: seconds on logarithmic axes, a line over the {units.INTERVAL}."
    alt = f"Dots for the seconds that each contestant takes on {workload} for a step, the cold start and the whole fit"
    return Plot(f"times-{workload}", caption, alt, dots.time_dots(rows, _TIMES))


def data_set(workload: str, plot_data: PlotData) -> Plot | None:
    """The data set of seed 0."""
    if workload not in plot_data.points:
        return None
    caption = f"`{workload}`: the data set of seed 0; the test points are the large ones."
    alt = f"Scatter plot of the two features of {workload}, a colour and a marker for each class"
    return Plot(f"data-{workload}", caption, alt, surfaces.data_set(plot_data.points[workload]))


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
        f"`{workload}`: the output over the two features, after the last epoch of seed 0{both}. "
        f"The line is {THRESHOLD:g}{', the points are the test set' if points else ''}."
    )
    alt = f"Decision surfaces of {' and '.join(shown)} on {workload}, side by side, with the line at {THRESHOLD:g}"
    alt += (" and the test points" if points else "") + (", and their difference" if len(shown) == 2 else "")
    return Plot(f"surfaces-{workload}", caption, alt, surfaces.decision_surfaces(shown, points))


def training(analysis: Analysis, workload: str) -> Plot | None:
    """Loss and accuracy of all contestants but the peers, which take part for their speed; None if all curves coincide."""
    peers = {record.name for record in analysis.data.run.contestants if record.peer}
    curves = of_workload(analysis.curves, workload)
    shown = curves[~curves["contestant"].isin(peers)]
    if shown.empty or len(training_plots.coinciding(shown)) == 1:
        return None
    epochs = shown.groupby("contestant")["epoch"].max() + 1
    steps = {name: count / epochs[name] for name, count in derived.steps_of(analysis, workload).items() if name in epochs}
    caption = f"`{workload}`: the mean over the seeds, with a band from minimum to maximum. Curves that coincide share a line."
    alt = f"Loss and accuracy during the training on {workload}, for {', '.join(in_order(shown['contestant']))}"
    return Plot(f"training-{workload}", caption, alt, training_plots.training_curves(shown, steps))


def loss_difference(analysis: Analysis, workload: str) -> Plot | None:
    """The losses of `numpy_nn` and the reference from the same weights, with their difference under them."""
    losses = derived.losses_of_pair(analysis, workload)
    if losses is None:
        return None
    dtype, pair = losses
    caption = f"`{workload}`: the training loss of `{OURS}` and `{REFERENCE}` in {dtype}, seed 0, and their difference."
    alt = f"The training losses of {OURS} and {REFERENCE} on {workload} as one line, and under it their difference, epoch by epoch"
    return Plot(f"loss-{workload}", caption, alt, training_plots.loss_difference(pair))


def parity(analysis: Analysis, workload: str) -> Plot | None:
    """The differences to the reference, epoch by epoch."""
    curves = of_workload(analysis.parity_curves, workload)
    if curves.empty:
        return None
    caption = f"`{workload}`: the largest difference to `{REFERENCE}`, a dot for each few epochs; where all are equal it is at 0."
    alt = f"Largest difference of loss and weights to {REFERENCE} after each epoch of {workload}, logarithmic"
    return Plot(f"parity-{workload}", caption, alt, training_plots.parity_curves(curves))


def accuracy_against_time(analysis: Analysis, workload: str) -> Plot | None:
    """Test accuracy against the clock."""
    curves = derived.accuracy_against_time(analysis, workload)
    if curves.empty:
        return None
    caption = (
        f"`{workload}`: test accuracy against wall-clock time: the mean over the seeds, with a band from minimum to maximum. "
        "Accuracies are from scored trials, times from timed ones."
    )
    alt = f"Test accuracy of each contestant on {workload} against the seconds since its process started, on a logarithmic axis"
    return Plot(f"accuracy-time-{workload}", caption, alt, training_plots.accuracy_against_time(curves))


def scaling(table: pd.DataFrame, cells: pd.DataFrame) -> list[Plot]:
    """The map of the fastest contestants, and the curves of each depth and number of threads."""
    caption = (
        "The fastest contestant at each width and batch, with the ratio of the runner-up to it; in brackets the ratio of "
        f"`{OURS}` to it, if it is neither. A dashed frame is a near tie, within {units.percent(scaling_plots.NEAR_TIE - 1, 0)}; "
        "white wasn't measured."
    )
    alt = "Map of width by batch, each cell in the colour of its fastest contestant, with the ratio of the runner-up in it"
    plots = [Plot("scaling-map", caption, alt, scaling_plots.scaling_map(cells))]
    for layers, threads in sorted({(int(a), int(b)) for a, b in zip(cells["layers"], cells["threads"], strict=True)}):
        rows = table[(table["layers"] == layers) & (table["threads"] == threads)]
        facet = f"{units.counted(layers, 'layer')}, {units.counted(threads, 'thread')}"
        name = f"scaling-curves-{layers}-layers-{threads}-threads"
        caption = f"{facet}: the time of a step against the width."
        alt = f"Lines of the time of a step against the width, both logarithmic, a panel per batch size; {facet}"
        plots.append(Plot(name, caption, alt, scaling_plots.scaling_curves(rows)))
    return plots


def memory(analysis: Analysis, workload: str) -> Plot | None:
    """Peak memory as bars."""
    rows = of_workload(analysis.memory, workload)
    if not rows["peak_memory_bytes"].notna().any():
        return None
    caption = f"`{workload}`: the peak memory of each worker process, imports included."
    return Plot(
        f"memory-{workload}", caption, f"Bars of the peak memory of each contestant's process on {workload}", bars.memory_bars(rows)
    )


def speed_history(history: pd.DataFrame) -> Plot | None:
    """The tracked runs; None before there are two. `history` has the columns `plots.history.COLUMNS`."""
    if history[["revision", "machine"]].drop_duplicates().shape[0] < _FEWEST_TRACKED_RUNS:
        return None
    caption = f"How many times as long as `{OURS}`'s a step of each reference takes, in each tracked run."
    alt = f"Lines over the tracked runs: the ratio of the step of each reference to that of {OURS}, on a logarithmic axis"
    return Plot("history", caption, alt, history_plots.speed_history(history))
