import numpy as np
import pytest

from bench.execution.messages import TaskSpec
from bench.execution.shown_weights import AFTER, check_predictions
from bench.execution.trial_checks import CheatError, encoded
from numpy_nn import Sequential

ARCHITECTURE = [
    {"input_dim": 2, "output_dim": 4, "activation": "relu"},
    {"input_dim": 4, "output_dim": 1, "activation": "sigmoid"},
]
X = np.random.default_rng(0).normal(size=(20, 2))


def task(dtype):
    return TaskSpec(ARCHITECTURE, "binary_crossentropy", {"name": "sgd"}, None, 3, dtype, 1, 0)


def trained(dtype):
    model = Sequential(ARCHITECTURE, seed=1, dtype=dtype)
    return model.get_weights(), model.predict(X)


def check(weights, outputs, dtype="float32", shown=None, step=0.1):
    first = [array + step for array in weights]
    check_predictions([encoded(array) for array in weights] if shown is None else shown, outputs, first, task(dtype), X, AFTER)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_predictions_of_the_weights_are_believed(dtype):
    check(*trained(dtype), dtype)


def test_predictions_from_elsewhere_are_named():
    weights, outputs = trained("float32")
    with pytest.raises(CheatError, match=r"the predictions are up to 0\.\d+ away from those of the weights"):
        check(weights, 1 - outputs)


def test_weights_of_single_precision_are_named_in_a_workload_of_double():
    weights, outputs = trained("float32")
    with pytest.raises(CheatError, match="have the precision of float32, and the workload's dtype is float64"):
        check(weights, outputs, "float64")


@pytest.mark.parametrize(
    "shown", [None, 3, "no", [], [3], [{}] * 4, [{"dtype": "|O", "data": "AAAA"}] * 4, [{"dtype": "<f4", "data": "AAAA"}] * 4]
)
def test_what_shows_no_weights_is_refused(shown):
    weights, outputs = trained("float32")
    with pytest.raises(CheatError, match="the answer has no weights: it must have the 4 arrays"):
        check_predictions(shown, outputs, weights, task("float32"), X, AFTER)


def test_weights_that_are_the_first_ones_are_refused():
    with pytest.raises(CheatError, match="no update was made in the fit"):
        check(*trained("float32"), step=0)


def test_finite_predictions_of_weights_that_are_not_finite_are_refused():
    weights, outputs = trained("float32")
    with pytest.raises(CheatError, match="aren't finite"):
        check([array * np.nan for array in weights], outputs)
