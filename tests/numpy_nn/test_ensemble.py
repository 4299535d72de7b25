import pickle
import warnings
from copy import deepcopy
from typing import Any

import numpy as np
import oracle
import pytest
from cases import ARCHITECTURE, ARTICLE, MILD_OUTPUTS, OPTIMIZERS, Case, cases, moons, refused
from hypothesis import given, settings
from hypothesis import strategies as st

from numpy_nn import SGD, Adam, Ensemble, Sequential, losses, schedules
from numpy_nn.optimizers import Optimizer

SEEDS = [3, 1, 4]


def close(actual: Any, expected: Any) -> None:
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-12)


def data(loss: str, outputs: int, *shape: int, seed: int = 0) -> np.ndarray:
    """Labels that suit a loss, (*shape) or (*shape, outputs)."""
    generator = np.random.default_rng(seed)
    if loss == "binary_crossentropy":
        return generator.integers(0, 2, (*shape, outputs)).astype(float)
    if loss == "sparse_categorical_crossentropy":
        return generator.integers(0, outputs, shape)
    if loss == "categorical_crossentropy":
        return np.eye(outputs)[generator.integers(0, outputs, shape)]
    return generator.normal(size=(*shape, outputs))


def compare(
    architecture: list[dict[str, Any]], optimizer: Optimizer, loss: Any, x: np.ndarray, y: np.ndarray, **fit: Any
) -> tuple[Ensemble, list[Sequential]]:
    """Hold an ensemble's histories, weights and evaluations against those of its networks alone, which `fit` trains, too."""
    rates = fit.pop("learning_rates", None)
    ensemble = Ensemble(architecture, seeds=SEEDS, dtype="float64")
    ensemble.compile(optimizer, loss, ["accuracy"], learning_rates=rates)
    history = ensemble.fit(x, y, **fit).history
    evaluated = ensemble.evaluate(x, y, return_dict=True)
    outputs = ensemble.predict(x).outputs
    alone = []
    for i, seed in enumerate(SEEDS):
        network = Sequential(architecture, seed=seed, dtype="float64", threads=1)
        own = deepcopy(optimizer)
        if rates is not None:
            own.learning_rate = rates[i]
        network.compile(own, loss, ["accuracy"])
        own_x, own_y = (x, y) if x.ndim == 2 else (x[i], y[i])
        expected = network.fit(own_x, own_y, verbose=0, **fit).history
        assert history.keys() == expected.keys()
        for name, values in expected.items():
            close(history[name][:, i], values)
        for weights, right in zip(ensemble.get_weights(i), network.get_weights(), strict=True):
            close(weights, right)
        for name, value in network.evaluate(own_x, own_y, verbose=0, return_dict=True).items():
            close(evaluated[name][i], value)
        close(outputs[i], network.predict(own_x))
        alone.append(network)
    return ensemble, alone


@pytest.mark.parametrize("number", range(len(OPTIMIZERS)))
@pytest.mark.parametrize("batch_size", [8, None])
def test_each_network_trains_as_it_does_alone_with_every_optimizer(number: int, batch_size: int | None) -> None:
    cls, arguments = OPTIMIZERS[number]
    x, y = moons(21)
    compare(ARCHITECTURE, cls(**arguments), "binary_crossentropy", x, y, batch_size=batch_size, epochs=3)


@pytest.mark.parametrize("loss", sorted(MILD_OUTPUTS))
@pytest.mark.parametrize("activation", sorted(oracle.ACTIVATIONS))
def test_each_network_trains_as_it_does_alone_with_every_activation_and_loss(activation: str, loss: str) -> None:
    x = np.random.default_rng(1).normal(size=(21, 2)) * (0.1 if activation == "exponential" else 1)  # or it overflows, alone too
    rate = 0.001 if activation == "exponential" else 0.05
    for last in MILD_OUTPUTS[loss][:3]:
        sizes = [2, 4, 3, 2]
        architecture = [
            {"input_dim": i, "output_dim": o, "activation": name}
            for i, o, name in zip(sizes, sizes[1:], [activation, activation, last], strict=False)
        ]
        logits = last == "linear" and loss in oracle.PAIRS
        made = losses.LOSSES[loss](from_logits=True) if logits else losses.LOSSES[loss]()
        compare(architecture, SGD(rate, momentum=0.9), made, x, data(loss, 2, 21), batch_size=8, epochs=2)


@settings(max_examples=30, deadline=None)
@given(cases(rows=st.integers(1, 20), mild=True), st.integers(1, 20), st.sampled_from([0, 1, 3, 5]), st.booleans())
def test_random_networks_train_as_they_do_alone(case: Case, batch_size: int, optimizer: int, shuffle: bool) -> None:
    cls, arguments = OPTIMIZERS[optimizer]
    loss = losses.LOSSES[case.loss](from_logits=True) if case.from_logits else case.loss
    compare(case.architecture, cls(**arguments), loss, case.x, case.y, batch_size=batch_size, epochs=2, shuffle=shuffle)


@pytest.mark.parametrize("loss", ["binary_crossentropy", "mean_squared_error", "sparse_categorical_crossentropy"])
def test_every_network_may_have_rows_and_a_learning_rate_of_its_own(loss: str) -> None:
    architecture = [*ARCHITECTURE[:2], {"input_dim": 4, "output_dim": 2, "activation": "softmax"}]
    generator = np.random.default_rng(2)
    x = generator.normal(size=(3, 21, 2))
    for optimizer in (SGD(), SGD(momentum=0.5, weight_decay=0.1), SGD(clipnorm=0.1), Adam(epsilon=1e-4)):
        rates = np.array([0.1, 0.0, 0.003])
        compare(architecture, optimizer, loss, x, data(loss, 2, 3, 21), batch_size=8, epochs=3, learning_rates=rates)


def test_penalties_count_as_they_do_alone() -> None:
    x, y = moons(21)
    layers = [{**ARCHITECTURE[0], "kernel_regularizer": "l1"}, {**ARCHITECTURE[1], "use_bias": False}]
    architecture = [*layers, {**ARCHITECTURE[2], "kernel_regularizer": {"class_name": "L1L2", "config": {"l1": 0.01, "l2": 0.1}}}]
    rates = np.array([0.1, 0.2, 0.03])
    compare(architecture, SGD(), "binary_crossentropy", x, y, batch_size=8, epochs=3, learning_rates=rates)
    compare(architecture, Adam(0.01, epsilon=1e-4), "binary_crossentropy", x, y, batch_size=8, epochs=3)


def test_a_schedule_counts_as_it_does_alone() -> None:
    x, y = moons(21)
    for cls in (SGD, Adam):
        optimizer = cls(schedules.ExponentialDecay(0.1, 4, 0.5))
        compare(ARCHITECTURE, optimizer, "binary_crossentropy", x, y, batch_size=8, epochs=3)


def test_groups_of_networks_and_loads_of_minibatches_train_as_one(tune: Any) -> None:
    x, y = moons(70)
    tune(stacked_bytes=9000, loaded_bytes=700, smallest_prediction_chunk_rows=16)
    compare(ARCHITECTURE, Adam(0.01, epsilon=1e-4), "binary_crossentropy", x, y, batch_size=8, epochs=3, validation_data=(x, y))
    compare(ARCHITECTURE, SGD(0.1), "binary_crossentropy", x, y, batch_size=8, epochs=3, shuffle=False)


def test_products_that_are_too_large_to_be_stacked_are_computed_all_the_same(tune: Any) -> None:
    x, y = moons(70)
    tune(small_product=3000)
    compare(ARTICLE, SGD(0.1), "binary_crossentropy", x, y, batch_size=32, epochs=2)


def test_one_network_that_diverges_leaves_the_others_as_they_are() -> None:
    x, y = moons(50)
    architecture = [{**layer, "activation": "linear"} for layer in ARCHITECTURE]
    ensemble = Ensemble(architecture, seeds=SEEDS, dtype="float64")
    ensemble.compile(SGD(), "mean_squared_error", ["accuracy"], learning_rates=[0.01, 1e9, 0.02])
    with pytest.warns(RuntimeWarning, match="in 1 of 3 networks, 1;"):
        history = ensemble.fit(x, y, epochs=30, validation_data=(x, y)).history
    assert not np.isfinite(history["loss"][-1, 1])
    assert np.isnan(history["val_accuracy"][-1, 1])
    for i, rate in ((0, 0.01), (2, 0.02)):
        network = Sequential(architecture, seed=SEEDS[i], dtype="float64")
        network.compile(SGD(rate), "mean_squared_error", ["accuracy"])
        close(history["loss"][:, i], network.fit(x, y, epochs=30, verbose=0).history["loss"])
        for weights, right in zip(ensemble.get_weights(i), network.get_weights(), strict=True):
            close(weights, right)


@pytest.mark.parametrize("number", range(len(OPTIMIZERS)))
def test_a_network_that_is_handed_over_trains_on_as_the_ensemble_does(number: int) -> None:
    cls, arguments = OPTIMIZERS[number]
    x, y = moons(21)
    ensemble, alone = compare(ARCHITECTURE, cls(**arguments), "binary_crossentropy", x, y, batch_size=8, epochs=2)
    taken = [ensemble.network(i) for i in range(3)]
    history = ensemble.fit(x, y, batch_size=5, epochs=2).history["loss"]
    for i, networks in enumerate(zip(taken, alone, strict=True)):
        for network in networks:
            close(network.fit(x, y, batch_size=5, epochs=2, verbose=0).history["loss"], history[:, i])
            close(network.predict(x), ensemble.predict(x).outputs[i])


def test_learning_rates_go_with_a_network_that_is_handed_over() -> None:
    ensemble = Ensemble(ARCHITECTURE, 2)
    assert ensemble.network(1).optimizer is None
    ensemble.compile(Adam(), "binary_crossentropy", learning_rates=[0.5, 0.25])
    network = ensemble.network(1)
    assert isinstance(network.optimizer, Adam)
    assert network.optimizer.learning_rate == 0.25
    assert network.optimizer.learning_rates is None


def test_an_ensemble_goes_on_from_networks() -> None:
    x, y = moons(40)
    networks = [Sequential(ARCHITECTURE, seed=seed, dtype="float64") for seed in SEEDS]
    for network in networks:
        network.compile(SGD(0.1), "binary_crossentropy")
        network.fit(x, y, verbose=0)
    ensemble = Ensemble.from_networks(networks)
    ensemble.compile(SGD(0.1), "binary_crossentropy")
    history = ensemble.fit(x, y, epochs=3).history["loss"]
    for i, network in enumerate(networks):
        close(history[:, i], network.fit(x, y, epochs=3, verbose=0).history["loss"])


def test_predictions_have_their_mean_and_spread() -> None:
    x, _ = moons(300)
    ensemble = Ensemble(ARCHITECTURE, 5, dtype="float64")
    mean, std, outputs = ensemble.predict(x)
    expected = np.stack([ensemble.network(i).predict(x) for i in range(5)])
    close(outputs, expected)
    close(mean, expected.mean(axis=0))
    close(std, expected.std(axis=0))
    assert std.min() > 0


def test_weights_are_copied_in_and_out() -> None:
    ensemble = Ensemble(ARCHITECTURE, seeds=SEEDS)
    before = ensemble.get_weights(0)
    weights = [np.full_like(values, 0.5) for values in before]
    ensemble.set_weights(1, weights)
    for values, right in zip(ensemble.get_weights(1), weights, strict=True):
        np.testing.assert_array_equal(values, right)
    for values, right in zip(ensemble.get_weights(0), before, strict=True):
        np.testing.assert_array_equal(values, right)


def test_a_pickled_ensemble_trains_on_as_the_first_does() -> None:
    x, y = moons(40)
    ensemble = Ensemble(ARCHITECTURE, seeds=SEEDS)
    ensemble.compile(Adam(), "binary_crossentropy")
    ensemble.fit(x, y)
    other = pickle.loads(pickle.dumps(ensemble))
    np.testing.assert_array_equal(other.fit(x, y).history["loss"], ensemble.fit(x, y).history["loss"])


def test_the_optimizer_that_is_given_stays_as_it_was() -> None:
    optimizer = Adam(0.5)
    ensemble = Ensemble(ARCHITECTURE, 2)
    ensemble.compile(optimizer, "binary_crossentropy", learning_rates=[0.1, 0.2])
    ensemble.fit(*moons(10))
    assert not optimizer.is_built
    assert optimizer.iterations == 0
    assert ensemble.optimizer is not None
    assert ensemble.optimizer.iterations == 1


def test_progress_is_printed_where_it_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    ensemble = Ensemble(ARCHITECTURE, 2)
    ensemble.compile("sgd", "binary_crossentropy")
    ensemble.fit(*moons(10), epochs=2)
    assert capsys.readouterr().out == ""
    ensemble.fit(*moons(10), epochs=2, verbose=2)
    assert capsys.readouterr().out.count("loss: ") == 2


def test_what_is_not_allowed_is_refused() -> None:
    with refused("dropout", "Sequential"):
        Ensemble([ARCHITECTURE[0], {"dropout": 0.5}, *ARCHITECTURE[1:]], 2)
    with refused("n was None", "seeds"):
        Ensemble(ARCHITECTURE)
    with refused("n was 0"):
        Ensemble(ARCHITECTURE, 0)
    with refused("n was 2", "3 seeds"):
        Ensemble(ARCHITECTURE, 2, seeds=SEEDS)
    with refused("seeds was []"):
        Ensemble(ARCHITECTURE, seeds=[])
    with refused("seed was -1"):
        Ensemble(ARCHITECTURE, seeds=[-1])
    with refused("networks was []"):
        Ensemble.from_networks([])
    with refused("networks[1]", "float64"):
        Ensemble.from_networks([Sequential(ARCHITECTURE), Sequential(ARCHITECTURE, dtype="float64")])


def test_settings_that_are_not_allowed_are_refused_by_compile() -> None:
    ensemble = Ensemble(ARCHITECTURE, 2)
    with refused("not been compiled", error=RuntimeError):
        ensemble.fit(*moons(9))
    with refused("loss was None"):
        ensemble.compile("sgd")
    with refused("learning_rates", "(3,)", "(2,)"):
        ensemble.compile("sgd", "binary_crossentropy", learning_rates=[0.1, 0.2, 0.3])
    with refused("learning_rates had -0.1"):
        ensemble.compile("sgd", "binary_crossentropy", learning_rates=[0.1, -0.1])
    with refused("learning_rates", "schedule"):
        schedule = schedules.ExponentialDecay(0.1, 4, 0.5)
        ensemble.compile(SGD(schedule), "binary_crossentropy", learning_rates=[0.1, 0.1])


def test_rows_that_are_not_allowed_are_refused_before_anything_is_trained() -> None:
    ensemble = Ensemble(ARCHITECTURE, seeds=[1, 2])
    ensemble.compile("sgd", "binary_crossentropy")
    before = ensemble.get_weights(0)
    x, y = moons(9)
    with refused("x had the shape (9, 3)", "(samples, 2)", "(2, samples, 2)"):
        ensemble.fit(np.ones((9, 3)), y)
    with refused("x had the shape (3, 9, 2)"):
        ensemble.fit(np.ones((3, 9, 2)), np.ones((3, 9)))
    with refused("y had the shape (9,)", "(2, 9)"):
        ensemble.fit(np.stack([x, x]), y)
    with refused("y had the label 2.0"):
        ensemble.fit(x, y + 1)
    with refused("validation_data", "(x, y)"):
        ensemble.fit(x, y, validation_data=(x, y, y))
    with refused("validation_data[1] had the shape (3,)"):
        ensemble.fit(x, y, validation_data=(x, y[:3]))
    with refused("epochs was 0"):
        ensemble.fit(x, y, epochs=0)
    with refused("callbacks was []", "Sequential"):
        ensemble.fit(x, y, callbacks=[])
    with refused("validation_split was 0.1", "validation_data=(x, y)"):
        ensemble.fit(x, y, validation_split=0.1)
    with refused("x[0, 0] was nan"):
        ensemble.predict(np.full((1, 2), np.nan))
    for weights, right in zip(ensemble.get_weights(0), before, strict=True):
        np.testing.assert_array_equal(weights, right)


def test_nothing_warns_where_nothing_diverges() -> None:
    ensemble = Ensemble(ARCHITECTURE, 2)
    ensemble.compile("adam", "binary_crossentropy")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ensemble.fit(*moons(50), epochs=2)
    assert repr(ensemble) == "<Ensemble of 2 networks 2 → 5 → 4 → 1, 88 parameters, float32>"
    assert len(ensemble) == 2
