import os
import random
from pathlib import Path

import pytest
from harness import FakeCanary, FakeLaunch, fake_machine, spec, workload

from bench.execution import turn_meter
from bench.execution.canary import CALLS, Canary
from bench.execution.schedule import PlannedTrial
from bench.execution.turn_rounds import ENOUGH_TURNS, SECONDS_A_CONTESTANT, Participant, TurnRounds
from bench.execution.worker_process import Outcome


def participants(launch, names=("Tiny", "Twin")):
    planned = [PlannedTrial(workload(rounds=1), spec(name), "turns", seed=0, round=0, launch=1) for name in names]
    return [Participant(one, launch(one.spec, 1, 1), Outcome("ok", {"steps_an_epoch": 2})) for one in planned]


def take(canary, launch=None):
    launch = launch or FakeLaunch()
    taking = participants(launch)
    rounds = TurnRounds(canary, cores=2, clock=launch.clock, read=fake_machine(launch).rounds._read)
    rounds.take(taking, random.Random(1))
    return taking


def test_disturbed_turns_are_kept_and_others_are_taken_until_there_are_enough():
    quick, slow = [1.0] * 3, [2.0] * 3  # a round: before, between and after two turns
    taking = take(FakeCanary([*quick * 4, *slow * 2]))
    assert [len(one.turns) for one in taking] == [ENOUGH_TURNS + 2] * 2
    assert sum(turn.canary_after_seconds == 2.0 for one in taking for turn in one.turns) == 4


def test_a_launch_ends_with_its_time_where_the_machine_never_rests():
    launch = FakeLaunch()
    taking = take(FakeCanary(1.0 + 0.1 * (number % 97) for number in range(100_000)), launch)
    assert 2 * SECONDS_A_CONTESTANT <= launch.clock() < 2 * SECONDS_A_CONTESTANT + 0.2
    assert len(taking[0].turns) > ENOUGH_TURNS


def test_one_that_has_enough_waits_while_the_others_go_on():
    launch = FakeLaunch()
    first, second = participants(launch)
    rounds = fake_machine(launch).rounds
    rounds.take([first], random.Random(1))
    rounds.take([first, second], random.Random(1))
    assert len(first.turns) == len(second.turns) == ENOUGH_TURNS


def test_the_figures_of_a_trial_are_its_turns_and_the_updates_in_them():
    (one, _) = take(FakeCanary())
    figures = one.outcome().figures
    assert figures["turns"] == one.turns
    assert figures["steps"] == 2 * ENOUGH_TURNS
    assert not one.stays_in_fit


def reading(product_seconds):
    """The clock's readings of a core on which every product takes so long, but for one that is disturbed."""
    return [0.0, *(product_seconds * number + (100.0 if number > CALLS // 2 + 2 else 0.0) for number in range(1, CALLS + 1))]


def test_the_canary_is_the_median_of_its_products_on_the_slowest_core_and_leaves_the_process_its_cores(monkeypatch):
    allowed, chosen = {0, 1}, []
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(allowed), raising=False)
    monkeypatch.setattr(os, "sched_setaffinity", lambda _, cores: chosen.append(set(cores)), raising=False)
    ticks = iter([*reading(1.0), *reading(3.0)])
    canary = Canary(lambda: next(ticks))
    assert canary.cores == 2
    assert canary.seconds() == 3.0
    assert chosen == [{0}, {1}, {0, 1}]


def test_the_canary_runs_where_it_is_if_no_core_can_be_chosen(monkeypatch):
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)
    ticks = iter(reading(1.0))
    canary = Canary(lambda: next(ticks))
    assert (canary.cores, canary.seconds()) == (1, 1.0)


def test_the_meters_tell_what_a_process_and_the_machine_did_meanwhile():
    before = turn_meter.read(os.getpid())
    sum(range(2_000_000))
    figures = turn_meter.between(before, turn_meter.read(os.getpid()))
    assert figures["wall_seconds"] > 0
    if Path("/proc/self/schedstat").exists():
        assert 0 < figures["run_seconds"] <= figures["wall_seconds"] * (os.cpu_count() or 1)
        assert figures["wait_seconds"] >= 0
    assert all(value is None or value >= 0 for value in figures.values())


def test_a_process_that_is_gone_has_no_meters_rather_than_zeros():
    reading = turn_meter.read(None)
    assert (reading.run_seconds, reading.wait_seconds) == (None, None)
    assert turn_meter.between(reading, reading)["other_cpu_seconds"] is None


@pytest.mark.parametrize("missing", ["boot_less_monotonic_seconds", "steal_seconds", "all_cpu_seconds"])
def test_a_meter_that_the_system_lacks_is_none(missing):
    reading = turn_meter.Reading(**{**vars(turn_meter.read(os.getpid())), missing: None})
    name = {"boot_less_monotonic_seconds": "suspended_seconds", "all_cpu_seconds": "other_cpu_seconds"}.get(missing, missing)
    assert turn_meter.between(reading, reading)[name] is None
