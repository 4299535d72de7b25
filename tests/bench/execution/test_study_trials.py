"""How a study's cells become trials, requests and files."""

import pytest
from harness import spec, workload
from made_records import make_trial

from bench.execution.fast_paths import FastPaths
from bench.execution.request_builder import RequestBuilder
from bench.execution.schedule import PlannedTrial, key_of, plan
from bench.execution.skip_rules import RepeatedFailures
from bench.execution.time_plan import TimePlan
from bench.workloads import WORKLOADS

GRID = {"learning_rate": [0.1, 0.3], "initializer": ["he_normal", "article"], "width": [4]}
STUDY = workload(scored_seeds=2, grid=GRID)
OURS, KERAS = spec("numpy_nn"), spec("keras")


def planned(entries=((STUDY, (OURS, KERAS)),)):
    return plan([(each, list(specs)) for each, specs in entries], seed=1)


def test_a_study_trains_one_contestant_after_the_other_each_cell_from_all_seeds():
    trials = planned()
    assert [trial.kind for trial in trials] == ["scored"] * 16
    assert [trial.spec.name for trial in trials] == ["numpy_nn"] * 8 + ["keras"] * 8
    assert [(tuple(trial.point.values()), trial.seed) for trial in trials[:8]] == [
        ((rate, initializer, 4), seed) for rate in (0.1, 0.3) for initializer in ("article", "he_normal") for seed in (0, 1)
    ]
    assert len({trial.key for trial in trials}) == 16


def test_a_trial_has_its_cells_settings_and_its_record_is_known_again():
    trial = planned()[2]
    assert trial.workload.training.optimizer["learning_rate"] == 0.1
    assert (trial.workload.training.initializer, trial.workload.architecture[0]["output_dim"]) == ("he_normal", 4)
    record = make_trial(workload="small", contestant="numpy_nn", kind="scored", seed=0, round=0, point=dict(trial.point))
    assert key_of(type(record).model_validate_json(record.model_dump_json())) == trial.key


def test_cells_of_one_network_and_data_set_share_their_files(tmp_path):
    builder = RequestBuilder(tmp_path, threads=2)
    requests = [builder.request(trial, {}) for trial in planned()]
    assert len({request.paths.data for request in requests}) == 4  # two initializers, two seeds
    assert {(request.task.optimizer["learning_rate"], request.task.threads) for request in requests} == {(0.1, 1), (0.3, 1)}
    assert not any(request.paths.surface for request in requests)


def test_a_noise_has_files_of_its_own(tmp_path):
    study = workload(scored_seeds=1, grid={"noise": [0.1, 0.2]})
    builder = RequestBuilder(tmp_path, threads=1)
    assert len({builder.request(trial, {}).data_sha256 for trial in planned([(study, [OURS])])}) == 2


@pytest.mark.parametrize(
    ("name", "study", "target"),
    [
        ("keras", STUDY, "KerasStudy"),
        ("keras", workload(scored_seeds=2, grid=GRID, training={"shuffle": True}), None),
        ("keras", workload(scored_seeds=2), None),
        ("keras-tuned", STUDY, None),
    ],
    ids=["a study", "a study that shuffles", "no study", "another contestant"],
)
def test_keras_trains_a_study_by_its_own_path(name, study, target):
    trial = PlannedTrial(study, spec(name), "scored", 0, 0, 0, {"width": 4} if study.grid else {})
    found = FastPaths([(study, [trial.spec])], "keras").of(trial)
    assert (None if found is None else found.target.rpartition(":")[2]) == target


def test_a_training_of_a_study_that_diverges_is_a_result_and_a_word_is_no_size():
    trials = planned()
    rule = RepeatedFailures()

    def end(point, status):
        rule.observe(make_trial(workload="small", contestant="numpy_nn", kind="scored", status=status, error="no", point=point))

    for _ in range(3):
        end({"learning_rate": 0.1, "initializer": "article", "width": 4}, "diverged")
    assert not any(rule.reason(trial) for trial in trials)
    for _ in range(2):
        end({"learning_rate": 0.1, "initializer": "article", "width": 4}, "failed")
    skipped = [trial.point for trial in trials if trial.spec.name == "numpy_nn" and rule.reason(trial)]
    assert {point["initializer"] for point in skipped} == {"article"}


def test_the_plan_knows_that_the_whole_study_is_less_than_half_an_hour_and_the_quick_one_less_than_a_minute():
    from bench.workloads import quick_version

    def seconds(study):
        return TimePlan(planned([(study, (OURS, KERAS))]), places=2).total_seconds

    assert 300 < seconds(WORKLOADS["study"]) < 1800
    assert seconds(quick_version(WORKLOADS["study"])) < 60
