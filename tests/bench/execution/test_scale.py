"""The work of a run grows no faster than its trials: counted, not timed. `docs/scale.md` has the times."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness import FakeLaunch, Watcher, fake_machine, run_record, small_split, spec, workload

from bench.execution import durations
from bench.execution.executors.work import Answer, Work
from bench.execution.fast_paths import FastPaths
from bench.execution.runner import Job, Limits, Runner, Wanted
from bench.execution.schedule import PlannedTrial, plan
from bench.execution.side_by_side import run_side_by_side
from bench.execution.worker_process import Outcome
from bench.records import RunData, append_trial, read_run
from bench.records import store as store_module

SPECS = [spec("Tiny"), spec("Twin")]


@pytest.fixture(autouse=True)
def _light_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.execution.request_builder.make_split", small_split)
    monkeypatch.setattr("bench.execution.request_builder.first_weights", lambda architecture, initializer, seed: [])
    monkeypatch.setattr("bench.files.os.fsync", lambda descriptor: None)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, str], Counter[str]]:
    """Counts the calls of an attribute."""
    counted: Counter[str] = Counter()

    def count(owner: Any, name: str) -> Counter[str]:
        original = getattr(owner, name)

        def watched(*arguments: Any, **named: Any) -> Any:
            counted[name] += 1
            return original(*arguments, **named)

        monkeypatch.setattr(owner, name, watched)
        return counted

    return count


def made(directory: Path, limits: Limits | None = None, ended: Any = (), **fields: Any) -> Any:
    directory.mkdir(exist_ok=True)
    job = Job(directory, run_record(), [(workload(**fields), SPECS)], reference="Tiny", ended=ended)
    return Runner(job, fake_machine(FakeLaunch(), places=2), Watcher()).run(limits or Limits())


def test_a_plan_of_many_trials_takes_memory_for_each_of_them_and_no_more() -> None:
    def bytes_a_trial(seeds: int) -> float:
        study = [(workload(name=f"w{index}", scored_seeds=seeds, rounds=seeds, launches=5), SPECS) for index in range(5)]
        tracemalloc.start()
        try:
            planned = plan(study, seed=1)
            return tracemalloc.get_traced_memory()[1] / len(planned)
        finally:
            tracemalloc.stop()

    assert bytes_a_trial(1000) < 400
    assert bytes_a_trial(1000) < 1.2 * bytes_a_trial(400)


@pytest.mark.parametrize(("rounds", "launches"), [(1, 1), (7, 3), (6, 3), (3, 3), (100, 7), (2, 5), (997, 10)])
def test_launches_share_the_rounds_evenly_and_in_order(rounds: int, launches: int) -> None:
    planned = plan([(workload(rounds=rounds, launches=launches), SPECS)], seed=1)
    shared: dict[int, list[int]] = {}
    for trial in planned:
        if trial.kind == "timed" and trial.spec is SPECS[0]:
            shared.setdefault(trial.launch, []).append(trial.round)
    counts = [len(numbers) for numbers in shared.values()]
    assert [number for numbers in shared.values() for number in numbers] == list(range(rounds))
    assert max(counts) - min(counts) <= 1
    assert len(shared) == min(rounds, launches)


def test_the_time_left_is_counted_with_work_in_proportion_to_the_trials(tmp_path: Path, calls: Any) -> None:
    def counted(seeds: int) -> int:
        found = calls(durations.Durations, "of_alike")
        before = found["of_alike"]
        made(tmp_path / str(seeds), scored_seeds=seeds)
        return found["of_alike"] - before

    few, many = counted(50), counted(400)
    assert many < 1.5 * 8 * few


def test_each_record_is_parsed_once_for_all_added_launches(tmp_path: Path, calls: Any) -> None:
    counted = calls(store_module, "_parse_trial")
    looks: list[int] = []

    def wanted(data: RunData) -> Wanted | str:
        looks.append(len(data.trials))
        return Wanted("small", ["Tiny", "Twin"]) if len(looks) <= 5 else "enough"

    made(tmp_path, Limits(wanted), rounds=4, launches=1)
    assert looks == [12, 14, 16, 18, 20, 22]
    assert counted["_parse_trial"] == 22


class _Alone:
    """Trials whose requests are empty, and whose waiting is counted."""

    def __init__(self, planned: list[PlannedTrial]) -> None:
        self.paths = FastPaths([(planned[0].workload, [one.spec for one in planned])], "keras")
        self.asked = 0
        self.order: list[PlannedTrial] = []

    def is_awaited(self, planned: PlannedTrial) -> bool:
        return self.paths.is_awaited(planned)

    def waits_for(self, planned: PlannedTrial, other: PlannedTrial) -> bool:
        self.asked += 1
        return self.paths.waits_for(planned, other)

    def begin(self, planned: PlannedTrial) -> Work | Answer | None:
        self.order.append(planned)
        return Answer([Outcome("skipped")]) if planned.seed % 2 else None

    def end(self, planned: PlannedTrial, answer: Answer) -> None:
        pass


class _TwoPlaces:
    """An executor that has no work to do."""

    places = 2

    def rest(self) -> None:
        pass


@pytest.mark.parametrize("seeds", [100, 400])
def test_who_waits_for_whom_is_asked_a_few_times_a_trial(seeds: int) -> None:
    small, names = workload(scored_seeds=seeds), ("keras", "keras-tuned", "numpy_nn")
    planned = []
    for name in names:
        planned.append(PlannedTrial(small, spec(name), "parity", 0, 0, 0))
        planned += [PlannedTrial(small, spec(name), "scored", seed, 0, 0) for seed in range(seeds)]
    trials = _Alone(planned)
    run_side_by_side(planned, trials, _TwoPlaces())
    assert trials.asked <= 4 * len(planned)
    assert sorted(map(planned.index, trials.order)) == list(range(len(planned)))
    tuned = next(one for one in planned if one.spec.name == "keras-tuned")
    for one in trials.order[: trials.order.index(tuned)]:
        assert one.spec.name != "keras" or one.kind == "parity", "a score has not waited for parity"
    after = [one.seed for one in trials.order if one.spec.name == "keras" and one.kind == "scored"]
    assert after == sorted(after), "those that waited go on in their order"


def test_trials_that_wait_for_one_another_are_an_error_and_no_endless_wait() -> None:
    small, names = workload(scored_seeds=1), ("keras", "keras-tuned")
    planned = [PlannedTrial(small, spec(name), kind, 0, 0, 0) for name in names for kind in ("scored", "parity")]
    with pytest.raises(RuntimeError, match="wait for one another"):  # parity ends, and is handed on after the score before it
        run_side_by_side(planned, _Alone(planned), _TwoPlaces())


def test_a_resumed_run_runs_what_is_left_and_parses_what_it_adds_once(tmp_path: Path, calls: Any) -> None:
    whole = tmp_path / "whole"
    made(whole, rounds=4, launches=2, scored_seeds=3)
    trials, directory = read_run(whole).trials, tmp_path / "half"
    directory.mkdir()
    for trial in trials[: len(trials) // 2]:
        append_trial(directory, trial)
    counted = calls(store_module, "_parse_trial")
    looks = iter([Wanted("small", ["Tiny", "Twin"])])
    made(
        directory,
        Limits(lambda data: next(looks, "enough") if len(data.trials) >= len(trials) else "too few"),
        ended=trials[: len(trials) // 2],
        rounds=4,
        launches=2,
        scored_seeds=3,
    )
    assert counted["_parse_trial"] == len(trials) + 2
