"""Renders the report as GitHub's Markdown: `report.md` for a repository's page, and `summary.md` for a CI job's.

Called by `bench.report.build`. Both are short by construction: a table wider than `WIDEST_TABLE` loses its last columns, a long one
its last rows, and of the folded sections, the largest are only named where all have more than `MOST_LINES`.
"""

from __future__ import annotations

from collections.abc import Iterable

from bench import escaping
from bench.report import units
from bench.report.document import Block, Bullets, Command, Document, Paragraph, Plot, Ranking, Section, Table
from bench.report.fairness import SAME
from bench.report.markdown_table import markdown_table

PLOTS_FOLDER = "plots"
TABLES_FOLDER = "tables"
PAGE = "index.html"
MOST_LINES = 200
MOST_SUMMARY_LINES = 40
WIDEST_TABLE = 100
_MOST_ROWS, _MOST_FOLDED_ROWS, _MOST_SUMMARY_ROWS = 30, 16, 20
_MOST_ITEMS = 12
_LONGEST_CELL, _LONGEST_PROSE = 60, 400


def render(document: Document) -> str:
    """The whole document, with links to the plots in the folder `plots/` beside it."""
    parts = [f"# {_text(document.title)}", *_head(document)]
    if document.plot is not None:
        parts.append(_block(document.plot, _MOST_ROWS))
    parts.append(f"{_text(document.subtitle)} With folded parts, sorting and a glossary: [`{PAGE}`]({PAGE}).")
    for section in document.sections:
        if not section.folded:
            parts += [f"## {_text(section.title)}", *(_block(block, _MOST_ROWS) for block in section.blocks)]
    folded = {section.title: _folded(section) for section in document.sections if section.folded}
    kept: set[str] = set()
    for title in sorted(folded, key=lambda title: _lines([folded[title]])):
        if _lines([*parts, *(folded[each] for each in kept), folded[title]]) <= MOST_LINES - 6:
            kept.add(title)
    parts += [text for title, text in folded.items() if title in kept]
    left = [title for title in folded if title not in kept]
    if left:
        parts.append(f"In [`{PAGE}`]({PAGE}) too: {_text('; '.join(left))}.")
    return _within("\n\n".join(parts), MOST_LINES)


def render_summary(document: Document) -> str:
    """The answer, its badges and the table of contestants, in at most `MOST_SUMMARY_LINES` lines."""
    parts = [f"## {_text(document.title)}", *_head(document)]
    rankings = [block for block in document.blocks() if isinstance(block, Ranking)]
    parts += [_block(block, _MOST_SUMMARY_ROWS) for block in rankings[:1]]
    parts.append(_text(document.subtitle))
    return _within("\n\n".join(parts), MOST_SUMMARY_LINES)


def _head(document: Document) -> list[str]:
    badges = " · ".join(f"{'⚠ ' if badge.serious else ''}{_text(badge.text)}" for badge in document.badges)
    return [f"**{_text(document.answer)}**", *([badges] if badges else [])]


def _folded(section: Section) -> str:
    body = "\n\n".join(_block(block, _MOST_FOLDED_ROWS) for block in section.blocks)
    return f"<details><summary><b>{escaping.html(escaping.terminal(section.title))}</b></summary>\n\n{body}\n\n</details>"


def _block(block: Block, most_rows: int) -> str:
    match block:
        case Paragraph(text):
            return _text(text)
        case Bullets(items):
            shown = [f"- {_text(item)}" for item in items[:_MOST_ITEMS]]
            return "\n".join([*shown, *([f"- and {len(items) - _MOST_ITEMS} more"] if len(items) > _MOST_ITEMS else [])])
        case Command(text):
            return f"```sh\n{escaping.visible(text)}\n```"
        case Plot(name=name, caption=caption, alt=alt):
            return f"![{_alternative(alt)}]({PLOTS_FOLDER}/{name}.png)\n\n{_text(caption)}"
        case Ranking():
            notes = [*block.notes, *_doubts(block)]
            return "\n\n".join([_table(block.table(), most_rows), *(_text(note) for note in notes)])
        case Table():
            return _prose(block, most_rows) if block.prose else _table(block, most_rows)


def _doubts(ranking: Ranking) -> list[str]:
    doubts: dict[str, list[str]] = {}
    for row in ranking.rows:
        if row.doubt:
            doubts.setdefault(row.doubt, []).append(escaping.code(row.cells[0]))
    return [f"Rests on {doubt}: {', '.join(names)}." for doubt, names in doubts.items()]


def _prose(table: Table, most_rows: int) -> str:
    """A table of sentences as a list, which has no width."""
    lines = []
    for name, *cells in table.rows[:most_rows]:
        told = "; ".join(
            f"{_text(head)}: {_text(_cut(cell, _LONGEST_PROSE)).rstrip('.')}"
            for head, cell in zip(table.columns[1:], cells, strict=True)
            if cell not in (SAME, units.ABSENT)
        )
        lines.append(f"- **{_text(_cut(name, _LONGEST_PROSE))}** {told or 'not known'}")
    lines += [f"- and {len(table.rows) - most_rows} more"] if len(table.rows) > most_rows else []
    body = "\n".join(lines)
    return f"{_text(table.caption)}\n\n{body}" if table.caption else body


def _table(table: Table, most_rows: int) -> str:
    rows = [[_text(_cut(cell, _LONGEST_CELL)) for cell in row] for row in table.rows[:most_rows]]
    columns = [_text(_cut(name, _LONGEST_CELL)) for name in table.columns]
    kept = len(columns)
    while True:
        body = markdown_table(columns[:kept], [row[:kept] for row in rows], "<" + ">" * (kept - 1))
        if kept <= 2 or max(map(len, body.splitlines())) <= WIDEST_TABLE:
            break
        kept -= 1
    missing = [
        *([units.counted(len(columns) - kept, "more column")] if kept < len(columns) else []),
        *([units.counted(len(table.rows) - most_rows, "more row")] if len(table.rows) > most_rows else []),
    ]
    where = f"`{TABLES_FOLDER}/{escaping.file_name(table.name)}.csv`" if table.name else f"`{PAGE}`"
    rest = [f"{' and '.join(missing)} in {where}."] if missing else []
    return "\n\n".join([*([_text(table.caption)] if table.caption else []), body, *rest])


def _within(text: str, most_lines: int) -> str:
    """`text`, cut after a whole paragraph where it has more lines; the folded parts have been left out before."""
    parts = text.split("\n\n")
    while len(parts) > 1 and _lines(parts) > most_lines:
        parts.pop()
    return "\n\n".join(parts) + "\n"


def _lines(parts: Iterable[str]) -> int:
    return "\n\n".join(parts).count("\n") + 1


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip('`')}…"


def _text(text: str) -> str:
    return escaping.markdown(text)


def _alternative(text: str) -> str:
    """Alternative text, in which brackets would end it."""
    return _text(text.replace("[", "(").replace("]", ")"))
