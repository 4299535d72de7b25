from collections import Counter

import pytest
from harness import spec, workload

from bench.execution.schedule import added_launch, plan
from bench.workloads.grid import points

A, B, C = (spec(name) for name in ("Tiny", "Twin", "Slow"))


def kinds(trials):
    return list(dict.fromkeys((trial.workload.name, trial.kind) for trial in trials))


def test_what_needs_no_clock_comes_first_for_all_workloads():
    first = workload(name="first", scored_seeds=1, rounds=2, prediction_rows=[1])
    second = workload(name="second", parity=True, rounds=1)
    assert kinds(plan([(first, [A, B]), (second, [A, B])], seed=1, reference="Tiny")) == [
        ("first", "tune"),
        ("second", "tune"),
        ("second", "parity"),
        ("first", "scored"),
        ("first", "turns"),
        ("first", "timed"),
        ("first", "predict"),
        ("second", "turns"),
        ("second", "timed"),
    ]


def test_each_round_has_every_contestant_once_and_trains_the_seed_of_its_number():
    trials = [trial for trial in plan([(workload(rounds=4), [A, B, C])], seed=1) if trial.kind == "timed"]
    for number in range(4):
        of_round = trials[3 * number : 3 * number + 3]
        assert {trial.spec.name for trial in of_round} == {"Tiny", "Twin", "Slow"}
        assert {(trial.round, trial.seed) for trial in of_round} == {(number, number)}


def test_the_order_within_a_round_is_drawn_from_the_runs_seed_and_evenly():
    def firsts(seed):
        return [trial.spec.name for trial in plan([(workload(rounds=600), [A, B, C])], seed=seed) if trial.kind == "timed"][::3]

    assert firsts(1) == firsts(1)
    assert firsts(1) != firsts(2)
    assert all(150 < count < 250 for count in Counter(firsts(1)).values())


def test_a_round_keeps_its_order_whatever_else_is_planned():
    def order(rounds):
        return [trial.spec.name for trial in plan([(workload(rounds=rounds), [A, B, C])], seed=1) if trial.kind == "timed"]

    assert order(9)[:12] == order(4)


@pytest.mark.parametrize(("rounds", "launches", "expected"), [(6, 3, [0, 0, 1, 1, 2, 2]), (5, 2, [0, 0, 0, 1, 1]), (2, 4, [0, 1])])
def test_rounds_are_spread_over_launches_in_blocks(rounds, launches, expected):
    trials = [trial for trial in plan([(workload(rounds=rounds, launches=launches), [A])], seed=1) if trial.kind == "timed"]
    first = trials[0].launch
    assert [trial.launch - first for trial in trials] == expected


def test_no_launch_serves_two_workloads_nor_timed_and_untimed_trials():
    entries = [(workload(name=name, scored_seeds=1, rounds=2, launches=2), [A, B]) for name in ("first", "second")]
    users = {}
    for trial in plan(entries, seed=1):
        users.setdefault(trial.launch, set()).add((trial.workload.name, trial.kind in ("timed", "turns")))
    assert sorted(users) == [0, 1, 2, 3, 4, 5]
    assert all(len(user) == 1 for user in users.values())


def test_the_reference_of_parity_goes_first_and_without_it_there_is_none():
    asked = workload(parity=True)
    assert [trial.spec.name for trial in plan([(asked, [A, B, C])], seed=1, reference="Slow") if trial.kind == "parity"] == [
        "Slow",
        "Tiny",
        "Twin",
    ]
    assert plan([(asked, [A, B])], seed=1, reference="Slow") == []


def test_peers_are_scored_on_their_own_number_of_seeds():
    asked = workload(scored_seeds=3, peer_scored_seeds=1)
    trials = plan([(asked, [A, spec("Twin", peer=True)])], seed=1)
    assert Counter(trial.spec.name for trial in trials if trial.kind == "scored") == {"Tiny": 3, "Twin": 1}


def test_a_contestant_that_cannot_train_only_predicts_and_one_that_does_not_learn_is_never_scored():
    asked = workload(scored_seeds=2, rounds=1, parity=True, prediction_rows=[1])
    trials = plan([(asked, [A, spec("Twin", trains=False), spec("Slow", learns=False, parity=False)])], seed=1, reference="Tiny")
    assert {trial.kind for trial in trials if trial.spec.name == "Twin"} == {"predict"}
    assert {trial.kind for trial in trials if trial.spec.name == "Slow"} == {"tune", "timed", "turns"}


def test_cells_of_a_grid_follow_one_another_the_smallest_first():
    grid = workload(rounds=2, launches=1, grid={"width": [16, 8], "batch": [4, 1]})
    assert points(grid) == [{"width": w, "batch": b} for w in (8, 16) for b in (1, 4)]
    cells = [tuple(trial.point.values()) for trial in plan([(grid, [A, B])], seed=1) if trial.kind == "timed"]
    assert list(dict.fromkeys(cells)) == [(8, 1), (8, 4), (16, 1), (16, 4)]
    assert cells == sorted(cells)


def test_a_cells_first_round_keeps_the_workloads_order_and_all_its_rounds_train_one_seed():
    grid = workload(rounds=40, launches=1, grid={"width": [8, 16]})
    trials = [trial for trial in plan([(grid, [A, B, C])], seed=1) if trial.kind == "timed"]
    sequences = [tuple(trial.spec.name for trial in trials[start : start + 3]) for start in range(0, len(trials), 3)]
    assert sequences[0] == sequences[40] == ("Tiny", "Twin", "Slow")
    assert len(set(sequences)) == 6
    assert {trial.seed for trial in trials} == {0}


@pytest.mark.parametrize("rounds", [0, 4])
def test_each_launch_ends_with_rounds_of_predictions_in_which_all_take_turns(rounds):
    asked = workload(rounds=rounds, launches=2, prediction_rows=[1])
    only_predicts = spec("Slow", trains=False)
    trials = [trial for trial in plan([(asked, [A, B, only_predicts])], seed=1) if trial.kind not in ("tune", "turns")]
    predicted = [trial for trial in trials if trial.kind == "predict"]
    assert [(trial.launch - predicted[0].launch, trial.round) for trial in predicted[::3]] == [(n, n) for n in range(2)]
    for start in range(0, 6, 3):
        assert {trial.spec.name for trial in predicted[start : start + 3]} == {"Tiny", "Twin", "Slow"}
    for launch in {trial.launch for trial in predicted}:
        kinds_of_launch = [trial.kind for trial in trials if trial.launch == launch]
        assert kinds_of_launch == sorted(kinds_of_launch, reverse=True)


def test_no_two_planned_trials_have_one_key():
    asked = workload(scored_seeds=2, rounds=3, parity=True, prediction_rows=[1, 5], grid={"width": [4, 8]})
    keys = [trial.key for trial in plan([(asked, [A, B])], seed=1, reference="Tiny")]
    assert len(set(keys)) == len(keys)


def test_scores_of_a_contestant_follow_one_another_peers_last():
    trials = plan([(workload(scored_seeds=2, peer_scored_seeds=1), [spec("Twin", peer=True), A, C])], seed=1)
    scored = [(trial.spec.name, trial.seed) for trial in trials if trial.kind == "scored"]
    assert scored == [("Tiny", 0), ("Tiny", 1), ("Slow", 0), ("Slow", 1), ("Twin", 0)]


def test_every_launch_has_turns_and_predictions_and_the_first_ones_have_the_whole_fits():
    trials = plan([(workload(rounds=2, launches=4, prediction_rows=[1]), [A, B])], seed=1)
    launches = {}
    for trial in trials:
        launches.setdefault(trial.launch, []).append(trial.kind)
    turns, fits, predictions = ["turns"] * 2, ["timed"] * 2, ["predict"] * 2
    assert list(launches.values())[1:] == [turns + fits + predictions] * 2 + [turns + predictions] * 2


def test_an_added_launch_goes_on_counting_and_has_the_contestants_asked_for():
    asked = workload(rounds=2, launches=3)
    planned = plan([(asked, [A, B])], seed=1)
    added = added_launch(asked, [A], planned)
    assert [(trial.spec.name, trial.kind, trial.round) for trial in added] == [("Tiny", "turns", 3)]
    assert added[0].launch == 1 + max(trial.launch for trial in planned)
    assert added_launch(asked, [A], [*planned, *added])[0].round == 4


def test_there_are_no_turns_in_grids_nor_where_each_contestant_has_its_own_training():
    own = workload(name="own", rounds=2, settings={"Tiny": {"epochs": 1}})
    grid = workload(name="grid", rounds=2, grid={"width": [4]})
    assert all(trial.kind != "turns" for trial in plan([(own, [A]), (grid, [A])], seed=1))
