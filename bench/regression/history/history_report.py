"""The report of the history: its change points in Markdown, and a plot. Called by the command `track`."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from matplotlib.figure import Figure

from bench.files import write_whole
from bench.regression.history.change_points import FALSE_ALARM_RATE, LEAST_POINTS, WATCHED, ChangePoint, machine_changes
from bench.regression.history.tracked_runs import TrackedRun
from bench.report.markdown_table import markdown_table
from bench.report.style import FAINT, INK, drawing, new_figure

SLOWER, FASTER = "#d55e00", "#009e73"


def markdown(history: Sequence[TrackedRun], found: Sequence[ChangePoint], damaged: Sequence[str]) -> str:
    """The page: a headline, a row a change point, and the lines that could not be read."""
    runs = f"{len(history)} run" + ("s" if len(history) != 1 else "")
    count = "no change point" if not found else f"{len(found)} change point" + ("s" if len(found) != 1 else "")
    lines = [f"## The speed of `numpy_nn` over {runs}: {count}", ""]
    if found:
        lines += [markdown_table(("ratio", "since", "date", "before", "after", "change"), map(_row, found)), ""]
    others = [history[number] for number in machine_changes(history)]
    lines += [f"- another machine or other versions since {run.label} ({run.date[:10]}): not compared across" for run in others]
    lines += [f"- set aside: {line}" for line in damaged]
    lines += [
        f"- A change point needs {LEAST_POINTS} runs of one machine on each side; in a series that has none, one is found with a "
        f"probability of at most {100 * FALSE_ALARM_RATE:g} %.",
        "",
    ]
    return "\n".join(lines)


def draw(history: Sequence[TrackedRun], found: Sequence[ChangePoint], path: Path) -> None:
    """Write the plot beside the history `path`, as PNG and as SVG, each whole or not at all."""
    with drawing():
        figure = plot(history, found)
        for file in plot_files(path):
            image = BytesIO()
            figure.savefig(image, format=file.suffix[1:], metadata={"Date": None} if file.suffix == ".svg" else None)
            write_whole(file, image.getvalue())


def plot_files(path: Path) -> list[Path]:
    """The files that the plot of the history `path` is written to."""
    return [path.with_suffix(suffix) for suffix in (".png", ".svg")]


def plot(history: Sequence[TrackedRun], found: Sequence[ChangePoint]) -> Figure:
    """The ratios of a step over the runs, a panel each; change points are lines, changes of machine or versions dotted lines."""
    names = list(dict.fromkeys(name for run in history for name in run.ratios if WATCHED[0] in name))
    figure = new_figure(height_inches=1.0 + 1.7 * max(len(names), 1))
    place = {run.run_id: number for number, run in enumerate(history)}
    panels = figure.subplots(max(len(names), 1), 1, sharex=True, squeeze=False)[:, 0]
    for panel, name in zip(panels, names, strict=False):
        runs = [run for run in history if name in run.ratios]
        panel.plot([place[run.run_id] for run in runs], [run.ratios[name] for run in runs], ".-", linewidth=0.8)
        panel.set_title(name)
        for number in machine_changes(history):
            panel.axvline(number - 0.5, color=INK, linestyle=":", linewidth=1)
        for change in (change for change in found if change.series == name):
            start = place[change.run.run_id] - 0.5
            panel.axvline(start, color=SLOWER if change.slower else FASTER)
            panel.annotate(f" {change.run.label}", (start, 1), xycoords=("data", "axes fraction"), va="top")
        panel.grid(color=FAINT)
    panels[-1].set_xlabel("tracked run (dotted: another machine or other versions)")
    return figure


def _row(change: ChangePoint) -> tuple[str, ...]:
    percent = f"{100 * (change.after / change.before - 1):+.1f} % {'slower' if change.slower else 'faster'}"
    run = change.run
    return change.series, run.label, run.date[:10], f"{change.before:.4g}", f"{change.after:.4g}", percent
