"""The report as Markdown, as GitHub and most viewers understand it. Called by `bench.report.write_report`."""

from __future__ import annotations

import re

from bench.report.document import Block, Bullets, Command, Document, Paragraph, Plot, Table

PLOTS_FOLDER = "plots"


def render(document: Document) -> str:
    """The whole document; plots are pictures in `plots/` beside it."""
    parts = [f"# {document.title}", _text(document.subtitle)]
    for section in document.sections:
        parts += [f"## {section.title}", *(_block(block) for block in section.blocks)]
    return "\n\n".join(parts) + "\n"


def _block(block: Block) -> str:
    match block:
        case Paragraph(text):
            return _text(text)
        case Bullets(items):
            return "\n".join(f"- {_text(item)}" for item in items)
        case Command(text):
            return f"```sh\n{text}\n```"
        case Plot(name=name, caption=caption, alt=alt):
            return f"![{_text(alt)}]({PLOTS_FOLDER}/{name}.png)\n\n{_text(caption)}"
        case Table():
            return _table(block)


def _table(table: Table) -> str:
    rules = [":---", *(":---" if table.prose else "---:" for _ in table.columns[1:])]
    lines = [_row(tuple(_cell(name) for name in table.columns)), _row(tuple(rules))]
    lines += [_row(tuple(_cell(cell) for cell in row)) for row in table.rows]
    body = "\n".join(lines)
    if table.folded:
        return f"<details><summary>{_text(table.caption)}</summary>\n\n{body}\n\n</details>"
    return f"{_text(table.caption)}\n\n{body}" if table.caption else body


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    return _text(text).replace("|", "\\|")


def _text(text: str) -> str:
    """One line, in which nothing but `code` is markup: names and errors come from elsewhere and may hold anything."""
    pieces = re.split(r"(`[^`]*`)", " ".join(text.split()))
    return "".join(piece if index % 2 else _escape(piece) for index, piece in enumerate(pieces))


def _escape(text: str) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # An underscore within a word is no emphasis, and brackets are no link unless a parenthesis follows: names and intervals stay.
    return re.sub(r"([\\*`]|(?<!\w)_|_(?!\w)|(?<=\])\()", r"\\\1", text)
