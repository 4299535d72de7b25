"""Makes foreign text harmless in each medium: terminal, Markdown, HTML, a plot, CSV, LaTeX and the name of a file.

Names of contestants and workloads, errors and details come from other people's code and may hold anything. Whatever writes one
calls the function of its medium, and no other escaping is done elsewhere. Standard library only.
"""

from __future__ import annotations

import hashlib
import html as standard_html
import re
import unicodedata

LONGEST_FILE_NAME = 60
LONGEST_LABEL = 24
_GRAVE = "\u02cb"
"""Stands for a backtick within code, which has no other way to hold one."""
_HIDDEN = frozenset("\u200b\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
"""Characters without a shape that reorder or split the text around them."""
_JOINER = "\u2060"
"""Without a width; a word goes on behind it."""
_FORMULA = ("=", "+", "-", "@")
_CODE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "–": "--",
    "−": "$-$",
    "×": r"$\times$",
    "µ": r"\textmu{}",
    "±": r"$\pm$",
    "∞": r"$\infty$",
    "·": r"$\cdot$",
} | {character: f"\\{character}" for character in "&%$#_{}"}


def visible(text: object) -> str:
    r"""`text` on one line, with control, surrogate and direction characters written as `\x1b` or `\u202e`."""
    return "".join(_shown(character) for character in re.sub(r"\s+", " ", str(text)))


def code(text: object) -> str:
    """`text` in backticks, the only markup that the report's texts know; backticks within it become another accent."""
    return f"`{visible(text).replace('`', _GRAVE)}`"


def code_pieces(text: str) -> list[tuple[str, bool]]:
    """The pieces of a text with backticks, each with whether it is code."""
    return [(piece, bool(index % 2)) for index, piece in enumerate(_CODE.split(text)) if piece]


def terminal(text: object) -> str:
    """`text` for a terminal: one line, no escape sequence, and without the backticks around code."""
    return "".join(piece for piece, _ in code_pieces(visible(text)))


def html(text: object) -> str:
    """`text` for HTML, in an element or a quoted attribute; `code` is left as it is."""
    return standard_html.escape(visible(text))


def markdown(text: object) -> str:
    """`text` for GitHub's Markdown on one line: `code` stays code, and everything else is literal.

    Brackets are a link only before a parenthesis and an underscore emphasis only at a word's end, so names and intervals stay as
    they are. A vertical bar is the table writer's to escape.
    """
    return "".join(f"`{piece}`" if is_code else _literal(piece) for piece, is_code in code_pieces(visible(text)))


def plot_text(text: object, longest: int = LONGEST_LABEL) -> str:
    """`text` for matplotlib: no formula between dollar signs, and the middle left out where it is longer than `longest`."""
    shown = visible(text)
    if len(shown) > longest:
        kept = longest - 6
        shown = f"{shown[:kept]}…{hashlib.sha256(shown.encode()).hexdigest()[:5]}"
    return shown.replace("$", r"\$")


def csv_field(value: object) -> object:
    """`value` for a CSV file: text that a spreadsheet would take for a formula begins with an apostrophe; numbers stay."""
    if not isinstance(value, str):
        return value
    text = "".join(_shown(character) if character not in "\t\n\r" else character for character in value)
    return f"'{text}" if text.lstrip().startswith(_FORMULA) and not _is_number(text) else text


def latex(text: object) -> str:
    """`text` for LaTeX, outside of formulas; `code` loses its backticks."""
    return "".join(_LATEX.get(character, character) for character in terminal(text))


def file_name(text: object) -> str:
    """A file's name for `text`: letters, digits, `.`, `-` and `_`; where others are replaced or cut, a hash keeps it distinct."""
    whole = str(text)
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", whole).strip(".-")
    if name and name == whole and len(name) <= LONGEST_FILE_NAME:
        return name
    digest = hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{name[: LONGEST_FILE_NAME - 9] or 'x'}-{digest}"


def _shown(character: str) -> str:
    if character in _HIDDEN or unicodedata.category(character) in ("Cc", "Cs"):
        number = ord(character)
        return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"
    return character


def _literal(text: str) -> str:
    text = re.sub(r"(?<![\w.])@(?=\w)", f"@{_JOINER}", text)  # else a comment on GitHub calls whoever has that name
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"([\\*`~$]|(?<!\w)_|_(?!\w)|(?<=\])\(|^[#+-](?= )|^\d+(?=[.)] ))", r"\\\1", text)
    return re.sub(r"(?i)\b(https?|ftp)://|\bwww\.", lambda match: match.group().replace(":", "&#58;").replace(".", "&#46;"), text)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
