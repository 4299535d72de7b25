"""The certificate's own figures; where runs are needed they are made up, as the real ones take hours."""

import importlib
import json

import numpy as np
import pytest

import numpy_nn
from bench.micro.networks import LAYERS, draw_weights, make_model, two_moons
from bench.regression.certify import certificate_figures, certificate_report, real_runs, recorded_runs, simulation, slowdown
from bench.regression.certify.run_kinds import RUN_KINDS, next_kind
from bench.regression.compare.comparison import log_ratio
from bench.regression.compare.leftovers import files_folder
from bench.regression.compare.renaming import copy_renamed
from bench.regression.compare.revisions import PACKAGE


def run(cell, verdict="no change", seconds=10.0, ratio=1.0):
    return {
        "cell": cell,
        "verdict": verdict,
        "elapsed_seconds": seconds,
        "benchmarks": {"step": {"verdict": verdict, "ratio": ratio, "low": None, "high": None, "launches": 9}},
    }


@pytest.mark.parametrize("shape", simulation.SHAPES)
def test_over_every_shape_of_noise_false_alarms_keep_to_the_level(shape):
    generator = np.random.default_rng(1)
    level, comparisons = 0.2, 150

    def one():
        return [list(log_ratio(simulation.simulated_launches(simulation.SHAPES[shape], generator, 30)))]

    alarms = simulation.false_alarms(comparisons, one, level)
    assert alarms <= 45  # of 150 at 20 % or less, more than 45 come up once in a thousand times


@pytest.mark.parametrize("shape", simulation.SHAPES)
def test_a_slowdown_is_found_in_every_shape_of_noise(shape):
    generator = np.random.default_rng(2)

    def one():
        blocks = simulation.simulated_launches(simulation.SHAPES[shape], generator, 200)
        blocks[..., 1, :] *= 1.05
        return [list(log_ratio(blocks))]

    assert simulation.false_alarms(5, one) == 5


def test_resampled_launches_have_recorded_blocks_and_either_side_first():
    recorded = [[np.full((2, 2, 6), number) * [[[1.0], [2.0]]] for number in (1, 2, 3)], [np.full((4, 2, 6), 9) * [[[1.0], [2.0]]]]]
    generator = np.random.default_rng(0)
    firsts = set()
    for _ in range(40):
        launches = simulation.resampled_launches(recorded, generator)
        assert len(launches) == 3
        assert set(np.unique(launches[1])) == {2.0, 4.0}
        assert set(np.unique(launches[0])) in ({1.0, 2.0}, {9.0, 18.0})
        firsts.add(float(launches[1][0, 0, 0]))
    assert firsts == {2.0, 4.0}


def test_the_slowed_copy_computes_the_same_and_checks_its_bytes_after_each_epoch(tmp_path, monkeypatch):
    package = slowdown.slowed_copy(real_runs.package_folder(), tmp_path, 123)
    assert package.name == PACKAGE
    copy = copy_renamed(package, tmp_path / "copies", "slowed_numpy_nn")
    monkeypatch.syspath_prepend(str(copy.parent))
    slowed = importlib.import_module("slowed_numpy_nn")
    assert slowed._check_bytes() is True
    calls = []
    monkeypatch.setattr(slowed, "_check_bytes", lambda: calls.append(1))
    results = []
    for library in (slowed, numpy_nn):
        model = make_model(library, draw_weights(LAYERS, 0))
        model.fit(*two_moons(64, 0), batch_size=32, epochs=3, shuffle=False, verbose=0)
        results.append(model.get_weights())
    assert len(calls) == 3
    assert all(np.array_equal(one, other) for one, other in zip(*results, strict=True))


def test_a_slowdown_is_calibrated_by_the_line_through_two_that_were_measured():
    cost = slowdown.measure_cost(lambda count: 0.002 + 0.0001 * count)
    assert cost.count(0.05) == 480
    assert cost.count(0.001) == 1


def test_the_kind_that_is_furthest_from_its_goal_comes_next():
    assert next_kind([], 1.0) is RUN_KINDS[0]
    assert next_kind([run(RUN_KINDS[0].name)], 1.0) is RUN_KINDS[1]
    whole = [run(kind.name) for kind in RUN_KINDS for _ in range(max(1, round(0.01 * kind.runs)))]
    assert next_kind(whole, 0.01) is None
    assert next_kind(whole[1:], 0.01) is RUN_KINDS[0]


def test_figures_count_verdicts_with_exact_bounds():
    runs = [run("equal")] * 299 + [run("equal", "inconclusive", 120.0)]
    runs += [run("1 % slower", "regressed", seconds, 1.01) for seconds in (10.0, 20.0, 60.0)]
    runs += [run("1 % slower", "inconclusive", 120.0)]
    equal, slower = certificate_figures.real_figures(runs)
    assert equal["verdicts"] == {"no change": 299, "inconclusive": 1}
    assert equal["count"] == 0
    assert equal["high"] == pytest.approx(1 - 0.025 ** (1 / 300), rel=1e-9)  # Clopper and Pearson's, for none of 300
    assert slower["rate"] == 0.75
    assert slower["median_seconds"] == 20.0


@pytest.mark.parametrize("verdict", ["improved", "regressed", "broken", "different"])
def test_whatever_sets_equal_sides_apart_is_a_false_alarm(verdict):
    wrong = run("equal", "inconclusive")
    wrong["benchmarks"]["step"]["verdict"] = verdict
    (equal,) = certificate_figures.real_figures([run("equal"), wrong])
    assert equal["count"] == 1


def test_two_certificates_at_once_have_their_files_in_folders_of_their_own(tmp_path):
    (package := tmp_path / "package").mkdir()
    with real_runs._sides(package, package) as one, real_runs._sides(package, package) as other:
        assert files_folder(one.root) != files_folder(other.root)


def test_the_conditions_are_those_of_all_runs():
    first = {"date": "2026-01-01T20:00:00.000+00:00", "elapsed_seconds": 9.0, "commit": "a" * 40, "load_1min": 1.0}
    first |= {"cores": [1], "nice": 0}
    at_once = first | {"date": "2026-01-01T20:00:08.000+00:00", "cores": [0], "nice": -5}
    last = first | {"date": "2026-01-01T21:30:00.000+00:00", "commit": "b" * 40, "load_1min": 3.0, "cores": [0, 1]}
    found = certificate_figures.conditions([first, at_once, last])
    assert found["runs made"] == "2026-01-01T20:00 to 2026-01-01T21:30 UTC, 2 at a time at most"
    assert certificate_figures.conditions([first, last])["runs made"].endswith(" 1 at a time at most")
    assert found["commit"] == f"{'a' * 40}, {'b' * 40}"
    assert found["cores of a run"] == "1 or 0 or 0 and 1"
    assert found["nice"] == "0, -5"
    assert found["load"].startswith("1.0 to 3.0, 1.0 in the middle")
    assert certificate_figures.conditions([]) == {}


RECORDED = {
    **run("equal"),
    "date": "2026-01-01T20:00:00.000+00:00",
    "commit": None,
    "cores": [0],
    "nice": 0,
    "added_bytes": None,
    "stop_reason": "the verdict is sure",
    "launches": 9,
    "load_1min": None,
}


def test_a_line_that_was_cut_short_is_set_aside_and_made_again(tmp_path):
    path = tmp_path / "runs.jsonl"
    path.write_text(json.dumps(RECORDED) + "\n" + json.dumps({**RECORDED, "cell": "x"}) + "\n" + json.dumps(RECORDED)[:20])
    runs, set_aside = recorded_runs.read_runs(path)
    assert runs == [RECORDED]
    assert [line.partition(": ")[0] for line in set_aside] == ["runs.jsonl, line 2", "runs.jsonl, line 3"]


def save_blocks(folder, **arrays):
    (folder / recorded_runs.BLOCKS_FOLDER).mkdir()
    np.savez(folder / recorded_runs.BLOCKS_FOLDER / "a.npz", **arrays)


def test_blocks_come_back_by_benchmark_and_in_the_order_of_the_launches(tmp_path):
    save_blocks(tmp_path, **{f"step/{number:04d}": np.full((2, 2, 3), number + 1, np.float32) for number in range(12)})
    recorded = recorded_runs.load_blocks(tmp_path)
    assert [launch[0, 0, 0] for launch in recorded["step"][0]] == list(range(1, 13))


def test_a_build_may_have_fewer_pairs_than_another(tmp_path):
    blocks = np.ones((2, 2, 3))
    blocks[1, :, 2] = np.nan
    save_blocks(tmp_path, **{"step/0000": blocks})
    assert len(recorded_runs.load_blocks(tmp_path)["step"]) == 1


@pytest.mark.parametrize(
    "blocks",
    [
        np.ones((2, 3, 4)),
        np.ones((2, 2, 0)),
        np.ones(3),
        np.ones((2, 2, 2), int),
        np.array(["x"]),
        np.zeros((2, 2, 2)),
        -np.ones((1, 2, 2)),
        np.full((1, 2, 2), np.nan),
        np.array([[[1.0, np.nan, 1.0]] * 2]),
        np.array([[[1.0, 1.0], [1.0, np.nan]]]),
    ],
    ids=lambda blocks: str(blocks.tolist())[:30],
)
def test_arrays_that_are_no_blocks_are_refused_by_file_and_name(tmp_path, blocks):
    save_blocks(tmp_path, **{"step/0000": blocks})
    with pytest.raises(ValueError, match=r"a\.npz: the array 'step/0000' has"):
        recorded_runs.load_blocks(tmp_path)


def test_the_report_keeps_real_runs_apart_from_the_others(tmp_path):
    runs = [run("equal"), run("5 % slower", "regressed", 5.0, 1.05)]
    runs[1]["benchmarks"]["load"] = runs[1]["benchmarks"]["step"]  # only in some of the runs
    others = [{"kind": "simulated", "source": "drift", "of": 100, "count": 0, "rate": 0.0, "low": 0.0, "high": 0.036}]
    page = certificate_report.write(
        tmp_path,
        certificate_figures.real_figures(runs),
        others,
        certificate_figures.change_point_figures(20),
        runs,
        {"cpu": "fast"},
    )
    real, _, rest = page.partition("## Not real runs")
    assert "5 % slower" in real
    assert "drift" not in real
    assert "| simulated | drift | 100 | 0, 0 % [0, 3.6] |" in rest
    assert "| heavy tails noise, 40 points: a change point is found | 20 |" in rest
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {f"certificate.{suffix}" for suffix in ("json", "md", "png", "svg")}
    document = json.loads((tmp_path / "certificate.json").read_text())
    assert document["real"][1]["count"] == 1
    assert document["benchmarks"] == ["step"]
    assert "\n- benchmarks: 1 (step)\n" in page
