import csv
import io
import re

import pandas as pd
import pytest

from bench import escaping
from bench.report.csv_tables import frame_as_csv

ESCAPES = "\x1b]0;owned\x07\x1b[2Jgone"
BACKTICKS = "text ```<img src=x onerror=alert(1)>`"
RIGHT_TO_LEFT = "רשת \u202egnp.exe\u2069"


def outside_of_code(markdown):
    """CommonMark's rule: a code span is closed by as many backticks as opened it."""
    return re.sub(r"(?<!`)(`+)(?!`)(.*?)(?<!`)\1(?!`)", "", markdown, flags=re.DOTALL)


@pytest.mark.parametrize(
    "write",
    [escaping.terminal, escaping.markdown, escaping.html, escaping.plot_text, escaping.latex, escaping.code, escaping.file_name],
)
@pytest.mark.parametrize("text", [ESCAPES, RIGHT_TO_LEFT, "one\ntwo\r\x85three", "\ud800", "\x00"])
def test_no_control_direction_or_surrogate_character_is_left(write, text):
    assert not re.search("[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", write(text))


def test_letters_of_every_script_stay():
    assert escaping.visible("רשת 網路 Ωμέγα é") == "רשת 網路 Ωμέγα é"


def test_a_tag_is_never_live_in_html():
    assert escaping.html(f'"{BACKTICKS}&') == "&quot;text ```&lt;img src=x onerror=alert(1)&gt;`&amp;"


@pytest.mark.parametrize("text", [BACKTICKS, "`` <b> ``", "`a` <b> `", "<b>`", "`<b>``"])
def test_a_tag_is_never_live_in_markdown(text):
    assert "<b" not in outside_of_code(escaping.markdown(text)).replace("&lt;", "")
    assert "<img" not in outside_of_code(escaping.markdown(text))


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("*bold* _it_ a_b", r"\*bold\* \_it\_ a_b"),
        ("[x](http://example.org)", r"[x]\(http&#58;//example&#46;org)"),
        ("[2.6, 2.9] `a_b`", "[2.6, 2.9] `a_b`"),
        ("$E=mc^2$", r"\$E=mc^2\$"),
        ("- item", r"\- item"),
        ("@team, a@b.org", "@\u2060team, a@b.org"),
    ],
)
def test_markdown_shows_what_was_said(text, escaped):
    assert escaping.markdown(text).replace("example.org", "example&#46;org") == escaped


def test_code_stays_one_piece_whatever_it_holds():
    assert escaping.code_pieces(f"see {escaping.code('a`b``')} there") == [("see ", False), ("aˋbˋˋ", True), (" there", False)]


def test_a_dollar_in_a_plot_is_no_formula_and_a_long_name_stays_distinct():
    assert escaping.plot_text(r"a$\frac{$") == r"a\$\frac{\$"
    first, second = (escaping.plot_text("n" * 180 + letter) for letter in "ab")
    assert len(first) <= 24
    assert first != second


@pytest.mark.parametrize("field", ["=cmd|' /C calc'!A0", "+1+cmd", "-cmd", "@sum", " =1", "\t=1"])
def test_no_csv_field_is_a_formula(field):
    frame = pd.DataFrame({"error": [field], "number": [-1.5]})
    _, row = csv.reader(io.StringIO(frame_as_csv(frame)))
    assert row[0].startswith("'")
    assert row[1] == "-1.5"


@pytest.mark.parametrize("field", ["-1.5", "1e-3", "numpy_nn", "", "a=b", "-inf"])
def test_a_harmless_csv_field_stays(field):
    assert escaping.csv_field(field) == field


def test_latex_has_no_command_that_was_not_meant():
    assert escaping.latex(r"\input{x} 5 % & `a_b` 92 ×") == r"\textbackslash{}input\{x\} 5 \% \& a\_b 92 $\times$"


@pytest.mark.parametrize("name", ["a/../../../escaped", "..", "a\\b", "con\x00", "n" * 180, "שם", ".hidden", "x y", ""])
def test_a_file_name_stays_in_its_folder(name):
    assert re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,59}", escaping.file_name(name))


def test_file_names_of_different_texts_differ_and_plain_ones_stay():
    assert escaping.file_name("full-batch") == "full-batch"
    names = ["a/b", "a-b", "a b", "a:b"]
    assert len({escaping.file_name(name) for name in names}) == len(names)
