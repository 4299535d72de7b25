import base64
import re
from html.parser import HTMLParser

import pytest
from matplotlib.figure import Figure

from bench.report import html, markdown
from bench.report.document import Bullets, Command, Document, Paragraph, Plot, Section, Table
from bench.report.markdown_table import markdown_table

HOSTILE = "<script>alert(1)</script> a|b\nnext *bold* [x](http://example.org) _it_ C:\\temp"
SVG = '<svg xmlns="http://www.w3.org/2000/svg"><defs></defs><g style="fill: #1b1f24"/></svg>'


def document(*blocks, title="What happened?"):
    return Document("A report", "made by a test", (Section("Verdict", (Paragraph("Fine."),)), Section(title, blocks)))


def everything():
    return document(
        Paragraph("`numpy_nn` wins"),
        Bullets(("one", "two")),
        Command("nox -s bench"),
        Table("The table", ("contestant", "step"), (("numpy_nn", "31.2 µs"), ("keras", "–"))),
        Table("The long one", ("contestant", "error"), (("torch", HOSTILE),), folded=True, prose=True),
        Plot("times-moons", "Seconds a step.", 'Bars of "seconds"', Figure()),
    )


class Page(HTMLParser):
    """Collects tags and text, and fails on a tag that is never closed."""

    VOID = ("meta", "img", "br", "hr", "link")

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
    assert all(address.startswith(("data:", "#")) for address in addresses)
    assert not page.of("link")
    assert not page.of("script")


def test_every_plot_of_the_page_has_a_description_and_a_caption(page):
    assert [image["alt"] for image in page.of("img")] == ['Bars of "seconds"']
    assert "Seconds a step." in page.text


def test_what_a_contestant_says_is_text_and_never_markup(page):
    assert "<script>alert(1)</script>" in page.text


def test_backticks_become_code(page):
    assert page.of("code")
    assert "`" not in page.text


def test_every_entry_of_the_contents_leads_to_a_section(page):
    sections = {attributes["id"] for attributes in page.of("section")}
    assert [link["href"] for link in page.of("a")] == ["#verdict", "#what-happened"]
    assert sections == {"verdict", "what-happened"}


def test_the_page_and_its_plots_follow_light_and_dark(page):
    rendered = html.render(everything(), {"times-moons": SVG})
    assert "@media (prefers-color-scheme: dark)" in rendered
    drawing = base64.b64decode(page.of("img")[0]["src"].partition("base64,")[2]).decode()
    assert '[style*="fill: #1b1f24"]{fill:#e6e9ee !important}' in drawing


def test_the_page_fits_a_phone(page):
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.of("meta")
    assert all(box["class"] == "scroll" for box in page.of("div"))


def test_a_hostile_cell_stays_one_cell_of_one_row():
    text = markdown.render(document(Table("", ("contestant", "error"), (("torch", HOSTILE),), prose=True)))
    (row,) = [line for line in text.splitlines() if line.startswith("| torch")]
    assert len(re.split(r"(?<!\\)\|", row)) == 4
    assert "<script>" not in row
    assert "\\*bold\\*" in row
    assert "[x]\\(http" in row


def test_names_and_intervals_stay_as_they_are_in_markdown():
    text = "numpy_nn takes 1/87 [1/90, 1/84] with `steps_per_execution`"
    assert text in markdown.render(document(Paragraph(text)))


def test_figures_are_right_aligned_and_sentences_left():
    figures = markdown.render(document(Table("", ("a", "b"), (("x", "1"),))))
    sentences = markdown.render(document(Table("", ("a", "b"), (("x", "y"),), prose=True)))
    assert "| :--- | ---: |" in figures
    assert "| :--- | :--- |" in sentences


def test_a_tables_cells_keep_to_their_columns_and_sides():
    lines = markdown_table(("a|b", "c", "d"), [("x\ny", "1", "|")], "<>-").splitlines()
    assert lines == ["| a\\|b | c | d |", "| :--- | ---: | --- |", "| x y | 1 | \\| |"]
    assert markdown_table(("a", "b"), []).splitlines() == ["| a | b |", "| --- | --- |"]


def test_a_plot_of_the_markdown_is_a_picture_beside_it():
    assert '![Bars of "seconds"](plots/times-moons.png)' in markdown.render(everything())


def test_a_folded_table_is_folded_in_both_renderings(page):
    assert "<details><summary>The long one</summary>" in markdown.render(everything())
    assert len(page.of("details")) == 2
