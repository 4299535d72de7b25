import re
import tomllib
from pathlib import Path

import numpy as np
import oracle
import pytest
from contestant_trials import TASKS, make_task, run_trial, run_tune

from bench.contestants.base import Contestant
from bench.contestants.registry import CONTESTANTS, load

EVERY_TASK = [name for name in TASKS if name != "classes, one activation"]
TRAINED = {
    "numpy_nn": EVERY_TASK,
    "article": ["mini-batch", "full batch"],
    "keras": EVERY_TASK,
    "keras-tuned": ["mini-batch", "full batch"],
    "keras-jax": ["mini-batch", "adam"],
    "keras-torch": ["mini-batch", "adam"],
    "tensorflow": EVERY_TASK,
    "jax": EVERY_TASK,
    "torch": EVERY_TASK,
    "torch-compile": ["mini-batch", "adam"],
    "sklearn": ["mini-batch", "full batch", "classes, one activation", "momentum", "nesterov", "adam"],
}
CASES = [(name, task_name) for name, task_names in TRAINED.items() for task_name in task_names]
TOLERANCES = {"keras-jax": 1e-6, "keras-torch": 1e-6}
"""Keras takes means in float32 on these backends, whatever floatx is (`dtypes.result_type`); everybody else: 1e-12."""


@pytest.fixture(scope="module")
def outcome(in_process):
    """The outcome of a contestant's trial of a task, made once."""
    known = {}

    def get(name, task_name):
        if (name, task_name) not in known:
            known[name, task_name] = in_process(name, run_trial, TASKS[task_name])
        return known[name, task_name]

    return get


@pytest.mark.parametrize(("name", "task_name"), CASES)
def test_a_contestant_trains_as_the_oracle_does(name, task_name, outcome):
    task, trained = TASKS[task_name], outcome(name, task_name)
    tolerance = {"rtol": 0, "atol": TOLERANCES.get(name, 1e-12)}
    history, weights = oracle.train(task)
    for expected, got in zip(weights, trained.weights, strict=True):
        np.testing.assert_allclose(got, expected, **tolerance)
        assert got.dtype == np.float64
    np.testing.assert_allclose(trained.history["loss"], history["loss"], **tolerance)
    if name == "sklearn":  # computes no accuracy while it trains
        assert np.isnan(trained.history["accuracy"]).tolist() == [True] * task.epochs
    else:
        np.testing.assert_allclose(trained.history["accuracy"], history["accuracy"], **tolerance)
    expected = oracle.predict(task.architecture, weights, task.x_test)
    np.testing.assert_allclose(trained.predictions, expected, **tolerance)
    for row_prediction in trained.row_predictions:
        np.testing.assert_allclose(row_prediction, expected[:1], **tolerance)


@pytest.mark.parametrize(("name", "task_name"), CASES)
def test_warming_up_leaves_the_weights_as_they_were(name, task_name, outcome):
    for given, warm in zip(TASKS[task_name].weights, outcome(name, task_name).warm_weights, strict=True):
        np.testing.assert_array_equal(warm, given)


@pytest.mark.parametrize("name", TRAINED)
def test_every_epoch_is_told_once_and_in_order(name, outcome):
    assert outcome(name, "mini-batch").epochs_told == [0, 1, 2]


@pytest.mark.parametrize("name", TRAINED)
def test_float32_stays_float32(name, in_process):
    task = make_task(dtype="float32", epochs=1)
    narrow = {field: getattr(task, field).astype("float32") for field in ("x", "y", "x_test", "y_test")}
    task = make_task(dtype="float32", epochs=1, weights=[weight.astype("float32") for weight in task.weights], **narrow)
    trained = in_process(name, run_trial, task)
    assert {weight.dtype.name for weight in trained.weights} == {trained.predictions.dtype.name} == {"float32"}
    for expected, got in zip(oracle.train(task)[1], trained.weights, strict=True):
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in TRAINED if name != "torch-compile"])  # as torch, and slow to compile
def test_with_shuffle_another_order_is_trained_and_all_rows_are(name, in_process):
    task = make_task(shuffle=True, optimizer={"name": "sgd", "learning_rate": 2.0**-20})  # too small a step to matter to the loss
    trained = in_process(name, run_trial, task)
    history, ordered = oracle.train(task)
    np.testing.assert_allclose(trained.history["loss"], history["loss"], rtol=1e-4)
    assert not np.array_equal(trained.weights[0], ordered[0])
    np.testing.assert_allclose(trained.weights[0], ordered[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize(("name", "combinations"), [("keras-tuned", 4), ("keras-jax", 4)])
def test_tuning_measures_every_combination_and_chooses_the_fastest(name, combinations, in_process):
    task = make_task(epochs=1)
    chosen = in_process(name, run_tune, task)
    measured = chosen.pop("measured")
    assert {(row["steps_per_execution"], row["jit_compile"]) for row in measured} == {
        (n, jit) for n in (1, 4) for jit in (False, True)
    }
    assert len(measured) == combinations
    fastest = min(measured, key=lambda row: row["epoch_seconds"])
    assert chosen == {key: fastest[key] for key in chosen}
    assert chosen.keys() == {"steps_per_execution", "jit_compile"}


def test_tuned_keras_uses_what_was_chosen_and_computes_the_same(in_process):
    task = make_task(options={"steps_per_execution": 4, "jit_compile": True, "measured": []})
    trained = in_process("keras-tuned", run_trial, task)
    assert trained.details["steps_per_execution"] == 4
    assert trained.details["jit_compile"] is True
    for given, warm in zip(task.weights, trained.warm_weights, strict=True):
        np.testing.assert_array_equal(warm, given)
    for expected, got in zip(oracle.train(task)[1], trained.weights, strict=True):
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-12)


def test_plain_keras_is_left_at_its_defaults(in_process):
    task = make_task(epochs=1, options={"steps_per_execution": 4, "jit_compile": True})
    details = in_process("keras", run_trial, task).details
    assert (details["steps_per_execution"], details["jit_compile"]) == (1, False)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("jax", {"loss": "hinge"}, "jax can't train with the loss 'hinge': it may be one of binary_crossentropy,"),
        (
            "tensorflow",
            {"optimizer": {"name": "ftrl"}},
            "tensorflow can't train with the optimizer 'ftrl': it may be one of sgd, adam",
        ),
        ("torch", {"optimizer": {"name": "sgd", "clipnorm": 1}}, "argument of the optimizer sgd 'clipnorm': it may be one of"),
        (
            "jax",
            {"activations": ("relu", "linear")},
            "binary_crossentropy after sigmoid only: the last layer's activation was 'linear'",
        ),
        ("article", {"activations": ("tanh", "sigmoid")}, "article can't train with the activation 'tanh'"),
        ("article", {"loss": "mean_squared_error"}, "article can't train with the loss 'mean_squared_error'"),
        ("article", {"optimizer": {"name": "sgd", "momentum": 0.5}}, "article descends without momentum"),
        ("sklearn", {"loss": "mean_squared_error"}, "sklearn can't train with the loss 'mean_squared_error'"),
        (
            "sklearn",
            {"sizes": (2, 3, 4, 1), "activations": ("relu", "tanh", "sigmoid")},
            "sklearn has one activation for all hidden",
        ),
    ],
)
def test_what_a_contestant_cannot_train_is_refused_in_one_line(name, changes, message, in_process):
    with pytest.raises(ValueError, match=r"^[^\n]*$") as refused:
        in_process(name, run_trial, make_task(**changes))
    assert message in str(refused.value)


@pytest.mark.parametrize("spec", CONTESTANTS.values(), ids=CONTESTANTS)
def test_the_table_says_how_to_install_what_a_contestant_needs(spec):
    assert bool(spec.packages) == bool(spec.install)
    assert len(spec.summary.splitlines()) == 1


@pytest.mark.parametrize("spec", CONTESTANTS.values(), ids=CONTESTANTS)
def test_a_command_that_installs_works_in_a_checkout(spec):
    extra = re.search(r"\[(\w+)\]", spec.install)
    if extra:
        project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        assert spec.install == f'python -m pip install -e ".[{extra[1]}]"'
        assert extra[1] in project["optional-dependencies"]
    else:
        assert not spec.install or spec.install.startswith("python -m pip install ")


@pytest.mark.parametrize("spec", CONTESTANTS.values(), ids=CONTESTANTS)
def test_every_contestant_of_the_table_inherits_from_the_abstract_class(spec):
    assert issubclass(load(spec.target), Contestant)  # no framework is imported before a task is there
