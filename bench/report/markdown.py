"""Renders the report as GitHub's Markdown. Called by `bench.report.build`."""

from __future__ import annotations

import re

from bench.report.document import Block, Bullets, Command, Document, Paragraph, Plot, Table
from bench.report.markdown_table import markdown_table

PLOTS_FOLDER = "plots"


def render(document: Document) -> str:
    """The whole document, with links to the plots in the folder `plots/` beside it."""
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
    align = "<" + ("<" if table.prose else ">") * (len(table.columns) - 1)
    body = markdown_table([_text(name) for name in table.columns], [[_text(cell) for cell in row] for row in table.rows], align)
    if table.folded:
        return f"<details><summary>{_text(table.caption)}</summary>\n\n{body}\n\n</details>"
    return f"{_text(table.caption)}\n\n{body}" if table.caption else body


def _text(text: str) -> str:
    """`text` on one line, with all markup but `code` escaped: names and error messages may hold anything."""
    pieces = re.split(r"(`[^`]*`)", " ".join(text.split()))
    return "".join(piece if index % 2 else _escape(piece) for index, piece in enumerate(pieces))


def _escape(text: str) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # An underscore inside a word is not emphasis, and brackets are a link only before a parenthesis: names and intervals stay.
    return re.sub(r"([\\*`]|(?<!\w)_|_(?!\w)|(?<=\])\()", r"\\\1", text)
