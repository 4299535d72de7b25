"""The document model of a report: an answer with badges and a plot, a ranking, and sections of paragraphs, lists, tables and plots.

Built by `bench.report.sections`, rendered by `markdown`, `summary` and `html`. The only markup in a text is `code` in backticks
(see `bench.escaping.code`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
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
    name: str = ""
    """The stem of its file in `tables/`; without one it is only in the report."""


@dataclass(frozen=True)
class Comparison:
    """The words of a ratio, and the ratio to sort by."""

    text: str
    ratio: float


@dataclass(frozen=True)
class RankingRow:
    """A contestant's cells, with the number that each is sorted by (None: last) and the reason to distrust them, if any."""

    cells: tuple[str, ...]
    values: tuple[float | None, ...]
    doubt: str = ""


@dataclass(frozen=True)
class Ranking:
    """The table of all contestants, sorted by step, with a column of comparisons to a baseline that the reader can choose."""

    kind: ClassVar[str] = "ranking"
    caption: str
    columns: tuple[str, ...]
    rows: tuple[RankingRow, ...]
    compared_column: int
    """The index of the column with the comparisons to `baseline`."""
    baseline: str
    comparisons: Mapping[str, Mapping[str, Comparison]]
    """By baseline, then by contestant."""
    notes: tuple[str, ...] = ()
    name: str = "headline"

    def table(self) -> Table:
        """The ranking as a plain table."""
        return Table(self.caption, self.columns, tuple(row.cells for row in self.rows), name=self.name)


@dataclass(frozen=True)
class Plot:
    """A figure with the stem of its file names, its caption and its alternative text."""

    kind: ClassVar[str] = "plot"
    name: str
    caption: str
    alt: str
    figure: Figure
    narrow: Figure | None = None
    """The same for a narrow screen."""


Block = Paragraph | Bullets | Command | Table | Ranking | Plot


@dataclass(frozen=True)
class Section:
    """A section with its title."""

    title: str
    blocks: tuple[Block, ...]
    folded: bool = False

    @property
    def anchor(self) -> str:
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-") or "section"


@dataclass(frozen=True)
class Badge:
    """A few words on what limits the answer."""

    text: str
    serious: bool = True


@dataclass(frozen=True)
class Link:
    """A file beside the report, by its relative path."""

    text: str
    path: str


@dataclass(frozen=True)
class Document:
    """The whole report."""

    title: str
    subtitle: str
    answer: str
    sections: tuple[Section, ...]
    badges: tuple[Badge, ...] = ()
    plot: Plot | None = None
    """The plot beside the answer."""
    links: Mapping[str, tuple[Link, ...]] = field(default_factory=dict)
    """By the name of their group."""

    def blocks(self) -> Iterator[Block]:
        """All blocks of all sections, in their order."""
        return (block for section in self.sections for block in section.blocks)

    def plots(self) -> Iterator[Plot]:
        """All plots, in their order."""
        if self.plot is not None:
            yield self.plot
        yield from (block for block in self.blocks() if isinstance(block, Plot))

    def tables(self) -> Iterator[Table]:
        """All tables that have a file of their own."""
        for block in self.blocks():
            table = block.table() if isinstance(block, Ranking) else block
            if isinstance(table, Table) and table.name:
                yield table
