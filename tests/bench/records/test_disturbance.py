import random

import pytest

from bench.records import Turn
from bench.records.disturbance import TICK_SECONDS, QuietSoFar, meters_known, quiet, reasons


def turn(**fields):
    """A turn of a tenth of a second, in which nothing disturbs but what `fields` say."""
    undisturbed = {
        "epoch_seconds": [0.05, 0.05],
        "canary_before_seconds": 1.0,
        "canary_after_seconds": 1.0,
        "wall_seconds": 0.1,
        "run_seconds": 0.1,
        "wait_seconds": 0.0,
        "other_cpu_seconds": 0.0,
        "steal_seconds": 0.0,
        "suspended_seconds": 0.0,
    }
    return Turn(**{**undisturbed, **fields})


def judged(*turns, others=(), cores=2):
    known = quiet([*turns, *others, *[turn()] * 20], cores)
    return reasons(turns, known)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, None),
        ({"canary_before_seconds": 1.04}, None),
        ({"canary_before_seconds": 1.06}, "canary"),
        ({"canary_after_seconds": 1.06}, "canary"),
        ({"other_cpu_seconds": 0.009}, None),
        ({"other_cpu_seconds": 0.011}, "other processes"),
        ({"steal_seconds": TICK_SECONDS}, None),
        ({"steal_seconds": 2 * TICK_SECONDS}, "steal"),
        ({"suspended_seconds": 5.0}, "suspended"),
    ],
)
def test_a_turn_is_disturbed_by_what_a_meter_shows_beyond_its_limit(fields, reason):
    assert judged(turn(**fields)) == [reason]


def test_a_turn_that_waits_more_than_the_quietest_is_disturbed():
    assert judged(turn(), turn(run_seconds=0.094, wait_seconds=0.006)) == [None, "waiting"]


def test_threads_that_outnumber_the_cores_wait_for_one_another_and_only_others_cpu_time_disturbs_them():
    usual, more = turn(wait_seconds=0.01), turn(wait_seconds=0.05)
    assert judged(*[usual] * 5, more) == [None] * 6
    assert judged(*[usual] * 5, turn(wait_seconds=0.05, other_cpu_seconds=0.05)) == [None] * 5 + ["other processes"]


def test_where_others_cpu_time_is_not_known_waiting_decides_for_many_threads_too():
    usual, more = turn(wait_seconds=0.05, other_cpu_seconds=None), turn(wait_seconds=0.056, other_cpu_seconds=None)
    assert judged(*[usual] * 5, more) == [None] * 5 + ["waiting"]


def test_the_quiet_canary_is_the_runs_and_not_the_launchs():
    slow = [turn(canary_before_seconds=1.5, canary_after_seconds=1.5)] * 3
    assert judged(*slow) == ["canary"] * 3
    assert reasons(slow, quiet(slow, cores=2)) == [None] * 3


def test_the_rule_looks_at_no_epoch():
    assert judged(turn(epoch_seconds=[0.05]), turn(epoch_seconds=[50.0])) == [None, None]


def test_without_meters_the_canary_alone_decides_and_that_is_known():
    unknown = dict.fromkeys(["run_seconds", "wait_seconds", "other_cpu_seconds", "steal_seconds", "suspended_seconds"])
    silent = turn(**unknown)
    assert judged(silent, turn(**unknown, canary_after_seconds=2.0)) == [None, "canary"]
    assert not meters_known(silent)
    assert meters_known(turn())


def test_a_run_without_turns_has_no_quiet_figures():
    assert quiet([], cores=2) is None


def test_the_quiet_figures_of_a_run_that_goes_on_are_those_of_all_its_turns():
    rng = random.Random(1)
    so_far, turns = QuietSoFar(2), []
    assert so_far.figures() is None
    for _ in range(60):
        added = [turn(canary_before_seconds=rng.random(), canary_after_seconds=rng.random()) for _ in range(rng.choice([1, 1, 3]))]
        turns += added
        so_far.add(added)
        assert so_far.figures() == pytest.approx(quiet(turns, 2))
