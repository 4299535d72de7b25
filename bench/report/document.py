"""The document model of a report: sections of paragraphs, lists, tables, plots and commands.

Built by `bench.report.sections`, rendered by `markdown` and `html`. The only markup in a text is `code` in backticks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from matplotlib.figure import Figure


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of text."""

    kind: ClassVar[str] = "paragraph"
    text: str


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    kind: ClassVar[str] = "bullets"
    items: tuple[str, ...]


@dataclass(frozen=True)
class Command:
    """A shell command."""

    kind: ClassVar[str] = "command"
    text: str


@dataclass(frozen=True)
class Table:
    """A table of text; the first column names the row."""

    kind: ClassVar[str] = "table"
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    folded: bool = False
    """Collapsed until the reader opens it."""
    prose: bool = False
    """Its cells are text, aligned left, and not figures."""


@dataclass(frozen=True)
class Plot:
    """A figure with the stem of its file names, its caption and its alternative text."""

    kind: ClassVar[str] = "plot"
    name: str
    caption: str
    alt: str
    figure: Figure


Block = Paragraph | Bullets | Command | Table | Plot


@dataclass(frozen=True)
class Section:
    """A section with its title."""

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
        """All plots, in their order."""
        return (block for section in self.sections for block in section.blocks if isinstance(block, Plot))
