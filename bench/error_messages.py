"""How a mistake is put into words: one line that names the key, what it was and what it may be.

Called by whatever reads what a user wrote (workloads, data sets, contestants, records). Standard library only: a worker has it too.
"""

from __future__ import annotations

import difflib
import reprlib
import unicodedata
from collections.abc import Iterable

LONGEST_LINE = 2_000
LONGEST_WORD = 100
MOST_WORDS = 50
_NO_LETTERS = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode's control characters, invisible ones that turn the direction of writing, surrogates, and line separators."""
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 80


def one_line(text: object, longest: int = LONGEST_LINE) -> str:
    """`text` with each run of white space, line breaks too, made one blank, control characters escaped, and cut to `longest`.

    Of a long one the middle is left out: what was wrong mostly stands at the end, after a name that may be long.
    """
    line = plain(" ".join(str(text).split()))
    return line if len(line) <= longest else f"{line[: longest // 2]}…{line[1 - longest // 2 :]}"


def plain(text: str) -> str:
    r"""`text` with what is no letter escaped as Python writes it (`\x1b`): control characters, and halves of surrogate pairs.

    Line feeds and tabs stay. Nothing that is left can steer a terminal, and all of it can be written as UTF-8.
    """
    return "".join(character if _is_plain(character) else ascii(character)[1:-1] for character in text)


def plain_path(path: object) -> str:
    """The name of a file on one line, as `plain` has it; its line feeds and tabs are escaped too."""
    return plain(str(path)).replace("\n", r"\n").replace("\t", r"\t")


def _is_plain(character: str) -> bool:
    return character in "\n\t" or unicodedata.category(character) not in _NO_LETTERS


def short(value: object) -> str:
    """What a value was, quoted as Python writes it, cut where it is long."""
    return one_line(_SHORT.repr(value))


def named_twice(name: str, earlier: Iterable[str]) -> str | None:
    """Why `name` can't stand beside `earlier` ones: as the name of a file it may be another's, where case makes no difference."""
    same = next((other for other in earlier if other.casefold() == name.casefold()), None)
    if same is None:
        return None
    return f"{name!r} is named twice" if same == name else f"{name!r} and {same!r} differ in case alone, and name files: rename one"


def may_be(word: str, known: Iterable[str]) -> str:
    """The words that would have been right, the nearest to `word` named first."""
    words = [one_line(text)[:LONGEST_WORD] for text in known]
    by_letters = {text.casefold(): text for text in reversed(words)}
    near = difflib.get_close_matches(word[:LONGEST_WORD].casefold(), by_letters, n=1)
    guess = f"did you mean {by_letters[near[0]]!r}? " if near else ""
    more = f" and {len(words) - MOST_WORDS:,} more" if len(words) > MOST_WORDS else ""
    return f"{guess}it may be one of {', '.join(words[:MOST_WORDS])}{more}"
