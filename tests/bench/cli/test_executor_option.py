"""The option `--executor` of `run`: what it refuses in one line, and that Dask is imported only where it is asked for."""

import importlib.util
import subprocess
import sys

import pytest

from bench.cli.executors import check_executor


@pytest.mark.parametrize(
    "text", ["", "loca", "dask:", "dask://", "dask://host", "dask://host:port", "tls://a b:1", "http://host:1"]
)
def test_what_is_no_executor_is_refused_with_what_may_be(text):
    with pytest.raises(ValueError, match=r"^--executor was .*: it may be local, dask, dask://HOST:PORT or tls://HOST:PORT$"):
        check_executor(text)


@pytest.mark.parametrize("text", ["dask", "dask://host:8786", "tls://10.0.0.1:8786", "tcp://host:1"])
def test_without_dask_the_line_has_the_command_that_installs_it(text, monkeypatch):
    check_executor(text)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"needs Dask, which is missing: install it by  python -m pip install -e \"\.\[dask\]\"$"):
        check_executor(text)
    check_executor("local")


def test_a_cluster_that_does_not_answer_is_wrong_use_and_nothing_is_removed(call, tmp_path, monkeypatch):
    monkeypatch.setattr("bench.execution.executors.dask_connection.CONNECT_SECONDS", 0.5)
    (tmp_path / "run").mkdir()
    kept = tmp_path / "run" / "trials.jsonl"
    kept.write_text("an earlier run\n")
    options = ("--contestants", "numpy_nn", "--workload", "moons", "--out", "run", "--executor", "dask://127.0.0.1:9")
    code, _, err = call("run", *options)
    assert code == 2, err
    assert err.startswith("error: no Dask scheduler can be reached at tcp://127.0.0.1:9 ")
    assert len(err.splitlines()) == 1
    assert kept.read_text() == "an earlier run\n"


def test_dask_is_not_imported_before_it_is_asked_for():
    code = (
        "import bench.cli.app, bench.execution.runner, sys; sys.exit(any(name in sys.modules for name in ('dask', 'distributed')))"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
