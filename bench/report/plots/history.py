"""The speed of `numpy_nn` over the project's history. Called by `bench.report.figures`."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from bench.report.plots.labels import Curve, label_curves
from bench.report.style import INK, colour, count_axis, look, new_figure, plot_text

COLUMNS = ("run", "revision", "machine", "reference", "ratio")
MOST_RUNS = 200
"""The last of them."""
MOST_MACHINE_CHANGES = 20
"""Where machines take turns, a line for each change would be a wall."""
_MOST_LABELS, _REVISION_LETTERS = 9, 8


def speed_history(history: pd.DataFrame) -> Figure:
    """The ratio of a reference's step to `numpy_nn`'s of the same run, over the runs; above 1, `numpy_nn` is faster.

    `history` has the columns `COLUMNS`: a row per run and reference, the oldest first. No line joins runs of different machines.
    """
    runs = history.drop_duplicates("run").tail(MOST_RUNS)
    places = {run: place for place, run in enumerate(runs["run"])}
    history = history[history["run"].isin(places)]
    figure = new_figure(3.6)
    axes = figure.add_subplot()
    lines = []
    for reference, rows in history.groupby("reference", sort=False):
        name = str(reference)
        x = np.array([places[run] for run in rows["run"]], dtype=float)
        y = rows["ratio"].to_numpy(dtype=float)
        for machine in dict.fromkeys(rows["machine"]):
            own = (rows["machine"] == machine).to_numpy()
            axes.plot(x[own], y[own], color=colour(name), marker=look(name).marker, markersize=5)
        lines.append(Curve(plot_text(name), x, y, colour(name), look(name).marker))
    machines, revisions = list(runs["machine"]), list(runs["revision"])
    changes = [place for place in range(1, len(runs)) if machines[place] != machines[place - 1]]
    for place in changes if len(changes) <= MOST_MACHINE_CHANGES else ():
        axes.axvline(place - 0.5, color=INK, linestyle=":", linewidth=1)
    shown = range(0, len(runs), -(-len(runs) // _MOST_LABELS))
    axes.set_xticks(shown, labels=[plot_text(revisions[place][:_REVISION_LETTERS]) for place in shown])
    axes.set_xlim(-0.5, len(runs) - 0.5)
    axes.set(xlabel="tracked run (dotted: another machine or other versions)", ylabel="times numpy_nn's step")
    count_axis(axes, "y")
    label_curves(axes, lines)
    return figure
