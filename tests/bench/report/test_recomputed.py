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
def whole_run():
    lines = gzip.decompress((REFERENCE / "trials.jsonl.gz").read_bytes()).decode().splitlines()
    return list(map(json.loads, lines))


@pytest.fixture(scope="module")
def trials(whole_run):
    """The trials of `moons` that succeeded; those of turns with their undisturbed turns alone, and the number of all epochs."""
    cores = json.loads((REFERENCE / "run.json").read_text())["environment"]["cores"]
    canaries = [turn[f"canary_{when}_seconds"] for one in whole_run for turn in one["turns"] or [] for when in ("before", "after")]
    found = [trial for trial in whole_run if trial["workload"] == "moons" and trial["status"] == "ok"]
    for trial in found:
        if trial["kind"] == "turns":
            trial["epochs"] = sum(len(turn["epoch_seconds"]) for turn in trial["turns"])
            trial["undisturbed"] = undisturbed(trial["turns"], quantile(canaries), cores)
    return found


@pytest.fixture(scope="module")
def analysis():
    return analyse(read_run(REFERENCE))


@pytest.fixture(scope="module")
def cells(analysis):
    table = ranking(analysis, "moons", "", f"to {ACCURACY:g}")
    return {row.cells[0]: dict(zip(table.columns, row.cells, strict=True)) for row in table.rows}


def timed(trials, contestant):
    return [trial for trial in trials if trial["kind"] == "timed" and trial["contestant"] == contestant]


def turns(trials, contestant):
    return [trial for trial in trials if trial["kind"] == "turns" and trial["contestant"] == contestant]


def quantile(values):
    """The tenth part of the way through the sorted values, between the two that are next to it."""
    values = sorted(values)
    place = 0.1 * (len(values) - 1)
    below = int(place)
    return values[below] + (place - below) * (values[min(below + 1, len(values) - 1)] - values[below])


def undisturbed(turns, canary, cores):
    """The turns that nothing disturbed: not the machine, not another process, not the wait for a core."""
    own_wait = quantile([turn["wait_seconds"] / turn["wall_seconds"] for turn in turns])
    found = []
    for turn in turns:
        wall, wait = turn["wall_seconds"], turn["wait_seconds"]
        quiet = max(turn["canary_before_seconds"], turn["canary_after_seconds"]) <= 1.05 * canary
        alone = turn["other_cpu_seconds"] <= 0.05 * wall * cores and turn["steal_seconds"] <= max(0.01 * wall * cores, 0.01)
        several_threads = turn["run_seconds"] + wait > 1.05 * wall
        if quiet and alone and turn["suspended_seconds"] <= 0.01 and (several_threads or wait <= (own_wait + 0.05) * wall):
            found.append(turn)
    return found


def step_seconds(trial):
    """The quickest tenth of the epochs of undisturbed turns, by the steps of an epoch."""
    assert len(trial["undisturbed"]) >= 4, "a launch that counts"
    quickest = quantile([seconds for turn in trial["undisturbed"] for seconds in turn["epoch_seconds"]])
    return quickest * trial["epochs"] / trial["steps"]


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
    return {(trial["launch"], trial["round"]): math.log(step_seconds(trial)) for trial in turns(trials, contestant)}


def ratio_of_steps(trials, contestant, reference):
    own, other = ({number: value for (_, number), value in logarithms(trials, name).items()} for name in (contestant, reference))
    launches = {trial["round"]: trial["launch"] for trial in turns(trials, contestant)}
    middle, half = over_launches({(launches[number], number): own[number] - other[number] for number in own.keys() & other.keys()})
    return math.exp(middle), math.exp(middle - half), math.exp(middle + half)


def seconds_to(trials, contestant):
    """The median of the times to the target; a training that never reaches it is longer than all."""
    both = [*timed(trials, contestant), *turns(trials, contestant)]
    starts = {trial["launch"]: trial["cold_start_seconds"] for trial in both if trial["cold_start_seconds"]}
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
        measured = [*timed(trials, name), *turns(trials, name)]
        launches = {trial["launch"] for trial in measured}
        assert row["trials · launches · seeds"] == f"{len(measured)} · {len(launches)} · {len(scored)}"
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
