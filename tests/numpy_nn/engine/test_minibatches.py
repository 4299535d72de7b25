import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cases import ARCHITECTURE, ARTICLE, OPTIMIZERS, Case, allocated_by_steps, cases, compare, moons
from hypothesis import given
from hypothesis import strategies as st

from numpy_nn import SGD, Adam, AdamW, Callback, RMSprop, Sequential, losses
from numpy_nn._engine import minibatches
from numpy_nn._engine.minibatches import Trainer
from numpy_nn._engine.threads import WorkSplit
from numpy_nn.optimizers import Optimizer
from numpy_nn.validation import Rows


@given(
    case=cases(rows=st.integers(1, 9), mild=True),
    optimizer=st.integers(0, len(OPTIMIZERS) - 1),
    batch_size=st.none() | st.integers(1, 12),
    epochs=st.integers(1, 3),
    shuffle=st.booleans(),
)
def test_a_whole_training_is_that_of_the_slow_network(
    case: Case, optimizer: int, batch_size: int | None, epochs: int, shuffle: bool
) -> None:
    compare(case, optimizer, batch_size=batch_size, epochs=epochs, shuffle=shuffle)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("batch_size", [1, 2, 3, 4])
def test_a_data_set_larger_than_the_buffers_streams_through(batch_size: int, shuffle: bool, tune: Callable[..., None]) -> None:
    tune(most_loaded_minibatches=2)
    x, y = moons(11)
    weights = Sequential(ARTICLE, seed=0, dtype="float64").get_weights()
    case = Case(ARTICLE, "binary_crossentropy", x, y, y[:, None], np.linspace(0.5, 2, 11), weights, from_logits=False)
    compare(case, 0, batch_size=batch_size, epochs=3, shuffle=shuffle)


def test_no_more_minibatches_are_loaded_than_there_are_bytes_for(tune: Callable[..., None]) -> None:
    tune(loaded_bytes=1)
    x, y = moons(7)
    weights = Sequential(ARTICLE, seed=0, dtype="float64").get_weights()
    case = Case(ARTICLE, "binary_crossentropy", x, y, y[:, None], None, weights, from_logits=False)
    compare(case, 0, batch_size=2, epochs=2, shuffle=False)


@pytest.mark.parametrize(("samples", "batch_size"), [(4, 4), (20, 4), (300, 1)])
def test_no_unit_that_is_dead_leaves_subnormal_numbers(samples: int, batch_size: int) -> None:
    optimizer = Adam()
    model = Sequential(ARCHITECTURE, seed=0, dtype="float32")
    model.compile(optimizer, "binary_crossentropy")
    x, y = moons(samples, dtype="float32")
    model.fit(x, y, batch_size, 1, verbose=0)
    kernel, bias, *others = model.get_weights()
    model.set_weights([0 * kernel, 0 * bias - 1, *others])
    model.fit(x, y, batch_size, 1500 * batch_size // samples, verbose=0)
    mean, square = optimizer.state()
    assert not mean[:10].any()
    for values in (mean, square):
        assert np.abs(values[values != 0]).min() > np.finfo(np.float32).tiny


@pytest.mark.parametrize(
    ("optimizer", "split"),
    [
        *((cls(**settings), WorkSplit(1024, 1)) for cls, settings in OPTIMIZERS),
        (SGD(), WorkSplit(600, 1)),
        (SGD(), WorkSplit(512, 2)),
        (SGD(), WorkSplit(1024, 1, 2)),
    ],
    ids=str,
)
def test_training_steps_keep_no_byte_and_make_no_array(
    optimizer: Optimizer, split: WorkSplit, monkeypatch: pytest.MonkeyPatch, tune: Callable[..., None]
) -> None:
    monkeypatch.setattr(minibatches, "split_minibatch", lambda *_: split)
    tune(kernel_thread_products=1)
    parameters = Sequential(ARTICLE, seed=0)._parameters
    optimizer.build(len(parameters.vector), parameters.vector.dtype)
    loss = losses.get("binary_crossentropy")
    trainer = Trainer(parameters, optimizer, loss, samples=2048, batch_size=1024, threads=2)  # in a half, a row has 2 kB
    x, y = moons(2048, dtype="float32")
    kept, peak = allocated_by_steps(trainer, Rows(x, y[:, None]))
    assert kept == 0
    assert peak < 1500


class _Rates(Callback):
    """Sets the optimizer's learning rate after each step."""

    def __init__(self, rates: list[float]) -> None:
        self._rates = rates

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        model: Any = self.model
        model.optimizer.learning_rate = self._rates.pop(0)


@pytest.mark.parametrize("most_loaded", [2, 256])
@pytest.mark.parametrize("make", [SGD, lambda rate: SGD(rate, momentum=0.9), Adam, AdamW, RMSprop], ids=range(5))
def test_a_learning_rate_set_between_two_steps_counts_from_the_next(
    make: Callable[[float], Optimizer], most_loaded: int, tune: Callable[..., None]
) -> None:
    tune(most_loaded_minibatches=most_loaded)
    x, y = moons(11)
    rates = [0.5, 0.5, 0.0, 0.25, 0.125, 0.0]
    at_once, by_steps = (Sequential(ARCHITECTURE, seed=0, dtype="float64") for _ in range(2))
    at_once.compile(make(0.25), "binary_crossentropy")
    at_once.fit(x, y, 4, 2, shuffle=False, verbose=0, callbacks=[_Rates(rates[:])])
    by_steps.compile(make(0.25), "binary_crossentropy")
    for rate, start in zip(rates, (0, 4, 8, 0, 4, 8), strict=True):
        by_steps.train_on_batch(x[start : start + 4], y[start : start + 4])
        by_steps.optimizer.learning_rate = rate  # type: ignore[union-attr]  # it is compiled
    for one, other in zip(at_once.get_weights(), by_steps.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-13, atol=1e-16)


@pytest.mark.parametrize("cls", [SGD, Adam, RMSprop])
def test_every_optimizer_counts_its_updates(cls: type[Optimizer]) -> None:
    optimizer = cls()  # type: ignore[call-arg]  # all have a default
    model = Sequential(ARCHITECTURE, seed=0)
    model.compile(optimizer, "binary_crossentropy")
    x, y = moons(11)
    model.fit(x, y, 4, 3, verbose=0)
    model.train_on_batch(x, y)
    assert optimizer.iterations == 10


def test_soft_labels_after_hard_ones_train_as_soft_labels_do() -> None:
    x, hard = moons(9)
    trained = []
    for first in (hard, 0.9 * hard):
        model = Sequential(ARCHITECTURE, seed=0, dtype="float64")
        model.compile("sgd", "binary_crossentropy")
        model.train_on_batch(x, first)
        model.set_weights(Sequential(ARCHITECTURE, seed=0, dtype="float64").get_weights())
        model.train_on_batch(x, 0.9 * hard)
        trained.append(model.get_weights())
    for one, other in zip(*trained, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("shuffle", [False, True])
def test_outputs_too_large_to_be_kept_are_scored_as_the_rows_are_loaded(shuffle: bool, tune: Callable[..., None]) -> None:
    x, y = moons(11)
    histories = []
    for most_scored in (1 << 20, 1):
        tune(most_loaded_minibatches=2, most_scored_bytes=most_scored)
        model = Sequential(ARCHITECTURE, seed=0, dtype="float64")
        model.compile("sgd", "binary_crossentropy", ["accuracy"])
        history = model.fit(x, y, 2, 3, shuffle=shuffle, verbose=0, sample_weight=np.linspace(0.5, 2, 11)).history
        histories.append([history["loss"], history["accuracy"]])
    np.testing.assert_allclose(histories[0], histories[1], rtol=1e-13)


def test_memory_is_in_proportion_to_the_classes_of_a_minibatch() -> None:
    classes, samples = 12_000, 64
    model = Sequential([{"input_dim": 2, "output_dim": classes, "activation": "softmax"}], seed=0)
    model.compile("sgd", "sparse_categorical_crossentropy")
    x, y = np.ones((samples, 2)), np.arange(samples)
    tracemalloc.start()
    try:
        model.fit(x, y, batch_size=32, verbose=0)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # The outputs of the epoch have 3 MB; a one-hot matrix of all classes has 1,152 MB.
    assert peak < 40e6


@pytest.mark.parametrize("way", ["stored", "fused", "chunks"])
@pytest.mark.parametrize("optimizer", [SGD(0.5, momentum=0.5), Adam(0.1, epsilon=0.5), SGD(0.5, global_clipnorm=0.1)], ids=repr)
def test_a_layer_without_a_bias_is_one_whose_bias_stays_zero(
    optimizer: Optimizer, way: str, tune: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    if way == "fused":
        tune(largest_stored_gradient_bytes=0, gradient_tile_bytes=8)
    if way == "chunks":
        monkeypatch.setattr(minibatches, "split_minibatch", lambda *_: WorkSplit(3, 2))
    x, y = moons(7)
    # tanh(0) is 0: a network of these keeps its biases' gradients at 0 where its inputs come in pairs of both signs.
    x, y = np.concatenate([x, -x]), np.concatenate([y, -y])
    layers = [{"input_dim": 2, "output_dim": 5, "activation": "tanh"}, {"input_dim": 5, "output_dim": 1, "activation": "tanh"}]
    with_bias = Sequential(layers, seed=0, dtype="float64")
    without = Sequential([{**layer, "use_bias": False} for layer in layers], seed=0, dtype="float64")
    assert without.count_params() == with_bias.count_params() - 6
    for model in (with_bias, without):
        model.compile(type(optimizer)(**optimizer.get_config()), "mean_squared_error")
        model.fit(x, y, 14, 5, shuffle=False, verbose=0)
    kernels, biases = with_bias.get_weights()[::2], with_bias.get_weights()[1::2]
    assert all(np.abs(bias).max() < 1e-14 for bias in biases)
    assert len(without.get_weights()) == 2
    for one, other in zip(without.get_weights(), kernels, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11)
    np.testing.assert_allclose(without.predict(x[:1]), without.predict(x)[:1], rtol=1e-13)
    np.testing.assert_allclose(without.predict(x), with_bias.predict(x), rtol=1e-11, atol=1e-14)
