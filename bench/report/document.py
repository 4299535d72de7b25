"""What a report is made of: sections of paragraphs, lists, tables, plots and commands, before anybody renders them.

Built by `bench.report.sections`, rendered once as Markdown and once as HTML. A text may hold `code` in backticks and nothing else
that needs rendering.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from matplotlib.figure import Figure


@dataclass(frozen=True)
class Paragraph:
    """A few sentences."""

    kind: ClassVar[str] = "paragraph"
    text: str


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    kind: ClassVar[str] = "bullets"
    items: tuple[str, ...]


@dataclass(frozen=True)
class Command:
    """Something to type."""

    kind: ClassVar[str] = "command"
    text: str


@dataclass(frozen=True)
class Table:
    """Cells as they are shown; the first column names the row."""

    kind: ClassVar[str] = "table"
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    folded: bool = False
    """Long and seldom read: shut until it is opened."""
    prose: bool = False
    """Its cells are sentences and not figures."""


@dataclass(frozen=True)
class Plot:
    """A figure, the stem of its files, a line under it, and in words what it shows for those who can't see it."""

    kind: ClassVar[str] = "plot"
    name: str
    caption: str
    alt: str
    figure: Figure


Block = Paragraph | Bullets | Command | Table | Plot


@dataclass(frozen=True)
class Section:
    """What answers one question."""

    title: str
    blocks: tuple[Block, ...]

    @property
    def anchor(self) -> str:
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")


@dataclass(frozen=True)
class Document:
    """The whole report."""

    title: str
    subtitle: str
    sections: tuple[Section, ...]

    def plots(self) -> Iterator[Plot]:
        """Every plot, in the order in which a reader meets them."""
        return (block for section in self.sections for block in section.blocks if isinstance(block, Plot))
