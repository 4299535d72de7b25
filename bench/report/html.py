"""Renders the report as one HTML page with inline SVG plots and CSS; it fetches nothing.

Called by `bench.report.build`. The page and its plots follow the reader's light or dark setting.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from bench.report.document import Document
from bench.report.style import DARK


def render(document: Document, svgs: Mapping[str, str]) -> str:
    """The page. `svgs` has the SVG of each plot of the document, by name."""
    environment = Environment(
        loader=PackageLoader("bench.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["inline"] = _inline
    images = {name: _data_address(_with_dark_colours(svg)) for name, svg in svgs.items()}
    return environment.get_template("page.html").render(document=document, images=images)


def _inline(text: str) -> Markup:
    """`text` escaped, with code in backticks marked up."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _data_address(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode("ascii")


def _with_dark_colours(svg: str) -> str:
    """The SVG with a style sheet that replaces its neutral colours on dark pages."""
    rules = "".join(
        f'[style*="{attribute}: {light}"]{{{attribute}:{dark} !important}}'
        for light, dark in DARK.items()
        for attribute in ("fill", "stroke")
    )
    sheet = f"<style>@media (prefers-color-scheme: dark){{{rules}}}</style>"
    head, end, body = svg.partition("<defs>")
    return f"{head}{sheet}{end}{body}"
