"""The cells of a study: any key as an axis, and one clear error for what can't be one."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.workloads import WORKLOADS, WorkloadError, load_workload, quick_version
from bench.workloads.grid import points
from bench.workloads.study import cell

STUDY = """
scored_seeds = 3
contestants = ["numpy_nn", "keras"]
targets = [0.9]
[data]
name = "moons"
parameters = { n_samples = 60 }
[[architecture]]
input_dim = 2
output_dim = 5
activation = "relu"
[[architecture]]
input_dim = 5
output_dim = 1
activation = "sigmoid"
[training]
epochs = 4
[grid]
"""


def study(folder: Path, grid: str, text: str = STUDY) -> Path:
    path = folder / "mine.toml"
    path.write_text(text + grid + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("axis", "values", "changed"),
    [
        ("noise", [0.1, 0.3], lambda made: made.data.parameters["noise"]),
        ("n_samples", [40, 80], lambda made: made.data.parameters["n_samples"]),
        ("standardize", [False, True], lambda made: made.data.parameters["standardize"]),
        ("test_size", [0.2, 0.5], lambda made: made.data.test_size),
        ("learning_rate", [0.1, 1], lambda made: made.training.optimizer["learning_rate"]),
        ("momentum", [0.0, 0.9], lambda made: made.training.optimizer["momentum"]),
        ("optimizer", ["adam", "sgd"], lambda made: made.training.optimizer["name"]),
        ("batch_size", [8, 16], lambda made: made.training.batch_size),
        ("epochs", [1, 2], lambda made: made.training.epochs),
        ("initializer", ["article", "he_normal"], lambda made: made.training.initializer),
        ("dtype", ["float32", "float64"], lambda made: made.training.dtype),
        ("shuffle", [False, True], lambda made: made.training.shuffle),
        ("loss", ["binary_crossentropy", "mean_squared_error"], lambda made: made.training.loss),
        ("activation", ["relu", "tanh"], lambda made: made.architecture[0]["activation"]),
        ("width", [3, 7], lambda made: made.architecture[0]["output_dim"]),
        ("depth", [1, 3], lambda made: len(made.architecture) - 1),
    ],
)
def test_any_key_may_be_an_axis(tmp_path, axis, values, changed):
    text = str([str(value).lower() if isinstance(value, bool) else value for value in values]).replace("'true'", "true")
    workload = load_workload(study(tmp_path, f"{axis} = {text.replace(chr(39) + 'false' + chr(39), 'false')}"))
    assert workload.is_study
    assert [point[axis] for point in points(workload)] == values
    assert [changed(cell(workload, point)) for point in points(workload)] == values


def test_a_cell_is_the_workload_with_all_its_values_and_nothing_else(tmp_path):
    workload = load_workload(study(tmp_path, 'width = [8]\ndepth = [2]\nlearning_rate = [0.5]\nbatch_size = [4, "full"]'))
    small, full = (cell(workload, point) for point in points(workload))
    assert [(layer["input_dim"], layer["output_dim"], layer["activation"]) for layer in small.architecture] == [
        (2, 8, "relu"),
        (8, 8, "relu"),
        (8, 1, "sigmoid"),
    ]
    assert (small.training.batch_size, full.training.batch_size) == (4, None)
    assert small.training.optimizer == {"name": "sgd", "learning_rate": 0.5}
    assert small.model_copy(update={"architecture": workload.architecture, "training": workload.training}) == workload


BAD = {
    "no key of any table": ("widht = [4]", ["an axis of grid", "'widht'", "did you mean 'width'"]),
    "an axis of scaling studies": ("batch = [4]", ["an axis of grid", "'batch'", "batch_size"]),
    "another optimizer's parameter": ("beta_1 = [0.5]", ["an axis of grid", "'beta_1'"]),
    "no values": ("noise = []", ["grid.noise", "[]", "at least"]),
    "a value twice": ("noise = [0.1, 0.2, 0.1]", ["grid.noise", "twice"]),
    "numbers and words": ('noise = [0.1, "much"]', ["grid.noise", "one kind"]),
    "a noise below zero": ("noise = [0.1, -1.0]", ["noise = -1.0", "data.parameters.noise"]),
    "a word for a rate": ('learning_rate = ["fast"]', ["learning_rate = 'fast'"]),
    "an unknown initializer": ('initializer = ["article", "articel"]', ["initializer = 'articel'", "did you mean 'article'"]),
    "an unknown optimizer": ('optimizer = ["sdg"]', ["optimizer = 'sdg'", "did you mean 'sgd'"]),
    "a width of zero": ("width = [4, 0]", ["grid.width.1", "0", "whole number"]),
    "half a layer": ("depth = [1.5]", ["grid.depth.0", "1.5", "whole number"]),
    "too many layers": ("depth = [5000]", ["grid.depth.0", "5000", "1,000"]),
    "epochs in words": ('epochs = ["many"]', ["epochs = 'many'", "valid integer"]),
    "too many cells": ("\n".join(f"{axis} = {list(range(1, 102))}" for axis in ("width", "epochs")), ["10,000 cells"]),
    "a table": ("noise = { low = 0.1 }", ["grid.noise", "should be a list"]),
    "a file's name": ('path = ["a.csv"]', ["an axis of grid", "'path'"]),
}


@pytest.mark.parametrize(("grid", "words"), BAD.values(), ids=BAD)
def test_a_bad_axis_is_one_line_that_says_what_it_may_be(tmp_path, grid, words):
    with pytest.raises(WorkloadError) as caught:
        load_workload(study(tmp_path, grid))
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("scored_seeds = 3", "scored_seeds = 3\nrounds = 2"), ["grid.noise", "axis of a study", "rounds"]),
        (("scored_seeds = 3\n", ""), ["grid.noise", "set scored_seeds"]),
        (("targets = [0.9]", "prediction_rows = [1]"), ["prediction_rows", "study"]),
        (("targets = [0.9]", "parity = true"), ["parity", "study"]),
        (("[grid]", "[settings.keras]\nepochs = 9\n[grid]"), ["settings", "study", "alike"]),
        (("scored_seeds = 3", "scored_seeds = 10000"), ["1,000,000 trainings"]),
    ],
    ids=["rounds", "no seeds", "predictions", "parity", "settings", "too many trainings"],
)
def test_a_study_is_not_timed_and_its_contestants_train_alike(tmp_path, change, words):
    values = [round(0.001 * number, 3) for number in range(1, 102)] if "10000" in change[1] else [0.1, 0.2]
    with pytest.raises(WorkloadError) as caught:
        load_workload(study(tmp_path, f"noise = {values}", STUDY.replace(*change)))
    for word in words:
        assert word in str(caught.value)


def test_the_built_in_study_has_thirty_seeds_of_five_axes_and_a_quick_version_of_eight_cells():
    workload = WORKLOADS["study"]
    assert set(workload.grid) == {"width", "depth", "initializer", "learning_rate", "noise"}
    assert (len(points(workload)), workload.scored_seeds, workload.rounds) == (72, 30, 0)
    quick = quick_version(workload)
    assert (len(points(quick)), quick.scored_seeds, quick.training.epochs) == (8, 2, 30)
    assert quick.grid["initializer"] == ["article", "glorot_uniform"]
