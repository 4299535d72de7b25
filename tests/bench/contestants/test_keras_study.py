"""Keras' path for a study gives what `keras.Model.fit` gives, also for the second seed that one model trains."""

from dataclasses import replace

import numpy as np
import pytest

from bench.contestants.base import Task
from bench.execution.request_builder import first_weights
from bench.workloads import Data, make_split

pytest.importorskip("tensorflow")

ARCHITECTURE = [
    {"input_dim": 2, "output_dim": 6, "activation": "relu"},
    {"input_dim": 6, "output_dim": 1, "activation": "sigmoid"},
]


def task(seed, dtype="float32", **optimizer):
    split = make_split(Data(name="moons", parameters={"n_samples": 100}), seed)
    arrays = [array.astype(dtype) for array in (split.x, split.y, split.x_test, split.y_test)]
    weights = [array.astype(dtype) for array in first_weights(ARCHITECTURE, "glorot_uniform", seed)]
    settings = {"name": "sgd", "learning_rate": 0.5, **optimizer}
    return Task(ARCHITECTURE, weights, *arrays, "binary_crossentropy", settings, 32, 4, dtype, 1, seed)


def trained(contestant_class, given):
    contestant = contestant_class(given)
    contestant.warm_up()
    curve = []
    history = contestant.fit(lambda _: curve.append(contestant.predict(given.x_test)))
    return history, np.array(curve), [np.array(array) for array in contestant.get_weights()], contestant.details()


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras' variables, in `KerasFit`
@pytest.mark.parametrize(
    ("dtype", "optimizer"),
    [("float32", {}), ("float64", {"momentum": 0.5}), ("float32", {"name": "adam", "learning_rate": 0.05})],
    ids=["sgd", "momentum in float64", "adam"],
)
def test_a_study_trains_as_fit_does_and_each_seed_from_its_own_start(dtype, optimizer):
    from bench.contestants.keras_fit import KerasFit
    from bench.contestants.keras_study import KerasStudy

    for seed in (0, 1):  # the last batch of an epoch has 26 rows
        given = task(seed, dtype, **optimizer)
        history, curve, weights, details = trained(KerasStudy, given)
        assert "one model a cell" in details["fast_path"]
        usual = trained(KerasFit, given)
        digits = 1e-12 if dtype == "float64" else 2e-6
        for name in ("loss", "accuracy"):
            np.testing.assert_allclose(history[name], usual[0][name], rtol=digits)
        np.testing.assert_allclose(curve, usual[1], rtol=0, atol=digits)
        for own, other in zip(weights, usual[2], strict=True):
            np.testing.assert_allclose(own, other, rtol=0, atol=digits)


def test_a_cell_keeps_its_model_and_another_has_its_own():
    from bench.contestants.keras_study import KerasStudy

    first, again = KerasStudy(task(0)), KerasStudy(task(1))
    other = KerasStudy(replace(task(1), optimizer={"name": "sgd", "learning_rate": 0.1}))
    assert first._model is again._model
    assert other._model is not first._model
