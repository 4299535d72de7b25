"""The report of a certificate: `certificate.json`, `certificate.md`, and a plot. Called by the command `certify`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from bench import escaping
from bench.analysis.statistics import CONFIDENCE
from bench.files import write_all
from bench.regression.compare.e_process import INTERVAL_LEVEL, LEVEL
from bench.regression.history.change_points import FALSE_ALARM_RATE
from bench.report.markdown_table import markdown_table
from bench.report.style import drawing, new_figure, percent_axis

Row = Mapping[str, Any]

FILES = JSON_FILE, MARKDOWN_FILE, PNG_FILE, SVG_FILE = tuple(f"certificate.{suffix}" for suffix in ("json", "md", "png", "svg"))
JSON_KEYS = ("real", "other", "trend")
"""By which the JSON is known as a certificate's."""
_REAL_COLUMNS = (
    "what",
    "tolerance",
    "runs",
    "called regressed",
    "all verdicts",
    "median time",
    "longest",
    "step, HEAD / BASE",
)


def write(
    directory: Path,
    real: Sequence[Row],
    others: Sequence[Row],
    change_points: Sequence[Row],
    runs: Sequence[Row],
    environment: Mapping[str, str],
) -> str:
    """Write the files into `directory`, all or none; return the Markdown."""
    benchmarks = covered(runs)
    page = markdown(real, others, change_points, environment, benchmarks)
    document = {
        "level": LEVEL,
        "interval_level": INTERVAL_LEVEL,
        "environment": dict(environment),
        "benchmarks": benchmarks,
        "real": list(real),
        "other": list(others),
        "trend": list(change_points),
    }
    contents: dict[str, str | bytes] = {JSON_FILE: json.dumps(document, indent=2) + "\n", MARKDOWN_FILE: page}
    if real:
        with drawing():
            figure = plot(real, runs)
            for name, metadata in ((PNG_FILE, None), (SVG_FILE, {"Date": None})):
                image = BytesIO()
                figure.savefig(image, format=name.rpartition(".")[2], metadata=metadata)
                contents[name] = image.getvalue()
    write_all(directory, contents)
    return page


def covered(runs: Sequence[Row]) -> list[str]:
    """The benchmarks that all runs have: those that the certificate is of."""
    return [name for name in (runs[0]["benchmarks"] if runs else ()) if all(name in run["benchmarks"] for run in runs)]


def markdown(
    real: Sequence[Row],
    others: Sequence[Row],
    change_points: Sequence[Row],
    environment: Mapping[str, str],
    benchmarks: Sequence[str],
) -> str:
    """The page: the table of real runs first, and apart from it those of resampled and simulated comparisons."""
    return "\n".join(
        [
            "# How often `compare` is wrong, and how soon it is right",
            "",
            *(f"- {name}: {value}" for name, value in environment.items()),
            *([f"- benchmarks: {len(benchmarks)} ({', '.join(map(escaping.markdown, benchmarks))})"] if benchmarks else []),
            "",
            f"Intervals are Clopper and Pearson's, {100 * CONFIDENCE:g} %. A whole comparison times every benchmark; the slowdown "
            "is in the training step alone, as a share of what `step` times. Equal sides are to be called regressed or improved in "
            f"at most {100 * LEVEL:g} % of all comparisons, and a change beyond the tolerance to be called none in at most "
            f"{100 * INTERVAL_LEVEL:g} %.",
            "",
            "## Real runs",
            "",
            markdown_table(_REAL_COLUMNS, map(_real_row, real)),
            "",
            "The busy process takes 50 ms of every 100 on the cores that the comparison may use: where that is one core, of this "
            "very one. With equal sides, a run counts as called regressed where any benchmark was called regressed, improved, "
            "broken or different. "
            "Times are to the verdict *regressed* where there is a slowdown, else to the end, and begin before the revisions are "
            "copied.",
            "",
            "![The share of runs called regressed, and the time to the verdict](certificate.png)",
            "",
            "## Not real runs: equal sides, tolerance 0, the same rule",
            "",
            markdown_table(
                ("what", "drawn from", "comparisons", "any benchmark called regressed or improved"),
                ((row["kind"], row["source"], str(row["of"]), _rate(row)) for row in others),
            ),
            "",
            "## Not real runs: the change points of `track`",
            "",
            f"In a series without a change point, one is to be found in at most {100 * FALSE_ALARM_RATE:g} % of all cases.",
            "",
            markdown_table(
                ("simulated", "series", "how many"), ((row["what"], str(row["of"]), _rate(row)) for row in change_points)
            ),
            "",
        ]
    )


def plot(real: Sequence[Row], runs: Sequence[Row]) -> Figure:
    """The share called regressed with its interval, and the time that each run took, by cell."""
    figure = new_figure(height_inches=3.6)
    left, right = figure.subplots(1, 2, sharey=True)
    places = np.arange(len(real))
    rates = np.array([row["rate"] for row in real])
    ends = np.array([[row["rate"] - row["low"] for row in real], [row["high"] - row["rate"] for row in real]])
    left.errorbar(rates, places, xerr=ends.clip(0), fmt="o", capsize=3)
    left.set_yticks(places, [row["cell"] for row in real])
    left.set_ylim(len(real) - 0.5, -0.5)
    left.set_title("called regressed")
    percent_axis(left, "x")
    spread = np.random.default_rng(0)
    for place, row in zip(places, real, strict=True):
        seconds = [run["elapsed_seconds"] for run in runs if run["cell"] == row["cell"]]
        right.plot(seconds, place + spread.uniform(-0.25, 0.25, len(seconds)), ".", alpha=0.6)
    right.set_xlabel("seconds")
    right.set_xlim(left=0)
    right.set_title("time to the verdict")
    return figure


def _real_row(row: Row) -> tuple[str, ...]:
    verdicts = ", ".join(f"{verdict} {count}" for verdict, count in row["verdicts"].items())
    median, longest = ("–" if row[key] is None else f"{row[key]:.1f} s" for key in ("median_seconds", "longest_seconds"))
    tolerance, ratio = f"{100 * row['tolerance']:g} %", f"{row['median_step_ratio']:.4f}"
    return row["cell"], tolerance, str(row["runs"]), _rate(row), verdicts, median, longest, ratio


def _rate(row: Row) -> str:
    return f"{row['count']}, {100 * row['rate']:.3g} % [{100 * row['low']:.3g}, {100 * row['high']:.3g}]"
