"""Changes with a known verdict, by real comparisons of whole repositories: `pytest --slow`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import seeded_changes
from slowed_functions import PACKAGE, public_functions

import numpy_nn
from bench.micro.suite import BENCHMARKS
from bench.regression.compare.touched import called_functions

TOOL = Path(__file__).with_name("coverage_of_compare.py")


def called_in_blocks():
    """The functions that are called while a benchmark is timed."""
    found = set()
    for benchmark in BENCHMARKS.values():
        for variant in benchmark.variants:
            work = benchmark.prepare(numpy_nn, 0, variant)
            work.before_block()
            found |= called_functions(work, PACKAGE)
            work.close()
    return found


def test_every_seeded_change_is_one(tmp_path):
    package = seeded_changes.make_repository(tmp_path / "repository") / "numpy_nn"
    before = {path: path.read_bytes() for path in package.rglob("*.py")}
    for name, change in seeded_changes.CHANGES.items():
        change.edit(package)
        changed = {path for path in package.rglob("*.py") if path.read_bytes() != before.get(path)}
        assert changed, name
        for path in changed:
            compile(path.read_bytes(), path, "exec")
            path.unlink() if path not in before else path.write_bytes(before[path])


def test_every_public_function_is_called_while_a_benchmark_is_timed():
    places = {function.place for function in public_functions()}
    assert len(places) > 230
    assert {"sequential.py:Sequential.fit", "textbook.py:train", "keras_files/__init__.py:load_keras"} <= places
    never = {"losses/base.py:Loss.from_logit_values", "optimizers/base.py:Optimizer.first_state"}  # an error; overridden by all
    assert places - called_in_blocks() == never


@pytest.mark.slow
@pytest.mark.parametrize(("longer", "noticed"), [("0.1", True), ("0", False)])
def test_the_coverage_tool_notices_a_tenth_and_nothing_else(longer, noticed, tmp_path):
    out, place = tmp_path / "lines.jsonl", "schedules.py:CosineDecay.__init__"
    command = [sys.executable, str(TOOL), "--only", place, "--longer", longer, "--out", str(out)]
    subprocess.run(command, check=True)
    (line,) = map(json.loads, out.read_text().splitlines())
    assert line["function"] == place
    assert line["benchmark"] == "schedules"
    assert line["noticed"] is noticed


@pytest.mark.slow
@pytest.mark.parametrize("name", [*seeded_changes.REGRESSIONS, *seeded_changes.HARMLESS, "train-on-batch x800"])
def test_a_seeded_change_has_its_verdict(name, tmp_path):
    change = seeded_changes.CHANGES[name]
    document = seeded_changes.outcome(name, tmp_path, "--budget", str(change.seconds))
    assert document["verdict"] == change.verdict, document
    assert any(benchmark.startswith(change.benchmark) for benchmark in seeded_changes.named(document))
