import pytest
from synthetic import change_trials

from bench.analysis.parity import parity_broken, parity_curves_table, parity_table, parity_warnings


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
