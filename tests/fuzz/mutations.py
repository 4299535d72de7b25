"""Small changes to valid files: what damage, a careless hand and a stranger make of them; seeded, so that they can be repeated.

`file_mutations` has those of formats with a structure of their own.
"""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Iterator
from typing import Any

TOKENS = (
    *(b"\x00", b"\xff", b"\xef\xbb\xbf", b"\r", b"\n\n", b'"', b"'", b"\\", b"[", b"]", b"{", b"}", b"=", b",", b";", b"\t", b"#"),
    *(b"nan", b"NaN", b"-inf", b"Infinity", b"null", b"None", b"true", b"1e999", b"-1", b"0", b"9" * 40, b"1" * 5000, b"1e308"),
    *(b"../", b"~nobody/", b"\x1b[2J", b"$\\frac{$", b"<img src=x>", b"=cmd|x", "\u202e".encode(), b"\xed\xa0\x80", b"[" * 2000),
)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2**31, 2**63, 10**30, 1e308, -1e308, 1e-320, 0.5, "NaN", "Infinity", "-Infinity", "", " ", "x"),
    *("../x", "a/b", "\x00", "\x1b]0;x\x07", "\ud800", "$\\frac{$", "```<img src=x>", "x" * 10_000, "2020-13-45", "=1+1", "keras"),
    *([], {}, [[]], [None], [1, "a"], {"a": {}}, [0.0] * 1000, {"width": 3}, [{}]),
)
RAW = (
    *(
        "NaN",
        "-Infinity",
        "1e999",
        "-0",
        "0x10",
        "007",
        "1.",
        "+1",
        "'a'",
        "True",
        "{}{}",
        "[1,]",
        "// x",
        '"\\ud800"',
        '"\\u0000"',
    ),
    *("9" * 5000, "-" + "1" * 400, "0." + "3" * 5000, "[" * 100_000 + "]" * 100_000, '{"a":' * 3000 + "1" + "}" * 3000, ""),
    *('{"a": 1, "a": "x"}', "\x00", "\ufeff1", "1\u2028", '"' + "x" * 1_000_000 + '"', "1e-999999999", "12345678901234567890.5e9"),
)
"""What stands in the place of a JSON value, and mostly is none."""
_PLACEHOLDER = "\ue000raw"


def mutated_bytes(content: bytes, generator: random.Random) -> bytes:
    """Return `content` with one to four changes: bytes flipped, removed, repeated, replaced, cut off, or a token put in.

    One in ten is changed as a whole: saved in another encoding, or with other line ends.
    """
    if generator.random() < 0.1:
        return generator.choice(_WHOLE)(content)
    changed = bytearray(content)
    for _ in range(generator.randint(1, 4)):
        place = generator.randrange(len(changed) + 1)
        length = min(int(generator.expovariate(0.1)), 200)
        match generator.randrange(6):
            case 0 if changed:
                changed[min(place, len(changed) - 1)] ^= 1 << generator.randrange(8)
            case 1:
                del changed[place : place + length]
            case 2:
                changed[place:place] = changed[place : place + length] * generator.randint(1, 20)
            case 3:
                changed[place:place] = generator.choice(TOKENS)
            case 4:
                changed[place : place + length] = generator.randbytes(length)
            case 5:
                del changed[place:]
    return bytes(changed)


_WHOLE = (
    lambda content: b"\xef\xbb\xbf" + content,
    lambda content: content.decode("latin-1").encode("utf-16"),
    lambda content: content.decode("latin-1").encode("utf-32-be"),
    lambda content: content.replace(b"\n", b"\r\n"),
    lambda content: content.replace(b"\n", b"\r"),
    lambda content: content.replace(b"\n", "\u2028".encode()),
    lambda content: content + b"\x00" * 100_000,
    lambda content: b"\n" * 100_000 + content,
    lambda content: content * 2,
    lambda content: content[::-1],
    lambda _: b"",
)


def mutated_json(document: Any, generator: random.Random) -> str:
    """Return `document` as JSON with one to three values replaced, removed, repeated or renamed, or with what is no JSON in it."""
    changed = mutated(document, generator, raw=generator.random() < 0.2)
    text = re.sub(rf'"{re.escape(json.dumps(_PLACEHOLDER)[1:-1])}(\d+)"', lambda found: RAW[int(found[1])], json.dumps(changed))
    keys = list(re.finditer(r'"[a-z_]+": ', text))
    if keys and generator.random() < 0.1:
        key = generator.choice(keys)
        text = f"{text[: key.start()]}{key[0]}{json.dumps(generator.choice(VALUES))}, {text[key.start() :]}"  # the key twice
    return text


def mutated(document: Any, generator: random.Random, *, raw: bool = False) -> Any:
    """Return a copy of `document`, of dicts and lists, with one to three values replaced, removed, repeated or renamed."""
    changed = copy.deepcopy(document)
    for _ in range(generator.randint(1, 3)):
        places = list(_places(changed))
        if not places:
            break
        container, key = generator.choice(places)
        match generator.randrange(5):
            case 0:
                del container[key]
            case 1 if isinstance(container, list):
                container.append(copy.deepcopy(container[key]))
            case 2 if isinstance(container, dict):
                container[generator.choice(("x", "", "name", "workload", "\x1b", "a" * 300))] = container.pop(key)
            case 3 if isinstance(container[key], (int, float)):
                container[key] *= generator.choice((0, -1, 10, 1e-9, 10**6))
            case _:
                container[key] = copy.deepcopy(generator.choice(VALUES))
                if raw:
                    container[key] = f"{_PLACEHOLDER}{generator.randrange(len(RAW))}"
    return changed


def _places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each container in `document` with each of its keys; of a long list only the first few."""
    keys: Any = list(document) if isinstance(document, dict) else range(min(len(document), 4)) if isinstance(document, list) else ()
    for key in keys:
        yield document, key
        yield from _places(document[key])
