"""Renders the report as one HTML page with its plots, style and script inside; it fetches nothing and works without the script.

Called by `bench.report.build`. The page and its plots follow the reader's light or dark setting, and print in light.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from importlib import resources
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bench import escaping
from bench.report import glossary
from bench.report.document import Document, Ranking, Section
from bench.report.style import DARK

NARROW = "-narrow"
"""The end of the name of a plot for a narrow screen."""
_SAFE_IN_ADDRESS = "/:=;,!?()+*'$@-_.~[]{}|<> "
_SAFE_IN_SET = "/:=;,!?()+*'$@-_.~"
"""A blank ends an address in a set of sources."""


def render(document: Document, svgs: Mapping[str, str]) -> str:
    """The page. `svgs` has the SVG of each plot of the document, by name; `NAME-narrow` is that of a narrow screen, if any."""
    environment = Environment(
        loader=PackageLoader("bench.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_escaped,
    )
    terms = _Terms()
    script = resources.files("bench.report").joinpath("templates/page.js").read_text(encoding="utf-8").strip()
    environment.filters |= {"inline": _inline, "unbroken": _unbroken, "explained": terms.explained, "anchor_of": glossary.anchor}
    environment.filters["longest_word"] = _longest_word
    environment.globals |= {"comparisons": _comparisons, "number": _Counter()}
    return environment.get_template("page.html").render(
        document=document,
        anchors=_anchors(document.sections),
        images={
            name: _data_address(_with_dark_colours(_smaller(svg)), _SAFE_IN_SET if name.endswith(NARROW) else _SAFE_IN_ADDRESS)
            for name, svg in svgs.items()
        },
        glossary=glossary.GLOSSARY,
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
    )


class _Terms:
    """Marks each term of the glossary where it first stands, with its meaning as a tooltip and a link to its entry."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def explained(self, text: str) -> Markup:
        """`text` escaped, with code and new terms marked up."""
        return _joined(text, lambda piece: glossary.PATTERN.sub(self._marked, piece))

    def _marked(self, match: re.Match[str]) -> str:
        term = glossary.term_of(match)
        if term in self._seen:
            return match.group()
        self._seen.add(term)
        meaning = escaping.html(glossary.GLOSSARY[term].replace("`", ""))
        return f'<a class="term" href="#{glossary.anchor(term)}" title="{meaning}">{match.group()}</a>'


class _Counter:
    """Counts its calls, for ids and labels that are unique on the page."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self) -> int:
        self._count += 1
        return self._count


def _escaped(value: object) -> object:
    return value if isinstance(value, Markup) or not isinstance(value, str) else Markup(escaping.html(value))


def _inline(text: str) -> Markup:
    """`text` escaped, with code in backticks marked up."""
    return _joined(text, lambda piece: piece)


def _unbroken(text: Markup) -> Markup:
    """`text` with blanks that don't break a line within a ratio, or within brackets without words."""
    return Markup(re.sub(r"\[[^\]×]*\]|\S+ ×(?: \w+)?", lambda match: match.group().replace(" ", "&nbsp;"), text))


def _longest_word(text: str) -> int:
    """The length of the longest word: one that is longer than a column may be broken."""
    return max(map(len, text.split()), default=0)


def _joined(text: str, mark: Callable[[str], str]) -> Markup:
    pieces = [(escaping.html(piece), is_code) for piece, is_code in escaping.code_pieces(text)]
    return Markup("".join(f"<code>{piece}</code>" if is_code else mark(piece) for piece, is_code in pieces))


def _anchors(sections: tuple[Section, ...]) -> list[str]:
    """An id per section; equal ones are numbered."""
    anchors: list[str] = []
    for section in sections:
        anchors.append(section.anchor if section.anchor not in anchors else f"{section.anchor}-{len(anchors)}")
    return anchors


def _comparisons(ranking: Ranking) -> Markup:
    """The ranking's comparisons as JSON that can stand in a script element."""
    values = {
        baseline: {name: [escaping.visible(one.text), one.ratio] for name, one in found.items()}
        for baseline, found in ranking.comparisons.items()
    }
    text = json.dumps(values, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


def _data_address(svg: str, safe: str) -> Markup:
    """The SVG as an address that can stand in double quotes; all but letters, digits and `safe` is encoded."""
    return Markup("data:image/svg+xml," + quote(svg, safe=safe))


def _smaller(svg: str) -> str:
    """The SVG without what a browser does without: blanks, ids that nothing refers to, long names."""
    svg = re.sub(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<metadata>.*?</metadata>|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r"\s+", " ", svg).replace("> <", "><").strip()
    svg = re.sub(r'<g id="[^"]*"', "<g", svg).replace("xlink:href", "href").replace("DejaVuSans-", "g")
    svg = re.sub(r'style="[^"]*"', lambda match: match.group().replace(": ", ":").replace("; ", ";"), svg)
    return svg.replace('"', "'") if "'" not in svg else svg


def _with_dark_colours(svg: str) -> str:
    """The SVG with a style sheet that replaces its colours on dark screens."""
    rules = "".join(
        f"[style*='{attribute}:{light}']{{{attribute}:{dark} !important}}"
        for light, dark in DARK.items()
        for attribute in ("fill", "stroke")
        if f"{attribute}:{light}" in svg
    )
    sheet = f"<style>@media screen and (prefers-color-scheme: dark){{{rules}}}</style>".replace("'", '"' if "'" in svg else "'")
    head, end, body = svg.partition("<defs>")
    return f"{head}{sheet}{end}{body}"
