"""The micro-benchmark suite run as `nox -s micro` runs it, each benchmark for a moment only."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.micro.suite import BENCHMARKS

ROOT = Path(__file__).resolve().parents[3]
SUITE = ROOT / "bench" / "micro"


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    path = tmp_path_factory.mktemp("micro") / "micro.json"
    short = ["--benchmark-max-time=0.001", "--benchmark-min-rounds=2", "--benchmark-min-time=0.000001"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", str(SUITE), "-q", *short, f"--benchmark-json={path}"],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},  # no xdist in there
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(path.read_text())


def test_every_benchmark_of_compare_is_timed_with_the_variants_that_exist(document):
    groups = {benchmark["group"] for benchmark in document["benchmarks"]}
    assert groups == set(BENCHMARKS)
    count = sum(len(benchmark.variants) for benchmark in BENCHMARKS.values())
    assert count - 8 <= len(document["benchmarks"]) <= count


def test_parity_stands_beside_the_times(document):
    for benchmark in document["benchmarks"]:
        limit = 1e-12 if "float64" in benchmark["name"] else 1e-5
        assert 0 <= benchmark["extra_info"]["parity"] <= limit


def test_github_action_benchmark_finds_what_its_pytest_tool_reads(document):
    """benchmarks[].fullname and stats.{ops, mean, stddev, rounds}, as `extractPytestResult` in its src/extract.ts has them."""
    names = [benchmark["fullname"] for benchmark in document["benchmarks"]]
    assert len(set(names)) == len(names)
    assert all("::" in name for name in names)
    for benchmark in document["benchmarks"]:
        stats = benchmark["stats"]
        assert all(isinstance(stats[key], float) and stats[key] > 0 for key in ("ops", "mean"))
        assert isinstance(stats["stddev"], float)
        assert isinstance(stats["rounds"], int)
    assert document["commit_info"].keys() >= {"id", "time"}


def test_bencher_finds_what_its_python_pytest_adapter_reads(document):
    """benchmarks[].fullname and, by its setting, stats.{mean, stddev} or stats.{median, iqr}; all in seconds."""
    for benchmark in document["benchmarks"]:
        assert isinstance(benchmark["fullname"], str)
        assert all(isinstance(benchmark["stats"][key], float) for key in ("mean", "stddev", "median", "iqr"))
