"""Reports of runs that nobody meant: foreign names and errors, losses that aren't finite, no contestants and sixty of them."""

import re
from dataclasses import replace

import pytest
from synthetic import change_trials, synthetic_run
from test_report_renderings import Page

from bench.analysis.summary import analyse
from bench.records import RecordError, append_trial, write_run
from bench.report import html, markdown, sections, write_report
from bench.report.claims import claims
from bench.report.plot_data import PlotData

NAMES = [
    "<img src=x onerror=alert(1)>",
    "a`b ```<script>alert(1)</script>",
    r"a$\frac{$",
    "**bold** | [x](javascript:alert(1))",
    "up/../../../escaped",
    "n" * 180,
    "רשת \u202egnp",
    "\x1b]0;owned\x07",
    "=cmd|' /C calc'!A0",
]


@pytest.fixture(scope="module")
def small():
    return synthetic_run(epochs=3, scored_seeds=1, rounds=2, launches=2)


def renamed(data, name, workload=None):
    """The run in which `jax` has another name, and `full` errors say it too; with `workload`, moons has it."""
    trials = []
    for trial in data.trials:
        values = {}
        if trial.contestant == "jax":
            values["contestant"] = name
        if trial.status == "failed":
            values["error"] = name
        if workload is not None and trial.workload == "moons":
            values["workload"] = workload
        trials.append(trial.model_copy(update=values))
    records = [record.model_copy(update={"name": name}) if record.name == "jax" else record for record in data.run.contestants]
    own = [{**each, "name": workload or "moons"} if each["name"] == "moons" else each for each in data.run.workloads]
    return replace(data, trials=trials, run=data.run.model_copy(update={"contestants": records, "workloads": own}))


def rendered(data):
    analysis = analyse(data)
    document = sections.build(analysis, claims(analysis), PlotData())
    svgs = {plot.name: "<svg><defs></defs></svg>" for plot in document.plots()}
    svgs |= {f"{plot.name}{html.NARROW}": "<svg><defs></defs></svg>" for plot in document.plots() if plot.narrow}
    return html.render(document, svgs), markdown.render(document)


@pytest.mark.parametrize(
    "name", NAMES, ids=["html", "backticks", "formula", "markdown", "path", "long", "right to left", "escape", "csv"]
)
def test_a_foreign_name_is_text_everywhere(small, name):
    page_text, text = rendered(renamed(small, name, workload=name))
    page = Page(page_text)
    assert len(page.of("script")) == 2
    assert all("onerror" not in attributes for _, attributes in page.tags)
    live = re.sub(r"(?<!`)(`+)(?!`)(.*?)(?<!`)\1(?!`)", "", text, flags=re.DOTALL)
    assert not re.search(r"<(img|script)", live)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e]", page_text + text)
    assert max(len(line) for line in text.splitlines() if line.startswith("|")) <= 100
    assert text.count("\n") <= 200


def test_a_run_whose_names_lead_out_of_its_folder_is_refused(small, tmp_path):
    folder = tmp_path / "deep" / "run"
    folder.mkdir(parents=True)
    data = renamed(small, NAMES[2], workload=NAMES[4])
    write_run(folder, data.run)
    for trial in data.trials:
        append_trial(folder, trial)
    with pytest.raises(RecordError, match=r"workloads\.0\.name"):
        write_report(folder)
    assert list(tmp_path.iterdir()) == [tmp_path / "deep"]
    assert list((tmp_path / "deep").iterdir()) == [folder]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_losses_that_are_not_finite_give_a_report_that_says_diverged(small, value):
    def change(trial):
        history = {name: [value] * len(values) for name, values in trial.history.items()}
        return trial.model_copy(update={"history": history, "test_loss": value})

    lost = change_trials(small, change, contestant="numpy_nn", workload="moons")
    page, text = rendered(lost)
    assert "diverged" in text
    assert "`numpy_nn` diverged in" in text
    assert "<td>diverged</td>" in page


@pytest.mark.parametrize("count", [1, 60])
def test_one_and_sixty_contestants_have_a_report(small, count):
    ours = [trial for trial in small.trials if trial.contestant == "numpy_nn" and trial.workload == "moons"]
    trials = [trial.model_copy(update={"contestant": f"net{number:02}"}) for number in range(count - 1) for trial in ours]
    page, text = rendered(replace(small, trials=[*ours, *trials]))
    assert page.count('<th scope="row"><code>') == count
    assert text.count("\n") <= 200


def test_no_contestant_has_a_report(small):
    _, text = rendered(replace(small, trials=[]))
    assert "This run has no figures for an answer." in text
