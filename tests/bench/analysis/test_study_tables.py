"""A study's cells, recomputed by other code, and how often its tests are wrong."""

from itertools import product
from math import isnan, log, sqrt

import numpy as np
import pytest
from scipy.stats import rankdata
from study_records import Outcome, made, study_run

from bench.analysis.frame import trials_frame
from bench.analysis.scaling import scaling_table
from bench.analysis.selection import succeeded
from bench.analysis.study import FALSE_DISCOVERY_RATE, adjust, chance_loss, least_p, share_interval, signed_rank_p, study_tables
from bench.records import Trial
from bench.records.workload_records import check_workloads

GRID = {"width": [4, 8], "initializer": ["article", "glorot_uniform"], "noise": [0.1]}
LN2 = log(2)


def drawn(point, contestant, seed):
    """Accuracies that differ by seed; keras' are worse at width 8, and the article's first weights get stuck at width 4."""
    random = np.random.default_rng([seed, point["width"], len(point["initializer"])])
    accuracy = 0.9 + 0.02 * random.integers(0, 4)
    if contestant == "keras" and point["width"] == 8:
        accuracy -= 0.02 * random.integers(1, 4)
    stuck = point["width"] == 4 and point["initializer"] == "article" and seed % 4 != 3
    return Outcome(accuracy, LN2 - 0.0004 if stuck else 0.2, None if stuck else 2 + seed)


@pytest.fixture(scope="module")
def study():
    return study_run(drawn, grid=GRID, seeds=8)


def exact_p(differences):
    """Wilcoxon's test by enumeration: of all signs, how many give a rank sum as far from its middle."""
    values = [round(value, 9) for value in differences if round(value, 9)]
    if not values:
        return 1.0
    sizes = sorted(abs(value) for value in values)
    ranks = [np.mean([place + 1 for place, size in enumerate(sizes) if size == abs(value)]) for value in values]
    middle = sum(ranks) / 2
    far = abs(sum(rank for rank, value in zip(ranks, values, strict=True) if value > 0) - middle)
    sums = [sum(rank for rank, sign in zip(ranks, signs, strict=True) if sign) for signs in product((0, 1), repeat=len(ranks))]
    return float(np.mean([abs(each - middle) >= far - 1e-9 for each in sums]))


def by_hand(p_values):
    """Benjamini and Hochberg's adjusted p-values, from their definition."""
    ranked = sorted(p_values)
    return [min(1.0, *(len(ranked) * p / (ranked.index(p) + ranked.count(p)) for p in ranked if p >= own)) for own in p_values]


def test_a_studys_table_is_what_other_code_computes_from_the_records(study):
    table, targets = study_tables(study)
    assert len(table) == len(targets) == 2 * 4
    ours = table[table["contestant"] == "numpy_nn"]
    expected_p = []
    for _, row in ours.iterrows():
        point = {axis: row[axis] for axis in GRID}
        trials = {
            name: {trial.seed: trial for trial in study.trials if trial.contestant == name and trial.point == point}
            for name in ("numpy_nn", "keras")
        }
        accuracies = {name: [own[seed].test_accuracy for seed in range(8)] for name, own in trials.items()}
        differences = np.subtract(accuracies["numpy_nn"], accuracies["keras"])
        assert row["accuracy_mean"] == pytest.approx(np.mean(accuracies["numpy_nn"]))
        assert row["difference_mean"] == pytest.approx(differences.mean())
        assert (row["seeds"], row["pairs"], row["points"], row["failed"], row["diverged"]) == (8, 8, 400, 0, 0)
        assert row["disagree"] == round(50 * np.abs(differences).sum())
        expected_p.append(exact_p(differences))
        assert row["p_value"] == pytest.approx(expected_p[-1])
        assert row["stuck"] == (6 if point["width"] == 4 and point["initializer"] == "article" else 0)
        assert (row["stuck_low"], row["stuck_high"]) == pytest.approx(wilson(row["stuck"], 8))
    assert ours["q_value"].tolist() == pytest.approx(by_hand(expected_p))
    assert ours["differs"].tolist() == [q <= 0.05 for q in by_hand(expected_p)]
    assert ours["differs"].tolist() == [False, False, True, True]
    assert table[table["contestant"] == "keras"]["p_value"].isna().all()


def wilson(count, total):
    z, share = 1.959964, count / total
    middle, half = share + z**2 / (2 * total), z * sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    return (max((middle - half) / (1 + z**2 / total), 0), (middle + half) / (1 + z**2 / total))


def test_the_epochs_to_a_target_are_medians_with_trainings_that_never_reach_it_as_longer(study):
    _, targets = study_tables(study)
    rows = targets[targets["contestant"] == "numpy_nn"].set_index(["width", "initializer"])
    whole, stuck = rows.loc[8, "article"], rows.loc[4, "article"]
    assert (whole["reached"], whole["share"], whole["median_epoch"]) == (8, 1.0, 6.5)  # 3, 4, ..., 10
    assert (stuck["reached"], stuck["seeds"]) == (2, 8)
    assert isnan(stuck["median_epoch"])
    assert (stuck["low"], stuck["high"]) == pytest.approx(wilson(2, 8))


def test_what_diverged_or_failed_is_counted_and_has_no_accuracy():
    def outcome(point, contestant, seed):
        return Outcome(0.5, status=["diverged", "failed", "ok"][min(seed, 2)] if contestant == "numpy_nn" else "ok")

    table, targets = study_tables(study_run(outcome, grid={"width": [4]}, seeds=4))
    ours = table[table["contestant"] == "numpy_nn"].iloc[0]
    assert (ours["seeds"], ours["diverged"], ours["failed"], ours["pairs"], ours["accuracy_mean"]) == (3, 1, 1, 2, 0.5)
    assert targets.iloc[0][["seeds", "reached"]].tolist() == [3, 2]


def test_a_trial_of_no_cell_of_the_grid_and_a_contestant_without_reference_do_no_harm(study):
    stray = [
        made("synthetic", {"width": 5}, "numpy_nn", 0, Outcome(1.0)),
        made("synthetic", {"depth": 4}, "numpy_nn", 0, Outcome(1.0)),
    ]
    alone = study_run(drawn, grid=GRID, contestants=["numpy_nn"])
    alone.trials.extend(stray)
    table, _ = study_tables(alone)
    assert len(table) == 4
    assert table["p_value"].isna().all()
    assert not table["differs"].any()


def test_a_study_is_in_no_other_table_and_its_words_stay_words(study):
    assert scaling_table(study).empty
    assert succeeded(study, "scored") == []
    frame = trials_frame(study.trials)
    assert set(frame["point.initializer"]) == {"article", "glorot_uniform"}
    assert frame["point.width"].dtype == "int64"


def test_an_axis_that_no_workload_has_is_no_study_and_a_number_beyond_all_limits_no_value():
    odd = study_run(lambda *_: Outcome(0.9), grid={"contestant": ["numpy_nn"]}, seeds=1)
    assert all(table.empty for table in study_tables(odd))
    fields = {**odd.run.workloads[0], "grid": {"noise": [10**400]}}
    with pytest.raises(ValueError, match="noise"):
        check_workloads([fields])


def test_a_full_batch_beside_numbers_is_a_column_of_words_that_every_format_can_hold(tmp_path):
    grid = {"batch_size": [8, "full"], "shuffle": [False, True]}
    frame = trials_frame(study_run(lambda *_: Outcome(0.9), grid=grid, seeds=1).trials)
    frame.filter(like="point.").to_parquet(tmp_path / "points.parquet")
    assert set(frame["point.batch_size"]) == {"8", "full"}
    assert set(frame["point.shuffle"]) == {False, True}


def test_a_record_of_a_study_survives_the_file(study):
    trial = study.trials[0]
    assert Trial.model_validate_json(trial.model_dump_json()) == trial
    assert trial.point == {"width": 4, "initializer": "article", "noise": 0.1}


@pytest.mark.parametrize(("loss", "outputs", "expected"), [
    ("binary_crossentropy", 1, LN2),
    ("categorical_crossentropy", 3, log(3)),
    ("sparse_categorical_crossentropy", 3, log(3)),
])  # fmt: skip
def test_the_loss_of_a_network_that_ignores_its_input(loss, outputs, expected):
    y = np.eye(max(outputs, 2))[:, :outputs]
    p = np.full_like(y, y.mean())
    losses = {
        "binary_crossentropy": -(y * np.log(p) + (1 - y) * np.log1p(-p)).mean(),
        **dict.fromkeys(("categorical_crossentropy", "sparse_categorical_crossentropy"), -(y * np.log(p)).sum(axis=1).mean()),
    }
    assert chance_loss({"architecture": [{"output_dim": outputs}]}, loss) == pytest.approx(losses[loss]) == pytest.approx(expected)


def test_the_signed_rank_test_knows_what_it_can_find():
    assert signed_rank_p([0.0, 0.0]) == signed_rank_p([0.0, 0.02]) == 1.0
    assert isnan(signed_rank_p([]))
    for pairs in (5, 6, 9):
        assert signed_rank_p([0.01] * pairs) == pytest.approx(least_p(pairs)) == pytest.approx(2 / 2**pairs)
    assert least_p(30) == pytest.approx(signed_rank_p(np.arange(1, 31) / 100))


def test_nothing_has_a_share_of_nothing():
    assert all(isnan(end) for end in share_interval(0, 0))
    assert adjust([float("nan"), 0.01])[1] == 0.01
    assert isnan(adjust([float("nan")])[0])


@pytest.mark.parametrize("shared", [0.0, 1.0], ids=["independent cells", "cells that share the luck of their seeds"])
def test_where_nothing_differs_no_more_than_the_stated_rate_of_studies_finds_a_difference(shared):
    random = np.random.default_rng(5)
    studies, cells, seeds = 1000, 3, 7
    found = 0
    for _ in range(studies):
        luck = shared * random.normal(size=seeds)
        noise = luck + random.normal(size=(cells, seeds))
        found += min(adjust([cached_p(differences) for differences in noise])) <= FALSE_DISCOVERY_RATE
    assert found > 0
    assert found / studies <= FALSE_DISCOVERY_RATE + 2 * sqrt(FALSE_DISCOVERY_RATE / studies)


def test_of_the_differences_that_are_called_real_no_more_than_the_stated_rate_is_chance():
    random = np.random.default_rng(6)
    shares, power = [], []
    for _ in range(300):
        real = np.arange(12) < 6
        noise = random.normal(size=(12, 7)) + 1.5 * real[:, None]
        called = np.array(adjust([cached_p(differences) for differences in noise])) <= FALSE_DISCOVERY_RATE
        shares.append((called & ~real).sum() / max(called.sum(), 1))
        power.append(called[real].mean())
    assert np.mean(shares) <= FALSE_DISCOVERY_RATE
    assert np.mean(power) > 0.3


KNOWN = {}


def cached_p(differences):
    """`signed_rank_p` of the signed ranks, which is all it depends on; each is computed once."""
    key = tuple(sorted(rankdata(np.abs(differences)) * np.sign(differences)))
    if key not in KNOWN:
        KNOWN[key] = signed_rank_p(key)
    return KNOWN[key]
