"""The report as one page that holds all it needs: plots as SVG within it, CSS inline, nothing fetched.

Called by `bench.report.write_report`. Light and dark follow the reader's own setting, the plots too.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from bench.report.document import Document
from bench.report.style import DARK


def render(document: Document, drawings: Mapping[str, str]) -> str:
    """The page. `drawings` has the SVG of every plot of the document, by name."""
    environment = Environment(
        loader=PackageLoader("bench.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["inline"] = _inline
    images = {name: _data_address(_turned_in_the_dark(svg)) for name, svg in drawings.items()}
    return environment.get_template("page.html").render(document=document, images=images)


def _inline(text: str) -> Markup:
    """`text` escaped, what stands in backticks as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _data_address(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode("ascii")


def _turned_in_the_dark(svg: str) -> str:
    """The drawing with a style sheet of its own that swaps its neutral colours where the reader's screen is dark."""
    rules = "".join(
        f'[style*="{attribute}: {light}"]{{{attribute}:{dark} !important}}'
        for light, dark in DARK.items()
        for attribute in ("fill", "stroke")
    )
    sheet = f"<style>@media (prefers-color-scheme: dark){{{rules}}}</style>"
    head, end, body = svg.partition("<defs>")
    return f"{head}{sheet}{end}{body}"
