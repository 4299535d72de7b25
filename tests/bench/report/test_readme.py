import re
from pathlib import Path

import pytest

from bench.report import readme

ROOT = Path(__file__).parents[3]
SCALING = "results/reference/scaling/report.md"


def test_the_readmes_table_is_what_the_command_writes():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme.rewritten(text, readme.results(ROOT / "results" / "reference")) == text


def test_the_readmes_count_of_sizes_is_the_published_maps():
    readme_text, report = (" ".join((ROOT / name).read_text(encoding="utf-8").split()) for name in ("README.md", SCALING))
    sizes, first, near = re.search(
        r"of (\d+) sizes it is first in (\d+), and first or within 5 % of the first in (\d+)", readme_text
    ).groups()
    assert f"is first in {first} of {sizes} sizes of network and batch, and first or within 5 % of the first in {near} (" in report


def test_a_readme_without_its_comments_is_refused(tmp_path, monkeypatch, capsys):
    (tmp_path / "README.md").write_text("# mine\n")
    monkeypatch.chdir(tmp_path)
    assert readme.main([str(ROOT / "results" / "reference")]) == 2
    assert "without exactly one" in capsys.readouterr().err
    assert (tmp_path / "README.md").read_text() == "# mine\n"


@pytest.mark.parametrize("arguments", [["nowhere"], [], ["a", "b"]])
def test_a_folder_without_a_run_is_wrong_use(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert readme.main(arguments) == 2
    assert capsys.readouterr().err.startswith("error: ")
