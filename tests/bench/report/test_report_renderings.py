import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest
from matplotlib.figure import Figure

from bench.report import html, markdown
from bench.report.document import (
    Badge,
    Bullets,
    Command,
    Comparison,
    Document,
    Link,
    Paragraph,
    Plot,
    Ranking,
    RankingRow,
    Section,
    Table,
)
from bench.report.markdown_table import markdown_table

HOSTILE = "<script>alert(1)</script> a|b\nnext *bold* [x](http://example.org) _it_ C:\\temp"
SVG = '<svg xmlns="http://www.w3.org/2000/svg"><defs></defs><g style="fill: #1b1f24"/></svg>'


def document(*blocks, title="What happened?", **fields):
    return Document("A report", "made by a test", "Fine.", (Section(title, blocks),), **fields)


def ranking(name="numpy_nn", doubt=""):
    comparisons = {"keras": {name: Comparison("92 × faster [75, 112]", 1 / 92), "keras": Comparison("baseline", 1.0)}}
    rows = (
        RankingRow((name, "31.2 µs", "92 × faster [75, 112]"), (None, 31.2e-6, 1 / 92), doubt),
        RankingRow(("keras", "–", "baseline"), (None, None, 1.0)),
    )
    return Ranking("All of them.", ("contestant", "step", "step against keras"), rows, 2, "keras", comparisons, ("A note.",))


def everything():
    return document(
        Paragraph("`numpy_nn` wins a step"),
        Bullets(("one", "two steps and a step")),
        Command("nox -s bench"),
        ranking(doubt="one seed"),
        Table("The table", ("contestant", "step"), (("numpy_nn", "31.2 µs"), ("keras", "–"))),
        Table("The long one", ("contestant", "error"), (("torch", HOSTILE),), folded=True, prose=True),
        Plot("times-moons", "Seconds a step.", 'Dots of "seconds"', Figure()),
        badges=(Badge("quick run"), Badge("2 warnings", serious=False)),
        links={"Records": (Link("run.json", "run.json"),)},
    )


class Page(HTMLParser):
    """Collects tags and text, and fails on a tag that is never closed."""

    VOID = ("meta", "img", "br", "hr", "link", "source")

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text = [], [], ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        self.text += text

    def of(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def page():
    return Page(html.render(everything(), {"times-moons": SVG}))


def test_the_page_fetches_nothing(page):
    addresses = [attributes[key] for _, attributes in page.tags for key in ("src", "href") if key in attributes]
    assert addresses
    assert all(address.startswith(("data:", "#")) or address == "run.json" for address in addresses)
    assert not page.of("link")
    assert not any("src" in attributes for attributes in page.of("script"))


def test_the_script_is_the_one_that_the_page_allows(page):
    rendered = html.render(everything(), {"times-moons": SVG})
    (script,) = re.findall(r"<script>(.*?)</script>", rendered, flags=re.DOTALL)
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = [meta["content"] for meta in page.of("meta") if "http-equiv" in meta]
    assert f"script-src 'sha256-{allowed}'" in policy


def test_every_plot_of_the_page_has_a_description_and_a_caption(page):
    assert [image["alt"] for image in page.of("img")] == ['Dots of "seconds"']
    assert "Seconds a step." in page.text


def test_what_a_contestant_says_is_text_and_never_markup(page):
    assert "<script>alert(1)</script>" in page.text
    assert len(page.of("script")) == 2


def test_backticks_become_code(page):
    assert page.of("code")
    assert "`numpy_nn`" not in page.text


def test_a_term_is_explained_where_it_first_stands_and_not_again(page):
    terms = [link for link in page.of("a") if link.get("class") == "term"]
    assert [link["href"] for link in terms].count("#term-step") == 1
    assert all(link["title"] and link["href"][1:] in {entry.get("id") for entry in page.of("dt")} for link in terms)


def test_a_row_that_rests_on_one_seed_says_so(page):
    assert [row.get("class") for row in page.of("tr")].count("doubt") == 1
    assert "one seed" in page.text


def test_the_comparisons_for_every_baseline_stand_in_the_page():
    hostile = html.render(document(ranking("</script><b>")), {})
    text = re.search(r'class="comparisons">(.*?)</script>', hostile).group(1)
    assert json.loads(text)["keras"]["</script><b>"] == ["92 × faster [75, 112]", 1 / 92]


def test_two_sections_with_the_same_title_have_ids_of_their_own():
    twice = Document(
        "A report", "", "Fine.", (Section("Same!", (Paragraph("a"),)), Section("Same?", (Paragraph("b"),), folded=True))
    )
    page = Page(html.render(twice, {}))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_the_page_and_its_plots_follow_light_and_dark(page):
    rendered = html.render(everything(), {"times-moons": SVG})
    assert "@media screen and (prefers-color-scheme: dark)" in rendered
    drawing = unquote(page.of("img")[0]["src"].partition(",")[2])
    assert '[style*="fill:#1b1f24"]{fill:#e6e9ee !important}' in drawing
    assert "style='fill:#1b1f24'" in drawing


def test_the_page_fits_a_phone(page):
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.of("meta")
    assert all(box["tabindex"] == "0" for box in page.of("section") if box.get("class") == "scroll")


def test_a_hostile_cell_stays_one_cell_of_one_row():
    text = markdown.render(document(Table("", ("contestant", "error"), (("torch", HOSTILE),))))
    (row,) = [line for line in text.splitlines() if line.startswith("| torch")]
    assert len(re.split(r"(?<!\\)\|", row)) == 4
    assert "<script>" not in row
    assert "\\*bold\\*" in row


def test_names_and_intervals_stay_as_they_are_in_markdown():
    text = "numpy_nn is 87 × faster [84, 90] with `steps_per_execution`"
    assert text in markdown.render(document(Paragraph(text)))


def test_a_wide_table_loses_its_last_columns_and_says_where_they_are():
    columns = tuple(f"a column with number {number}" for number in range(9))
    text = markdown.render(document(Table("", columns, (columns,), name="wide")))
    assert max(len(line) for line in text.splitlines() if line.startswith("|")) <= 100
    assert "6 more columns in `tables/wide.csv`." in text


def test_sixty_contestants_and_forty_sections_keep_within_200_lines():
    table = Table("", ("contestant", "step"), tuple((f"net {number}", "1 s") for number in range(60)))
    sections = tuple(Section(f"Part {number}", (table,), folded=number > 0) for number in range(40))
    text = markdown.render(Document("A report", "", "Fine.", sections))
    assert text.count("\n") <= 200
    assert "30 more rows" in text
    assert "Part 39" in text.splitlines()[-1]


def test_the_summary_has_the_answer_the_badges_and_the_ranking():
    lines = markdown.render_summary(everything()).splitlines()
    assert lines[2] == "**Fine.**"
    assert lines[4] == "⚠ quick run · 2 warnings"
    assert "| numpy_nn | 31.2 µs | 92 × faster [75, 112] |" in lines


def test_figures_are_right_aligned_and_sentences_left():
    figures = markdown.render(document(Table("", ("a", "b"), (("x", "1"),))))
    sentences = markdown.render(document(Table("", ("a", "b"), (("x", "y"),), prose=True)))
    assert "| :--- | ---: |" in figures
    assert "- **x** b: y" in sentences


def test_a_tables_cells_keep_to_their_columns_and_sides():
    lines = markdown_table(("a|b", "c", "d"), [("x\ny", "1", "|")], "<>-").splitlines()
    assert lines == ["| a\\|b | c | d |", "| :--- | ---: | --- |", "| x y | 1 | \\| |"]
    assert markdown_table(("a", "b"), []).splitlines() == ["| a | b |", "| --- | --- |"]


def test_a_plot_of_the_markdown_is_a_picture_beside_it():
    assert '![Dots of "seconds"](plots/times-moons.png)' in markdown.render(everything())


def test_a_folded_table_is_folded_in_both_renderings(page):
    folded = Document("A report", "", "Fine.", (Section("The long one", (Paragraph("text"),), folded=True),))
    assert "<details><summary><b>The long one</b></summary>" in markdown.render(folded)
    assert len(page.of("details")) == 2
