"""Each plot of the report with its name, its caption and its description in words; None where there is nothing to draw.

Called by `bench.report.sections`. The drawing itself is done in `bench.report.plots`.
"""

from __future__ import annotations

import pandas as pd

from bench.analysis.selection import OURS
from bench.analysis.summary import Analysis
from bench.records import REFERENCE
from bench.report import derived
from bench.report.derived import of_workload
from bench.report.document import Plot
from bench.report.plot_data import Pictures
from bench.report.plots import bars, surfaces
from bench.report.plots import scaling as scaling_plots
from bench.report.plots import training as training_plots
from bench.report.style import in_order

_HEADLINE_BARS = {"step": "a step", "cold start": "cold start", "fit": "whole fit"}


def times(analysis: Analysis, workload: str) -> Plot | None:
    """Step, cold start and fit as bars."""
    rows = of_workload(analysis.times, workload)
    if not rows["measure"].isin(_HEADLINE_BARS).any():
        return None
    caption = f"`{workload}`: median seconds on logarithmic axes, a line over the 95 % interval."
    alt = f"Bars of the median seconds that each contestant takes on {workload} for a step, the cold start and the whole fit"
    return Plot(f"times-{workload}", caption, alt, bars.time_bars(rows, _HEADLINE_BARS))


def data_set(workload: str, pictures: Pictures) -> Plot | None:
    """The rows of seed 0."""
    if workload not in pictures.splits:
        return None
    caption = f"`{workload}`: the data set of seed 0; the test points are the large ones."
    alt = f"Scatter plot of the two features of {workload}, a colour and a marker for each class"
    return Plot(f"data-{workload}", caption, alt, surfaces.data_set(pictures.splits[workload]))


def decision_surfaces(workload: str, pictures: Pictures) -> Plot | None:
    """Ours and the reference's side by side; where one is missing, the next in order."""
    found = pictures.surfaces.get(workload, {})
    if workload not in pictures.splits or not found:
        return None
    pair = [name for name in (OURS, REFERENCE) if name in found]
    pair += [name for name in in_order(found) if name not in pair]
    shown = {name: found[name] for name in pair[:2]}
    caption = (
        f"`{workload}`: the output over the two features, after the last epoch of seed 0. "
        "The line is 0.5, the points are the test set."
    )
    alt = f"Decision surfaces of {' and '.join(shown)} on {workload}, side by side, with the line at 0.5 and the test points"
    return Plot(f"surfaces-{workload}", caption, alt, surfaces.decision_surfaces(shown, pictures.splits[workload]))


def training(analysis: Analysis, workload: str) -> Plot | None:
    """Loss and accuracy an epoch of all but the peers, which are here for their speed."""
    peers = {record.name for record in analysis.data.run.contestants if record.peer}
    curves = of_workload(analysis.curves, workload)
    shown = curves[~curves["contestant"].isin(peers)]
    if shown.empty:
        return None
    caption = (
        f"`{workload}`: the mean over the seeds; the band goes from the least to the most. Curves that agree lie on one another."
    )
    alt = f"Loss and accuracy against epochs on {workload}, for {', '.join(in_order(shown['contestant']))}"
    return Plot(f"training-{workload}", caption, alt, training_plots.training_curves(shown))


def parity(analysis: Analysis, workload: str) -> Plot | None:
    """The differences to the reference, epoch by epoch."""
    curves = of_workload(analysis.parity_curves, workload)
    if curves.empty:
        return None
    caption = f"`{workload}`: the largest difference to `{REFERENCE}` after each epoch; exactly equal values stand at 0."
    alt = f"Largest difference of loss, accuracy and weights to {REFERENCE} after each epoch of {workload}, logarithmic"
    return Plot(f"parity-{workload}", caption, alt, training_plots.parity_curves(curves))


def accuracy_against_time(analysis: Analysis, workload: str) -> Plot | None:
    """Test accuracy against the clock."""
    curves = derived.accuracy_against_time(analysis, workload)
    if curves.empty:
        return None
    caption = (
        f"`{workload}`: test accuracy against wall-clock time, the mean over the seeds and from least to most. "
        "The scores are of scored trials, the clock is of timed ones."
    )
    alt = f"Test accuracy of each contestant on {workload} against the seconds since its process began, logarithmic time"
    return Plot(f"accuracy-time-{workload}", caption, alt, training_plots.accuracy_against_time(curves))


def share_reached(analysis: Analysis, workload: str) -> Plot | None:
    """Who had reached a target by when."""
    reached = of_workload(analysis.reached, workload)
    if not (reached["seconds"] > 0).any():
        return None
    caption = (
        f"`{workload}`: the share of the trainings that had reached the target by time t. "
        "One that never gets there keeps its curve below 100 %."
    )
    alt = f"Step curves of the share of trainings on {workload} that had reached each target accuracy by time t"
    return Plot(f"reached-{workload}", caption, alt, training_plots.share_reached(reached))


def where_time_goes(analysis: Analysis, workload: str) -> Plot | None:
    """Shares of cold start, matrix products and the rest."""
    parts = derived.breakdown(analysis, workload)
    if parts.empty:
        return None
    caption = f"`{workload}`: what the time from process start to the last update went into."
    alt = f"Stacked bars of the shares of cold start, matrix products and all else in the time of each contestant on {workload}"
    return Plot(f"breakdown-{workload}", caption, alt, bars.breakdown_bars(parts))


def times_floor(analysis: Analysis, workload: str) -> Plot | None:
    """How many times the floor a step takes."""
    rows = of_workload(analysis.limits, workload)
    if not rows["times_floor"].notna().any():
        return None
    caption = f"`{workload}`: how many times as long a step takes as its matrix products alone; a line over the 95 % interval."
    alt = f"Bars of how many times the floor each contestant's step takes on {workload}, logarithmic"
    return Plot(f"floor-{workload}", caption, alt, bars.floor_bars(rows))


def scaling(table: pd.DataFrame, cells: pd.DataFrame) -> list[Plot]:
    """The map of winners, and the curves of each depth and number of threads."""
    caption = (
        "The fastest at each width and batch, and how many times as long the runner-up takes; in brackets how many times as long "
        f"`{OURS}` takes, where it is neither."
    )
    alt = "Map of width by batch, each cell in the colour of its fastest contestant, with the runner-up's multiple written in it"
    plots = [Plot("scaling-map", caption, alt, scaling_plots.scaling_map(cells))]
    for layers, threads in sorted({(int(a), int(b)) for a, b in zip(cells["layers"], cells["threads"], strict=True)}):
        rows = table[(table["layers"] == layers) & (table["threads"] == threads)]
        facet = f"{layers} layers, {threads} thread{'s' if threads > 1 else ''}"
        name = f"scaling-curves-{layers}-layers-{threads}-threads"
        caption = f"{facet}: the time of a step against the width."
        alt = f"Lines of the time of a step against the width, both logarithmic, a panel for each of some batch sizes; {facet}"
        plots.append(Plot(name, caption, alt, scaling_plots.scaling_curves(rows)))
    return plots


def memory(analysis: Analysis, workload: str) -> Plot | None:
    """Peak memory as bars."""
    rows = of_workload(analysis.memory, workload)
    if not rows["peak_memory_bytes"].notna().any():
        return None
    caption = f"`{workload}`: the largest memory of each worker's process, its imports included."
    return Plot(
        f"memory-{workload}", caption, f"Bars of the peak memory of each contestant's process on {workload}", bars.memory_bars(rows)
    )
