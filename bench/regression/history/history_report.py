"""The report of the history: its change points in Markdown, and a plot. Called by the command `track`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from statistics import median

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bench import escaping
from bench.files import write_whole
from bench.regression.history.change_points import FALSE_ALARM_RATE, LEAST_POINTS, WATCHED, ChangePoint, machine_changes
from bench.regression.history.tracked_runs import TrackedRun
from bench.report.markdown_table import markdown_table
from bench.report.style import FAINT, INK, drawing, new_figure

SLOWER, FASTER = "#d55e00", "#009e73"
MOST_EARLIER = 10
"""Runs that the latest one is shown beside."""
MOST_NAMED = 10
"""Changes of the machine, and lines that are set aside: the last of them."""
MOST_DRAWN = 200
"""Runs in the plot: the last of them."""
MOST_PANELS = 12
"""In the plot: of series with change points first."""
LONGEST_TITLE = 80
MOST_MACHINE_CHANGES = 20
"""In the plot; where machines take turns, their colours tell them apart."""


def markdown(
    history: Sequence[TrackedRun], found: Sequence[ChangePoint], damaged: Sequence[str], latest: TrackedRun | None = None
) -> str:
    """The page: a headline, a row a change point, the `latest` run beside those before it, and the lines that could not be read."""
    runs = f"{len(history)} run" + ("s" if len(history) != 1 else "")
    count = "no change point" if not found else f"{len(found)} change point" + ("s" if len(found) != 1 else "")
    if max(Counter(run.fingerprint for run in history).values(), default=0) < 2 * LEAST_POINTS:
        count = "too few to find a change point in"
    lines = [f"## The speed of `numpy_nn` over {runs}: {count}", ""]
    if found:
        lines += [markdown_table(("ratio", "since", "date", "before", "after", "change"), map(_row, found)), ""]
    if latest is not None and (rows := _latest_rows(history, latest)):
        lines += [markdown_table(("ratio", escaping.markdown(latest.label), "runs before", "their median", "difference"), rows), ""]
    others = [history[number] for number in machine_changes(history)]
    lines += _last_named(
        [
            f"- another machine or other versions since {escaping.markdown(run.label)} ({run.date[:10]}): not compared across"
            for run in others
        ]
    )
    lines += _last_named([f"- set aside: {escaping.markdown(line)}" for line in damaged])
    if len(names := _drawn(history, found)) > MOST_PANELS:
        lines.append(f"- the plot has {MOST_PANELS} of {len(names)} ratios of a step, those with change points first")
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
    """The ratios of a step over the last runs, a panel each; change points are lines, other machines or versions dotted lines."""
    history = history[-MOST_DRAWN:]
    changes = machine_changes(history)
    names = _drawn(history, found)[:MOST_PANELS]
    figure = new_figure(height_inches=1.0 + 1.7 * max(len(names), 1))
    place = {run.run_id: number for number, run in enumerate(history)}
    panels = figure.subplots(max(len(names), 1), 1, sharex=True, squeeze=False)[:, 0]
    for panel, name in zip(panels, names, strict=False):
        runs = [run for run in history if name in run.ratios]
        for fingerprint in dict.fromkeys(run.fingerprint for run in runs):  # no line joins runs of different machines
            alike = [run for run in runs if run.fingerprint == fingerprint]
            panel.plot([place[run.run_id] for run in alike], [run.ratios[name] for run in alike], ".-", linewidth=0.8)
        panel.set_title(escaping.plot_text(name, LONGEST_TITLE))
        for number in changes if len(changes) <= MOST_MACHINE_CHANGES else ():
            panel.axvline(number - 0.5, color=INK, linestyle=":", linewidth=1)
        for change in (change for change in found if change.series == name and change.run.run_id in place):
            start = place[change.run.run_id] - 0.5
            panel.axvline(start, color=SLOWER if change.slower else FASTER)
            panel.annotate(f" {escaping.plot_text(change.run.label)}", (start, 1), xycoords=("data", "axes fraction"), va="top")
        panel.grid(color=FAINT)
    panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    panels[-1].set_xlabel("tracked run (each machine and set of versions has its colour; dotted: another one)")
    return figure


def _drawn(history: Sequence[TrackedRun], found: Sequence[ChangePoint]) -> list[str]:
    """The ratios of a step in the last runs, those with change points first."""
    names = dict.fromkeys(name for run in history[-MOST_DRAWN:] for name in run.ratios if WATCHED[0] in name)
    changed = {change.series for change in found}
    return sorted(names, key=lambda name: name not in changed)


def _latest_rows(history: Sequence[TrackedRun], latest: TrackedRun) -> list[tuple[str, ...]]:
    """Each watched ratio of the latest run, and the median of the runs before it on the same machine; no verdict."""
    alike = [run for run in history if run.fingerprint == latest.fingerprint and run.order < latest.order]
    before = [run for run in alike if run.dirty or latest.dirty or run.commit is None or run.commit != latest.commit]
    rows: list[tuple[str, ...]] = []
    for name, ratio in latest.ratios.items():
        earlier = [run.ratios[name] for run in before if name in run.ratios][-MOST_EARLIER:]
        if earlier and any(part in name for part in WATCHED):
            level = median(earlier)
            rows.append((escaping.markdown(name), f"{ratio:.4g}", str(len(earlier)), f"{level:.4g}", _percent(ratio / level)))
    return rows


def _last_named(lines: Sequence[str]) -> list[str]:
    more = len(lines) - MOST_NAMED
    return [*([f"- and {more} more before:"] if more > 0 else []), *lines[-MOST_NAMED:]]


def _percent(ratio: float) -> str:
    return f"{100 * (ratio - 1):+.1f} % {'slower' if ratio > 1 else 'faster'}"


def _row(change: ChangePoint) -> tuple[str, ...]:
    run, percent = change.run, _percent(change.after / change.before)
    series, label = escaping.markdown(change.series), escaping.markdown(run.label)
    return series, label, run.date[:10], f"{change.before:.4g}", f"{change.after:.4g}", percent
