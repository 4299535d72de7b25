"""Tables in GitHub's Markdown.

Called by everything that writes a Markdown page: the report, exports, `compare`, `certify`, `calibrate` and `track`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_RULES = {"-": "---", "<": ":---", ">": "---:"}


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[str]], align: str = "") -> str:
    """A table of `columns` and `rows`, without a final line break.

    Parameters
    ----------
    columns, rows
        Cells as Markdown. A vertical bar is escaped and a line break becomes a blank, so that each cell stays one cell.
    align
        One character per column: `<` aligns it left, `>` right, `-` leaves that to the viewer. If empty, `-` for all.

    """
    rules = [_RULES[side] for side in align or "-" * len(columns)]
    return "\n".join([_line(columns), f"| {' | '.join(rules)} |", *(_line(row) for row in rows)])


def _line(cells: Sequence[str]) -> str:
    escaped = (" ".join(cell.split()).replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"
