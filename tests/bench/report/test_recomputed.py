"""The figures of the answer, the ranking and the README again from `trials.jsonl`, by other code than the report's."""

import gzip
import json
import math
import re
from pathlib import Path
from statistics import mean, median, stdev

import pytest
from scipy.stats import t as student

from bench.analysis.summary import analyse
from bench.records import read_run
from bench.report import readme
from bench.report.tables.ranking import ranking
from bench.report.verdict import answer

REFERENCE = Path(__file__).parents[3] / "results" / "reference"
SECONDS = {"ns": 1e-9, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0}
BYTES = {"kB": 1e3, "MB": 1e6, "GB": 1e9}
ACCURACY = 0.95


@pytest.fixture(scope="module")
def trials():
    lines = gzip.decompress((REFERENCE / "trials.jsonl.gz").read_bytes()).decode().splitlines()
    return [trial for trial in map(json.loads, lines) if trial["workload"] == "moons" and trial["status"] == "ok"]


@pytest.fixture(scope="module")
def analysis():
    return analyse(read_run(REFERENCE))


@pytest.fixture(scope="module")
def cells(analysis):
    table = ranking(analysis, "moons", "", f"to {ACCURACY:g}")
    return {row.cells[0]: dict(zip(table.columns, row.cells, strict=True)) for row in table.rows}


def timed(trials, contestant):
    return [trial for trial in trials if trial["kind"] == "timed" and trial["contestant"] == contestant]


def step_seconds(trial):
    """The quickest tenth: between the two sorted epochs around the tenth part of their way."""
    epochs = sorted(trial["epoch_seconds"][1:])
    place = 0.1 * (len(epochs) - 1)
    below = int(place)
    quickest = epochs[below] + (place - below) * (epochs[below + 1] - epochs[below])
    return quickest * len(trial["epoch_seconds"]) / trial["steps"]


def over_launches(logarithms):
    """The mean and half the width of Student's interval, of the medians of each launch's logarithms; by launch and round."""
    launches = {}
    for (launch, _), value in logarithms.items():
        launches.setdefault(launch, []).append(value)
    medians = [median(values) for values in launches.values()]
    half = (
        1.15 * student.ppf(0.975, len(medians) - 1) * stdev(medians) / math.sqrt(len(medians))
    )  # 1.15: the run looks again and again
    return mean(medians), half


def logarithms(trials, contestant):
    return {(trial["launch"], trial["round"]): math.log(step_seconds(trial)) for trial in timed(trials, contestant)}


def ratio_of_steps(trials, contestant, reference):
    own, other = ({number: value for (_, number), value in logarithms(trials, name).items()} for name in (contestant, reference))
    launches = {trial["round"]: trial["launch"] for trial in timed(trials, contestant)}
    middle, half = over_launches({(launches[number], number): own[number] - other[number] for number in own.keys() & other.keys()})
    return math.exp(middle), math.exp(middle - half), math.exp(middle + half)


def seconds_to(trials, contestant):
    """The median of the times to the target; a training that never reaches it is longer than all."""
    starts = {trial["launch"]: trial["cold_start_seconds"] for trial in timed(trials, contestant) if trial["cold_start_seconds"]}
    scores = {
        trial["seed"]: trial["history"]["val_accuracy"]
        for trial in trials
        if trial["kind"] == "scored" and trial["contestant"] == contestant
    }
    times = []
    for trial in timed(trials, contestant):
        if trial["seed"] in scores:
            epochs = [number for number, score in enumerate(scores[trial["seed"]], start=1) if score >= ACCURACY - 1e-12]
            times.append(starts[trial["launch"]] + sum(trial["epoch_seconds"][: epochs[0]]) if epochs else math.inf)
    return median(times)


def shows(text, unit_sizes, value):
    """Whether a text such as "25.8 µs" is `value` to its last digit."""
    number, unit = text.split()
    decimals = len(number.partition(".")[2])
    return abs(float(number.replace(",", "")) - value / unit_sizes[unit]) <= 0.5001 * 10**-decimals


def ends(words):
    """The three numbers of "92 × faster [75, 112]", and half a unit in the last digit of each."""
    numbers = re.findall(r"[\d.,]*\d", words)
    return [(float(number.replace(",", "")), 0.5001 * 10 ** -len(number.partition(".")[2])) for number in numbers]


def test_every_step_of_the_ranking_is_that_of_the_records(trials, cells):
    for name, row in cells.items():
        middle, _ = over_launches(logarithms(trials, name))
        assert shows(row["step"], SECONDS, math.exp(middle)), name


def test_every_ratio_of_the_ranking_is_that_of_the_records(trials, cells):
    for name, row in cells.items():
        words = row["step against keras"]
        if name == "keras":
            assert words == "baseline"
            continue
        ratio, low, high = ratio_of_steps(trials, name, "keras")
        assert not low <= 1 <= high
        assert ("faster" in words) == (high < 1)
        expected = (1 / ratio, 1 / high, 1 / low) if high < 1 else (ratio, low, high)
        for (shown, half), value in zip(ends(words), expected, strict=True):
            assert abs(shown - value) <= half, (name, words, value)


def test_every_accuracy_count_time_to_target_and_memory_is_that_of_the_records(trials, cells):
    for name, row in cells.items():
        scored = [trial for trial in trials if trial["kind"] == "scored" and trial["contestant"] == name]
        assert row["accuracy"] == f"{100 * mean(trial['test_accuracy'] for trial in scored):.1f} %"
        launches = {trial["launch"] for trial in timed(trials, name)}
        assert row["trials · launches · seeds"] == f"{len(timed(trials, name))} · {len(launches)} · {len(scored)}"
        assert shows(row["to 95 %"], SECONDS, seconds_to(trials, name)), name
        assert shows(row["memory"], BYTES, max(trial["peak_memory_bytes"] for trial in timed(trials, name))), name


def test_the_answers_numbers_are_those_of_the_records(trials, analysis):
    ratio, low, high = ratio_of_steps(trials, "numpy_nn", "keras")
    assert high < 1
    for (shown, half), value in zip(ends(answer(analysis)), (1 / ratio, 1 / high, 1 / low), strict=True):
        assert abs(shown - value) <= half


def test_the_readmes_rows_are_those_of_the_ranking(cells):
    text = readme.results(REFERENCE)
    for row in cells.values():
        shown = [row["step"], row["step against keras"], row["to 95 %"]]
        line = f" | {' | '.join(shown)} |"
        assert (line in text) == (row["contestant"] in readme._LABELS)
