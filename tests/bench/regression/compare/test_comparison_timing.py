import random
import signal
import time
from pathlib import Path
from typing import ClassVar

import pytest

from bench.micro.benchmark import Benchmark, Work
from bench.regression.compare.position import SIDES, Position
from bench.regression.compare.timing import LONGEST_MESSAGE, Pace, SideError, is_cut, measure, probe_processes, type_and_message
from bench.regression.compare.waiting import waiting_seconds


class Mute(Exception):
    def __str__(self):
        raise RuntimeError


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("one\n\n two\u2028three"), "ValueError: one two three"),
        (ValueError("\x1b[2J caf\udce9"), "ValueError: \\x1b[2J caf\\udce9"),
        (ValueError("long " * 100_000), "ValueError: " + "long " * 27 + "lon…long" + " long" * 29),
        (Mute(), "Mute: its message can't be had: RuntimeError"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
    ],
)
def test_whatever_an_error_says_is_one_short_line_that_any_file_and_terminal_can_have(error, message):
    assert type_and_message(error) == message
    assert len(message) <= LONGEST_MESSAGE
    message.encode()


LIBRARIES = {"base": "base", "head": "head"}


class Recorder(Work):
    """Notes who is built and who is run."""

    log: ClassVar[list] = []
    seconds: ClassVar[dict] = {}
    now: ClassVar[list] = [0.0]

    def __init__(self, library, seed):
        self.side = library
        self.log.append(("build", library, seed))

    def __call__(self):
        self.log.append(("run", self.side, None))
        self.now[0] += self.seconds.get(self.side, 1e-4)

    def outcome(self):
        return []


@pytest.fixture
def timed(monkeypatch, tmp_path):
    """Calls `measure` with works that are recorded, on a clock of their own."""
    monkeypatch.setattr(Recorder, "log", [])
    monkeypatch.setattr(Recorder, "seconds", {})
    monkeypatch.setattr(Recorder, "now", [0.0])

    def call(*, rounds, pairs, variants=("",), kind=Recorder):
        suite = {"step": Benchmark("step", "", dict.fromkeys(variants, kind))}
        position = Position(tmp_path / "position", ["step"])
        suites = dict.fromkeys(SIDES, suite)
        return measure("step", list(variants), suites, LIBRARIES, position, Pace(rounds, pairs, clock=lambda: Recorder.now[0]))

    return call


def test_who_is_built_first_is_turned_around_in_every_other_round(timed):
    timed(rounds=6, pairs=1)
    firsts = [side for what, side, _ in Recorder.log if what == "build"][::2]
    assert all(one != other for one, other in zip(firsts[::2], firsts[1::2], strict=True))


def test_both_sides_of_a_build_start_from_the_same_seed_and_each_build_from_another(timed):
    timed(rounds=4, pairs=1)
    seeds = [seed for what, _, seed in Recorder.log if what == "build"]
    assert seeds[::2] == seeds[1::2]
    assert len(set(seeds)) == 4


def test_each_pair_has_a_block_of_either_side_in_an_order_that_is_drawn(timed):
    random.seed(5)
    (build,) = timed(rounds=1, pairs=64)
    runs = [side for what, side, _ in Recorder.log if what == "run"][4:]
    pairs = list(zip(runs[::2], runs[1::2], strict=True))
    assert {frozenset(pair) for pair in pairs} == {frozenset(("base", "head"))}
    assert 16 < sum(first == "base" for first, _ in pairs) < 48
    assert build["base"] == pytest.approx([1e-4] * 64)


def test_every_variant_is_timed_in_every_round(timed):
    assert len(timed(rounds=2, pairs=1, variants=("a", "b", "c"))) == 6


def test_a_launch_shrinks_where_one_side_is_many_times_slower(timed):
    Recorder.seconds = {"head": 0.08}
    builds = timed(rounds=8, pairs=24)
    assert len(builds) == 4
    assert {len(build["head"]) for build in builds} == {1}
    assert Recorder.now[0] < 1


def test_blocks_of_a_microsecond_are_repeated_alike_on_both_sides(timed):
    Recorder.seconds = {"base": 1e-6, "head": 2e-6}
    (build,) = timed(rounds=1, pairs=2)
    assert build["base"] == pytest.approx([50e-6] * 2, rel=0.05)
    assert build["head"] == pytest.approx([100e-6] * 2, rel=0.05)


@pytest.mark.parametrize("blocks", [0, 1, 5])
def test_a_side_that_raises_is_named_whenever_it_does(timed, blocks):
    class Failing(Recorder):
        calls: ClassVar[int] = 0

        def __call__(self):
            super().__call__()
            if self.side == "head":
                Failing.calls += 1
                if Failing.calls > blocks:
                    raise SystemExit(0)

    with pytest.raises(SideError, match="SystemExit: 0") as failed:
        timed(rounds=2, pairs=8, kind=Failing)
    assert failed.value.side == "head"


def make_package(folder, name, text):
    (folder / name).mkdir(parents=True)
    (folder / name / "__init__.py").write_text(text)
    return folder / name


def test_processes_show_a_slower_import_and_more_memory(tmp_path):
    folders = {
        "base": make_package(tmp_path / "a", "one", "print('{\"import-time\": 0}')"),
        "head": make_package(tmp_path / "b", "two", "import time; time.sleep(0.1); DATA = b'a' * 40_000_000"),
    }
    names = ["import-time", "import-memory"]
    found = probe_processes(folders, Position(tmp_path / "position", names), names)
    (seconds,), (memory,) = found["import-time"], found["import-memory"]
    assert seconds["head"][0] > seconds["base"][0] + 0.09
    assert memory["head"][0] > memory["base"][0] + 39e6


def test_a_process_that_ends_at_import_names_its_side(tmp_path):
    folders = {
        "base": make_package(tmp_path / "a", "one", ""),
        "head": make_package(tmp_path / "b", "two", "import os; os._exit(7)"),
    }
    with pytest.raises(SideError, match="exit code 7") as failed:
        probe_processes(folders, Position(tmp_path / "position", ["import-time"]), ["import-time"])
    assert failed.value.side == "head"


def test_a_wait_for_a_core_is_not_charged_to_a_long_block(tmp_path):
    """Each block takes a second; the first after the warm-up waits for ten more."""
    now, waited, blocks = [0.0], [0.0], []

    class Waiting(Recorder):
        def __call__(self):
            blocks.append(self.side)
            wait = 10.0 if len(blocks) == 3 else 0.0
            waited[0] += wait
            now[0] += 1.0 + wait

    suites = {side: {"step": Benchmark("step", "", {"": Waiting})} for side in SIDES}
    position = Position(tmp_path / "position", ["step"])
    builds = measure("step", [""], suites, LIBRARIES, position, Pace(2, 1, clock=lambda: now[0], waited=lambda: waited[0]))
    assert len(blocks) == 8
    assert [seconds for build in builds for side in SIDES for seconds in build[side]] == [1.0] * 4


def test_a_side_that_is_hopelessly_slow_is_run_once_a_launch(timed):
    Recorder.seconds = {"head": 0.2}
    builds = timed(rounds=8, pairs=24)
    assert [len(build["head"]) for build in builds] == [1]
    assert builds[0]["head"][0] == pytest.approx(0.2)
    assert [side for what, side, _ in Recorder.log if what == "run"].count("head") == 1


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers")
def test_a_block_that_takes_too_long_is_ended_on_either_side(tmp_path):
    class Sleeper(Recorder):
        def __call__(self):
            time.sleep(5 if self.side == slow else 0)

        def close(self):
            assert self.side != slow

    suites = {side: {"step": Benchmark("step", "", {"": Sleeper})} for side in SIDES}
    position = Position(tmp_path / "position", ["step"])
    for slow in SIDES:
        start = time.monotonic()
        builds = measure("step", [""], suites, LIBRARIES, position, Pace(8, 24, 0.05))
        assert time.monotonic() - start < 1
        assert [build[slow] for build in builds] == [[0.05]]
        assert is_cut(builds, 0.05)
    assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL


def test_an_import_that_takes_too_long_is_ended(tmp_path):
    folders = {
        "base": make_package(tmp_path / "a", "one", ""),
        "head": make_package(tmp_path / "b", "two", "import time; time.sleep(20)"),
    }
    (build,) = probe_processes(folders, Position(tmp_path / "position", ["import-time"]), ["import-time"], 0.1)["import-time"]
    assert build["head"] == [0.1]
    assert build["base"] < [0.1]


@pytest.mark.skipif(not Path("/proc/thread-self/schedstat").exists(), reason="only Linux tells")
def test_the_wait_for_a_core_is_read_and_never_falls():
    read = waiting_seconds()
    readings = [read() for _ in range(1000)]
    assert readings == sorted(readings)
    assert readings[0] >= 0
