import numpy as np
import oracle
import pytest
from contestant_trials import TASKS, make_task

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from bench.contestants.onnx_predict import OnnxPredict


@pytest.mark.parametrize("task_name", ["mini-batch", "mean squared error, linear", "classes"])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-6)])
def test_it_predicts_as_the_oracle_does(task_name, dtype, tolerance):
    task = TASKS[task_name]
    task = make_task(
        architecture=task.architecture,
        weights=[weight.astype(dtype) for weight in task.weights],
        x=task.x.astype(dtype),
        x_test=task.x_test.astype(dtype),
        dtype=dtype,
    )
    contestant = OnnxPredict(task)
    contestant.warm_up()
    expected = oracle.predict(task.architecture, task.weights, task.x_test)
    np.testing.assert_allclose(contestant.predict(task.x_test), expected, rtol=0, atol=tolerance)
    call = contestant.predictor()
    for rows in (1, 1, 3, 10, 1):
        np.testing.assert_allclose(call(task.x_test[:rows]), expected[:rows], rtol=0, atol=tolerance)


def test_it_does_not_train():
    with pytest.raises(RuntimeError, match="predicts only"):
        OnnxPredict(make_task()).fit(lambda _: None)


def test_an_activation_without_an_operator_is_refused():
    task = make_task(activations=("relu", "sigmoid"))
    task.architecture[0]["activation"] = "gelu"
    with pytest.raises(ValueError, match="onnxruntime can't predict with the activation 'gelu'"):
        OnnxPredict(task)
