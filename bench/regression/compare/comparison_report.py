"""The report of a comparison: a table on screen, Markdown for the page of a CI job, JSON.

Called by the command `compare`. Computes nothing, and writes no file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from bench import escaping
from bench.micro.suite import BENCHMARKS, NOT_COVERED, PROCESS_BENCHMARKS
from bench.regression.compare.comparison import Compared, Comparison
from bench.regression.compare.revisions import PACKAGE
from bench.regression.compare.verdicts import Verdict
from bench.report.markdown_table import markdown_table

SCHEMA_VERSION = 1
MOST_NAMED = 5
WIDE = 60
"""Columns of a terminal that has room for the whole table."""
_STYLES = {
    Verdict.BROKEN: "bold red",
    Verdict.REGRESSED: "bold red",
    Verdict.IMPROVED: "bold green",
    Verdict.NO_CHANGE: "green",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.DIFFERENT: "magenta",
    Verdict.LEFT_OUT: "magenta",
}


def comment_mark(package: str) -> str:
    """The first line of the page: a workflow finds its earlier comment on a pull request by it."""
    return f"<!-- moons-bench compare: {package} -->"


def headline(comparison: Comparison) -> str:
    """The verdict, in a sentence with errors in backticks."""
    deciding = comparison.of_verdict(comparison.verdict)
    tolerance = f"{100 * comparison.rule.tolerance:g} %"
    figures = _figures(deciding)
    names = ", ".join(benchmark.name for benchmark in deciding)
    regressed = comparison.of_verdict(Verdict.REGRESSED)
    notes = "; ".join(f"{benchmark.name}: {escaping.code(benchmark.note)}" for benchmark in deciding[:MOST_NAMED])
    others = ", ".join(benchmark.name for benchmark in deciding[MOST_NAMED:])
    return {
        Verdict.BROKEN: f"broken: {notes}"
        + (f"; and {others}" if others else "")
        + (f"; regressed: {_figures(regressed)}" if regressed else ""),
        Verdict.REGRESSED: f"regressed: {figures}",
        Verdict.IMPROVED: f"improved: {figures}; nothing is slower by more than {tolerance}",
        Verdict.NO_CHANGE: f"no change larger than {tolerance}{_least_tolerances(comparison)}",
        Verdict.INCONCLUSIVE: f"inconclusive: {figures or 'nothing was measured'}",
        Verdict.DIFFERENT: f"different: the two sides compute something else in {names}",
        Verdict.LEFT_OUT: f"left out: {names}; {escaping.code(deciding[0].note) if deciding else ''}",
    }[comparison.verdict]


def last_line(comparison: Comparison) -> str:
    """What the verdict says nothing about."""
    unknown = [benchmark.name for benchmark in comparison.benchmarks if not benchmark.timed]
    parts = [f"not timed: {', '.join(unknown)}"] if unknown else []
    parts += [f"skipped by their own marks: {', '.join(comparison.skipped)}"] if comparison.skipped else []
    if comparison.package == PACKAGE:
        known = [name for name in (*BENCHMARKS, *PROCESS_BENCHMARKS) if name not in {each.name for each in comparison.benchmarks}]
        parts += [f"not asked for: {', '.join(known)}"] if known else []
        parts.append(NOT_COVERED)
    return "; ".join(parts)


def change(benchmark: Compared) -> str:
    """The ratio as a change of time with its interval: +1.03 % [+0.51 %, +1.57 %]."""
    if benchmark.ratio is None:
        return "–"
    if benchmark.is_beyond_range:
        return "more than 20 times"
    low, high = ("?" if end is None else _percent(end) for end in (benchmark.low, benchmark.high))
    return f"{_percent(benchmark.ratio)} [{low}, {high}]"


def screen(comparison: Comparison, width: int) -> Table:
    """The state of a comparison as a table for so many columns, a row a benchmark."""
    table = Table(title=Text(f"{comparison.base} → {comparison.head}"), caption=_progress(comparison))
    headings = ("benchmark", "verdict", "change", "launches", "block")[: None if width >= WIDE else 3]
    for heading in headings:
        table.add_column(heading, overflow="fold", no_wrap=heading == "verdict")
    for benchmark in comparison.benchmarks:
        row = (
            benchmark.name,
            Text(benchmark.verdict, _STYLES[benchmark.verdict]),
            Text(change(benchmark) if benchmark.timed else benchmark.note),
            str(len(benchmark.log_ratios)),
            _block(benchmark),
        )
        table.add_row(*row[: len(headings)])
    return table


def markdown(comparison: Comparison, environment: Mapping[str, str]) -> str:
    """The page of a job: the verdict, the ratios with their intervals, and folded details."""
    rows = [
        (
            escaping.markdown(benchmark.name),
            str(benchmark.verdict),
            change(benchmark) if benchmark.timed else escaping.code(benchmark.note),
        )
        for benchmark in comparison.benchmarks
    ]
    details = [
        (
            escaping.markdown(benchmark.name),
            _summary(benchmark),
            str(len(benchmark.log_ratios)),
            _block(benchmark),
            escaping.markdown(benchmark.note) if benchmark.timed else "",
        )
        for benchmark in comparison.benchmarks
    ]
    rule = comparison.rule
    return "\n".join(
        [
            comment_mark(comparison.package),
            f"## `{comparison.package}`: {escaping.markdown(headline(comparison))}",
            "",
            f"{escaping.code(comparison.base)} → {escaping.code(comparison.head)}",
            "",
            markdown_table(("benchmark", "verdict", "change (HEAD against BASE)"), rows),
            "",
            "<details><summary>Details</summary>",
            "",
            f"{_progress(comparison)}. Tolerance {100 * rule.tolerance:g} %. Both revisions ran in the same processes and took "
            "turns in blocks of a fraction of a millisecond. The intervals hold for all benchmarks together, at every look, "
            f"with {100 * (1 - rule.interval_level):g} % confidence; where both are equally fast, any of them is called regressed "
            f"or improved in {100 * rule.level:g} % of all comparisons at most.",
            "",
            markdown_table(("benchmark", "what it is", "launches", "block", "note"), details),
            "",
            *(f"- {name}: {value}" for name, value in environment.items()),
            *([f"- {last_line(comparison)}"] if last_line(comparison) else []),
            "",
            "</details>",
            "",
        ]
    )


def as_json(comparison: Comparison, environment: Mapping[str, str]) -> dict[str, Any]:
    """The document of a comparison: everything but the single blocks."""
    return {
        "schema_version": SCHEMA_VERSION,
        "verdict": comparison.verdict,
        "error": None,
        "headline": escaping.terminal(headline(comparison)),
        "package": comparison.package,
        "base": comparison.base,
        "head": comparison.head,
        "tolerance": comparison.rule.tolerance,
        "level": comparison.rule.level,
        "interval_level": comparison.rule.interval_level,
        "launches": comparison.launches,
        "elapsed_seconds": comparison.elapsed_seconds,
        "stop_reason": comparison.stop_reason,
        "environment": dict(environment),
        "benchmarks": [
            {
                "name": benchmark.name,
                "verdict": benchmark.verdict,
                "ratio": benchmark.ratio,
                "low": benchmark.low,
                "high": benchmark.high,
                "more_than_20_times": benchmark.is_beyond_range,
                "tolerance": max(comparison.rule.tolerance, benchmark.least_tolerance),
                "log_ratios": list(benchmark.log_ratios),
                "base_block_seconds": benchmark.base_seconds,
                "note": benchmark.note,
            }
            for benchmark in comparison.benchmarks
        ],
    }


def failure_as_json(kind: str, message: str) -> dict[str, Any]:
    """The document of a comparison that could not be made: no verdict, and the error."""
    return {"schema_version": SCHEMA_VERSION, "verdict": None, "error": {"kind": kind, "message": message}}


def failure_as_markdown(message: str, package: str = PACKAGE) -> str:
    """The page of a comparison that could not be made."""
    return f"{comment_mark(package)}\n## `{package}`: not compared\n\n{escaping.markdown(message)}\n"


def _progress(comparison: Comparison) -> str:
    so_far = f"{comparison.launches} launches in {comparison.elapsed_seconds:.0f} s"
    return f"{so_far}: {comparison.stop_reason}" if comparison.stop_reason else so_far


def _percent(ratio: float) -> str:
    return f"{100 * (ratio - 1):+.2f} %"


def _figures(benchmarks: Sequence[Compared]) -> str:
    """The first few of them, with their changes."""
    named = [f"{benchmark.name} {change(benchmark)}" for benchmark in benchmarks[:MOST_NAMED]]
    more = len(benchmarks) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")


def _least_tolerances(comparison: Comparison) -> str:
    """The benchmarks that have a larger tolerance than the comparison."""
    larger = [benchmark for benchmark in comparison.benchmarks if benchmark.least_tolerance > comparison.rule.tolerance]
    named = ", ".join(f"{benchmark.name} {100 * benchmark.least_tolerance:g} %" for benchmark in larger)
    return f" ({named})" if named else ""


def _block(benchmark: Compared) -> str:
    if benchmark.base_seconds is None:
        return "–"
    if benchmark.name in PROCESS_BENCHMARKS:
        is_memory = PROCESS_BENCHMARKS[benchmark.name].unit == "B"
        return f"{benchmark.base_seconds / 2**20:.0f} MiB" if is_memory else f"{1e3 * benchmark.base_seconds:.0f} ms"
    return f"{1e6 * benchmark.base_seconds:.0f} µs"


def _summary(benchmark: Compared) -> str:
    known = BENCHMARKS.get(benchmark.name) or PROCESS_BENCHMARKS.get(benchmark.name)
    return known.summary if known else ""
