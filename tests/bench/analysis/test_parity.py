from dataclasses import replace

import pytest
from synthetic import change_trials, update

from bench.analysis.parity import parity_broken, parity_curves_table, parity_table, parity_warnings
from bench.analysis.summary import analyse
from bench.cli.exit_codes import ExitCode
from bench.cli.run import exit_code
from bench.records import PartParity
from bench.report.verdict import answer, same_computation, same_parts


def with_difference(data, contestant, **changes):
    def change(trial):
        return trial.model_copy(update={"parity": trial.parity.model_copy(update=changes)})

    return change_trials(data, change, contestant=contestant, kind="parity")


def test_the_table_has_the_largest_difference_over_all_epochs(data):
    table = parity_table(with_difference(data, "numpy_nn", weights=[0.0, 3e-12, 1e-12]))
    row = table[table["contestant"] == "numpy_nn"].iloc[0]

    assert row["weights"] == 3e-12
    assert (row["reference"], row["epochs"], row["steps"]) == ("keras", 30, 870)


def test_the_curve_has_a_row_an_epoch(data):
    table = parity_curves_table(data)

    assert table[table["contestant"] == "numpy_nn"]["epoch"].tolist() == list(range(30))


def test_rounding_breaks_nothing(data):
    assert not parity_broken(data)
    assert parity_warnings(data) == []


@pytest.mark.parametrize("name", ["loss", "weights"])
@pytest.mark.parametrize("difference", [1.1e-9, float("nan"), float("inf")])
def test_a_difference_larger_than_rounding_breaks_parity_and_so_does_one_that_is_no_number(data, name, difference):
    broken = with_difference(data, "numpy_nn", **{name: [0.0, difference, 0.0]})

    assert parity_broken(broken)
    assert "`numpy_nn`" in parity_warnings(broken)[0]


def test_another_contestant_out_of_parity_is_a_warning_and_no_broken_run(data):
    broken = with_difference(data, "jax", loss=[1e-3])

    assert not parity_broken(broken)
    assert "`jax`" in parity_warnings(broken)[0]


def test_float32_is_never_expected_to_agree_that_far(data):
    broken = with_difference(data, "numpy_nn", loss=[1e-3])

    assert not parity_broken(change_trials(broken, lambda trial: trial.model_copy(update={"dtype": "float32"}), kind="parity"))


def test_a_run_without_parity_trials_is_not_broken(data):
    assert not parity_broken(change_trials(data, lambda trial: None, kind="parity"))


def part(**values):
    plain = {"case": 3, "reference": "keras", "task": "regression", "activations": "relu, linear", "loss": "huber"}
    plain |= {"optimizer": "sgd(learning_rate=0.1)", "weights_difference": 1e-16, "loss_difference": 0.0, "tolerance": 1e-12}
    return PartParity.model_validate(plain | values)


def with_parts(data, *parts):
    return change_trials(data, update(parts=list(parts)), kind="parts", contestant="numpy_nn")


def test_parts_that_train_alike_break_nothing_and_are_said_in_a_line(data):
    run = with_parts(data, part(), part(case=4))
    analysis = analyse(run)
    assert not parity_broken(run)
    assert analysis.parity_parts["verdict"].tolist() == ["same", "same"]
    assert "trains alike: in 2 short trainings" in same_parts(analysis)[0]
    assert "a third of the cases" not in same_parts(analysis)[0]


def test_a_quick_run_says_that_its_parts_are_a_third(data):
    quick = replace(data, run=data.run.model_copy(update={"quick": True}))
    assert "a third of the cases" in same_parts(analyse(with_parts(quick, part())))[0]


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"weights_difference": 1.1e-12}, "different"),
        ({"loss_difference": 1.1e-12}, "different"),
        ({"weights_difference": float("nan")}, "different"),
        ({"loss_difference": float("nan")}, "different"),
        ({"weights_difference": float("inf"), "diverged": True}, "diverged"),
        ({"diverged": True}, "diverged"),
    ],
)
def test_one_part_that_is_another_computation_breaks_parity_and_ends_the_run_with_exit_code_1(data, changes, verdict):
    run = with_parts(data, part(), part(case=7, **changes))
    analysis = analyse(run)
    assert parity_broken(run)
    assert exit_code(run, run.run) == ExitCode.BAD_ANSWER
    assert "in case 7 of the parts" in parity_warnings(run)[0]
    assert f"cases 7 ({verdict})" in same_parts(analysis)[0]
    assert "but NOT by the same computation" in answer(analysis)


def test_where_both_diverged_parity_is_not_known(data):
    lost = change_trials(data, update(status="diverged", parity=None), kind="parity")
    assert same_computation(analyse(lost)) == [
        "Whether `numpy_nn` and `keras` are the same computation isn't known: `numpy_nn` and `keras` diverged."
    ]
