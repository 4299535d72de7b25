"""The page in headless Chromium, from disk: at three widths, light and dark, and printed.

Run by `nox -s browser`, which brings Playwright, axe-core and html-validate; Chromium is the system's. Skipped where one is
missing.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from synthetic import synthetic_run

from bench.report import write_report

pytestmark = pytest.mark.browser

TOOLS = Path(os.environ.get("MOONS_BENCH_NODE_MODULES", "node_modules"))
CHROMIUM = os.environ.get("MOONS_BENCH_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
SETTINGS = [(width, scheme) for width in (390, 1280, 1920) for scheme in ("light", "dark")]
AXE_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
REFERENCE = Path(__file__).parents[2] / "results" / "reference"
LONG, HOSTILE = "n" * 180, "<img src=x onerror=alert(1)>`$x$ רשת"

if CHROMIUM is None:
    pytest.skip("needs Chromium on the path (Debian: apt-get install chromium)", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api", reason="needs Playwright: python -m nox -s browser")


def _copied(folder, source):
    for name in ("run.json", "trials.jsonl", "trials.jsonl.gz", "arrays"):
        if (source / name).is_dir():
            shutil.copytree(source / name, folder / name)
        elif (source / name).exists():
            shutil.copy(source / name, folder / name)


@pytest.fixture(scope="session")
def reports(tmp_path_factory):
    """The pages of the published run and its map, of a small run, and of one with foreign names."""
    root = tmp_path_factory.mktemp("reports")
    full, sizes, small, foreign = (root / name for name in ("full", "full/scaling", "small", "foreign"))
    for folder in (full, sizes, small, foreign):
        folder.mkdir()
    _copied(full, REFERENCE)
    _copied(sizes, REFERENCE / "scaling")
    for folder in (small, foreign):
        synthetic_run(folder, write=True, epochs=4, scored_seeds=2, rounds=2, launches=2)
    lines = foreign / "trials.jsonl"
    text = lines.read_text("utf-8").replace('"contestant":"jax"', f'"contestant":"{LONG}"')
    lines.write_text(text.replace('"contestant":"sklearn"', f'"contestant":"{HOSTILE}"'), "utf-8")
    pages = {"full": full, "scaling": sizes, "small": small, "foreign": foreign}
    for folder in (sizes, full, small, foreign):
        write_report(folder)
    return {name: folder / "index.html" for name, folder in pages.items()}


@pytest.fixture(scope="session")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, reports):
    """`opened(name, width, scheme)`: the page, and a list that gets what it complains of or asks a network for."""
    contexts = []

    def open_page(name, width=1280, scheme="light", **options):
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, **options)
        contexts.append(context)
        page, problems = context.new_page(), []
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: None if request.url.startswith(("file:", "data:")) else problems.append(request.url))
        page.goto(reports[name].as_uri())
        return page, problems

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize("name", ["full", "scaling", "small", "foreign"])
@pytest.mark.parametrize(("width", "scheme"), SETTINGS)
def test_the_page_is_whole_at_every_width(opened, name, width, scheme):
    page, problems = opened(name, width, scheme)
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    assert problems == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("[...document.images].filter(image => !image.complete || !image.naturalWidth).length") == 0


@pytest.mark.parametrize("name", ["full", "scaling", "small"])
@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_the_answer_and_its_plot_are_within_the_first_screen(opened, name, width):
    page, _ = opened(name, width)
    for selector in (".answer", "header + figure img"):
        assert page.locator(selector).bounding_box()["y"] >= 0
        assert page.evaluate("selector => document.querySelector(selector).getBoundingClientRect().bottom", selector) <= 800


@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_the_first_columns_of_every_table_are_seen_without_scrolling(opened, width):
    page, _ = opened("full", width)
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    beyond = """() => [...document.querySelectorAll("table")].flatMap((table) => {
        const columns = table.matches(".ranking") ? [0, 1, 2, Number(table.dataset.compared)] : [0, 1, 2];
        return columns.filter((column) => table.tHead.rows[0].cells[column]
            && table.tHead.rows[0].cells[column].getBoundingClientRect().right > innerWidth + 0.5)
          .map((column) => `${table.parentElement.getAttribute("aria-label")}: ${column}`);
    })"""
    assert page.evaluate(beyond) == []


def test_a_full_runs_page_is_short_and_small(opened, reports):
    page, _ = opened("full")
    assert page.evaluate("document.documentElement.scrollHeight") <= 6000
    assert reports["full"].stat().st_size <= 1_000_000


def test_the_table_sorts_by_any_column_and_compares_with_any_baseline(opened):
    page, problems = opened("full")
    names = "[...document.querySelectorAll('table.ranking tbody code')].map(name => name.textContent)"
    assert page.evaluate(names)[0] == "numpy_nn"
    page.get_by_role("button", name="memory").click()
    memory = page.evaluate("[...document.querySelectorAll('table.ranking tbody td:last-child')].map(cell => +cell.dataset.value)")
    assert memory == sorted(memory)
    page.get_by_role("button", name="contestant").click()
    assert page.evaluate(names) == sorted(page.evaluate(names))
    page.get_by_label("Compare with").select_option("numpy_nn")
    assert "slower" in page.locator("tr", has=page.get_by_text("keras", exact=True)).locator("td").nth(3).text_content()
    assert page.locator("table.ranking th").nth(4).text_content() == "step against numpy_nn"
    assert problems == []


@pytest.mark.parametrize(("button", "first"), [("Copy as Markdown", "| contestant |"), ("Copy as CSV", '"contestant",')])
def test_the_table_is_copied(opened, button, first):
    page, _ = opened("full", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name=button).click()
    page.get_by_text("copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(first)
    assert "numpy_nn" in copied.replace("\\", "")


def test_the_page_reads_without_its_script(opened):
    page, problems = opened("full", java_script_enabled=False)
    assert page.locator("table.ranking tbody tr").count() == 10
    assert not page.locator(".tools").is_visible()
    page.get_by_text("All times").click()
    assert page.get_by_text("NumPy's products (the floor)").first.is_visible()
    assert problems == []


def test_a_term_leads_to_its_entry_in_the_folded_glossary(opened):
    page, _ = opened("full")
    page.locator("a.term").first.click()
    assert page.locator("#glossary dl").is_visible()


@pytest.mark.parametrize("script", [True, False])
def test_it_prints_light_with_all_parts_opened(opened, tmp_path, script):
    if shutil.which("pdftotext") is None:
        pytest.skip("needs pdftotext (Debian: apt-get install poppler-utils)")
    page, _ = opened("full", scheme="dark", java_script_enabled=script)
    page.pdf(path=str(tmp_path / "page.pdf"), prefer_css_page_size=True)
    text = subprocess.run(["pdftotext", "-layout", tmp_path / "page.pdf", "-"], capture_output=True, text=True, check=True).stdout
    assert "clock resolution" in text
    assert "Copy as CSV" not in text
    page.emulate_media(media="print", color_scheme="dark")
    colours = [page.evaluate(f"getComputedStyle(document.body).{name}") for name in ("backgroundColor", "color")]
    assert colours == ["rgb(255, 255, 255)", "rgb(27, 31, 36)"]


@pytest.mark.parametrize("name", ["full", "scaling", "small", "foreign"])
def test_axe_finds_no_violation(opened, name):
    script = TOOLS / "axe-core" / "axe.min.js"
    if not script.exists():
        pytest.skip("needs axe-core: python -m nox -s browser")
    for width, scheme in SETTINGS:
        page, _ = opened(name, width, scheme, bypass_csp=True)
        page.add_script_tag(path=str(script))
        for fold in (False, True):
            page.evaluate("open => document.querySelectorAll('details').forEach(part => { part.open = open; })", not fold)
            found = page.evaluate("rules => axe.run(document, {runOnly: rules})", AXE_RULES)["violations"]
            assert [(one["id"], one["nodes"][0]["html"]) for one in found] == [], (width, scheme, fold)


def test_html_validate_finds_no_error(reports):
    program = TOOLS / ".bin" / "html-validate"
    if not program.exists():
        pytest.skip("needs html-validate: python -m nox -s browser")
    done = subprocess.run([program, *map(str, reports.values())], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
