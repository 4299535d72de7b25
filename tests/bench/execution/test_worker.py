import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from bench.execution import worker


def spin_until(end):
    while time.monotonic() < end:
        sum(range(1000))


def test_a_worker_answers_when_none_of_its_threads_works_any_more():
    end = time.monotonic() + 0.2
    thread = threading.Thread(target=spin_until, args=(end,))
    thread.start()
    worker.settle()
    assert not thread.is_alive()


def test_a_quiet_worker_settles_at_once_and_one_that_never_rests_is_not_waited_for(monkeypatch):
    naps, clock = [], [0.0]

    def sleep(seconds):
        naps.append(seconds)
        clock[0] += seconds

    monkeypatch.setattr(worker.time, "sleep", sleep)
    monkeypatch.setattr(worker.time, "monotonic", lambda: clock[0])
    for busy, expected in ((0.0, 1), (1.0, round(worker.MOST_SETTLING_SECONDS / worker.QUIET_SECONDS))):
        naps.clear()
        monkeypatch.setattr(worker.time, "process_time", lambda busy=busy: busy * clock[0])
        worker.settle()
        assert abs(len(naps) - expected) <= 1
        assert naps


def test_a_worker_imports_nothing_but_the_standard_library_and_numpy():
    code = "import sys, bench.execution.worker; print(*{name.partition('.')[0] for name in sys.modules})"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3], env=environment
    )
    foreign = set(done.stdout.split()) - sys.stdlib_module_names - {"numpy", "bench", "numpy_nn"}
    assert {name for name in foreign if not name.startswith(("_", "sitecustomize", "usercustomize"))} == set()
