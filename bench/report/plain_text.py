"""The report's answer for a terminal, and tables of plain text that fit it. Called by `bench.report.build` and the command line."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

from bench import escaping
from bench.analysis.repeats import Repeat
from bench.analysis.timing import RatioRow
from bench.records import OURS, RunData
from bench.report import units
from bench.report.document import Document, Ranking

WIDTH = 80
_MOST_ROWS = 16
_LONGEST_CELL, _LONGEST_NAME = 47, 20
"""A cell as long as the longest comparison; a name in a table that would be too wide with it."""
_AGREES = {
    True: "they agree: the interval of the quotient contains 1",
    False: "they don't agree: the ratios differ by more than chance",
    None: "too few rounds to tell whether they agree",
}
_RUNS = ("first run", "second run")
_ROWS = (*_RUNS, "second against first", "verdict")
_WIDE = 1.25
"""The factor of half an interval, from which on an agreement says little."""


def render(document: Document) -> str:
    """The answer, what limits it, and the table of contestants, in lines of at most `WIDTH` columns."""
    lines = hanging("", document.answer)
    for badge in document.badges:
        lines += hanging("! " if badge.serious else "  ", badge.text)
    for block in document.blocks():
        if isinstance(block, Ranking):
            others = [column for column in range(3, len(block.columns)) if column != block.compared_column]
            columns = [0, 3, block.compared_column, 2, *others[1:]]
            rows = [[row.cells[column] for column in columns] for row in block.rows[:_MOST_ROWS]]
            lines += ["", *text_table([block.columns[column] for column in columns], rows)]
            if len(block.rows) > _MOST_ROWS:
                lines.append(f"and {len(block.rows) - _MOST_ROWS} more")
            break
    return "\n".join(lines)


def hanging(head: str, text: str) -> list[str]:
    """`text` after `head`, in lines of at most `WIDTH` columns, the further ones indented as far as the head reaches."""
    return textwrap.wrap(
        escaping.terminal(text),
        WIDTH,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    )


def text_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table, the first column aligned left and the others right.

    Beyond `WIDTH`, the names are cut, and then the last columns are left out.
    """
    table = [[_cut(escaping.terminal(cell), _LONGEST_CELL) for cell in row] for row in (columns, *rows)]
    if sum(_widths(table)) + 2 * (len(columns) - 1) > WIDTH:
        table = [[_cut(row[0], _LONGEST_NAME), *row[1:]] for row in table]
    widths = _widths(table)
    while len(widths) > 2 and sum(widths) + 2 * (len(widths) - 1) > WIDTH:
        widths.pop()
    return [
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=False))])
        for row in table
    ]


def _widths(table: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*table, strict=True)]


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def standing(ratios: Sequence[RatioRow]) -> str:
    """The headline ratios as they stand while a run goes on, in one line; empty without any."""
    against = [f"{row.reference} {units.comparison(row.ratio, row.low, row.high)}" for row in ratios]
    return f"so far: {OURS} against {', '.join(against)}" if against else ""


def agreement(repeats: Sequence[Repeat], first: RunData, second: RunData) -> list[str]:
    """The verdict on two runs, and for each headline ratio both values, their quotient and its verdict."""
    judged = [one.agrees for one in repeats]
    lines = [f"The two runs: {_AGREES[False if False in judged else None if None in judged else True]}."]
    for name, data in zip(_RUNS, (first, second), strict=True):
        lines += hanging(f"  {name:10}  ", _described(data))
    if unlike := _unlike(first, second):
        lines += hanging("! ", f"not of one machine: they differ in {', '.join(unlike)}")
    for one in repeats:
        words = [units.comparison(row.ratio, row.low, row.high) for row in (one.first, one.second)]
        lines += ["", f"a {one.first.measure} of {one.first.contestant} against one of {one.first.reference}"]
        for name, value in zip(_ROWS, (*words, units.comparison(*one.quotient), _agrees(one)), strict=True):
            lines += hanging(f"  {name:{max(map(len, _ROWS))}}  ", value)
    return lines


def _agrees(one: Repeat) -> str:
    _, low, high = one.quotient
    factor = math.sqrt(high / low)
    wide = f", but is known within a factor of {units.number(factor, 2)} only" if one.agrees and factor > _WIDE else ""
    return _AGREES[one.agrees] + wide


def _described(data: RunData) -> str:
    """A run in a few words: when it was measured, on what, and what it is called."""
    here = data.run.environment
    quick = ", quick" if data.run.quick else ""
    return f"{here.date[:10]}, {here.cpu}, {units.counted(here.cores, 'core')}{quick}, {data.run.run_id}"


def _unlike(first: RunData, second: RunData) -> list[str]:
    """What two runs' environments differ in."""
    return [
        words
        for name, words in {"cpu": "CPU", "cores": "cores", "python": "Python", "versions": "versions", "blas": "BLAS"}.items()
        if getattr(first.run.environment, name) != getattr(second.run.environment, name)
    ]
