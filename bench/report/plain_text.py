"""The report's answer for a terminal, and tables of plain text that fit it. Called by `bench.report.build` and the command line."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from bench import escaping
from bench.analysis.repeats import Repeat
from bench.analysis.timing import RatioRow
from bench.records import OURS
from bench.report import units
from bench.report.document import Document, Ranking

WIDTH = 80
_MOST_ROWS = 16
_LONGEST_CELL = 28
_AGREES = {True: "they agree", False: "they don't agree", None: "too few rounds to tell"}


def render(document: Document) -> str:
    """The answer, what limits it, and the table of contestants, in lines of at most `WIDTH` columns."""
    lines = hanging("", document.answer)
    for badge in document.badges:
        lines += hanging("! " if badge.serious else "  ", badge.text)
    for block in document.blocks():
        if isinstance(block, Ranking):
            columns = [0, *range(2, len(block.columns))]
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
    """The lines of a table, the first column aligned left and the others right; the last columns are left out beyond `WIDTH`."""
    table = [[_cut(escaping.terminal(cell)) for cell in row] for row in (columns, *rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(columns))]
    while len(widths) > 2 and sum(widths) + 2 * (len(widths) - 1) > WIDTH:
        widths.pop()
    return [
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=False))])
        for row in table
    ]


def standing(ratios: Sequence[RatioRow]) -> str:
    """The headline ratios as they stand while a run goes on, in one line; empty without any."""
    against = [f"{row.reference} {units.comparison(row.ratio, row.low, row.high)}" for row in ratios]
    return f"so far: {OURS} against {', '.join(against)}" if against else ""


def agreement(repeats: Sequence[Repeat]) -> list[str]:
    """The headline ratios of two runs beside one another, as a table with a column per ratio."""
    head = ["", *(f"{one.first.measure} against {one.first.reference}" for one in repeats)]
    return text_table(
        head,
        [
            ["first run", *(units.comparison(one.first.ratio, one.first.low, one.first.high) for one in repeats)],
            ["second run", *(units.comparison(one.second.ratio, one.second.low, one.second.high) for one in repeats)],
            ["second / first", *(units.multiple(*one.quotient) for one in repeats)],
            ["verdict", *(_AGREES[one.agrees] for one in repeats)],
        ],
    )


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_CELL else f"{text[: _LONGEST_CELL - 1]}…"
