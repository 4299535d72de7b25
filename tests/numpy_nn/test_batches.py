from typing import Any

import numpy as np
import oracle
import pytest
from cases import ARCHITECTURE, ARTICLE, Case, allocated, cases, moons
from hypothesis import given
from hypothesis import strategies as st

from numpy_nn import SGD, Adam, AdamW, RMSprop, Sequential, batches, losses, threads, workspace
from numpy_nn.batches import Trainer
from numpy_nn.optimizers import Optimizer
from numpy_nn.scoring import Rows
from numpy_nn.tape import play
from numpy_nn.threads import Split

OPTIMIZERS: list[tuple[type[Optimizer], dict[str, Any]]] = [
    (SGD, {"learning_rate": 0.05}),
    (SGD, {"learning_rate": 0.05, "momentum": 0.9}),
    (SGD, {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True}),
    (Adam, {"learning_rate": 0.05, "epsilon": 1e-4}),
    (AdamW, {"learning_rate": 0.05, "epsilon": 1e-4, "weight_decay": 0.1}),
    (RMSprop, {"learning_rate": 0.05}),
]


def compare(case: Case, optimizer: int, *, batch_size: int | None, epochs: int, shuffle: bool) -> None:
    """Hold the fast training against the slow one: losses, accuracies and weights."""
    cls, settings = OPTIMIZERS[optimizer]
    model, slow = case.model(cls(**settings), seed=5), case.slow()
    fast = model.fit(
        case.x, case.y, batch_size, epochs, verbose=0, shuffle=shuffle, sample_weight=case.sample_weight
    )  # the oracle draws from the same stream
    generator = np.random.default_rng(5)
    samples = len(case.x)
    history = slow.fit(
        case.x,
        case.targets,
        oracle.make_update(cls.name, **settings),
        batch_size=batch_size or samples,
        orders=(generator.permutation(samples) if shuffle else np.arange(samples) for _ in range(epochs)),
        sample_weight=case.sample_weight,
    )
    np.testing.assert_allclose(fast.history["loss"], history["loss"], rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(fast.history["accuracy"], history["accuracy"], rtol=1e-15)
    for weights, expected in zip(model.get_weights(), slow.weights, strict=True):
        np.testing.assert_allclose(weights, expected, rtol=1e-10, atol=1e-12)


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
def test_a_data_set_larger_than_the_buffers_streams_through(
    batch_size: int, shuffle: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "MOST_SLOTS", 2)
    x, y = moons(11)
    weights = Sequential(ARTICLE, seed=0, dtype="float64").get_weights()
    case = Case(ARTICLE, "binary_crossentropy", x, y, y[:, None], np.linspace(0.5, 2, 11), weights, from_logits=False)
    compare(case, 0, batch_size=batch_size, epochs=3, shuffle=shuffle)


def test_there_are_no_more_slots_than_bytes_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "CHUNK_BYTES", 1)
    x, y = moons(7)
    weights = Sequential(ARTICLE, seed=0, dtype="float64").get_weights()
    case = Case(ARTICLE, "binary_crossentropy", x, y, y[:, None], None, weights, from_logits=False)
    compare(case, 0, batch_size=2, epochs=2, shuffle=False)


@pytest.mark.parametrize("kernel_shares", [1, 2, 3])
@pytest.mark.parametrize("block_rows", [4, None])
@pytest.mark.parametrize("optimizer", range(len(OPTIMIZERS)))
def test_gradients_that_are_spent_block_by_block_train_the_same(
    optimizer: int, block_rows: int | None, kernel_shares: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspace, "LARGEST_KEPT_BYTES", 0)
    monkeypatch.setattr(batches, "split_batch", lambda rows, *_: Split(rows, 1, kernel_shares))
    monkeypatch.setattr(threads, "SMALLEST_KERNEL_SHARE", 1)
    if block_rows is None:
        monkeypatch.setattr(workspace, "MOST_BLOCK_ROWS", 0)
    else:
        for name in ("BLOCK_BYTES", "SHARED_BLOCK_BYTES"):
            monkeypatch.setattr(workspace, name, block_rows * 50 * 8)  # of a layer of 50
    x, y = moons(11)
    weights = Sequential(ARTICLE, seed=0, dtype="float64").get_weights()
    case = Case(ARTICLE, "binary_crossentropy", x, y, y[:, None], np.linspace(0.5, 2, 11), weights, from_logits=False)
    compare(case, optimizer, batch_size=4, epochs=3, shuffle=True)


def test_spent_gradients_keep_no_byte_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workspace, "LARGEST_KEPT_BYTES", 0)
    parameters = Sequential(ARTICLE, seed=0)._parameters
    trainer = Trainer(parameters, SGD(), losses.get("binary_crossentropy"), samples=64, batch_size=32, threads=1)
    x, y = moons(64, dtype="float32")
    with trainer.ready():
        tapes = list(trainer.steps(Rows(x, y[:, None]), None))
        kept, peak = allocated(lambda: any(map(play, tapes)))
    assert kept == 0
    assert peak < 1500


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
        *((cls(**settings), Split(1024, 1)) for cls, settings in OPTIMIZERS),
        (SGD(), Split(600, 1)),
        (SGD(), Split(512, 2)),
        (SGD(), Split(1024, 1, 2)),
    ],
    ids=str,
)
def test_training_steps_keep_no_byte_and_make_no_array(optimizer: Optimizer, split: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "split_batch", lambda *_: split)
    monkeypatch.setattr(threads, "SMALLEST_KERNEL_SHARE", 1)
    parameters = Sequential(ARTICLE, seed=0)._parameters
    optimizer.build(len(parameters.vector), parameters.vector.dtype)
    loss = losses.get("binary_crossentropy")
    trainer = Trainer(parameters, optimizer, loss, samples=2048, batch_size=1024, threads=2)  # in a half, a row has 2 kB
    x, y = moons(2048, dtype="float32")
    rows = Rows(x, y[:, None])
    with trainer.ready():
        tapes = list(trainer.steps(rows, None))
        kept, peak = allocated(lambda: any(map(play, tapes)))
    assert kept == 0
    assert peak < 1500
